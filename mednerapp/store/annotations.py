"""Annotations: the current spans and the append-only events behind them, always written together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update
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
    span_from_dict,
)
from mednerapp.domain.clock import now
from mednerapp.errors import NotFound
from mednerapp.store.annotation_rows import (
    ANNOTATION_TABLE,
    EVENT_TABLE,
    EVENTS,
    SPAN_TABLE,
    SPANS,
    event_of,
    event_values,
    span_of,
    span_values,
)

_IN_TEXT_ORDER = (SPANS.start_offset, SPANS.end_offset.desc(), SPANS.id)


@dataclass(frozen=True, slots=True)
class AnnotationHead:
    """An annotation without its spans, locked for the rest of the transaction."""

    id: int
    note_id: int
    user_id: int
    state: AnnotationState
    revision: int
    last_hash: str
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client's edits are checked against.

    last_seq: the client's highest number that is stored, 0 when there is none. labels: of the project's schema.
    first_other: the lowest revision above the known one that others wrote (see `Annotations.written_by_others`), 0 when
    there is none. length: of the note's text, in code points.
    """

    last_seq: int
    first_other: int
    labels: tuple[str, ...]
    length: int


def _standing() -> Any:
    """One statement for all that an edit is checked against: a person waits for the answer. A row for each label."""
    note, schema = t.Note.__table__.c, t.LabelSchema.__table__.c
    label, events = t.Label.__table__.c, (EVENTS.annotation_id == bindparam("annotation"))
    newest = (
        select(schema.id)
        .join(t.Note.__table__, note.project_id == schema.project_id)
        .where(note.id == bindparam("note"))
        .order_by(schema.version.desc())
        .limit(1)
    )
    return (
        select(
            label.name,
            select(EVENTS.hash).where(events, EVENTS.revision == bindparam("revision")).scalar_subquery(),
            select(func.max(EVENTS.client_seq)).where(events, EVENTS.client == bindparam("client")).scalar_subquery(),
            select(func.min(EVENTS.revision))
            .where(
                events,
                EVENTS.revision > bindparam("known"),
                EVENTS.client != bindparam("client"),
                EVENTS.client != MODEL_CLIENT,
            )
            .scalar_subquery(),
            select(func.length(note.text)).where(note.id == bindparam("note")).scalar_subquery(),
        )
        .where(label.schema_id == newest.scalar_subquery())
        .order_by(label.position)
    )


_STANDING = _standing()
_KEY = (SPANS.annotation_id == bindparam("key_annotation"), SPANS.id == bindparam("key_span"))
_CHANGE_SPAN = update(SPAN_TABLE).where(*_KEY)
_REMOVE_SPAN = delete(SPAN_TABLE).where(*_KEY)


