"""Annotations: the current spans and the append-only events behind them, always written together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import (
    MODEL_CLIENT,
    PRODUCT_CLIENTS,
    AnnotatedSpan,
    Annotation,
    AnnotationEvent,
    AnnotationState,
    EditAction,
    Origin,
    Phase,
    SpanState,
    pieces,
    span_from_dict,
)
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.clock import now
from mednerapp.domain.spans import Span
from mednerapp.errors import NotFound


@dataclass(frozen=True, slots=True)
class AnnotationHead:
    """An annotation without its spans, locked for the rest of the transaction."""

    id: int
    note_id: int
    user_id: int
    state: AnnotationState
    revision: int
    last_hash: str


def _span(row: t.AnnotationSpan) -> AnnotatedSpan:
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


def _span_row(annotation_id: int, span: AnnotatedSpan) -> dict[str, Any]:
    return {
        "annotation_id": annotation_id,
        "id": span.id,
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


class Annotations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, annotation_id: int) -> Annotation:
        row = self._session.get(t.Annotation, annotation_id)
        if row is None:
            raise NotFound(f"There is no annotation {annotation_id}.")
        return self._annotation(row)

    def of(self, *, note_id: int, user_id: int) -> Annotation | None:
        row = self._session.scalar(
            select(t.Annotation).where(t.Annotation.note_id == note_id, t.Annotation.user_id == user_id)
        )
        return self._annotation(row) if row else None

    def add(self, *, note_id: int, user_id: int) -> AnnotationHead:
        at = now()
        row = t.Annotation(
            note_id=note_id,
            user_id=user_id,
            state=AnnotationState.IN_PROGRESS.value,
            revision=0,
            created_at=at,
            updated_at=at,
            submitted_at=None,
        )
        self._session.add(row)
        self._session.flush()
        return AnnotationHead(row.id, note_id, user_id, AnnotationState.IN_PROGRESS, 0, "")

    def lock_or_add(self, *, note_id: int, user_id: int) -> AnnotationHead:
        """The person's annotation of the note, made if there is none, protected as by `lock`."""
        query = select(t.Annotation.id).where(t.Annotation.note_id == note_id, t.Annotation.user_id == user_id)
        found = self._session.scalar(query)
        if found is None:
            try:
                with self._session.begin_nested():
                    return self.add(note_id=note_id, user_id=user_id)
            except IntegrityError:  # PostgreSQL: another tab of the same person made it since we looked
                found = self._session.scalars(query).one()
        return self.lock(found)

    def lock(self, annotation_id: int) -> AnnotationHead:
        """The annotation as it is now, protected from other writers until the transaction ends."""
        row = self._session.scalar(
            select(t.Annotation)
            .where(t.Annotation.id == annotation_id)
            .with_for_update()
            .execution_options(populate_existing=True)  # what was read before the lock was granted may be old
        )
        if row is None:
            raise NotFound(f"There is no annotation {annotation_id}.")
        last = self._session.scalar(
            select(t.AnnotationEvent.hash).where(
                t.AnnotationEvent.annotation_id == annotation_id, t.AnnotationEvent.revision == row.revision
            )
        )
        return AnnotationHead(row.id, row.note_id, row.user_id, AnnotationState(row.state), row.revision, last or "")

    def spans(self, annotation_id: int, span_ids: Collection[str]) -> dict[str, AnnotatedSpan]:
        """The current spans with these ids."""
        rows = self._session.scalars(
            select(t.AnnotationSpan).where(
                t.AnnotationSpan.annotation_id == annotation_id, t.AnnotationSpan.id.in_(span_ids)
            )
        )
        return {row.id: _span(row) for row in rows}

    def last_known(self, annotation_id: int, span_id: str) -> AnnotatedSpan | None:
        """The state that a deleted span had last."""
        before = self._session.scalar(
            select(t.AnnotationEvent.before)
            .where(
                t.AnnotationEvent.annotation_id == annotation_id,
                t.AnnotationEvent.span_id == span_id,
                t.AnnotationEvent.action == EditAction.DELETE.value,
            )
            .order_by(t.AnnotationEvent.revision.desc())
            .limit(1)
        )
        return span_from_dict(before) if before else None

    def last_client_seq(self, annotation_id: int, client: str) -> int:
        """The highest number of this client that is stored, 0 when there is none."""
        return (
            self._session.scalar(
                select(func.max(t.AnnotationEvent.client_seq)).where(
                    t.AnnotationEvent.annotation_id == annotation_id, t.AnnotationEvent.client == client
                )
            )
            or 0
        )

    def written_by_others(self, annotation_id: int, *, client: str, after_revision: int) -> bool:
        """Whether another person's client or tab has stored an event with a revision above `after_revision`.

        Suggestions do not count: they only add spans, whose ids no person's span has.
        """
        found = self._session.scalar(
            select(t.AnnotationEvent.revision)
            .where(
                t.AnnotationEvent.annotation_id == annotation_id,
                t.AnnotationEvent.revision > after_revision,
                t.AnnotationEvent.client.not_in((client, MODEL_CLIENT)),
            )
            .limit(1)
        )
        return found is not None

    def written_by_product(self, annotation_id: int) -> bool:
        """Whether the product itself has put spans into the annotation: suggestions, or gold that was imported."""
        found = self._session.scalar(
            select(t.AnnotationEvent.revision)
            .where(t.AnnotationEvent.annotation_id == annotation_id, t.AnnotationEvent.client.in_(PRODUCT_CLIENTS))
            .limit(1)
        )
        return found is not None

    def suggested(self, annotation_id: int, span_id: str) -> AnnotatedSpan | None:
        """The span as it was suggested, whatever became of it."""
        after = self._session.scalar(
            select(t.AnnotationEvent.after).where(
                t.AnnotationEvent.annotation_id == annotation_id,
                t.AnnotationEvent.span_id == span_id,
                t.AnnotationEvent.action == EditAction.SUGGEST.value,
            )
        )
        return span_from_dict(after) if after else None

    def append(self, annotation_id: int, events: Sequence[AnnotationEvent]) -> None:
        """Store events and bring the current spans and the revision to the state after them."""
        if not events:
            return
        self._session.execute(insert(t.AnnotationEvent), [_event_row(event) for event in events])
        final = {event.span_id: event.after for event in events}
        self._session.execute(
            delete(t.AnnotationSpan).where(
                t.AnnotationSpan.annotation_id == annotation_id, t.AnnotationSpan.id.in_(list(final))
            )
        )
        rows = [_span_row(annotation_id, span) for span in final.values() if span]
        if rows:
            self._session.execute(insert(t.AnnotationSpan), rows)
        self._session.execute(
            update(t.Annotation)
            .where(t.Annotation.id == annotation_id)
            .values(revision=events[-1].revision, updated_at=events[-1].at)
        )

    def set_state(self, annotation_id: int, state: AnnotationState) -> None:
        at = now()
        self._session.execute(
            update(t.Annotation)
            .where(t.Annotation.id == annotation_id)
            .values(state=state.value, updated_at=at, submitted_at=at if state is AnnotationState.SUBMITTED else None)
        )

    def events(self, annotation_id: int) -> list[AnnotationEvent]:
        """All events, oldest first."""
        rows = self._session.scalars(
            select(t.AnnotationEvent)
            .where(t.AnnotationEvent.annotation_id == annotation_id)
            .order_by(t.AnnotationEvent.revision)
        )
        return [_event(row) for row in rows]

    def of_step(self, annotation_id: int, step: str) -> list[AnnotationEvent]:
        """The events of one step of undo, oldest first."""
        rows = self._session.scalars(
            select(t.AnnotationEvent)
            .where(t.AnnotationEvent.annotation_id == annotation_id, t.AnnotationEvent.step == step)
            .order_by(t.AnnotationEvent.revision)
        )
        return [_event(row) for row in rows]

    def ids(self) -> list[int]:
        return list(self._session.scalars(select(t.Annotation.id).order_by(t.Annotation.id)))

    def submitted(self, project_id: int) -> list[Annotation]:
        """For each note of the project the annotation that was submitted last, in order of notes."""
        rows = self._session.scalars(
            select(t.Annotation)
            .join(t.Note, t.Note.id == t.Annotation.note_id)
            .where(t.Note.project_id == project_id, t.Annotation.state == AnnotationState.SUBMITTED.value)
            .order_by(t.Annotation.note_id, t.Annotation.submitted_at, t.Annotation.id)
        )
        newest = {row.note_id: row for row in rows}
        return [self._annotation(row) for row in newest.values()]

    def _annotation(self, row: t.Annotation) -> Annotation:
        spans = self._session.scalars(
            select(t.AnnotationSpan)
            .where(t.AnnotationSpan.annotation_id == row.id)
            .order_by(t.AnnotationSpan.start_offset, t.AnnotationSpan.end_offset.desc(), t.AnnotationSpan.id)
        )
        return Annotation(
            id=row.id,
            note_id=row.note_id,
            user_id=row.user_id,
            state=AnnotationState(row.state),
            revision=row.revision,
            spans=tuple(_span(span) for span in spans),
            updated_at=row.updated_at,
            submitted_at=row.submitted_at,
        )


def _event_row(event: AnnotationEvent) -> dict[str, datetime | str | int | dict[str, Any] | None]:
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


def _event(row: t.AnnotationEvent) -> AnnotationEvent:
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
