"""What people's work amounts to: how fast it goes, and what suggestions do to it."""

from __future__ import annotations

from datetime import datetime
from statistics import median

from sqlalchemy import ColumnElement, and_, case, exists, func, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import IMPORT_CLIENT, REFRESH_CLIENT, EditAction, Origin, SpanState
from mednerapp.domain.queue import GroupOfNotes, Work

MOST_TIMED = 500  # annotations, the newest: for how long a note takes
MOST = 1_000  # annotations of a group, the newest: their texts are read to count words
_CHUNK = 200


class Efforts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def works(self, project_id: int, *, since: datetime, user_id: int | None = None) -> list[Work]:
        """What was submitted since, by everybody or one person."""
        a = t.Annotation
        done = self._session.execute(
            select(a.id, a.user_id, a.submitted_at)
            .where(_done(project_id, user_id), a.submitted_at >= since)
            .order_by(a.submitted_at.desc())
        ).all()
        timed = self._times([row[0] for row in done[:MOST_TIMED]])
        return [
            Work(user, submitted, *timed.get(annotation_id, (None, None)))
            for annotation_id, user, submitted in done
            if submitted
        ]

    def _times(self, annotation_ids: list[int]) -> dict[int, tuple[datetime, datetime]]:
        """When the annotations' own people changed something first and last, where they changed something."""
        at = t.AnnotationEvent.at
        found: dict[int, tuple[datetime, datetime]] = {}
        for first in range(0, len(annotation_ids), _CHUNK):
            rows = self._session.execute(
                select(t.AnnotationEvent.annotation_id, func.min(at, type_=at.type), func.max(at, type_=at.type))
                .where(
                    t.AnnotationEvent.annotation_id.in_(annotation_ids[first : first + _CHUNK]),
                    t.AnnotationEvent.user_id.is_not(None),
                )
                .group_by(t.AnnotationEvent.annotation_id)
            )
            found |= {annotation_id: (begun, ended) for annotation_id, begun, ended in rows}
        return found

    def group(self, project_id: int, *, blind: bool) -> GroupOfNotes:
        """Of the newest MOST submitted annotations that began blind, or that did get suggestions."""
        began = t.Annotation.blind if blind else _with_suggestions()
        query = select(t.Annotation.id).where(_done(project_id), began)
        ids = list(self._session.scalars(query.order_by(t.Annotation.submitted_at.desc()).limit(MOST)))
        durations = [(ended - begun).total_seconds() / 60 for begun, ended in self._times(ids).values()]
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
        suggested = t.AnnotationEvent.action == EditAction.SUGGEST.value
        refreshed = and_(  # nobody decided about them
            t.AnnotationEvent.action == EditAction.DELETE.value, t.AnnotationEvent.client == REFRESH_CLIENT
        )
        made = self._session.scalar(
            select(func.sum(case((suggested, 1), (refreshed, -1), else_=0))).where(
                t.AnnotationEvent.annotation_id.in_(annotation_ids)
            )
        )
        return of_all, of_model - of_changed, of_changed, (made or 0) - of_model


def _done(project_id: int, user_id: int | None = None) -> ColumnElement[bool]:
    """Whether an annotation of a note of the project was submitted, by anybody or one person, who worked on it here."""
    people = select(t.User.id) if user_id is None else select(t.User.id).where(t.User.id == user_id)
    in_project = exists().where(
        t.Note.id == t.Annotation.note_id, t.Note.project_id == project_id, t.Note.deleted_at.is_(None)
    )
    return and_(
        t.Annotation.user_id.in_(people),  # so the index of people and states is used
        t.Annotation.state == "submitted",
        in_project,
        ~_imported(),
    )


def _imported() -> ColumnElement[bool]:
    """Whether the annotation came with its note: nobody here worked on it."""
    return _has_event(t.AnnotationEvent.client == IMPORT_CLIENT)


def _with_suggestions() -> ColumnElement[bool]:
    return _has_event(t.AnnotationEvent.action == EditAction.SUGGEST.value)


def _has_event(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(t.AnnotationEvent.annotation_id == t.Annotation.id, condition).correlate(t.Annotation)
