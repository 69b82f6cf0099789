"""Changes of many notes at once: which notes are open to a person, and what was done in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.notes import NoteStatus

_OPEN = "in_progress"


@dataclass(frozen=True, slots=True)
class OpenText:
    """A note that a person may change, with the annotation that the person has of it, if any."""

    note_id: int
    title: str
    text: str
    annotation_id: int | None


@dataclass(frozen=True, slots=True)
class BulkOperation:
    id: int
    step: str
    project_id: int
    user_id: int
    notes: int
    places: int
    at: datetime


class BulkOperations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def take_turns(self, user_id: int) -> None:
        """Let no other change of many notes by this person run until the transaction ends.

        All of them lock several annotations of this one person, everything else locks one; so none waits for another
        in a circle.
        """
        self._session.execute(select(t.User.id).where(t.User.id == user_id).with_for_update(key_share=True))

    def open_texts(
        self,
        *,
        project_id: int,
        user_id: int,
        after: int = 0,
        limit: int = 200,
        among: Sequence[int] | None = None,
        without_annotation: int | None = None,
    ) -> list[OpenText]:
        """Notes outside the bin that the person may change, in order of id, at most `limit` of them above `after`.

        The person has an open annotation of the note; or has none, nobody has submitted it, and nobody else has it in
        hand. among: only of these.
        """
        own = aliased(t.Annotation)
        submitted = exists().where(t.Annotation.note_id == t.Note.id, t.Annotation.state != _OPEN)
        held = exists().where(
            t.NoteLease.note_id == t.Note.id, t.NoteLease.user_id != user_id, t.NoteLease.expires_at > now()
        )
        query = (
            select(t.Note.id, t.Note.title, t.Note.text, own.id.label("annotation_id"))
            .outerjoin(own, and_(own.note_id == t.Note.id, own.user_id == user_id))
            .where(
                t.Note.project_id == project_id,
                t.Note.deleted_at.is_(None),
                t.Note.id > after,
                or_(own.state == _OPEN, and_(own.id.is_(None), ~submitted, ~held)),
            )
            .order_by(t.Note.id)
            .limit(limit)
        )
        if among is not None:
            query = query.where(t.Note.id.in_(among))
        if without_annotation is not None:
            query = query.where(or_(own.id.is_(None), own.id != without_annotation))
        return [OpenText(row.id, row.title, row.text, row.annotation_id) for row in self._session.execute(query)]

    def statuses(self, *, note_ids: Sequence[int], user_id: int) -> dict[int, NoteStatus]:
        """What the person has done with these notes; those that the person has not opened are left out."""
        rows = self._session.execute(
            select(t.Annotation.note_id, t.Annotation.state).where(
                t.Annotation.user_id == user_id, t.Annotation.note_id.in_(note_ids)
            )
        )
        return {row.note_id: NoteStatus(row.state) for row in rows}

    def add(
        self,
        *,
        step: str,
        project_id: int,
        user_id: int,
        kind: str,
        label: str,
        new_label: str,
        notes: int,
        places: int,
        at: datetime,
    ) -> int:
        row = t.BulkOperation(
            step=step,
            project_id=project_id,
            user_id=user_id,
            kind=kind,
            label=label,
            new_label=new_label,
            notes=notes,
            places=places,
            at=at,
            undone_at=None,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def by_step(self, step: str) -> BulkOperation | None:
        row = self._session.scalar(select(t.BulkOperation).where(t.BulkOperation.step == step))
        if row is None:
            return None
        return BulkOperation(row.id, row.step, row.project_id, row.user_id, row.notes, row.places, row.at)

    def set_undone(self, operation_id: int, *, undone: bool, kept: int) -> None:
        self._session.execute(
            update(t.BulkOperation)
            .where(t.BulkOperation.id == operation_id)
            .values(undone_at=now() if undone else None, kept=kept)
        )

    def annotations_of(self, operation: BulkOperation) -> list[int]:
        """Ids of the annotations that the operation changed, in order."""
        changed = exists().where(
            t.AnnotationEvent.annotation_id == t.Annotation.id, t.AnnotationEvent.step == operation.step
        )
        query = (
            select(t.Annotation.id)
            .join(t.Note, t.Note.id == t.Annotation.note_id)
            .where(
                t.Annotation.user_id == operation.user_id,
                t.Note.project_id == operation.project_id,
                t.Annotation.updated_at >= operation.at,  # spares looking through events from before
                changed,
            )
            .order_by(t.Annotation.id)
        )
        return list(self._session.scalars(query))
