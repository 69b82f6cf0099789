"""What people's work amounts to: how fast it goes, and what suggestions do to it."""

from __future__ import annotations

from datetime import datetime
from statistics import median

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import IMPORT_CLIENT, EditAction, Origin, SpanState
from mednerapp.domain.queue import GroupOfNotes, Work

MOST = 1_000  # annotations of a group, the newest: their texts are read to count words
_CHUNK = 200


class Efforts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def works(self, project_id: int, *, since: datetime, user_id: int | None = None) -> list[Work]:
        """What was submitted since, by everybody or one person."""
        return [
            Work(user, submitted, first, last)
            for _, user, submitted, first, last in self._session.execute(_timed(project_id, since, user_id))
            if submitted
        ]

    def group(self, project_id: int, *, blind: bool) -> GroupOfNotes:
        """Of the newest MOST submitted annotations that began blind, or that did get suggestions."""
        began = t.Annotation.blind if blind else _with_suggestions()
        query = _timed(project_id).where(began).order_by(t.Annotation.submitted_at.desc()).limit(MOST)
        rows = self._session.execute(query).all()
        ids = [row[0] for row in rows]
        durations = [(last - first).total_seconds() / 60 for _, _, _, first, last in rows if first and last]
        words = spans = accepted = changed = rejected = 0
        for first in range(0, len(ids), _CHUNK):
            chunk = ids[first : first + _CHUNK]
            texts = self._session.scalars(
                select(t.Note.text)
                .join(t.Annotation, t.Annotation.note_id == t.Note.id)
                .where(t.Annotation.id.in_(chunk))
            )
            words += sum(len(text.split()) for text in texts)
            counts = self._outcomes(chunk)
            spans += counts[0]
            accepted, changed, rejected = accepted + counts[1], changed + counts[2], rejected + counts[3]
        return GroupOfNotes(
            blind, len(ids), words, spans, median(durations) if durations else None, accepted, changed, rejected
        )

    def _outcomes(self, annotation_ids: list[int]) -> tuple[int, int, int, int]:
        """(confirmed spans; suggestions that were accepted as they were, changed, rejected or deleted)."""
        span = t.AnnotationSpan
        confirmed = span.state == SpanState.CONFIRMED.value
        suggested = and_(confirmed, span.origin == Origin.MODEL.value)
        changed = exists().where(
            t.AnnotationEvent.annotation_id == span.annotation_id,
            t.AnnotationEvent.span_id == span.id,
            t.AnnotationEvent.action.in_((EditAction.RELABEL.value, EditAction.RESIZE.value)),
        )
        of_all, of_model, of_changed = self._session.execute(
            select(
                func.coalesce(func.sum(case((confirmed, 1), else_=0)), 0),
                func.coalesce(func.sum(case((suggested, 1), else_=0)), 0),
                func.coalesce(func.sum(case((and_(suggested, changed), 1), else_=0)), 0),
            ).where(span.annotation_id.in_(annotation_ids))
        ).one()
        made = self._session.scalar(
            select(func.count()).where(
                t.AnnotationEvent.annotation_id.in_(annotation_ids),
                t.AnnotationEvent.action == EditAction.SUGGEST.value,
            )
        )
        return of_all, of_model - of_changed, of_changed, (made or 0) - of_model


def _timed(
    project_id: int, since: datetime | None = None, user_id: int | None = None
) -> Select[int, int, datetime | None, datetime, datetime]:
    """Submitted annotations: (id, person, when submitted, the person's first change, the last)."""
    people = select(t.User.id) if user_id is None else select(t.User.id).where(t.User.id == user_id)
    own = and_(t.AnnotationEvent.annotation_id == t.Annotation.id, t.AnnotationEvent.user_id == t.Annotation.user_id)
    at = t.AnnotationEvent.at
    query = (
        select(
            t.Annotation.id,
            t.Annotation.user_id,
            t.Annotation.submitted_at,
            func.min(at, type_=at.type),
            func.max(at, type_=at.type),
        )
        .outerjoin(t.AnnotationEvent, own)
        .where(
            t.Annotation.user_id.in_(people),
            t.Annotation.state == "submitted",
            exists().where(
                t.Note.id == t.Annotation.note_id, t.Note.project_id == project_id, t.Note.deleted_at.is_(None)
            ),
            ~_imported(),
        )
        .group_by(t.Annotation.id, t.Annotation.user_id, t.Annotation.submitted_at)
    )
    return query.where(t.Annotation.submitted_at >= since) if since else query


def _imported() -> ColumnElement[bool]:
    """Whether the annotation came with its note: nobody here worked on it."""
    return _has_event(t.AnnotationEvent.client == IMPORT_CLIENT)


def _with_suggestions() -> ColumnElement[bool]:
    return _has_event(t.AnnotationEvent.action == EditAction.SUGGEST.value)


def _has_event(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(t.AnnotationEvent.annotation_id == t.Annotation.id, condition).correlate(t.Annotation)
