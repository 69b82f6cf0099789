"""Notes: added once, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split, split_of
from mednerapp.domain.notes import NewNote, Note, NoteStatus, NoteSummary, Progress
from mednerapp.errors import NotFound


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
    )


class Notes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, project_id: int, note: NewNote, user_id: int | None) -> int:
        row = t.Note(
            project_id=project_id,
            text=note.text,
            title=note.title,
            source=note.source,
            patient_key=note.patient_key,
            note_type=note.note_type,
            content_hash=note.content_hash,
            split=split_of(patient_key=note.patient_key, content_hash=note.content_hash).value,
            created_by=user_id,
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def find_or_add(self, *, project_id: int, note: NewNote, user_id: int | None) -> tuple[int, bool]:
        """The id of the note with this text in the project, and whether it is new."""
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

    def get(self, note_id: int) -> Note:
        row = self._session.get(t.Note, note_id)
        if row is None:
            raise NotFound(f"There is no note {note_id}.")
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
        return list(
            self._session.scalars(
                select(t.Note.id).where(t.Note.project_id == project_id, ~predicted).order_by(t.Note.id)
            )
        )

    def progress(self, project_id: int) -> Progress:
        """Counted in the database; no text is read."""
        submitted = exists().where(t.Annotation.note_id == t.Note.id, t.Annotation.state == "submitted")
        total, predicted, done = self._session.execute(
            select(
                func.count(),
                func.sum(case((_predicted(), 1), else_=0)),
                func.sum(case((submitted, 1), else_=0)),
            ).where(t.Note.project_id == project_id)
        ).one()
        return Progress(total, predicted or 0, done or 0)

    def submitted_by_split(self, project_id: int) -> dict[Split, int]:
        """Notes that somebody submitted, counted per side."""
        submitted = exists().where(t.Annotation.note_id == t.Note.id, t.Annotation.state == "submitted")
        rows = self._session.execute(
            select(t.Note.split, func.count()).where(t.Note.project_id == project_id, submitted).group_by(t.Note.split)
        )
        return dict.fromkeys(Split, 0) | {Split(split): count for split, count in rows}

    def summaries(
        self, *, project_id: int, user_id: int, status: NoteStatus | None = None, search: str = "", limit: int = 200
    ) -> list[NoteSummary]:
        """The first `limit` notes in order of import, as `user_id` sees them. `search` looks in titles."""
        state = func.coalesce(t.Annotation.state, NoteStatus.NEW.value)
        query = (
            select(
                t.Note.id,
                t.Note.title,
                t.Note.note_type,
                func.length(t.Note.text),
                state,
                _predicted(),
                t.Note.created_at,
            )
            .outerjoin(t.Annotation, and_(t.Annotation.note_id == t.Note.id, t.Annotation.user_id == user_id))
            .where(t.Note.project_id == project_id)
            .order_by(t.Note.id)
            .limit(limit)
        )
        if status:
            query = query.where(state == status.value)
        if search:
            query = query.where(t.Note.title.icontains(search, autoescape=True))
        return [
            NoteSummary(i, title, kind, length, NoteStatus(s), bool(p), at)
            for i, title, kind, length, s, p, at in self._session.execute(query)
        ]

    def next_unsubmitted(self, *, project_id: int, after: int = 0) -> int | None:
        """The next note in order of import that nobody has submitted, wrapping around; `after` itself comes last."""
        done = exists().where(t.Annotation.note_id == t.Note.id, t.Annotation.state == "submitted")
        wrapped = case((t.Note.id > after, 0), else_=1)
        return self._session.scalar(
            select(t.Note.id).where(t.Note.project_id == project_id, ~done).order_by(wrapped, t.Note.id).limit(1)
        )


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
