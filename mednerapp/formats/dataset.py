"""A frozen dataset as JSON lines: a head, then one note a line, in the order of their hashes; offsets are code points.

The head says what the file is, the dataset's name and hash, its labels, and how many notes follow, so that whoever
reads it knows that it is whole and unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import index
from typing import Any

from mednerapp.domain.datasets import GoldNote, Split, dataset_hash, split_of
from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import InvalidValue, MedNerError, RejectedNote

KIND = "medner-dataset"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Carried:
    """A note of the file with its gold spans and its side."""

    note: NewNote
    spans: tuple[Span, ...]
    split: Split


@dataclass(frozen=True, slots=True)
class DatasetFile:
    name: str
    content_hash: str
    labels: tuple[str, ...]
    notes: tuple[Carried, ...]


def write(file: DatasetFile) -> Iterator[str]:
    """The lines, each with its newline."""
    head = {
        "format": KIND,
        "version": VERSION,
        "name": file.name,
        "hash": file.content_hash,
        "labels": list(file.labels),
        "notes": len(file.notes),
    }
    yield _line(head)
    for one in sorted(file.notes, key=lambda c: c.note.content_hash):
        yield _line(
            {
                "title": one.note.title,
                "text": one.note.text,
                "split": one.split.value,
                "patient_key": one.note.patient_key,
                "note_type": one.note.note_type,
                "source": one.note.source,
                "spans": [_span(span) for span in sorted(one.spans)],
            }
        )


def read(lines: Iterable[bytes]) -> DatasetFile:
    """The whole file, checked against its own head.

    Raises:
        RejectedNote: it is no such file, a line is damaged, notes are missing, or its content has another hash.
    """
    found = iter(lines)
    try:
        head: dict[str, Any] = json.loads(next(found, b"").decode())
        kind, version = head.get("format"), head.get("version")
    except (ValueError, AttributeError) as error:
        raise RejectedNote("This is not a dataset of MedNER: its first line is no head.") from error
    if (kind, version) != (KIND, VERSION):
        raise RejectedNote(f"This is not a dataset of MedNER in version {VERSION}, but {kind!r}, {version!r}.")
    notes: list[Carried] = []
    for number, line in enumerate(found, start=2):
        if line.strip():
            notes.append(_carried(line, number))
    if len(notes) != head.get("notes"):
        raise RejectedNote(
            f"The file is not whole: its head promises {head.get('notes')} notes, it holds {len(notes)}."
        )
    gold = [GoldNote(0, one.note.content_hash, one.note.text, one.spans, one.split) for one in notes]
    if dataset_hash(gold) != head.get("hash"):
        raise RejectedNote(
            "The file was changed after it was written: its content has another hash than its head says."
        )
    return DatasetFile(str(head.get("name", "")), str(head["hash"]), tuple(head.get("labels", ())), tuple(notes))


def _carried(line: bytes, number: int) -> Carried:
    try:
        value: dict[str, Any] = json.loads(line.decode())
        text = str(value["text"])
        if normalise_text(text) != text:
            raise RejectedNote("the text is not as MedNER stores texts")
        note = NewNote(
            text=text,
            title=str(value.get("title") or "")[:300],
            source=str(value.get("source") or "")[:300],
            patient_key=value.get("patient_key") or None,
            note_type=str(value.get("note_type") or ""),
        )
        spans = tuple(sorted(_read_span(span, len(text)) for span in value["spans"]))
        split = Split(value["split"])
    except (MedNerError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error) if isinstance(error, (RejectedNote, InvalidValue)) else type(error).__name__
        raise RejectedNote(f"Line {number} is damaged: {why}.") from None  # the cause may quote the text
    if split is not split_of(patient_key=note.patient_key, content_hash=note.content_hash):
        raise RejectedNote(f"Line {number} is damaged: the note belongs on another side of the split.")
    return Carried(note, spans, split)


def _read_span(value: dict[str, Any], length: int) -> Span:
    fragments = tuple((index(start), index(end)) for start, end in value.get("fragments", ()))
    span = Span(index(value["start"]), index(value["end"]), str(value["label"]), fragments)
    check_within(span, length)
    return span


def _span(span: Span) -> dict[str, Any]:
    value: dict[str, Any] = {"start": span.start, "end": span.end, "label": span.label}
    return value | ({"fragments": [list(piece) for piece in span.fragments]} if span.fragments else {})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
