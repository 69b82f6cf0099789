"""CSV: `notes.csv`, a row for each note, and `spans.csv`, a row for each span, zipped. Offsets are code points.

`note` counts from 1 and joins the two. `pieces` is "start-end;start-end" for a discontinuous span, else ''.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from mednerapp.domain.exchange import Document
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.reading import (
    NOTE_FIELDS,
    Read,
    archive,
    build,
    given_note_fields,
    guarded,
    note_fields,
    span_fields,
    span_from,
    span_of,
    text_member,
)
from mednerapp.formats.writing import Source, zipped

_NOTES, _SPANS = "notes.csv", "spans.csv"
NOTE_COLUMNS = ("note", "id", *NOTE_FIELDS, "text")
_KNOWN = ("state", "origin", "score", "model", "assertion", "assertion_by", "comment", "unsure", "concepts")
SPAN_COLUMNS = ("note", "id", "start", "end", "label", "mention", "pieces", *_KNOWN)
LONGEST_CELL = 16 * 2**20  # characters
csv.field_size_limit(LONGEST_CELL)


def write(documents: Source) -> Iterator[bytes]:
    """The archive."""
    yield from zipped(
        ((_NOTES, _rows(NOTE_COLUMNS, _notes(documents))), (_SPANS, _rows(SPAN_COLUMNS, _spans(documents))))
    )


def _notes(documents: Source) -> Iterator[dict[str, str]]:
    for number, document in enumerate(documents(), start=1):
        yield {"note": str(number), "id": document.id, "text": document.text, **note_fields(document)}


def _spans(documents: Source) -> Iterator[dict[str, str]]:
    for number, document in enumerate(documents(), start=1):
        for item in document.spans:
            yield {
                "note": str(number),
                "id": item.id,
                "start": str(item.span.start),
                "end": str(item.span.end),
                "label": item.span.label,
                "mention": item.span.mention(document.text),
                "pieces": ";".join(f"{a}-{b}" for a, b in item.span.fragments),
                **span_fields(item),
            }


def _rows(columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", quoting=csv.QUOTE_MINIMAL)
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def read(path: Path) -> Iterator[Read]:
    """Both tables have the notes in the same order, as they were written."""
    with archive(path) as found:
        if not {_NOTES, _SPANS} <= set(found.namelist()):
            raise RejectedNote(f"The archive has to hold {_NOTES} and {_SPANS}.")
        with text_member(found, _NOTES) as notes, text_member(found, _SPANS) as spans:
            try:
                yield from _joined(csv.DictReader(notes), csv.DictReader(spans))
            except csv.Error as error:
                raise RejectedNote(f"The table cannot be read ({error}).") from None


def _joined(notes: Iterable[dict[str, str]], spans: Iterable[dict[str, str]]) -> Iterator[Read]:
    groups = groupby(spans, key=lambda row: row.get("note"))
    waiting = next(groups, None)
    for number, note in enumerate(notes, start=1):
        rows: list[dict[str, str]] = []
        if waiting is not None and waiting[0] == note.get("note"):
            rows = list(waiting[1])
            waiting = next(groups, None)
        yield guarded(f"note {number}", lambda n=note, r=rows: _document(n, r))
    if waiting is not None:
        raise RejectedNote(f"{_SPANS} has spans of notes that are not in {_NOTES}, or in another order.")


def _document(note: dict[str, str], rows: list[dict[str, str]]) -> Document:
    spans = [
        span_from(span_of(int(row["start"]), int(row["end"]), row["label"], _pieces(row["pieces"])), row, id=row["id"])
        for row in rows
    ]
    return build(note["text"], spans, id=note["id"], **given_note_fields(note))


def _pieces(text: str) -> list[tuple[int, int]]:
    pairs = [piece.split("-") for piece in text.split(";") if piece]
    if any(len(pair) != 2 for pair in pairs):
        raise InvalidValue("Pieces are written start-end;start-end.")
    return [(int(a), int(b)) for a, b in pairs]
