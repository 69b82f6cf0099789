"""`mednerapp compare` as people run it: real processes, real checkpoints, a real kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_models import Family, make_tiny_encoder, toy_notes

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.cli.main import main
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.models import HyperParameters
from mednerapp.domain.notes import NewNote
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.ner.manifest import weights_hash
from mednerapp.services import accounts, experimenting, freezing, importing, projects
from mednerapp.settings import Settings, environment

PATIENCE = 120  # seconds; only a failing test waits so long
ENCODERS: tuple[tuple[str, str, Family], ...] = (
    ("BERT", "google-bert/bert-base-cased", "bert-cased"),
    ("RoBERTa", "FacebookAI/roberta-base", "roberta"),
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation with two tiny encoders and a frozen dataset."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("compare") / "data")
    bootstrap.prepare(settings)
    app = bootstrap.build(settings)
    project = projects.all_projects(app.store)[0]
    records = [NoteWithSpans(NewNote(text=note.text, title="Toy"), note.spans) for note in toy_notes(repeat=2)]
    importing.import_gold(app.store, user=lead(app), project_id=project.id, records=records)
    freezing.freeze(app.store, user=lead(app), project_id=project.id, name="toy")
    for name, source, family in ENCODERS:
        folder = make_tiny_encoder(settings.model_dir / "encoders" / name, family)
        with app.store.write() as tx:
            tx.models.add_encoder(
                name=name,
                source=source,
                revision="tiny",
                folder=f"encoders/{name}",
                weights_hash=weights_hash(folder),
            )
    yield app
    app.close()


def lead(app: App) -> User:
    return next(user for user in accounts.list_users(app.store, by=None) if user.role is Role.ADMIN)


def command(app: App, *arguments: str) -> subprocess.Popen[str]:
    variables = {**os.environ, **environment(app.settings), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "mednerapp.cli", "compare", *arguments]
    return subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


Here = Callable[..., str | int | None]


@pytest.fixture
def here(opened: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """The command in this process, where it needs no worker; its exit status."""
    for name, value in environment(opened.settings).items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str) -> str | int | None:
        monkeypatch.setattr(sys, "argv", ["mednerapp", "compare", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    before = os.umask(0o077)  # the command sets it for good
    yield call
    os.umask(before)


@pytest.mark.usefixtures("warm")
def test_a_killed_experiment_goes_on_and_ends_in_table_figure_and_data(
    opened: App, tmp_path: Path, here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    report, data = tmp_path / "report.md", tmp_path / "report.json"
    asked = ("--encoders", "bert,RoBERTa", "--seeds", "1,2", "--epochs", "2", "--out", str(report), "--json", str(data))
    first = command(opened, *asked)
    wait_until_one_is_done(opened)
    first.send_signal(signal.SIGKILL)  # the worker notices and ends itself
    first.communicate(timeout=PATIENCE)
    assert not report.exists()
    (experiment,) = experimenting.experiments(opened.store, user=lead(opened), project_id=1)
    kept = finished(opened, experiment.id)
    assert len(kept) >= 1

    second = command(opened, *asked)
    out, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    assert f"Experiment {experiment.id}" in out
    assert "4 of 4 runs finished" in err
    assert "not comparable" in out
    assert "Not installed: SciBERT (mednerapp models pull SciBERT)" in out
    again = finished(opened, experiment.id)
    assert len(again) == 4
    assert {run_id: again[run_id] for run_id in kept} == kept, "what was finished was not computed again"

    found = json.loads(data.read_text())
    assert (found["complete"], found["seeds"], found["hyper"]["epochs"]) == (True, [1, 2], 2)
    assert [row["name"] for row in found["encoders"]] == ["BERT", "RoBERTa"]
    for row in found["encoders"]:
        assert [one["seed"] for one in row["seeds"]] == [1, 2]
        assert all(one["tp"] + one["fn"] == row["micro"]["gold"] > 0 for one in row["seeds"])
        assert [(point["epoch"], point["seeds"]) for point in row["loss"]] == [(1, 2), (2, 2)]
    text = report.read_text()
    assert "| BERT | 2 |" in text
    assert "![Loss against epoch](report.svg)" in text
    assert (tmp_path / "report.svg").read_text().count("<polyline") >= 2

    assert here("--resume", str(experiment.id), "--json", str(data)) == 0
    assert json.loads(data.read_text())["encoders"] == found["encoders"]
    assert "goes on" not in capsys.readouterr().out, "nothing was left to do"


def wait_until_one_is_done(app: App) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        there = experimenting.experiments(app.store, user=lead(app), project_id=1)
        if there and finished(app, there[0].id):
            return
        assert time.monotonic() < give_up, "no run was finished"
        time.sleep(0.1)


def finished(app: App, experiment_id: int) -> dict[int, object]:
    """When each finished run ended, by its id."""
    view = experimenting.look(app.store, user=lead(app), experiment_id=experiment_id)
    return {cell.run.id: cell.run.finished_at for cell in view.cells if cell.state.value == "done"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--encoders", "BioBERT"), "BioBERT is not installed. Install it with `mednerapp models pull BioBERT`"),
        (("--encoders", "Nonsense"), "There is no encoder 'Nonsense'"),
        (("--seeds", "1,two"), "such as 13,14,15; not 'two'"),
        (("--preset", "nothing"), "There is no preset 'nothing'"),
        (("--out", "/nowhere/at/all.md"), "There is no folder /nowhere/at"),
        (("--resume", "99"), "There is no experiment 99"),
    ],
)
def test_a_wish_that_cannot_be_met_gets_one_line_that_says_what_to_do(
    here: Here, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here(*arguments) == 1
    assert message in capsys.readouterr().err


def test_what_waits_can_be_dropped(opened: App, here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    with opened.store.read() as tx:
        encoder = next(e for e in tx.models.encoders() if e.name == "BERT")
    experiment = experimenting.start(
        opened.store, user=lead(opened), project_id=1, dataset_id=1, encoder_ids=[encoder.id], seeds=[77, 78],
        hyper=HyperParameters(),
    )  # fmt: skip
    assert not here("--cancel", str(experiment.id))
    assert "Cancelled 2 open runs" in capsys.readouterr().out
