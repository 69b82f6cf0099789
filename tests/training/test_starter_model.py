from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mednerapp.domain.datasets import Split
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.errors import ModelProblem
from mednerapp.ner.loading import load_tagger
from mednerapp.ner.manifest import read_manifest, seen_notes, weights_hash
from mednerapp.ner.prediction import predict
from mednerapp.settings import ASSETS
from mednerapp.training import starter
from tests.tiny_models import make_tiny_encoder, toy_notes

SHIPPED = ASSETS / "starter"
ORIGINAL = {label: original for original, label in starter.LABEL_OF.items()}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of the shape of MACCROBAT, with a label that the product does not have."""
    path = tmp_path / "corpora" / "maccrobat" / "train.jsonl.gz"
    path.parent.mkdir(parents=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for note in toy_notes():
            spans = [{"start": s.start, "end": s.end, "label": ORIGINAL[s.label]} for s in note.spans]
            spans.append({"start": 0, "end": 3, "label": "Age"})
            file.write(json.dumps({"id": str(note.note_id), "text": note.text, "spans": spans}) + "\n")
    return path


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_tiny_encoder(tmp_path / "init", "bert-uncased")
    monkeypatch.setattr(starter, "INIT_HASH", weights_hash(folder))
    monkeypatch.setattr(starter, "VOCABULARY_TEXTS", ())
    monkeypatch.setattr(starter, "VOCABULARY_SIZE", 200)
    return folder


def test_the_shipped_starter_finds_entities_without_a_network() -> None:
    text = (
        "A 54-year-old man with pneumonia and diabetes mellitus came with fever and chest pain.\n"
        "Computed tomography of the chest was done. He was treated with vancomycin and aspirin."
    )
    tagger = load_tagger(SHIPPED, base_folder=None, device="cpu")

    [found] = predict(tagger, [text])

    mentions = {(s.span.mention(text), s.span.label) for s in found}
    assert {("pneumonia", "Disease"), ("vancomycin", "Drug"), ("aspirin", "Drug"), ("fever", "Symptom")} <= mentions
    assert tagger.labels == MEDICAL_SCHEMA.names


def test_the_shipped_starter_is_small_and_says_what_it_has_seen() -> None:
    manifest = read_manifest(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 40_000_000
    assert len(manifest["trained_on"]) == 129
    assert len(manifest["selected_on"]) == 18
    assert len(seen_notes(manifest)) == 147
    assert manifest["encoder"]["weights_hash"] == starter.INIT_HASH


def test_a_starter_is_built_from_train_and_dev_notes_only(corpus: Path, init: Path, tmp_path: Path) -> None:
    out = tmp_path / "assets" / "starter"
    manifest = starter.build(
        corpus=corpus, init=init, out=out, seed=7, device="cpu", hyper=replace(starter.HYPER, epochs=1)
    )

    notes = starter.read_corpus(corpus)
    by_split = {split: {n.note_hash for n in notes if n.split is split} for split in Split}
    assert all(by_split.values())
    assert set(manifest["trained_on"]) == by_split[Split.TRAIN]
    assert set(manifest["selected_on"]) == by_split[Split.DEV]
    assert manifest["seed"] == 7
    assert load_tagger(out, base_folder=None, device="cpu").words.vocabulary_size <= 200

    again = starter.build(
        corpus=corpus, init=init, out=out, seed=7, device="cpu", hyper=replace(starter.HYPER, epochs=1)
    )
    assert again["weights_hash"] == manifest["weights_hash"]
    assert [path.name for path in out.parent.iterdir()] == ["starter"]


def test_the_check_counts_only_test_notes_that_the_model_has_not_seen(
    corpus: Path, init: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "starter"
    starter.build(corpus=corpus, init=init, out=out, seed=7, device="cpu", hyper=replace(starter.HYPER, epochs=1))
    test = [note for note in starter.read_corpus(corpus) if note.split is Split.TEST]

    totals = starter.check(corpus=corpus, folder=out, device="cpu")

    assert {label: counts.gold for label, counts in totals.items()} == {
        label: sum(span.label == label for note in test for span in note.spans) for label in MEDICAL_SCHEMA.names
    }
    assert f"{len(test)} test notes" in capsys.readouterr().out


def test_other_initial_weights_are_refused(corpus: Path, tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path / "other", "bert-uncased")
    with pytest.raises(ModelProblem, match="are not all-MiniLM-L6-v2"):
        starter.build(corpus=corpus, init=folder, out=tmp_path / "out", seed=1, device="cpu")
