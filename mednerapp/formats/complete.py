"""Our own JSON lines: everything that is known of a note, its spans and their history. Offsets are code points.

`{"id", "text", "spans": [{"start", "end", "label", "state", "origin", "score", ...}], "title", "patient_key", ...}`. A
discontinuous span has its pieces as `fragments`, `[[start, end], ...]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.formats.reading import (
    Read,
    build,
    given_note_fields,
    guarded,
    note_fields,
    opened,
    span_fields,
    span_from,
    span_of,
)
from mednerapp.formats.writing import Source, json_line


def write(documents: Source) -> Iterator[bytes]:
    """A line for each note."""
    for document in documents():
        yield json_line(value_of(document))


def value_of(document: Document) -> dict[str, Any]:
    """The record of a line."""
    known: dict[str, Any] = {name: value for name, value in note_fields(document).items() if name != "submitted"}
    return {
        "id": document.id,
        "text": document.text,
        "spans": [_span(item) for item in document.spans],
        "patient_key": document.patient_key or None,
        "note_type": document.note_type,
        "state": "submitted" if document.submitted else "in_progress",
        **known,
        **({"history": [dict(event) for event in document.history]} if document.history else {}),
    }


def _span(item: ExchangeSpan) -> dict[str, Any]:
    known: dict[str, Any] = span_fields(item)
    if item.unsure:
        known["unsure"] = True
    if item.concepts:
        known["concepts"] = list(item.concepts)
    if item.span.fragments:
        known["fragments"] = [list(piece) for piece in item.span.fragments]
    return {
        **({"id": item.id} if item.id else {}),
        "start": item.span.start,
        "end": item.span.end,
        "label": item.span.label,
        **known,
        "state": item.state.value,
        "origin": item.origin.value,
        "score": item.score,
    }


def read(path: Path) -> Iterator[Read]:
    """Of a `.jsonl` or `.jsonl.gz` file; what a record does not say is as usual (confirmed, by a person)."""
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield guarded(f"line {number}", lambda given=line: document_of(json.loads(given.decode("utf-8-sig"))))


def document_of(value: dict[str, Any]) -> Document:
    """Raises RejectedNote, InvalidValue and what a record of another shape leads to."""
    spans: list[ExchangeSpan] = []
    for item in value.get("spans") or ():
        span = span_of(item["start"], item["end"], item["label"], item.get("fragments") or ())
        codes = item.get("concepts") or item.get("concept") or ()
        codes = " ".join("_".join(str(c).split()) for c in ([codes] if isinstance(codes, str) else codes))
        name = item.get("id")
        spans.append(span_from(span, {**item, "concepts": codes}, id="" if name is None else str(name)))
    name = value.get("id")
    return build(
        value["text"],
        spans,
        id="" if name is None else str(name),
        history=tuple(value.get("history") or ()),
        **{**given_note_fields(value), "submitted": value.get("state", "submitted") == "submitted"},
    )
