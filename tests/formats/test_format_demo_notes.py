"""The notes that ship with the product are data like any other: they have to hold what the format promises."""

from __future__ import annotations

import json
import re

import pytest

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.spans import without_overlaps
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services.demo import read_notes
from mednerapp.settings import Settings

FOLDER = Settings().demo_notes_dir
INDEX = json.loads((FOLDER / "notes.json").read_text(encoding="utf-8"))
NOTES = [value for value, _ in read_notes(FOLDER)]
ids = [row["file"] for row in INDEX]


def test_the_index_names_every_note_once() -> None:
    assert sorted(ids) == sorted(path.name for path in FOLDER.glob("*.txt"))
    assert len({value.note.content_hash for value in NOTES}) == len(NOTES)


def test_half_of_the_notes_are_gold_and_half_wait_for_a_person() -> None:
    gold = sum(bool(value.spans) for value in NOTES)
    assert 0.4 * len(NOTES) <= gold <= 0.6 * len(NOTES)


@pytest.mark.parametrize("value", NOTES, ids=ids)
def test_spans_have_known_labels_and_are_the_marked_mentions(value: NoteWithSpans) -> None:
    marked = (FOLDER / ids[NOTES.index(value)]).read_text(encoding="utf-8")
    written = re.findall(r"⟦(.+?)\|(.+?)⟧", marked, flags=re.DOTALL)
    assert [(s.mention(value.note.text), s.label) for s in value.spans] == written
    assert {s.label for s in value.spans} <= set(MEDICAL_SCHEMA.names)
    assert all(s.mention(value.note.text).strip() == s.mention(value.note.text) for s in value.spans)
    assert without_overlaps(list(value.spans)) == list(value.spans)
