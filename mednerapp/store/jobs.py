"""The queue as rows, written in the transaction that makes a job necessary, and the workers that take from it.

`attempt` is the fence: it grows with every claim, and a write that names an older attempt changes nothing. So a worker
that was thought dead and wakes up cannot end, move or put back a job that somebody else does by now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
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


def _running(job_id: int, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return (t.Job.id == job_id, t.Job.state == JobState.RUNNING.value, t.Job.attempt == attempt)


def _held(job_id: int, worker: str, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return (*_running(job_id, attempt), t.Job.worker == worker)


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

    def evaluations(self, dataset_id: int, *, after: int) -> dict[int, Job]:
        """The newest evaluation of each adapter on the dataset, by adapter id, among the jobs after that id."""
        rows = self._session.scalars(
            select(t.Job).where(t.Job.kind == JobKind.EVALUATE.value, t.Job.id > after).order_by(t.Job.id)
        )
        return {row.args["adapter_id"]: _job(row) for row in rows if row.args.get("dataset_id") == dataset_id}

    def lock(self, job_id: int) -> Job:
        """The job as it is now; nobody claims, ends or puts it back until the transaction ends."""
        query = select(t.Job).where(t.Job.id == job_id).with_for_update(key_share=True)
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound(f"There is no job {job_id}.")
        return _job(row)

    def queued(self, limit: int) -> list[Job]:
        """The jobs to be done next, first things first."""
        rows = self._session.scalars(
            select(t.Job).where(t.Job.state == JobState.QUEUED.value).order_by(t.Job.priority, t.Job.id).limit(limit)
        )
        return [_job(row) for row in rows]

    def claim(self, job_id: int, *, worker: str, attempt: int) -> Job | None:
        """Make a queued job `worker`'s `attempt`. None: cancelled, somebody else has it, or that attempt is over."""
        at = now()
        claimed = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.QUEUED.value, t.Job.attempt == attempt - 1)
            .values(
                state=JobState.RUNNING.value,
                worker=worker,
                attempt=attempt,
                started_at=at,
                heartbeat_at=at,
                done=0,
                message="",
            )
            .returning(t.Job.id)
        ).first()
        return self.get(job_id) if claimed else None

    def progress(
        self, job_id: int, *, worker: str, attempt: int, done: int, total: int, unit: str, message: str = ""
    ) -> bool:
        """Record progress. False when the job is not `worker`'s (any more) or is to be cancelled: stop then."""
        result = self._session.execute(
            update(t.Job)
            .where(*_held(job_id, worker, attempt))
            .values(done=done, total=total, unit=unit, message=message, heartbeat_at=now())
            .returning(t.Job.cancel_requested)
        ).first()
        return result is not None and not result[0]

    def wanted(self, job_id: int, *, worker: str, attempt: int) -> bool:
        """Whether the job is still `worker`'s and nobody asked to cancel it."""
        query = select(t.Job.id).where(*_held(job_id, worker, attempt), t.Job.cancel_requested.is_(False))
        return self._session.execute(query).first() is not None

    def fence(self, job_id: int, *, worker: str, attempt: int) -> bool:
        """As `wanted`, and so it stays until the transaction ends: what it writes is the work of who holds the job."""
        job = self.lock(job_id)
        held = (job.state, job.worker, job.attempt) == (JobState.RUNNING, worker, attempt)
        return held and not job.cancel_requested

    def finish(self, job_id: int, *, worker: str, attempt: int, state: JobState, message: str = "") -> bool:
        """End a job that `worker` holds, and its run with it. False when it does not hold it: nothing was written."""
        return self._end(_held(job_id, worker, attempt), state, message)

    def abandon(self, job_id: int, *, attempt: int, state: JobState, message: str) -> bool:
        """End a running job whose worker is gone, and its run with it; True when it was running."""
        return self._end(_running(job_id, attempt), state, message)

    def requeue(self, job_id: int, *, attempt: int) -> bool:
        """Back into the queue what was running; True when it was."""
        result = self._session.execute(
            update(t.Job)
            .where(*_running(job_id, attempt))
            .values(state=JobState.QUEUED.value, worker="", heartbeat_at=None)
            .returning(t.Job.id)
        )
        return result.first() is not None

    def request_cancel(self, job_id: int) -> None:
        """A queued job ends at once, and its run with it; a running one ends when its worker notices."""
        self._session.execute(update(t.Job).where(t.Job.id == job_id).values(cancel_requested=True))
        queued = (t.Job.id == job_id, t.Job.state == JobState.QUEUED.value)
        self._end(queued, JobState.CANCELLED, "")

    def _end(self, which: Sequence[ColumnElement[bool]], state: JobState, message: str) -> bool:
        at = now()
        ended = self._session.scalar(
            update(t.Job).where(*which).values(state=state.value, message=message, finished_at=at).returning(t.Job.id)
        )
        if ended is None:
            return False
        error = "" if state is JobState.SUCCEEDED else message
        self._session.execute(
            update(t.Run).where(t.Run.job_id == ended).values(state=state.value, error=error, finished_at=at)
        )
        return True

    def orphans(self) -> list[Job]:
        """Running jobs whose worker is not registered (any more)."""
        rows = self._session.scalars(
            select(t.Job)
            .where(t.Job.state == JobState.RUNNING.value, t.Job.worker.not_in(select(t.Worker.id)))
            .order_by(t.Job.id)  # two workers that look at the same time lock them in the same order
        )
        return [_job(row) for row in rows]


class Workers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, worker: str, *, device: str) -> datetime:
        """Put a worker on the list, in place of an earlier one of that name; what `beat` and `remove` tell them by."""
        at = now()
        self._session.merge(t.Worker(id=worker, device=device, started_at=at, heartbeat_at=at))
        self._session.flush()
        return at

    def beat(self, worker: str, *, started_at: datetime) -> bool:
        """False when the worker was taken off the list (silent too long) or has a successor: it must stop."""
        result = self._session.execute(
            update(t.Worker)
            .where(t.Worker.id == worker, t.Worker.started_at == started_at)
            .values(heartbeat_at=now())
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
            .where(t.Worker.heartbeat_at < now() - longer_than, t.Worker.id != except_for)
            .returning(t.Worker.id)
        )
        return list(rows)

    def alive(self, *, within: timedelta) -> list[tuple[str, str]]:
        """(id, device) of the workers heard of within the time."""
        rows = self._session.execute(
            select(t.Worker.id, t.Worker.device).where(t.Worker.heartbeat_at > now() - within).order_by(t.Worker.id)
        )
        return [(worker, device) for worker, device in rows]
