"""Prodigy JSON lines: text, tokens and spans. Offsets are code points; `token_end` is the last token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import InvalidValue
from mednerapp.formats.reading import Read, build, given_note_fields, guarded, note_fields, opened, span_of
from mednerapp.formats.tokens import places
from mednerapp.formats.writing import Source, json_line


def write(documents: Source) -> Iterator[bytes]:
    """A line for each note. Every span begins and ends with a word."""
    for document in documents():
        text = document.text
        words = places(text, [item.span for item in document.spans])
        starts = {start: i for i, (start, _) in enumerate(words)}
        ends = {end: i for i, (_, end) in enumerate(words)}
        meta = {**({"id": document.id} if document.id else {}), **note_fields(document)}
        yield json_line(
            {
                "text": text,
                "tokens": [
                    {"text": text[a:b], "start": a, "end": b, "id": i, "ws": text[b : b + 1].isspace()}
                    for i, (a, b) in enumerate(words)
                ],
                "spans": [
                    {
                        "start": item.span.start,
                        "end": item.span.end,
                        "token_start": starts[item.span.start],
                        "token_end": ends[item.span.end],
                        "label": item.span.label,
                    }
                    for item in document.spans
                ],
                "answer": "accept",
                "meta": meta,
            }
        )


def read(path: Path) -> Iterator[Read]:
    """What was accepted; an example that was rejected or ignored is named as such."""
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield guarded(f"line {number}", lambda given=line: _document(json.loads(given.decode("utf-8-sig"))))


def _document(value: dict[str, Any]) -> Document:
    if value.get("answer", "accept") != "accept":
        raise InvalidValue("The example was not accepted in Prodigy.")
    meta = value.get("meta") or {}
    spans = [ExchangeSpan(span_of(s["start"], s["end"], s["label"])) for s in value.get("spans") or ()]
    return build(value["text"], spans, id=str(meta.get("id") or ""), **given_note_fields(meta))
