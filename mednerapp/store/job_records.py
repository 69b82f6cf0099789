"""What remains of the attempts at a job: who had it when on which device slot, and what it said."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import SLOT_SEPARATOR, Attempt, LogLine, Outcome

LONGEST_LINE = 500  # characters


def slot_is_taken(session: Session, slot: str) -> bool:
    """Whether an attempt that goes on has `slot`, or any of several."""
    wanted = set(slot.split(SLOT_SEPARATOR))
    taken = session.scalars(select(t.JobAttempt.slot).where(t.JobAttempt.ended_at.is_(None)))
    return any(not wanted.isdisjoint(other.split(SLOT_SEPARATOR)) for other in taken)


def begin_attempt(session: Session, job_id: int, *, attempt: int, worker: str, slot: str, at: datetime) -> None:
    row = t.JobAttempt(job_id=job_id, attempt=attempt, worker=worker, slot=slot, started_at=at, ended_at=None)
    session.add(row)
    session.flush()


def end_attempt(session: Session, job_id: int, *, attempt: int, outcome: Outcome, at: datetime | None = None) -> None:
    """The slot is free from now on. An attempt that has ended stays as it is."""
    session.execute(
        update(t.JobAttempt)
        .where(t.JobAttempt.job_id == job_id, t.JobAttempt.attempt == attempt, t.JobAttempt.ended_at.is_(None))
        .values(ended_at=at or now(), outcome=outcome.value)
    )


class JobRecords:
    def __init__(self, session: Session) -> None:
        self._session = session

    def log(self, job_id: int, *, attempt: int, text: str) -> None:
        """`text`: of numbers, ids and names of ours; no note text, no text of an error from elsewhere."""
        self._session.add(t.JobLog(job_id=job_id, attempt=attempt, at=now(), text=text[:LONGEST_LINE]))
        self._session.flush()

    def said(self, job_id: int, text: str) -> bool:
        """Whether an attempt at the job has logged just that."""
        query = select(t.JobLog.id).where(t.JobLog.job_id == job_id, t.JobLog.text == text)
        return self._session.execute(query.limit(1)).first() is not None

    def lines(self, job_id: int, *, limit: int) -> list[LogLine]:
        """The newest, oldest of them first."""
        rows = self._session.scalars(
            select(t.JobLog).where(t.JobLog.job_id == job_id).order_by(t.JobLog.id.desc()).limit(limit)
        )
        return [LogLine(row.attempt, row.at, row.text) for row in rows][::-1]

    def attempts(self, job_ids: Collection[int] | None = None) -> list[Attempt]:
        """In the order in which they began; of every job with None."""
        query = select(t.JobAttempt).order_by(t.JobAttempt.id)
        if job_ids is not None:
            query = query.where(t.JobAttempt.job_id.in_(job_ids))
        return [
            Attempt(
                job_id=row.job_id,
                attempt=row.attempt,
                worker=row.worker,
                slot=row.slot,
                started_at=row.started_at,
                ended_at=row.ended_at,
                outcome=Outcome(row.outcome) if row.outcome else None,
            )
            for row in self._session.scalars(query)
        ]
