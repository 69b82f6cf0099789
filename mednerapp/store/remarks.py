"""Spans that somebody is unsure of or has commented, over a whole project: read only."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import Session

from db import tables as t
from db.tables.annotations import REMARKED
from mednerapp.domain.annotations import AnnotationState
from mednerapp.domain.remarks import Remark
from mednerapp.store.annotation_rows import ANNOTATION_TABLE, SPAN_TABLE, SPANS, span_of

ANNOTATORS_OF_A_DOUBLE = 2


class Remarks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of_project(self, project_id: int, *, user_id: int, others: bool, around: int, limit: int) -> list[Remark]:
        """Those of the user and, with `others`, of everybody whose work on the note they may see; first the annotation
        that was changed last, then in text order. `around`: code points of text on either side of the mention.

        What others say stays hidden while it could lead the user: on a note that they annotate blind, and on one for
        two annotators until the user, or two others, have submitted it.
        """
        a, note, user = ANNOTATION_TABLE.c, t.Note.__table__.c, t.User.__table__.c
        first = case((SPANS.start_offset > around, SPANS.start_offset - around), else_=0)
        query = (
            select(
                SPAN_TABLE,
                a.note_id,
                a.user_id,
                a.state.label("annotation_state"),
                a.updated_at,
                note.title,
                user.name,
                first.label("text_from"),
                func.substr(note.text, first + 1, SPANS.end_offset + around - first).label("part"),
            )
            .join(ANNOTATION_TABLE, a.id == SPANS.annotation_id)
            .join(t.Note.__table__, note.id == a.note_id)
            .join(t.User.__table__, user.id == a.user_id)
            .where(REMARKED, note.project_id == project_id, note.deleted_at.is_(None))
            .where(or_(a.user_id == user_id, _may_be_seen(user_id) if others else false()))
            .order_by(a.updated_at.desc(), a.id, SPANS.start_offset, SPANS.end_offset.desc(), SPANS.id)
            .limit(limit)
        )
        found: list[Remark] = []
        for row in self._session.connection().execute(query):
            span = span_of(row)
            start, end = span.span.start - row.text_from, span.span.end - row.text_from
            found.append(
                Remark(
                    note_id=row.note_id,
                    title=row.title,
                    user_id=row.user_id,
                    who=row.name,
                    state=AnnotationState(row.annotation_state),
                    span=span,
                    before=row.part[:start],
                    mention=row.part[start:end],
                    after=row.part[end:],
                    at=row.updated_at,
                )
            )
        return found


def _may_be_seen(user_id: int) -> ColumnElement[bool]:
    """Whether what others say of the note would lead this user to nothing."""
    own, others, note_id = ANNOTATION_TABLE.alias(), ANNOTATION_TABLE.alias(), ANNOTATION_TABLE.c.note_id
    mine = exists().where(own.c.note_id == note_id, own.c.user_id == user_id)
    working = own.c.state == AnnotationState.IN_PROGRESS.value
    double = exists().where(t.DoubleNote.note_id == note_id)
    submitted = (
        select(func.count())
        .where(others.c.note_id == note_id, others.c.state == AnnotationState.SUBMITTED.value)
        .scalar_subquery()
    )
    still_to_come = and_(double, ~mine, submitted < ANNOTATORS_OF_A_DOUBLE)
    return and_(~mine.where(working, or_(own.c.blind, double)), ~still_to_come)
