"""The queue: which note comes next for whom, and how people get on with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.queue import NOT_LOOKED_AT, QueueOrder, shuffle_key

_SUBMITTED = "submitted"
_OPEN = "in_progress"
# Made once and without the mapping: to build the statement costs more than to run it.
_ONE, _OTHER = (t.Annotation.__table__.alias(name) for name in ("one", "other"))
_DOUBLE = t.DoubleNote.__table__.alias("double")
_ORDERS: dict[QueueOrder, tuple[Any, ...]] = {
    QueueOrder.IMPORT: (t.NoteQueue.note_id,),
    QueueOrder.UNCERTAIN: (t.NoteQueue.certainty, t.NoteQueue.note_id),
    QueueOrder.RANDOM: (t.NoteQueue.shuffle,),
}


class Queue:
    """A note is in `note_queue` until a person changes or submits something of it; the database takes it out then."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, note_id: int, project_id: int, content_hash: str) -> None:
        self._session.execute(
            insert(t.NoteQueue).values(
                note_id=note_id,
                project_id=project_id,
                shuffle=shuffle_key(project_id=project_id, content_hash=content_hash),
                certainty=NOT_LOOKED_AT,
            )
        )

    def add_all(self, *, project_id: int, notes: Iterable[tuple[int, str]]) -> None:
        """As `add` for each (id, content hash), in one statement."""
        rows = [
            {
                "note_id": note_id,
                "project_id": project_id,
                "shuffle": shuffle_key(project_id=project_id, content_hash=key),
                "certainty": NOT_LOOKED_AT,
            }
            for note_id, key in notes
        ]
        if rows:
            self._session.connection().execute(insert(t.NoteQueue), rows)

    def take_out(self, note_ids: Collection[int]) -> None:
        self._session.execute(delete(t.NoteQueue).where(t.NoteQueue.note_id.in_(note_ids)))

    def put_back(self, note_ids: Iterable[int]) -> None:
        """Those of the notes that nobody has begun."""
        begun = exists().where(
            t.Annotation.note_id == t.Note.id, or_(t.Annotation.state == _SUBMITTED, _changed_by_person())
        )
        there = exists().where(t.NoteQueue.note_id == t.Note.id)
        rows = self._session.execute(
            select(t.Note.id, t.Note.project_id, t.Note.content_hash).where(t.Note.id.in_(note_ids), ~begun, ~there)
        )
        for note_id, project_id, digest in rows.all():
            self.add(note_id=note_id, project_id=project_id, content_hash=digest)
            self.look_again(project_id, note_id=note_id)

    def look_again(self, project_id: int, *, note_id: int | None = None) -> None:
        """Bring the certainty of the project's notes (or of one) to what the adapter in force says of them."""
        active = (
            select(t.Promotion.adapter_id)
            .where(t.Promotion.project_id == project_id)
            .order_by(t.Promotion.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        certainty = (
            select(1 - t.Prediction.uncertainty)
            .where(t.Prediction.note_id == t.NoteQueue.note_id, t.Prediction.adapter_id == active)
            .scalar_subquery()
        )
        statement = update(t.NoteQueue).where(t.NoteQueue.project_id == project_id)
        if note_id is not None:
            statement = statement.where(t.NoteQueue.note_id == note_id)
        self._session.execute(statement.values(certainty=func.coalesce(certainty, NOT_LOOKED_AT)))

    def predicted(self, *, note_id: int, adapter_id: int, uncertainty: float) -> None:
        """Note what an adapter says of the note, if it is the one in force."""
        in_force = (
            select(t.Promotion.adapter_id)
            .where(t.Promotion.project_id == t.NoteQueue.project_id)
            .order_by(t.Promotion.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        self._session.execute(
            update(t.NoteQueue)
            .where(t.NoteQueue.note_id == note_id, in_force == adapter_id)
            .values(certainty=1 - uncertainty)
        )

    def is_waiting(self, note_id: int) -> bool:
        """Whether nobody has begun the note."""
        return self._session.scalar(select(t.NoteQueue.note_id).where(t.NoteQueue.note_id == note_id)) is not None

    def waiting(self, project_id: int) -> int:
        """How many notes nobody has begun."""
        return self._session.scalar(select(func.count()).where(t.NoteQueue.project_id == project_id)) or 0

    def under_way(self, project_id: int) -> int:
        """How many notes somebody has begun and nobody submitted."""
        anybody = t.Annotation.user_id.in_(select(t.User.id))  # so the index of people and states is used
        waiting = exists().where(t.NoteQueue.note_id == t.Annotation.note_id)
        query = select(func.count(t.Annotation.note_id.distinct())).where(
            anybody,
            t.Annotation.state == _OPEN,
            ~waiting,
            _is_in(project_id, t.Annotation.note_id),
            ~_submitted(t.Annotation.note_id),
        )
        return self._session.scalar(query) or 0

    def is_open(self, note_id: int, *, user_id: int) -> bool:
        """Whether the note is not in the bin and there is something for the person to do: it is not submitted by as
        many people as it is for, nor by them.
        """
        todo = and_(~_full(t.Note.id), ~_submitted(t.Note.id, user_id))
        query = select(t.Note.id).where(t.Note.id == note_id, t.Note.deleted_at.is_(None), todo)
        return self._session.scalar(query) is not None

    def in_hand(self, *, project_id: int, user_id: int, tried: Collection[int] = ()) -> int | None:
        """A note that the person has in hand and has not put off."""
        return self._session.scalar(
            select(t.NoteLease.note_id)
            .where(
                t.NoteLease.user_id == user_id,
                t.NoteLease.expires_at > now(),
                t.NoteLease.note_id.not_in(tried),
                _is_in(project_id, t.NoteLease.note_id),
                ~_full(t.NoteLease.note_id),
                ~_submitted(t.NoteLease.note_id, user_id),
                ~_put_off(t.NoteLease.note_id, user_id),
            )
            .order_by(t.NoteLease.expires_at.desc())
            .limit(1)
        )

    def begun(self, *, project_id: int, user_id: int, tried: Collection[int] = ()) -> int | None:
        """The note that the person changed last and has neither submitted nor put off."""
        mine = and_(t.Annotation.user_id == user_id, t.Annotation.skipped_at.is_(None), _changed_by_person())
        query = _to_hand_out(project_id, user_id, tried).where(mine)
        return self._session.scalar(query.order_by(t.Annotation.updated_at.desc()).limit(1))

    def second_next(self, *, project_id: int, user_id: int, tried: Collection[int] = ()) -> int | None:
        """A note that somebody else has submitted, that wants a second annotator, and that the person neither has put
        off nor submitted.
        """
        note = t.DoubleNote.note_id
        return self._session.scalar(
            select(note)
            .where(
                t.DoubleNote.project_id == project_id,
                note.not_in(tried),
                _submitted(note),
                ~_full(note),
                ~_submitted(note, user_id),
                ~_put_off(note, user_id),
                ~_held(note, user_id),
                _is_in(project_id, note),
            )
            .order_by(note)
            .limit(1)
        )

    def waiting_next(
        self, *, project_id: int, user_id: int, order: QueueOrder, tried: Collection[int] = ()
    ) -> int | None:
        """The first note that nobody has begun or holds and that the person has not put off."""
        return self._session.scalar(
            select(t.NoteQueue.note_id)
            .where(
                t.NoteQueue.project_id == project_id,
                t.NoteQueue.note_id.not_in(tried),
                ~_held(t.NoteQueue.note_id, user_id),
                ~exists().where(
                    t.Annotation.note_id == t.NoteQueue.note_id,
                    t.Annotation.user_id == user_id,
                    t.Annotation.skipped_at.is_not(None),
                ),
            )
            .order_by(*_ORDERS[order])
            .limit(1)
            .with_for_update(skip_locked=True)  # PostgreSQL: what somebody is being given just now
        )

    def left_behind(self, *, project_id: int, user_id: int, tried: Collection[int] = ()) -> int | None:
        """A note that somebody else began and let go of, and that nobody has submitted."""
        others = t.Annotation.user_id.in_(select(t.User.id).where(t.User.id != user_id))
        query = _to_hand_out(project_id, user_id, tried).where(
            others, ~_put_off(t.Annotation.note_id, user_id), ~_submitted(t.Annotation.note_id, user_id)
        )
        return self._session.scalar(query.order_by(t.Annotation.note_id).limit(1))

    def put_off(self, *, project_id: int, user_id: int, tried: Collection[int] = ()) -> int | None:
        """The note that the person put off first."""
        mine = and_(t.Annotation.user_id == user_id, t.Annotation.skipped_at.is_not(None))
        query = _to_hand_out(project_id, user_id, tried).where(mine)
        return self._session.scalar(query.order_by(t.Annotation.skipped_at).limit(1))

    def skip(self, *, note_id: int, user_id: int) -> None:
        """Put the person's open annotation of the note off."""
        self._mark(note_id=note_id, user_id=user_id, skipped_at=now())

    def take_up(self, *, note_id: int, user_id: int) -> None:
        """What was put off is so no longer."""
        self._mark(note_id=note_id, user_id=user_id, skipped_at=None)

    def is_put_off(self, *, note_id: int, user_id: int) -> bool:
        return bool(self._session.scalar(select(_put_off(t.Note.id, user_id)).where(t.Note.id == note_id)))

    def _mark(self, *, note_id: int, user_id: int, skipped_at: datetime | None) -> None:
        self._session.execute(
            update(t.Annotation)
            .where(
                t.Annotation.note_id == note_id,
                t.Annotation.user_id == user_id,
                t.Annotation.state == _OPEN,
            )
            .values(skipped_at=skipped_at)
        )


def _to_hand_out(project_id: int, user_id: int, tried: Collection[int]) -> Select[int]:
    """Notes with an open annotation that nobody else holds and that are not submitted by as many as they are for."""
    return select(t.Annotation.note_id).where(
        t.Annotation.state == _OPEN,
        t.Annotation.note_id.not_in(tried),
        _is_in(project_id, t.Annotation.note_id),
        ~_held(t.Annotation.note_id, user_id),
        ~_full(t.Annotation.note_id),
    )


def _held(note_id: Any, user_id: int) -> ColumnElement[bool]:
    """Whether somebody else has the note in hand."""
    return exists().where(
        t.NoteLease.note_id == note_id, t.NoteLease.user_id != user_id, t.NoteLease.expires_at > now()
    )


def _is_in(project_id: int, note_id: Any) -> ColumnElement[bool]:
    """Whether the note is in the project, and not in its bin. No join: SQLite would begin with the project's notes."""
    note = aliased(t.Note)
    return exists().where(note.id == note_id, note.project_id == project_id, note.deleted_at.is_(None))


def _submitted(note_id: Any, user_id: int | None = None) -> ColumnElement[bool]:
    """Whether somebody has submitted the note, or this person."""
    any_of_it = aliased(t.Annotation)
    found = exists().where(any_of_it.note_id == note_id, any_of_it.state == _SUBMITTED)
    return found if user_id is None else found.where(any_of_it.user_id == user_id)


def _full(note_id: Any) -> ColumnElement[bool]:
    """Whether as many people have submitted the note as it is for: two for a double one, else one."""
    two = exists().where(
        _ONE.c.note_id == note_id,
        _OTHER.c.note_id == note_id,
        _ONE.c.id < _OTHER.c.id,
        _ONE.c.state == _SUBMITTED,
        _OTHER.c.state == _SUBMITTED,
    )
    return and_(_submitted(note_id), or_(~exists().where(_DOUBLE.c.note_id == note_id), two))


def _put_off(note_id: Any, user_id: int) -> ColumnElement[bool]:
    own = aliased(t.Annotation)
    return exists().where(own.note_id == note_id, own.user_id == user_id, own.skipped_at.is_not(None))


def _changed_by_person() -> ColumnElement[bool]:
    return exists().where(t.AnnotationEvent.annotation_id == t.Annotation.id, t.AnnotationEvent.user_id.is_not(None))
