"""Spans and events of annotations as rows, and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from db import tables as t
from mednerapp.domain.annotations import (
    AnnotatedSpan,
    AnnotationEvent,
    EditAction,
    Origin,
    Phase,
    SpanState,
    pieces,
    span_from_dict,
)
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.spans import Span

SPANS = t.AnnotationSpan.__table__.c
EVENTS = t.AnnotationEvent.__table__.c


def span_of(row: Row[Any]) -> AnnotatedSpan:
    return AnnotatedSpan(
        id=row.id,
        span=Span(row.start_offset, row.end_offset, row.label, pieces(row.fragments)),
        state=SpanState(row.state),
        origin=Origin(row.origin),
        score=row.score,
        adapter_id=row.adapter_id,
        assertion=Assertion(row.assertion) if row.assertion else None,
        assertion_by=Origin(row.assertion_by) if row.assertion_by else None,
        comment=row.comment,
        unsure=row.unsure,
    )


def span_values(span: AnnotatedSpan) -> dict[str, Any]:
    """All columns but the key."""
    return {
        "start_offset": span.span.start,
        "end_offset": span.span.end,
        "label": span.span.label,
        "state": span.state.value,
        "origin": span.origin.value,
        "score": span.score,
        "adapter_id": span.adapter_id,
        "fragments": [list(piece) for piece in span.span.fragments] or None,
        "assertion": span.assertion and span.assertion.value,
        "assertion_by": span.assertion_by and span.assertion_by.value,
        "comment": span.comment,
        "unsure": span.unsure,
    }


def event_of(row: Row[Any]) -> AnnotationEvent:
    return AnnotationEvent(
        annotation_id=row.annotation_id,
        revision=row.revision,
        client=row.client,
        client_seq=row.client_seq,
        user_id=row.user_id,
        at=row.at,
        action=EditAction(row.action),
        span_id=row.span_id,
        before=span_from_dict(row.before) if row.before else None,
        after=span_from_dict(row.after) if row.after else None,
        previous_hash=row.previous_hash,
        hash=row.hash,
        step=row.step,
        phase=Phase(row.phase),
    )


def event_values(event: AnnotationEvent) -> dict[str, Any]:
    return {
        "annotation_id": event.annotation_id,
        "revision": event.revision,
        "client": event.client,
        "client_seq": event.client_seq,
        "user_id": event.user_id,
        "at": event.at,
        "action": event.action.value,
        "span_id": event.span_id,
        "before": event.before.as_dict() if event.before else None,
        "after": event.after.as_dict() if event.after else None,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
        "step": event.step,
        "phase": event.phase.value,
    }