class Annotations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, annotation_id: int) -> Annotation:
        found = self._annotations(select(ANNOTATION_TABLE).where(ANNOTATION_TABLE.c.id == annotation_id))
        if not found:
            raise NotFound(f"There is no annotation {annotation_id}.")
        return found[0]

    def of(self, *, note_id: int, user_id: int) -> Annotation | None:
        c = ANNOTATION_TABLE.c
        found = self._annotations(select(ANNOTATION_TABLE).where(c.note_id == note_id, c.user_id == user_id))
        return found[0] if found else None

    def add(self, *, note_id: int, user_id: int, blind: bool = False) -> AnnotationHead:
        """`blind`: it is to get no suggestions while the person works on it."""
        at = now()
        row = t.Annotation(
            note_id=note_id,
            user_id=user_id,
            state=AnnotationState.IN_PROGRESS.value,
            revision=0,
            created_at=at,
            updated_at=at,
            submitted_at=None,
            blind=blind,
        )
        self._session.add(row)
        self._session.flush()
        return AnnotationHead(row.id, note_id, user_id, AnnotationState.IN_PROGRESS, 0, "", blind)

    def lock_or_add(self, *, note_id: int, user_id: int, blind: bool = False) -> AnnotationHead:
        """The person's annotation of the note, made if there is none (then `blind` counts), protected as by `lock`."""
        query = select(t.Annotation.id).where(t.Annotation.note_id == note_id, t.Annotation.user_id == user_id)
        found = self._session.scalar(query)
        if found is None:
            try:
                with self._session.begin_nested():
                    return self.add(note_id=note_id, user_id=user_id, blind=blind)
            except IntegrityError:  # PostgreSQL: another tab of the same person made it since we looked
                found = self._session.scalars(query).one()
        return self.lock(found)

    def lock(self, annotation_id: int) -> AnnotationHead:
        """The annotation as it is now, protected from other writers until the transaction ends."""
        head = self._head(annotation_id, lock=True)
        last = self._session.scalar(
            select(EVENTS.hash).where(EVENTS.annotation_id == annotation_id, EVENTS.revision == head.revision)
        )
        return replace(head, last_hash=last or "")

    def lock_for(self, annotation_id: int, *, client: str, known: int) -> tuple[AnnotationHead, Standing]:
        """As `lock`, and what the edits of a client that knows the revision `known` are checked against."""
        head = self._head(annotation_id, lock=True)
        values = {
            "annotation": annotation_id,
            "note": head.note_id,
            "revision": head.revision,
            "client": client,
            "known": known,
        }
        rows = self._session.connection().execute(_STANDING, values).all()
        _, last, last_seq, first_other, length = tuple(rows[0])
        standing = Standing(last_seq or 0, first_other or 0, tuple(row[0] for row in rows), length)
        return replace(head, last_hash=last or ""), standing

    def head(self, annotation_id: int) -> AnnotationHead:
        """Where the annotation stands, without a lock and without its last hash."""
        return self._head(annotation_id, lock=False)

    def _head(self, annotation_id: int, *, lock: bool) -> AnnotationHead:
        a = ANNOTATION_TABLE.c
        query = select(a.id, a.note_id, a.user_id, a.state, a.revision, a.blind).where(a.id == annotation_id)
        row = self._session.connection().execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFound(f"There is no annotation {annotation_id}.")
        return AnnotationHead(row.id, row.note_id, row.user_id, AnnotationState(row.state), row.revision, "", row.blind)

    def spans(self, annotation_id: int, span_ids: Collection[str]) -> dict[str, AnnotatedSpan]:
        """The current spans with these ids."""
        query = select(SPAN_TABLE).where(SPANS.annotation_id == annotation_id, SPANS.id.in_(span_ids))
        return {row.id: span_of(row) for row in self._session.connection().execute(query)}

    def last_known(self, annotation_id: int, span_ids: Collection[str]) -> dict[str, AnnotatedSpan]:
        """The state that deleted spans had last, of those among the ids that were ever deleted."""
        rows = self._session.connection().execute(
            select(EVENTS.span_id, EVENTS.before)
            .where(
                EVENTS.annotation_id == annotation_id,
                EVENTS.span_id.in_(span_ids),
                EVENTS.action == EditAction.DELETE.value,
            )
            .order_by(EVENTS.revision)
        )
        return {row.span_id: span_from_dict(row.before) for row in rows}

    def stored(self, annotation_id: int, *, client: str, numbers: Collection[int]) -> set[int]:
        """Which of a client's edits with these numbers are stored."""
        e = EVENTS
        query = select(e.client_seq).where(e.annotation_id == annotation_id, e.client == client)
        return set(self._session.scalars(query.where(e.client_seq.in_(numbers))))

    def written_by_others(self, annotation_id: int, *, client: str, after_revision: int) -> bool:
        """Whether another person's client or tab has stored an event with a revision above `after_revision`.

        Suggestions do not count: they only add spans, whose ids no person's span has.
        """
        found = self._session.scalar(
            select(EVENTS.revision)
            .where(
                EVENTS.annotation_id == annotation_id,
                EVENTS.revision > after_revision,
                EVENTS.client.not_in((client, MODEL_CLIENT)),
            )
            .limit(1)
        )
        return found is not None

    def written_by_product(self, annotation_id: int) -> bool:
        """Whether the product itself has put spans into the annotation: suggestions, or gold that was imported."""
        found = self._session.scalar(
            select(EVENTS.revision)
            .where(EVENTS.annotation_id == annotation_id, EVENTS.client.in_(PRODUCT_CLIENTS))
            .limit(1)
        )
        return found is not None

    def suggested(self, annotation_id: int, span_ids: Collection[str]) -> dict[str, AnnotatedSpan]:
        """The spans as they were suggested, whatever became of them; of those among the ids that were."""
        rows = self._session.connection().execute(
            select(EVENTS.span_id, EVENTS.after).where(
                EVENTS.annotation_id == annotation_id,
                EVENTS.span_id.in_(span_ids),
                EVENTS.action == EditAction.SUGGEST.value,
            )
        )
        return {row.span_id: span_from_dict(row.after) for row in rows}

    def append(self, annotation_id: int, events: Sequence[AnnotationEvent]) -> None:
        """Store events and bring the current spans and the revision to the state after them."""
        if not events:
            return
        connection = self._session.connection()
        connection.execute(insert(EVENT_TABLE), [event_values(event) for event in events])
        were = {event.span_id: event.before for event in reversed(events)}
        final = {event.span_id: event.after for event in events}
        new = [
            {"annotation_id": annotation_id, "id": span.id, **span_values(span)}
            for span in final.values()
            if span and not were[span.id]
        ]
        changed = [
            {"key_annotation": annotation_id, "key_span": span.id, **span_values(span)}
            for span in final.values()
            if span and were[span.id]
        ]
        gone = [
            {"key_annotation": annotation_id, "key_span": span_id}
            for span_id, span in final.items()
            if were[span_id] and not span
        ]
        for statement, rows in ((insert(SPAN_TABLE), new), (_CHANGE_SPAN, changed), (_REMOVE_SPAN, gone)):
            if rows:
                connection.execute(statement, rows)
        connection.execute(
            update(ANNOTATION_TABLE)
            .where(ANNOTATION_TABLE.c.id == annotation_id)
            .values(revision=events[-1].revision, updated_at=events[-1].at)
        )

    def set_state(self, annotation_id: int, state: AnnotationState) -> None:
        at = now()
        self._session.execute(
            update(ANNOTATION_TABLE)
            .where(ANNOTATION_TABLE.c.id == annotation_id)
            .values(state=state.value, updated_at=at, submitted_at=at if state is AnnotationState.SUBMITTED else None)
        )

    def events(self, annotation_id: int) -> list[AnnotationEvent]:
        """All events, oldest first."""
        query = select(EVENT_TABLE).where(EVENTS.annotation_id == annotation_id).order_by(EVENTS.revision)
        return [event_of(row) for row in self._session.connection().execute(query)]

    def of_step(self, annotation_id: int, step: str) -> list[AnnotationEvent]:
        """The events of one step of undo, oldest first."""
        query = select(EVENT_TABLE).where(EVENTS.annotation_id == annotation_id, EVENTS.step == step)
        return [event_of(row) for row in self._session.connection().execute(query.order_by(EVENTS.revision))]

    def ids(self) -> list[int]:
        return list(self._session.scalars(select(t.Annotation.id).order_by(t.Annotation.id)))

    def submitted(self, project_id: int) -> list[Annotation]:
        """For each note of the project, but those in the bin, the annotation that was submitted last, in order of
        notes.
        """
        c, note = ANNOTATION_TABLE.c, t.Note.__table__
        rows = self._session.connection().execute(
            select(ANNOTATION_TABLE)
            .join(note, note.c.id == c.note_id)
            .where(
                note.c.project_id == project_id,
                note.c.deleted_at.is_(None),
                c.state == AnnotationState.SUBMITTED.value,
            )
            .order_by(c.note_id, c.submitted_at, c.id)
        )
        newest = {row.note_id: row for row in rows}
        return [self._annotation(row) for row in newest.values()]

    def _annotations(self, query: Select[Any]) -> list[Annotation]:
        connection = self._session.connection()
        return [self._annotation(row) for row in connection.execute(query).all()]

    def _annotation(self, row: Row[Any]) -> Annotation:
        query = select(SPAN_TABLE).where(SPANS.annotation_id == row.id).order_by(*_IN_TEXT_ORDER)
        spans = self._session.connection().execute(query)
        return Annotation(
            id=row.id,
            note_id=row.note_id,
            user_id=row.user_id,
            state=AnnotationState(row.state),
            revision=row.revision,
            spans=tuple(span_of(span) for span in spans),
            updated_at=row.updated_at,
            submitted_at=row.submitted_at,
            blind=row.blind,
        )
