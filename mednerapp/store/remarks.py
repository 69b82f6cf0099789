"""Spans that somebody is unsure of or has commented, over a whole project: read only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, case, exists, func, select
from sqlalchemy.orm import Session

from db import tables as t
from db.tables.annotations import REMARKED
from mednerapp.domain.annotations import AnnotationState
from mednerapp.domain.queue import is_blind
from mednerapp.domain.remarks import Remark, RemarkFilter, may_see_others
from mednerapp.store.annotation_rows import ANNOTATION_TABLE, SPAN_TABLE, SPANS, span_of


class Remarks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of_project(
        self, project_id: int, *, user_id: int, others: bool, wanted: RemarkFilter, around: int, limit: int
    ) -> list[Remark]:
        """Those of the user and, with `others`, of everybody whose work on the note they may see; first the annotation
        that was changed last, then in text order. `around`: code points of text on either side of the mention.
        """
        percent = self._session.scalar(select(t.Project.blind_percent).where(t.Project.id == project_id)) or 0

        def seen(row: Row[Any]) -> bool:
            if row.user_id == user_id:
                return True
            to_come = is_blind(project_id=project_id, content_hash=row.content_hash, percent=percent)
            return others and may_see_others(
                own=AnnotationState(row.own_state) if row.own_state else None,
                blind=to_come if row.own_blind is None else bool(row.own_blind),
                double=bool(row.double),
                submitted=row.submitted,
            )

        query = _query(user_id, around).where(t.Note.__table__.c.project_id == project_id)
        if wanted.own or not others:
            query = query.where(ANNOTATION_TABLE.c.user_id == user_id)
        found: list[Remark] = []
        for row in self._session.connection().execute(query):
            if len(found) == limit:
                break
            if wanted.takes(span_of(row)) and seen(row):
                found.append(_remark(row))
        return found


def _query(user_id: int, around: int) -> Any:
    """A row for each remark on a note that is not in the bin, with what decides who may see it."""
    a, note, user = ANNOTATION_TABLE.c, t.Note.__table__.c, t.User.__table__.c
    own, another = ANNOTATION_TABLE.alias("own"), ANNOTATION_TABLE.alias("another")
    submitted = (
        select(func.count())
        .where(
            another.c.note_id == note.id,
            another.c.user_id != user_id,
            another.c.state == AnnotationState.SUBMITTED.value,
        )
        .correlate(t.Note.__table__)
        .scalar_subquery()
    )
    double = exists().where(t.DoubleNote.note_id == note.id).correlate(t.Note.__table__)
    first = case((SPANS.start_offset > around, SPANS.start_offset - around), else_=0)
    return (
        select(
            SPAN_TABLE,
            a.note_id,
            a.user_id,
            a.state.label("annotation_state"),
            note.title,
            note.content_hash,
            user.name,
            own.c.state.label("own_state"),
            own.c.blind.label("own_blind"),
            double.label("double"),
            submitted.label("submitted"),
            first.label("text_from"),
            func.substr(note.text, first + 1, SPANS.end_offset + around - first).label("part"),
        )
        .join(ANNOTATION_TABLE, a.id == SPANS.annotation_id)
        .join(t.Note.__table__, note.id == a.note_id)
        .join(t.User.__table__, user.id == a.user_id)
        .outerjoin(own, (own.c.note_id == note.id) & (own.c.user_id == user_id))
        .where(REMARKED, note.deleted_at.is_(None))
        .order_by(a.updated_at.desc(), a.id, SPANS.start_offset, SPANS.end_offset.desc(), SPANS.id)
    )


def _remark(row: Row[Any]) -> Remark:
    span = span_of(row)
    start, end = span.span.start - row.text_from, span.span.end - row.text_from
    return Remark(
        note_id=row.note_id,
        title=row.title,
        user_id=row.user_id,
        who=row.name,
        state=AnnotationState(row.annotation_state),
        span=span,
        before=row.part[:start],
        mention=row.part[start:end],
        after=row.part[end:],
        third=bool(row.double) and row.own_state is None,
    )
