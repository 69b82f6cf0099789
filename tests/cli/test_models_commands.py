"""`mednerapp models` from an empty installation to an empty one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mednerapp.cli.main import app
from mednerapp.ner.encoders import ENCODERS
from tests.tiny_models import make_hub_cache, make_published_folder

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MEDNER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return lambda *words: CliRunner().invoke(app, ["models", *words])


def printed(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_encoders_are_listed_fetched_added_checked_and_removed(run: Run, tmp_path: Path) -> None:
    make_hub_cache(tmp_path / "cache", ENCODERS["RoBERTa"])
    pulled = printed(run("pull", "roberta", "--json"))
    assert (pulled["name"], pulled["revision"]) == ("RoBERTa", ENCODERS["RoBERTa"].revision)

    folder = make_published_folder(tmp_path / "brought", ENCODERS["BioBERT"], weights="bin")
    added = run("add", str(folder), "--name", "BioBERT").stdout
    assert "Installed BioBERT: bert, cased" in added
    assert "Converted from pytorch_model.bin, SHA-256" in added
    assert "Put right: The tokenizer lower-cased every text" in added

    encoder_folders = tmp_path / "data" / "models" / "encoders"
    (encoder_folders / "biobert" / "model.safetensors").write_bytes(b"damaged")
    checked = run("verify")
    assert checked.exit_code == 1
    assert "FAIL  weights are those that were installed" in checked.stdout
    assert checked.stdout.count("  ok  ") == 5
    assert run("remove", "biobert").stdout == "Removed BioBERT.\n"
    assert [folder.name for folder in encoder_folders.iterdir()] == ["roberta"]
    listed = run("list").stdout
    assert listed.count("not installed") == len(ENCODERS) - 1
    for column in ("89.8", "87.6", "82.5", "CC0-1.0", pulled["weights_hash"][:12]):
        assert column in listed
