"""The notes that two annotators are asked for."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session, aliased

from db import tables as t
from mednerapp.domain.gold import is_double

CHUNK = 500


class Doubles:
    def __init__(self, session: Session) -> None:
        self._session = session

    def has(self, note_id: int) -> bool:
        return self._session.get(t.DoubleNote, note_id) is not None

    def notes(self, project_id: int) -> set[int]:
        return set(self._session.scalars(select(t.DoubleNote.note_id).where(t.DoubleNote.project_id == project_id)))

    def add(self, note_ids: Collection[int], *, project_id: int, user_id: int | None) -> list[int]:
        """Ask for a second annotator; those of the project's notes that had not been asked for before."""
        asked = self.notes(project_id)
        here: list[int] = []
        wanted = sorted(set(note_ids) - asked)
        for first in range(0, len(wanted), CHUNK):
            chunk = wanted[first : first + CHUNK]
            query = select(t.Note.id).where(
                t.Note.id.in_(chunk), t.Note.project_id == project_id, t.Note.deleted_at.is_(None)
            )
            here += self._session.scalars(query)
        if here:
            values = [{"note_id": note_id, "project_id": project_id, "chosen_by": user_id} for note_id in here]
            self._session.execute(insert(t.DoubleNote), values)
        return here

    def remove(self, note_ids: Collection[int], *, project_id: int) -> None:
        """Ask for no second annotator any more; what was annotated stays."""
        ids = sorted(note_ids)
        for first in range(0, len(ids), CHUNK):
            self._session.execute(
                delete(t.DoubleNote).where(
                    t.DoubleNote.note_id.in_(ids[first : first + CHUNK]), t.DoubleNote.project_id == project_id
                )
            )

    def new_note(self, *, note_id: int, project_id: int, content_hash: str) -> None:
        """A note that has just been imported: it may be of the project's share."""
        percent = self._session.scalar(select(t.Project.double_percent).where(t.Project.id == project_id)) or 0
        if is_double(project_id=project_id, content_hash=content_hash, percent=percent):
            self._session.execute(insert(t.DoubleNote).values(note_id=note_id, project_id=project_id, chosen_by=None))

    def share(self, project_id: int, *, percent: int) -> None:
        """The share is another one now: notes that nobody has submitted come and go by it; chosen ones stay."""
        submitted = aliased(t.Annotation)
        done = exists().where(submitted.note_id == t.Note.id, submitted.state == "submitted")
        there = exists().where(t.DoubleNote.note_id == t.Note.id)
        rows = self._session.execute(
            select(t.Note.id, t.Note.content_hash).where(t.Note.project_id == project_id, ~done, ~there)
        )
        new = [i for i, digest in rows if is_double(project_id=project_id, content_hash=digest, percent=percent)]
        if new:
            values = [{"note_id": note_id, "project_id": project_id, "chosen_by": None} for note_id in new]
            self._session.execute(insert(t.DoubleNote), values)
        drawn = self._session.execute(
            select(t.Note.id, t.Note.content_hash)
            .join(t.DoubleNote, t.DoubleNote.note_id == t.Note.id)
            .where(t.DoubleNote.project_id == project_id, t.DoubleNote.chosen_by.is_(None), ~done)
        )
        self.remove(
            [i for i, digest in drawn if not is_double(project_id=project_id, content_hash=digest, percent=percent)],
            project_id=project_id,
        )
