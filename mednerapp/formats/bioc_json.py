"""BioC JSON: as BioC XML, in its JSON form. Offsets are code points, counted in the document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import RejectedNote
from mednerapp.formats.json_stream import items
from mednerapp.formats.reading import (
    Read,
    build,
    given_note_fields,
    guarded,
    note_fields,
    span_fields,
    span_from,
    span_of,
)
from mednerapp.formats.writing import Source, json_list


def write(documents: Source) -> Iterator[bytes]:
    """The collection."""
    head = '{"source": "MedNER", "date": "", "key": "medner.key", "version": "1.0", "infons": {}, "documents": ['
    return json_list(head, (value_of(document) for document in documents()), "]}")


def value_of(document: Document) -> dict[str, Any]:
    """The document as BioC has it: one passage with the whole text."""
    annotations = [
        {
            "id": item.id,
            "infons": {"type": item.span.label, **span_fields(item)},
            "locations": [{"offset": a, "length": b - a} for a, b in item.span.pieces],
            "text": item.span.mention(document.text),
        }
        for item in document.spans
    ]
    passage = {
        "offset": 0,
        "infons": {},
        "text": document.text,
        "sentences": [],
        "annotations": annotations,
        "relations": [],
    }
    return {
        "id": document.id,
        "infons": note_fields(document),
        "passages": [passage],
        "annotations": [],
        "relations": [],
    }


def read(path: Path) -> Iterator[Read]:
    for number, value in items(path, "documents.item"):
        yield guarded(f"document {number}", lambda v=value: document_of(v))


def document_of(value: dict[str, Any]) -> Document:
    """The passages at their offsets, with blanks where there is nothing between them.

    Raises:
        RejectedNote: two passages are at the same place.
    """
    text = ""
    spans: list[ExchangeSpan] = []
    given = list(value.get("annotations") or ())
    for passage in sorted(value["passages"], key=lambda p: int(p["offset"])):
        sentences = passage.get("sentences") or ()
        parts = [(int(passage["offset"]), passage["text"])] if passage.get("text") is not None else []
        parts = parts or [(int(s["offset"]), s["text"] or "") for s in sentences]
        for offset, part in parts:
            if offset < len(text) or offset > len(text) + 100_000:
                raise RejectedNote("The passages overlap or are far apart; their offsets may not be code points.")
            text += " " * (offset - len(text)) + part
        given += passage.get("annotations") or ()
        given += [a for s in sentences for a in s.get("annotations") or ()]
    for annotation in given:
        known = {**(annotation.get("infons") or {})}
        pieces = [(int(p["offset"]), int(p["offset"]) + int(p["length"])) for p in annotation["locations"]]
        if "concepts" not in known:
            known["concepts"] = "_".join(str(known.get("identifier") or known.get("MESH") or "").split())
        span = span_of(0, 0, known.get("type", ""), pieces)
        spans.append(span_from(span, known, id=str(annotation.get("id") or "")))
    return build(text, spans, id=str(value.get("id") or ""), **given_note_fields(value.get("infons") or {}))
