"""The command line as people and scripts use it: real processes on a data folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.makers import FEVER, TEXT, text_on

from mednerapp import bootstrap
from mednerapp.cli.main import main
from mednerapp.domain.accounts import Permission
from mednerapp.domain.datasets import Split
from mednerapp.services import accounts, binning, demo, projects
from mednerapp.settings import Settings

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `mednerapp ...` on the data folder tmp_path/data."""

    def call(*arguments: str, data: str = "data", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "MEDNER_DATA_DIR": str(tmp_path / data), "OMP_NUM_THREADS": "1", **variables}
        command = [sys.executable, "-m", "mednerapp.cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    return call


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The same in this process, which has loaded everything: for what does not depend on a process of its own."""

    def call(*arguments: str, data: str = "data", **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as changed:
            for name, value in {"MEDNER_DATA_DIR": str(tmp_path / data), **variables}.items():
                changed.setenv(name, value)
            changed.setattr(sys, "argv", ["mednerapp", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        status = ended.value.code
        assert status is None or isinstance(status, int)
        return subprocess.CompletedProcess(arguments, status or 0, *capsys.readouterr())

    before = os.umask(0o077)  # the command sets it for good
    yield call
    os.umask(before)


def printed(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def gold_file(folder: Path) -> Path:
    """Two notes for training, one for dev, two for the test, with THEIR label names."""
    path = folder / "gold.jsonl"
    splits = (Split.TRAIN, Split.TRAIN, Split.DEV, Split.TEST, Split.TEST)
    spans = [{"start": 0, "end": 5, "label": "Sign"}, {"start": 28, "end": 35, "label": "Medication"}]
    spans.append({"start": 12, "end": 18, "label": "Date"})
    rows = [{"id": f"n{i}", "text": text_on(split, number=i), "spans": spans} for i, split in enumerate(splits)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    return path


def test_the_documented_sequence_runs_headless_and_its_numbers_agree(
    run: Run, here: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = gold_file(tmp_path)
    labels = ("-l", "Sign=Symptom", "-l", "Medication=Drug")
    first = run("import", str(path), "--project", "Ward", "--create", "--gold", *labels, "--json")
    report = printed(first)
    assert (report["imported"], report["rejected"], report["dropped_labels"]) == (5, 1, {"Date": 5})
    assert "password" in first.stderr, "the first administrator's password is shown by whichever command comes first"
    assert printed(here("import", str(path), "--project", "Ward", "--gold", *labels, "--json"))["duplicate"] == 5
    request.getfixturevalue("warm")  # what comes has workers, which load torch

    frozen = printed(here("freeze", "--project", "Ward", "--name", "first", "--json"))
    again = here("freeze", "--project", "Ward", "--name", "second", "--json")
    assert json.loads(again.stdout) == frozen
    assert "'second' is not made" in " ".join(again.stderr.split())
    assert frozen["notes"] == {"train": 2, "dev": 1, "test": 2}
    assert frozen["spans"] == 10

    trained = printed(run("train", "--project", "Ward", "--epochs", "2", "--name", "Ours", "--json"))
    assert trained["state"] == "succeeded"
    assert [epoch["epoch"] for epoch in trained["epochs"]] == [1, 2]

    scores = printed(run("evaluate", "--project", "Ward", "--json"))
    assert scores["test_notes"] == 2
    assert {row["name"] for row in scores["adapters"]} == {"MedNER starter", "Ours (run 1)"}
    for row in scores["adapters"]:
        assert row["micro"]["counts"]["tp"] + row["micro"]["counts"]["fn"] == 4
    table = here("evaluate", "--project", "Ward").stdout
    assert "2 test notes, strict spans" in table
    assert "not comparable" in table

    out = tmp_path / "out.jsonl"
    assert printed(here("export", "--project", "Ward", "--out", str(out), "--json")) == {"notes": 5}
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["text"][s["start"] : s["end"]] for line in lines for s in line["spans"]] == ["Fever", "aspirin"] * 5
    assert out.stat().st_mode & 0o077 == 0, "an export holds patient data"
    again = here("export", "--project", "Ward", "--out", str(out))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    nowhere = here("export", "--project", "Ward", "--out", str(tmp_path / "nowhere" / "out.jsonl"))
    assert nowhere.returncode == 1
    assert "No such file or directory" in nowhere.stderr
    assert "Traceback" not in nowhere.stderr

    checks = {check["name"]: check["ok"] for check in json.loads(here("doctor", "--json").stdout)}
    assert checks.pop("a worker is running") is False
    assert all(checks.values()), checks


def test_spans_that_are_not_said_to_be_gold_are_counted_as_left_out(here: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps({"text": TEXT, "spans": [{"start": FEVER.start, "end": FEVER.end, "label": "Symptom"}]}))
    assert printed(here("import", str(path), "--project", "My project", "--json"))["dropped_labels"] == {"Symptom": 1}


def test_wrong_words_get_one_line_and_not_a_traceback(run: Run, here: Run, tmp_path: Path) -> None:
    path = gold_file(tmp_path)
    for arguments, message in (
        (("freeze", "--project", "Nowhere"), "There is no project 'Nowhere'"),
        (("import", str(path), "--project", "My project", "--gold", "-l", "Sign"), "takes THEIRS=OURS"),
        (("freeze", "--project", "My project"), "at least one training and one test note"),
    ):
        result = here(*arguments)
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_folders_of_text_files_are_imported_with_a_reason_for_each_that_is_not(here: Run, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("Fever since Monday.")
    (folder / "b.txt").write_bytes(b"\xff\xfe\xfa")
    report = printed(here("import", str(folder), "--project", "My project", "--json"))
    assert (report["imported"], report["rejected"]) == (1, 1)
    place, reason = report["reasons"][0]
    assert place.startswith("b")
    assert "Save the file as UTF-8" in reason


def test_the_demo_and_real_accounts_never_share_a_data_folder(run: Run, here: Run) -> None:
    assert here("migrate").returncode == 0
    refused = run("serve", "--demo", "--port", "0")
    assert refused.returncode == 1
    assert "real accounts" in refused.stderr
    assert here("migrate", data="demo", MEDNER_DEMO="true").returncode == 0
    refused = run("serve", data="demo")
    assert refused.returncode == 1
    assert "holds the demo" in refused.stderr


def test_a_demo_that_was_cut_off_is_completed_by_the_next_start(tmp_path: Path) -> None:
    from mednerapp import bootstrap
    from mednerapp.services import accounts, projects

    settings = Settings(data_dir=tmp_path / "data", demo=True)
    settings.data_dir.mkdir()
    from db.migrate import upgrade

    upgrade(settings.resolved_database_url)
    app = bootstrap.build(settings)
    accounts.ensure_demo_users(app.store)
    projects.create(app.store, by=None, name=demo.PROJECT)
    bootstrap.prepare(settings)
    with app.store.read() as tx:
        project = tx.projects.by_name(demo.PROJECT)
        assert project
        assert tx.notes.progress(project.id).notes == 40
        assert tx.datasets.by_name(project_id=project.id, name=demo.DATASET)
    assert settings.data_dir.stat().st_mode & 0o077 == 0
    app.close()


def test_purging_names_what_it_removed_and_what_a_dataset_needs(here: Run, tmp_path: Path) -> None:
    path = gold_file(tmp_path)
    labels = ("-l", "Sign=Symptom", "-l", "Medication=Drug")
    printed(here("import", str(path), "--project", "Ward", "--create", "--gold", *labels, "--json"))
    printed(here("freeze", "--project", "Ward", "--name", "first", "--json"))
    (tmp_path / "spare.txt").write_text("Spare.", encoding="utf-8")
    printed(here("import", str(tmp_path / "spare.txt"), "--project", "Ward", "--json"))
    settings = Settings(data_dir=tmp_path / "data")
    opened = bootstrap.build(settings)
    try:
        lead = next(user for user in accounts.list_users(opened.store, by=None) if user.may(Permission.DELETE))
        project = next(p for p in projects.all_projects(opened.store) if p.name == "Ward")
        notes = [note.id for note in projects.notes(opened.store, user=lead, project_id=project.id)]
        binning.delete(opened.store, user=lead, project_id=project.id, note_ids=notes)
    finally:
        opened.close()
    assert printed(here("purge", "--json")) == {"notes": 0, "kept": []}
    said = here("purge", MEDNER_RETENTION_DAYS="0").stdout
    assert "1 note removed for good." in said
    assert said.count("needed by the frozen dataset first") == 5


def test_projects_are_made_and_get_their_guideline_from_a_file(here: Run, tmp_path: Path) -> None:
    file = tmp_path / "guide.md"
    file.write_text("## Drugs\n\nWithout the dose – 5 µg.\n", encoding="utf-8")
    made = here("projects", "create", "Ward", "--guideline", str(file))
    assert made.stdout.startswith("Made the project Ward with the labels Disease, ")
    assert here("projects", "guideline", "-p", "Ward").stdout.strip() == file.read_text(encoding="utf-8").strip()
    file.write_text("Mark all.", encoding="utf-8")
    assert "has the guideline of" in here("projects", "guideline", "-p", "Ward", str(file)).stdout
    assert here("projects", "guideline", "-p", "Ward").stdout.strip() == "Mark all."
    rows = json.loads(here("projects", "list", "--json").stdout)
    assert [(row["name"], row["notes"], row["guideline"]) for row in rows][1:] == [("Ward", 0, True)]
    assert "Ward" in here("projects", "list").stdout
    failed = here("projects", "guideline", "-p", "Ward", str(tmp_path / "none.md"))
    assert failed.returncode == 1
    assert "cannot be read" in failed.stderr


def test_a_change_of_nothing_is_no_change(here: Run) -> None:
    failed = here("users", "change", "admin@localhost.invalid")
    assert failed.returncode == 1
    assert "Say what to change: --role" in failed.stderr


def test_a_project_gets_the_labels_of_a_file_and_more_of_them_later(here: Run, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("\ufeffname,description\nDose,75 mg\nRoute of a drug,\n", encoding="utf-8")
    made = here("projects", "create", "Doses", "--labels", str(file))
    assert made.stdout.strip() == "Made the project Doses with the labels Dose, Route of a drug."
    printed_labels = here("projects", "labels", "-p", "Doses").stdout
    assert printed_labels.splitlines() == ["name,color,description", "Dose,#D55E00,75 mg", "Route of a drug,#E69F00,"]
    file.write_text(printed_labels + "Form,#009E73,Tablets\n", encoding="utf-8")
    assert "has the labels Dose, Route of a drug, Form." in here("projects", "labels", "-p", "Doses", str(file)).stdout
    assert "has all labels of" in here("projects", "labels", "-p", "Doses", str(file)).stdout
    file.write_text("label\nForm\n", encoding="utf-8")
    failed = here("projects", "create", "Other", "--labels", str(file))
    assert failed.returncode == 1
    assert "names its columns" in failed.stderr
    assert "Other" not in here("projects", "list").stdout
