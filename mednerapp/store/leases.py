"""Leases: which note is in whose hands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.queue import Holder


class Leases:
    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, *, note_id: int, user_id: int, until: datetime) -> bool:
        """Give the note to the person, or leave it there for longer; False when it is in somebody else's hands.

        One statement decides, so of several who try at the same moment one gets it.
        """
        made = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        new = made.insert(t.NoteLease).values(note_id=note_id, user_id=user_id, expires_at=until)
        free = or_(t.NoteLease.user_id == user_id, t.NoteLease.expires_at <= now())
        statement = new.on_conflict_do_update(
            index_elements=[t.NoteLease.note_id], set_={"user_id": user_id, "expires_at": until}, where=free
        ).returning(t.NoteLease.note_id)
        return self._session.execute(statement).first() is not None

    def release(self, *, user_id: int, but: int = 0) -> None:
        """Take every note out of the person's hands, the note `but` excepted."""
        self._session.execute(delete(t.NoteLease).where(t.NoteLease.user_id == user_id, t.NoteLease.note_id != but))

    def of(self, user_id: int) -> dict[int, datetime]:
        """Until when the person has which notes in hand, what is over included."""
        rows = self._session.scalars(select(t.NoteLease).where(t.NoteLease.user_id == user_id))
        return {row.note_id: row.expires_at for row in rows}

    def holders(self, note_ids: Collection[int]) -> dict[int, Holder]:
        """Who has these notes in hand now, by note."""
        rows = self._session.execute(
            select(t.NoteLease.note_id, t.NoteLease.user_id, t.User.name, t.NoteLease.expires_at)
            .join(t.User, t.User.id == t.NoteLease.user_id)
            .where(t.NoteLease.note_id.in_(note_ids), t.NoteLease.expires_at > now())
        )
        return {note_id: Holder(user_id, name, until) for note_id, user_id, name, until in rows}

    def in_project(self, project_id: int) -> list[Holder]:
        """Who has a note of the project in hand now, by name; each person once."""
        rows = self._session.execute(
            select(t.User.id, t.User.name, func.max(t.NoteLease.expires_at, type_=t.NoteLease.expires_at.type))
            .join(t.NoteLease, t.NoteLease.user_id == t.User.id)
            .join(t.Note, t.Note.id == t.NoteLease.note_id)
            .where(t.Note.project_id == project_id, t.NoteLease.expires_at > now())
            .group_by(t.User.id, t.User.name)
            .order_by(t.User.name, t.User.id)
        )
        return [Holder(user_id, name, until) for user_id, name, until in rows]
