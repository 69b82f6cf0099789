"""What became of an annotation, and what else there is on its note: read only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import (
    MODEL_CLIENT,
    PRODUCT_CLIENTS,
    AnnotatedSpan,
    AnnotationEvent,
    AnnotationState,
    EditAction,
    Phase,
    SpanState,
    span_from_dict,
)
from mednerapp.domain.spans import Span
from mednerapp.store.annotation_rows import EVENT_TABLE, EVENTS, event_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `who`: the person's name, '' where the product wrote it; `span`: as it left it, or was."""

    revision: int
    at: datetime
    client: str
    step: str
    phase: Phase
    action: EditAction
    user_id: int | None
    who: str
    span: Span


_USER = t.User.__table__
_ENTRIES = select(
    *(EVENTS.revision, EVENTS.at, EVENTS.client, EVENTS.step, EVENTS.phase, EVENTS.action, EVENTS.user_id),
    *(EVENTS.before, EVENTS.after, _USER.c.name),
).outerjoin(_USER, _USER.c.id == EVENTS.user_id)


class Past:
    def __init__(self, session: Session) -> None:
        self._session = session

    def by_people(self, annotation_id: int) -> list[AnnotationEvent]:
        """What people did, oldest first: all events but the product's own."""
        query = (
            select(EVENT_TABLE)
            .where(EVENTS.annotation_id == annotation_id, EVENTS.client.not_in(PRODUCT_CLIENTS))
            .order_by(EVENTS.revision)
        )
        return [event_of(row) for row in self._session.connection().execute(query)]

    def entries(self, annotation_id: int) -> list[Entry]:
        """Every event, oldest first."""
        return self._entries(_ENTRIES.where(EVENTS.annotation_id == annotation_id).order_by(EVENTS.revision))

    def last_by_others(self, annotation_id: int, *, client: str, after_revision: int) -> Entry | None:
        """The newest event above the revision that another client than this one wrote, suggestions left aside."""
        e = EVENTS
        others = e.client.not_in((client, MODEL_CLIENT))
        query = _ENTRIES.where(e.annotation_id == annotation_id, e.revision > after_revision, others)
        found = self._entries(query.order_by(e.revision.desc()).limit(1))
        return found[0] if found else None

    def _entries(self, query: Select[*tuple[Any, ...]]) -> list[Entry]:
        return [
            Entry(
                row.revision,
                row.at,
                row.client,
                row.step,
                Phase(row.phase),
                EditAction(row.action),
                row.user_id,
                row.name or "",
                span_from_dict(row.after or row.before).span,
            )
            for row in self._session.connection().execute(query)
        ]

    def state_at(self, annotation_id: int, revision: int) -> list[AnnotatedSpan]:
        """The spans as they were after that revision, in text order."""
        newest = (
            select(func.max(EVENTS.revision))
            .where(EVENTS.annotation_id == annotation_id, EVENTS.revision <= revision)
            .group_by(EVENTS.span_id)
        )
        query = select(EVENTS.after).where(EVENTS.annotation_id == annotation_id, EVENTS.revision.in_(newest))
        rows = self._session.connection().execute(query)
        spans = [span_from_dict(row.after) for row in rows if row.after]
        return sorted(spans, key=lambda s: (s.span.start, -s.span.end, s.id))

    def predicted_by(self, note_id: int, labels: Collection[str]) -> list[tuple[int, str, int]]:
        """(adapter id, its name, spans with these labels) of all adapters that have looked at the note, in order of
        their names.
        """
        count = (
            select(func.count())
            .select_from(t.PredictionSpan)
            .where(t.PredictionSpan.prediction_id == t.Prediction.id, t.PredictionSpan.label.in_(labels))
            .scalar_subquery()
        )
        query = (
            select(t.Adapter.id, t.Adapter.name, count)
            .join(t.Prediction, t.Prediction.adapter_id == t.Adapter.id)
            .where(t.Prediction.note_id == note_id)
            .order_by(t.Adapter.name)
        )
        return [(adapter_id, name, spans) for adapter_id, name, spans in self._session.execute(query)]

    def annotated_by(self, note_id: int, *, but: int) -> list[tuple[int, str, int]]:
        """(user id, name, confirmed spans) of everybody but one who has begun the note, in order of their names."""
        confirmed = (
            select(func.count())
            .select_from(t.AnnotationSpan)
            .where(
                t.AnnotationSpan.annotation_id == t.Annotation.id,
                t.AnnotationSpan.state == SpanState.CONFIRMED.value,
            )
            .scalar_subquery()
        )
        query = (
            select(t.User.id, t.User.name, confirmed)
            .join(t.Annotation, t.Annotation.user_id == t.User.id)
            .where(t.Annotation.note_id == note_id, t.User.id != but)
            .order_by(t.User.name, t.User.id)
        )
        return [(user_id, name, spans) for user_id, name, spans in self._session.execute(query)]

    def submitted_by(self, note_id: int, *, but: int) -> list[str]:
        """Names of everybody but one who has submitted the note, the first to do so first."""
        a = t.Annotation
        query = (
            select(t.User.name)
            .join(a, a.user_id == t.User.id)
            .where(a.note_id == note_id, a.user_id != but, a.state == AnnotationState.SUBMITTED.value)
            .order_by(a.submitted_at, t.User.name)
        )
        return list(self._session.scalars(query))
