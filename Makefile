# make app    everything from nothing: environment, database, web process and worker, opened on synthetic demo notes
# make test   the whole test suite, two processes at once or PROCESSES=... (installs what it needs: dev tools; Chromium and PostgreSQL where apt is there)
# make check  lint, types, import rules, migrations

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: app serve test check format system clean

app: $(VENV)/app.stamp ## the demo, on http://127.0.0.1:8501 or PORT=...
	MEDNER_DATA_DIR=$${MEDNER_DATA_DIR:-data/demo} $(BIN)/mednerapp serve --demo $(if $(PORT),--port $(PORT)) $(if $(CI),,--open)

serve: $(VENV)/app.stamp ## the real thing, without the demo; data in ./data
	$(BIN)/mednerapp serve $(if $(PORT),--port $(PORT))

test: $(VENV)/dev.stamp system
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(or $(PROCESSES),2) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python -m db.check

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the tests need beside Python: a browser and a database server. Nothing is done where both are there.
system:
	.ci/system

$(VENV)/app.stamp: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25'
	@echo "Installing the pinned dependencies (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --progress-bar off -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: $(VENV)/app.stamp requirements-dev.txt requirements-peers.txt
	$(BIN)/python -m pip install --quiet --progress-bar off -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --progress-bar off --no-deps -r requirements-peers.txt
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
