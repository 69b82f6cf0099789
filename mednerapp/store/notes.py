"""Notes: added once, never changed; put into the bin, restored, and purged from there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, text, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split, split_of
from mednerapp.domain.notes import DeletedNote, NewNote, Note, NoteFilter, NoteStatus, NoteSummary, Progress
from mednerapp.errors import NotFound
from mednerapp.store.doubles import Doubles
from mednerapp.store.queue import Queue


def _note(row: t.Note) -> Note:
    return Note(
        id=row.id,
        project_id=row.project_id,
        text=row.text,
        title=row.title,
        source=row.source,
        patient_key=row.patient_key,
        note_type=row.note_type,
        content_hash=row.content_hash,
        split=Split(row.split),
        created_at=row.created_at,
        foreign_id=row.foreign_id,
        written_on=row.written_on,
    )


def _values(note: NewNote, *, project_id: int, user_id: int | None) -> dict[str, Any]:
    key = note.content_hash
    return {
        "project_id": project_id,
        "text": note.text,
        "title": note.title,
        "source": note.source,
        "patient_key": note.patient_key,
        "note_type": note.note_type,
        "content_hash": key,
        "split": split_of(patient_key=note.patient_key, content_hash=key).value,
        "created_by": user_id,
        "created_at": now(),
        "foreign_id": note.foreign_id,
        "written_on": note.written_on,
    }


class Notes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, project_id: int, note: NewNote, user_id: int | None) -> int:
        row = t.Note(**_values(note, project_id=project_id, user_id=user_id))
        self._session.add(row)
        self._session.flush()
        Queue(self._session).add(note_id=row.id, project_id=project_id, content_hash=row.content_hash)
        Doubles(self._session).new_note(note_id=row.id, project_id=project_id, content_hash=row.content_hash)
        return row.id

    def find_or_add(self, *, project_id: int, note: NewNote, user_id: int | None) -> tuple[int, bool]:
        """The id of the note with this text in the project, be it in the bin, and whether it is new."""
        there = self.by_hash(project_id=project_id, content_hash=note.content_hash)
        if there is not None:
            return there, False
        try:
            with self._session.begin_nested():
                return self.add(project_id=project_id, note=note, user_id=user_id), True
        except IntegrityError:  # PostgreSQL: somebody imported the same text since we looked
            there = self.by_hash(project_id=project_id, content_hash=note.content_hash)
            if there is None:
                raise
            return there, False

    def find_or_add_all(
        self, *, project_id: int, notes: Sequence[NewNote], user_id: int | None
    ) -> list[tuple[int, bool]]:
        """As `find_or_add` for each, in their order; with a few statements for all. A second note of a text finds the
        first.
        """
        hashes = [note.content_hash for note in notes]
        there = self._by_hashes(project_id, hashes)
        missing = {key: note for key, note in zip(hashes, notes, strict=True) if key not in there}
        try:
            with self._session.begin_nested():
                there |= self._add_all(project_id, list(missing.values()), user_id)
        except IntegrityError:  # PostgreSQL: somebody imported one of the texts since we looked
            return [self.find_or_add(project_id=project_id, note=note, user_id=user_id) for note in notes]
        return [(there[key], missing.pop(key, None) is not None) for key in hashes]

    def _by_hashes(self, project_id: int, hashes: Sequence[str]) -> dict[str, int]:
        query = select(t.Note.content_hash, t.Note.id)
        query = query.where(t.Note.project_id == project_id, t.Note.content_hash.in_(hashes))
        return {row.content_hash: row.id for row in self._session.execute(query)}

    def _add_all(self, project_id: int, notes: Sequence[NewNote], user_id: int | None) -> dict[str, int]:
        if not notes:
            return {}
        rows = [_values(note, project_id=project_id, user_id=user_id) for note in notes]
        statement = insert(t.Note).returning(t.Note.content_hash, t.Note.id)
        added = {row.content_hash: row.id for row in self._session.connection().execute(statement, rows)}
        Queue(self._session).add_all(project_id=project_id, notes=[(i, key) for key, i in added.items()])
        return added

    def get(self, note_id: int) -> Note:
        """Raises NotFound for a note in the bin, too: whoever works on one has to hear of it."""
        row = self._session.get(t.Note, note_id)
        if row is None:
            raise NotFound(f"There is no note {note_id}.")
        if row.deleted_at is not None:
            raise NotFound(f"Note {note_id} is in the bin. A lead can restore it.")
        return _note(row)

    def by_hash(self, *, project_id: int, content_hash: str) -> int | None:
        """The id of the note with this text in the project."""
        return self._session.scalar(
            select(t.Note.id).where(t.Note.project_id == project_id, t.Note.content_hash == content_hash)
        )

    def texts(self, note_ids: Sequence[int]) -> list[tuple[int, str]]:
        """(id, text) in the order of the ids; ids that do not exist are left out."""
        rows = self._session.execute(select(t.Note.id, t.Note.text).where(t.Note.id.in_(note_ids)))
        found = {row.id: row.text for row in rows}
        return [(note_id, found[note_id]) for note_id in note_ids if note_id in found]

    def without_prediction(self, *, project_id: int, adapter_id: int) -> list[int]:
        predicted = exists().where(t.Prediction.note_id == t.Note.id, t.Prediction.adapter_id == adapter_id)
        return list(self._session.scalars(select(t.Note.id).where(_of(project_id), ~predicted).order_by(t.Note.id)))

    def count(self, project_id: int) -> int:
        return self._session.scalar(select(func.count()).select_from(t.Note).where(_of(project_id))) or 0

    def progress(self, project_id: int) -> Progress:
        """Counted in the database; no text is read."""
        adapter_id = self._session.scalar(
            select(t.Promotion.adapter_id)
            .where(t.Promotion.project_id == project_id)
            .order_by(t.Promotion.id.desc())
            .limit(1)
        )
        by_it = t.Prediction.adapter_id == adapter_id if adapter_id is not None else true()
        looked_at = exists().where(t.Prediction.note_id == t.Note.id, by_it)
        predicted = select(func.count()).select_from(t.Note).where(_of(project_id), looked_at)
        return Progress(self.count(project_id), self._session.scalar(predicted) or 0, self.submitted(project_id))

    def submitted(self, project_id: int) -> int:
        """How many notes somebody has submitted."""
        query = select(func.count()).select_from(t.Note).where(_of(project_id), _submitted())
        return self._session.scalar(query) or 0

    def submitted_by_split(self, project_id: int) -> dict[Split, int]:
        """Notes that somebody submitted, counted per side."""
        rows = self._session.execute(
            select(t.Note.split, func.count()).where(_of(project_id), _submitted()).group_by(t.Note.split)
        )
        return dict.fromkeys(Split, 0) | {Split(split): count for split, count in rows}

    def summaries(
        self,
        *,
        project_id: int,
        user_id: int,
        wanted: NoteFilter | None = None,
        among: Collection[int] | None = None,
        after: int = 0,
        limit: int = 200,
    ) -> list[NoteSummary]:
        """The first `limit` notes above `after` in order of import, as `user_id` sees them.

        among: only of these. `wanted.search` is not looked at; see `Search`.
        """
        wanted = wanted or NoteFilter()
        state = func.coalesce(t.Annotation.state, NoteStatus.NEW.value)
        lease = and_(t.NoteLease.note_id == t.Note.id, t.NoteLease.expires_at > now())
        query = (
            select(
                t.Note.id,
                t.Note.title,
                t.Note.note_type,
                func.length(t.Note.text),
                state,
                _predicted(),
                t.Note.created_at,
                _submitted(),
                func.coalesce(t.User.name, ""),
                _blind(),
            )
            .outerjoin(t.Annotation, and_(t.Annotation.note_id == t.Note.id, t.Annotation.user_id == user_id))
            .outerjoin(t.NoteLease, lease)
            .outerjoin(t.User, t.User.id == t.NoteLease.user_id)
            .where(_of(project_id), t.Note.id > after)
            .order_by(t.Note.id)
            .limit(limit)
        )
        if among is not None:
            query = query.where(t.Note.id.in_(among))
        if wanted.status:
            query = query.where(state == wanted.status.value)
        if wanted.mine:
            query = query.where(t.Annotation.id.is_not(None))
        if wanted.open:
            query = query.where(~_submitted())
        if wanted.held_by is not None:
            query = query.where(t.NoteLease.user_id == wanted.held_by)
        if wanted.note_type is not None:
            query = query.where(t.Note.note_type == wanted.note_type)
        if wanted.blind is not None:
            query = query.where(_blind() if wanted.blind else ~_blind())
        return [
            NoteSummary(i, title, kind, length, NoteStatus(s), bool(p), at, bool(done), held_by, bool(blind))
            for i, title, kind, length, s, p, at, done, held_by, blind in self._session.execute(query)
        ]

    def types(self, project_id: int) -> list[str]:
        """The types that notes of the project have, '' among them."""
        return list(self._session.scalars(select(t.Note.note_type).where(t.Note.project_id == project_id).distinct()))

    def delete(self, note_ids: Collection[int], *, project_id: int, user_id: int | None) -> list[int]:
        """Put notes of the project into the bin; those that were not there already."""
        found = self._session.scalars(
            select(t.Note.id).where(t.Note.id.in_(note_ids), _of(project_id)).with_for_update()
        )
        ids = sorted(found)
        self._session.execute(update(t.Note).where(t.Note.id.in_(ids)).values(deleted_at=now(), deleted_by=user_id))
        self._session.execute(delete(t.NoteLease).where(t.NoteLease.note_id.in_(ids)))
        Queue(self._session).take_out(ids)
        return ids

    def restore(self, note_ids: Collection[int], *, project_id: int) -> list[int]:
        """Take notes of the project out of the bin; those that were in it."""
        found = self._session.scalars(
            select(t.Note.id)
            .where(t.Note.id.in_(note_ids), t.Note.project_id == project_id, t.Note.deleted_at.is_not(None))
            .with_for_update()
        )
        ids = sorted(found)
        self._session.execute(update(t.Note).where(t.Note.id.in_(ids)).values(deleted_at=None, deleted_by=None))
        Queue(self._session).put_back(ids)
        return ids

    def deleted(self, project_id: int, *, limit: int = 500) -> list[DeletedNote]:
        """What is in the project's bin, the newest first."""
        rows = self._session.execute(
            select(t.Note.id, t.Note.title, t.Note.deleted_at, t.User.name, _submitted(), _frozen())
            .outerjoin(t.User, t.User.id == t.Note.deleted_by)
            .where(t.Note.project_id == project_id, t.Note.deleted_at.is_not(None))
            .order_by(t.Note.deleted_at.desc(), t.Note.id)
            .limit(limit)
        )
        return [DeletedNote(i, title, at, name or "", bool(s), bool(f)) for i, title, at, name, s, f in rows if at]

    def overdue(self, *, before: datetime) -> list[tuple[int, int, list[str]]]:
        """(note, project, names of the frozen datasets that need it) of what was put into the bin before."""
        rows = self._session.execute(
            select(t.Note.id, t.Note.project_id, t.Dataset.name)
            .outerjoin(t.DatasetNote, t.DatasetNote.note_id == t.Note.id)
            .outerjoin(t.Dataset, t.Dataset.id == t.DatasetNote.dataset_id)
            .where(t.Note.deleted_at < before)
            .order_by(t.Note.id, t.Dataset.name)
        )
        found: dict[int, tuple[int, int, list[str]]] = {}
        for note_id, project_id, dataset in rows:
            found.setdefault(note_id, (note_id, project_id, []))[2].extend([dataset] if dataset else [])
        return list(found.values())

    def purge(self, note_ids: Collection[int], *, before: datetime) -> None:
        """Remove notes for good, with everything that hangs on them, unless they have come back since.

        The database refuses one that a dataset needs.
        """
        self._session.execute(delete(t.Note).where(t.Note.id.in_(note_ids), t.Note.deleted_at < before))
        forget_words(self._session)


