from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mednerapp.deid.measuring import is_for_tuning, read_corpus
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.ner.identifying import open_finder
from mednerapp.ner.manifest import read_manifest, seen_notes
from mednerapp.training.phi.building import HYPER, build
from mednerapp.training.phi.examples import LABELS, Corpora, examples, read
from tests.tiny_models import make_tiny_starter

NAMES = [
    f"{a}{b} {c}{d}"
    for a in ("Zor", "Qui", "Bra")
    for b in ("na", "lo")
    for c in ("Vont", "Krus")
    for d in ("el", "ax")
]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three corpora, made small: queries with a name, notes of plain sentences, and values to plant."""
    folder = tmp_path_factory.mktemp("corpora")
    kinds = {
        "PERSON": NAMES,
        "GPE": ["Zonhoven", "Brundel", "Kastrup", "Velmar", "Ostrava", "Liepen", "Tarnow", "Murska"],
    }
    kinds["PHONE_NUMBER"] = [f"0490 {n}" for n in range(70, 90)]
    kinds["EMAIL_ADDRESS"] = [f"z{n}@b.org" for n in range(20)]
    kinds["DOMAIN_NAME"] = [f"http://z{n}.fr/" for n in range(20)]
    values = [(f"{word} {value}", value, kind) for kind, of in kinds.items() for value in of for word in "abcdefgh"]
    queries = [(f"Case {n}, seen by {name}.", name, "NAME") for n in range(4) for name in NAMES]
    notes = [f"Fever for {n} days.\nCough at night.\nNo rash was seen.\nPulse 72." for n in range(40)]
    for name, lines in {
        "presidio_synth": [_marked(*value) for value in values],
        "asq_phi": [_marked(*query) for query in queries],
        "aci_bench": [{"text": note} for note in notes],
    }.items():
        (folder / name).mkdir()
        (folder / name / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "demo").mkdir()
    (folder / "demo" / "one.txt").write_text(
        "No \u27e6dysphagia|Symptom\u27e7.\nHe eats well.\nHe sleeps well.\nWeight is stable."
    )
    return folder


def _marked(text: str, value: str, label: str) -> dict[str, object]:
    start = text.index(value)
    return {"text": text, "spans": [{"start": start, "end": start + len(value), "label": label}]}


def test_nothing_of_the_reported_half_is_learned_from(corpora: Path) -> None:
    given = read(corpora, corpora / "demo")
    assert given.queries
    assert all(is_for_tuning(m.text) for m in (*given.queries, *given.values))
    assert all(is_for_tuning(note) or "dysphagia" in note for note in given.notes)
    in_reported = {
        value["text"][span["start"] : span["end"]]
        for line in (corpora / "presidio_synth" / "all.jsonl").read_text().splitlines()
        for value in [json.loads(line)]
        for span in value["spans"]
        if not is_for_tuning(value["text"])
    }
    assert not in_reported & {m.text[start:end] for m in given.values for start, end, _ in m.gold}


def test_examples_mark_what_was_planted_and_dev_shares_no_text_with_train(corpora: Path) -> None:
    train, dev = examples(given := _with_values(corpora), planted=60, seed=3)
    assert given.notes
    assert not {note.text for note in train if note.spans} & {note.text for note in dev if note.spans}
    assert {span.label for note in train for span in note.spans} <= {label.value for label in LABELS}
    assert not any("\u27e6" in note.text for note in train)
    for note in (*train, *dev):
        for span in note.spans:
            assert note.text[span.start : span.end].strip() == note.text[span.start : span.end] != ""
    assert [note.text for note in examples(given, planted=60, seed=3)[0]] == [note.text for note in train]


def test_the_build_writes_an_adapter_that_can_be_asked(corpora: Path, tmp_path: Path) -> None:
    starter, out, said = tmp_path / "starter", tmp_path / "phi", list[str]()
    make_tiny_starter(starter, MEDICAL_SCHEMA.names)
    out.mkdir()
    (out / "README.md").write_text("the card stays")
    hyper = replace(HYPER, epochs=1)
    build(_with_values(corpora), starter=starter, out=out, say=said.append, hyper=hyper, planted=12)
    manifest = read_manifest(out)
    assert (out / "README.md").read_text() == "the card stays"
    assert (manifest["kind"], manifest["labels"]) == ("lora", [label.value for label in LABELS])
    assert not seen_notes(manifest) & seen_notes(read_manifest(starter))
    assert any(line.startswith("epoch 1") for line in said)
    finder = open_finder(out, starter=starter, device="cpu")
    assert finder.threshold == manifest["threshold"]
    assert len(finder.find(["Fever for 3 days.", ""])) == 2


def _with_values(corpora: Path) -> Corpora:
    """In so small a corpus every value stands in both halves: here all count as for tuning."""
    given = read(corpora, corpora / "demo")
    everything = read_corpus(corpora / "presidio_synth")
    return replace(given, values=everything)
