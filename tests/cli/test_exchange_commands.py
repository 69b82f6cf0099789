"""Import, export and the formats from the command line, run as in a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mednerapp.bench.uploads import samples
from mednerapp.cli.main import app

RUNNER = CliRunner()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDNER_DATA_DIR", str(tmp_path / "data"))

    def called(*arguments: str) -> str:
        result = RUNNER.invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return called


def test_a_folder_of_files_comes_in_a_dry_run_first_and_a_second_time_without_effect(run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "NOTEEVENTS.csv").write_bytes(samples.noteevents(5))
    (folder / "letter.docx").write_bytes(samples.docx())
    (folder / "scan.pdf").write_bytes(samples.pdf(None))
    command = ("import", str(folder), "--project", "Ward", "--create", "--json")
    dry = json.loads(run(*command, "--dry-run"))
    assert (dry["imported"], dry["rejected"]) == (6, 1)
    assert json.loads(run(*command))["imported"] == 6
    (folder / "new.txt").write_text("Rash.")
    seen = run("watch", str(folder), "--project", "Ward", "--once")
    assert "NOTEEVENTS.csv: 5 duplicate" in seen
    assert "new.txt: 1 imported" in seen
    assert "scan.pdf: Page 1 is a scan" in seen


def test_spans_go_out_in_a_format_with_its_losses_said_and_come_back(run, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    span = {"start": 0, "end": 5, "label": "Symptom", "comment": "sure?"}
    gold.write_text(json.dumps({"id": "n1", "text": "Fever.", "spans": [span]}))
    run("import", str(gold), "--project", "Ward", "--create", "--gold")
    out = tmp_path / "out.zip"
    said = run("export", "--project", "Ward", "--format", "conll-bio", "--out", str(out))
    assert "What conll-bio cannot hold" in said
    assert "comments" in said
    back = json.loads(run("import", str(out), "-p", "Other", "--create", "-f", "conll-bio", "--gold", "--json"))
    assert (back["imported"], back["spans"]) == (1, 1)
