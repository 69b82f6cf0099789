"""The queue as rows, written in the transaction that makes a job necessary, and the workers that take from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import FINISHED, PRIORITY, Job, JobKind, JobState
from mednerapp.errors import NotFound

OPEN = tuple(state.value for state in JobState if state not in FINISHED)


def _job(row: t.Job) -> Job:
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        args=row.args,
        state=JobState(row.state),
        priority=row.priority,
        done=row.done,
        total=row.total,
        unit=row.unit,
        message=row.message,
        worker=row.worker,
        attempt=row.attempt,
        cancel_requested=row.cancel_requested,
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        heartbeat_at=row.heartbeat_at,
    )


class Jobs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, kind: JobKind, args: Mapping[str, int | str], user_id: int | None) -> Job:
        row = t.Job(
            kind=kind.value,
            args=dict(args),
            state=JobState.QUEUED.value,
            priority=PRIORITY[kind],
            created_by=user_id,
            created_at=now(),
            started_at=None,
            finished_at=None,
            heartbeat_at=None,
        )
        self._session.add(row)
        self._session.flush()
        return _job(row)

    def get(self, job_id: int) -> Job:
        row = self._session.get(t.Job, job_id)
        if row is None:
            raise NotFound(f"There is no job {job_id}.")
        return _job(row)

    def recent(self, limit: int = 50) -> list[Job]:
        """Newest first."""
        return [_job(row) for row in self._session.scalars(select(t.Job).order_by(t.Job.id.desc()).limit(limit))]

    def open(self, kinds: Collection[JobKind] = tuple(JobKind)) -> list[Job]:
        """Queued and running jobs in the order in which they are to be done."""
        rows = self._session.scalars(
            select(t.Job)
            .where(t.Job.state.in_(OPEN), t.Job.kind.in_([kind.value for kind in kinds]))
            .order_by(t.Job.priority, t.Job.id)
        )
        return [_job(row) for row in rows]

    def claim(self, job_id: int, *, worker: str) -> bool:
        """Make a queued job `worker`'s. False when it is no longer queued: somebody else has it, or it was cancelled."""
        at = now()
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.QUEUED.value, t.Job.cancel_requested.is_(False))
            .values(
                state=JobState.RUNNING.value,
                worker=worker,
                attempt=t.Job.attempt + 1,
                started_at=at,
                heartbeat_at=at,
                done=0,
                message="",
            )
            .returning(t.Job.id)
        )
        return result.first() is not None

    def progress(
        self, job_id: int, *, worker: str, done: int, total: int, unit: str, message: str = ""
    ) -> bool:
        """Record progress. False when the job is not `worker`'s (any more) or is to be cancelled: stop then."""
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.RUNNING.value, t.Job.worker == worker)
            .values(done=done, total=total, unit=unit, message=message, heartbeat_at=now())
            .returning(t.Job.cancel_requested)
        ).first()
        return result is not None and not result[0]

    def finish(self, job_id: int, *, worker: str, state: JobState, message: str = "") -> bool:
        """End a job that `worker` holds. False when it does not hold it: then nothing was written."""
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.RUNNING.value, t.Job.worker == worker)
            .values(state=state.value, message=message, finished_at=now())
            .returning(t.Job.id)
        )
        return result.first() is not None

    def request_cancel(self, job_id: int) -> None:
        """A queued job ends at once, a running one when its worker notices."""
        self._session.execute(update(t.Job).where(t.Job.id == job_id).values(cancel_requested=True))
        self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.QUEUED.value)
            .values(state=JobState.CANCELLED.value, finished_at=now())
        )

    def requeue(self, job_id: int) -> bool:
        """Back into the queue what was running; True when it was."""
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.RUNNING.value)
            .values(state=JobState.QUEUED.value, worker="", heartbeat_at=None)
            .returning(t.Job.id)
        )
        return result.first() is not None

    def interrupt(self, job_id: int, *, message: str) -> bool:
        """End a running job whose worker is gone, whoever held it; True when it was running."""
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.RUNNING.value)
            .values(state=JobState.INTERRUPTED.value, message=message, finished_at=now())
            .returning(t.Job.id)
        )
        return result.first() is not None

    def orphans(self) -> list[Job]:
        """Running jobs whose worker is not registered (any more)."""
        rows = self._session.scalars(
            select(t.Job).where(
                t.Job.state == JobState.RUNNING.value, t.Job.worker.not_in(select(t.Worker.id))
            )
        )
        return [_job(row) for row in rows]


class Workers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, worker: str, *, device: str) -> None:
        at = now()
        self._session.merge(t.Worker(id=worker, device=device, started_at=at, heartbeat_at=at))
        self._session.flush()

    def beat(self, worker: str) -> bool:
        """False when the worker was taken off the list because it was silent too long: it must stop."""
        result = self._session.execute(
            update(t.Worker).where(t.Worker.id == worker).values(heartbeat_at=now()).returning(t.Worker.id)
        )
        return result.first() is not None

    def remove(self, worker: str) -> None:
        self._session.execute(delete(t.Worker).where(t.Worker.id == worker))

    def remove_silent(self, *, longer_than: timedelta) -> list[str]:
        """Take the workers off the list that have not been heard of; their ids."""
        rows = self._session.scalars(
            delete(t.Worker).where(t.Worker.heartbeat_at < now() - longer_than).returning(t.Worker.id)
        )
        return list(rows)

    def alive(self, *, within: timedelta) -> list[tuple[str, str]]:
        """(id, device) of the workers heard of within the time."""
        rows = self._session.execute(
            select(t.Worker.id, t.Worker.device).where(t.Worker.heartbeat_at > now() - within).order_by(t.Worker.id)
        )
        return [(worker, device) for worker, device in rows]
