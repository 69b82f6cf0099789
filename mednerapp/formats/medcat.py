"""MedCATtrainer JSON: projects, documents, annotations with a verdict and meta annotations. Offsets are code points.

What a person confirmed is validated and correct, what was rejected is validated and deleted, a suggestion is neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.formats.json_stream import items
from mednerapp.formats.reading import Read, build, guarded, span_of
from mednerapp.formats.writing import Source, json_list

_TASK = "Assertion"


def write(documents: Source) -> Iterator[bytes]:
    """One project with all documents. A label stands where MedCAT has the code of a concept."""
    head = '{"projects": [{"name": "MedNER", "id": 1, "cuis": "", "meta_anno_defs": [], "documents": ['
    return json_list(head, (_value(number, d) for number, d in enumerate(documents(), start=1)), "]}]}")


def _value(number: int, document: Document) -> dict[str, Any]:
    return {
        "id": number,
        "name": document.id,
        "text": document.text,
        "last_modified": "",
        "annotations": [_annotation(i, document, item) for i, item in enumerate(document.spans, start=1)],
    }


def _annotation(number: int, document: Document, item: ExchangeSpan) -> dict[str, Any]:
    looked_at = item.state is not SpanState.SUGGESTED
    said = item.assertion
    meta = {"name": _TASK, "value": said, "acc": 1.0, "validated": item.assertion_by is Origin.PERSON}
    return {
        "id": number,
        "user": document.annotator,
        "cui": item.span.label,
        "value": document.text[item.span.start : item.span.end],
        "start": item.span.start,
        "end": item.span.end,
        "validated": looked_at,
        "correct": item.state is SpanState.CONFIRMED,
        "deleted": item.state is SpanState.REJECTED,
        "alternative": False,
        "killed": False,
        "irrelevant": False,
        "manually_created": item.origin is Origin.PERSON,
        "acc": 1.0 if item.score is None else item.score,
        "comment": item.comment or None,
        "last_modified": "",
        "meta_anns": {_TASK: meta} if said else {},
    }


def read(path: Path) -> Iterator[Read]:
    """The documents of all projects. Killed and irrelevant annotations were taken out of the data and are not read."""
    for number, value in items(path, "projects.item.documents.item"):
        yield guarded(f"document {number}", lambda v=value: _document(v))


def _document(value: dict[str, Any]) -> Document:
    given = value.get("annotations") or []
    spans = [_span(a) for a in given if not a.get("killed") and not a.get("irrelevant")]
    who = {str(a.get("user") or "") for a in given}
    return build(
        value["text"],
        spans,
        id=str(value.get("name") or ""),
        annotator=who.pop() if len(who) == 1 else "",
    )


def _span(value: dict[str, Any]) -> ExchangeSpan:
    validated, person = bool(value.get("validated")), bool(value.get("manually_created"))
    good = bool(value.get("correct") or value.get("alternative"))
    meta = (value.get("meta_anns") or {}).get(_TASK) or {}
    said = str(meta.get("value") or "").casefold()
    assertion = Assertion(said) if said in set(Assertion) else None
    by = Origin.PERSON if meta.get("validated") else Origin.MODEL
    score = value.get("acc")
    state = SpanState.SUGGESTED
    if validated:
        state = SpanState.CONFIRMED if good else SpanState.REJECTED
    return ExchangeSpan(
        span_of(value["start"], value["end"], value["cui"]),
        state=state,
        origin=Origin.PERSON if person else Origin.MODEL,
        score=None if score is None or score == 1 else float(score),
        assertion=assertion,
        assertion_by=by if assertion else None,
        comment=str(value.get("comment") or ""),
    )