def forget_words(session: Session) -> None:
    """On SQLite the words of deleted notes stay in the search index until it is merged."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO note_search(note_search) VALUES ('optimize')"))


def _of(project_id: int) -> ColumnElement[bool]:
    """Of the project and not in the bin."""
    return and_(t.Note.project_id == project_id, t.Note.deleted_at.is_(None))


def _submitted() -> ColumnElement[bool]:
    anyones = aliased(t.Annotation)
    return exists().where(anyones.note_id == t.Note.id, anyones.state == "submitted")


def _blind() -> ColumnElement[bool]:
    """Whether somebody began the note without suggestions."""
    anyones = aliased(t.Annotation)
    return exists().where(anyones.note_id == t.Note.id, anyones.blind)


def _frozen() -> ColumnElement[bool]:
    return exists().where(t.DatasetNote.note_id == t.Note.id)


def _predicted() -> ColumnElement[bool]:
    """Whether the adapter in force (or any, before the first promotion) has looked at the note."""
    newest = (
        select(t.Promotion.adapter_id)
        .where(t.Promotion.project_id == t.Note.project_id)
        .order_by(t.Promotion.id.desc())
        .limit(1)
        .correlate(t.Note)
        .scalar_subquery()
    )
    return exists().where(t.Prediction.note_id == t.Note.id, or_(newest.is_(None), t.Prediction.adapter_id == newest))
