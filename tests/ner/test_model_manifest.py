from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mednerapp.errors import ModelProblem
from mednerapp.ner.encoders import ENCODERS, spec_of
from mednerapp.ner.manifest import read_manifest, seen_notes, weights_hash, write_manifest


@pytest.fixture
def folder(tiny_starter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_starter, tmp_path / "model"))


def test_a_manifest_is_read_back_as_it_was_written(folder: Path) -> None:
    manifest = read_manifest(folder)
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest
    assert manifest["weights_hash"] == weights_hash(folder)


def test_notes_that_taught_or_chose_the_model_count_as_seen() -> None:
    assert seen_notes({"trained_on": ["a", "b"], "selected_on": ["b", "c"]}) == {"a", "b", "c"}


def test_a_folder_without_manifest_is_called_unfinished(tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match=r"has no manifest.json.*did not\s+finish"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "labels"),
        ({"encoder": {}}, "encoder.weights_hash"),
        ({"kind": "pickle"}, "not one of starter, lora"),
        ({"labels": ["Drug"]}, "tags do not follow"),
        ({"format_version": 99}, "Update MedNER"),
    ],
)
def test_a_damaged_manifest_is_refused_with_what_is_wrong(folder: Path, change: dict, message: str) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelProblem, match=message):
        read_manifest(folder)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]"])
def test_a_manifest_that_is_not_a_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ModelProblem, match="damaged"):
        read_manifest(folder)


def test_a_folder_of_pickled_weights_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelProblem, match="convert the weights to safetensors"):
        weights_hash(tmp_path)


def test_the_table_holds_the_encoders_of_the_paper_and_is_found_by_name_or_hub_id() -> None:
    assert list(ENCODERS) == ["BERT", "ClinicalBERT", "SciBERT", "BlueBERT", "BioBERT", "RoBERTa"]
    for name, spec in ENCODERS.items():
        assert spec_of(name) == spec_of(spec.hub_id) == spec
    assert spec_of("somebody/else") is None
