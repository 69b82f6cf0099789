"""The workers that take from the queue; one is alive while its heartbeat is fresh, by the clock of the database.

Machines whose clocks differ would take each other for dead; they share one PostgreSQL, so its clock is the one that
counts. A SQLite file has no server, and everybody who opens it is on one machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now


class Workers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def _now(self) -> datetime:
        if self._session.get_bind().dialect.name != "postgresql":
            return now()
        found: datetime = self._session.scalars(select(func.clock_timestamp())).one()
        return found

    def register(self, worker: str, *, device: str) -> datetime:
        """Put a worker on the list, in place of an earlier one of that name; what `beat` and `remove` tell them by."""
        at = self._now()
        self._session.merge(t.Worker(id=worker, device=device, started_at=at, heartbeat_at=at))
        self._session.flush()
        return at

    def beat(self, worker: str, *, started_at: datetime) -> bool:
        """False when the worker was taken off the list (silent too long) or has a successor: it must stop."""
        result = self._session.execute(
            update(t.Worker)
            .where(t.Worker.id == worker, t.Worker.started_at == started_at)
            .values(heartbeat_at=self._now())
            .returning(t.Worker.id)
        )
        return result.first() is not None

    def remove(self, worker: str, *, started_at: datetime | None = None) -> None:
        """Take a worker off the list; with `started_at`, only if it is that one and not its successor."""
        query = delete(t.Worker).where(t.Worker.id == worker)
        self._session.execute(query if started_at is None else query.where(t.Worker.started_at == started_at))

    def remove_silent(self, *, longer_than: timedelta, except_for: str) -> list[str]:
        """Take the workers off the list that have not been heard of; their ids.

        A worker never removes itself: one that slept with its computer goes on, unless another took its jobs.
        """
        rows = self._session.scalars(
            delete(t.Worker)
            .where(t.Worker.heartbeat_at < self._now() - longer_than, t.Worker.id != except_for)
            .returning(t.Worker.id)
        )
        return list(rows)

    def alive(self, *, within: timedelta) -> list[tuple[str, str]]:
        """(id, device) of the workers heard of within the time."""
        rows = self._session.execute(
            select(t.Worker.id, t.Worker.device)
            .where(t.Worker.heartbeat_at > self._now() - within)
            .order_by(t.Worker.id)
        )
        return [(worker, device) for worker, device in rows]

    def heard_of(self, *, within: timedelta) -> list[tuple[str, str, datetime]]:
        """(id, device, when last) of the workers heard of within the time."""
        rows = self._session.execute(
            select(t.Worker.id, t.Worker.device, t.Worker.heartbeat_at)
            .where(t.Worker.heartbeat_at > self._now() - within)
            .order_by(t.Worker.id)
        )
        return [(worker, device, at) for worker, device, at in rows]
