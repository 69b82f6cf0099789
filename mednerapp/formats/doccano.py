"""doccano JSON lines: `{"text", "label": [[start, end, "Label"]]}`, other keys are "meta". Offsets are UTF-16 units.

Its relation export has `entities: [{id, start_offset, end_offset, label}]` instead, which is read, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.formats.offsets import from_utf16, to_utf16
from mednerapp.formats.reading import Read, build, given_note_fields, guarded, note_fields, opened, span_of
from mednerapp.formats.writing import Source, json_line


def write(documents: Source) -> Iterator[bytes]:
    """A line for each note."""
    for document in documents():
        unit = to_utf16(document.text)
        named = {"id": document.id} if document.id else {}
        label = [[unit(item.span.start), unit(item.span.end), item.span.label] for item in document.spans]
        yield json_line({**named, "text": document.text, "label": label, **note_fields(document)})


def read(path: Path) -> Iterator[Read]:
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield guarded(f"line {number}", lambda given=line: _document(json.loads(given.decode("utf-8-sig"))))


def _document(value: dict[str, Any]) -> Document:
    text = value["text"]
    unit = from_utf16(text)
    spans: list[ExchangeSpan] = []
    for start, end, label in value.get("label") or value.get("labels") or ():
        spans.append(ExchangeSpan(span_of(unit(start), unit(end), label)))
    for entity in value.get("entities") or ():
        span = span_of(unit(entity["start_offset"]), unit(entity["end_offset"]), entity["label"])
        spans.append(ExchangeSpan(span))
    meta = value.get("meta") if isinstance(value.get("meta"), dict) else {}
    name = value.get("id")
    fields = given_note_fields({**(meta or {}), **value})
    return build(text, spans, id="" if name is None else str(name), **fields)
