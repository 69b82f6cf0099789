"""The queue as rows, written in the transaction that makes a job necessary.

`attempt` is the fence: it grows with every claim, and a write that names an older attempt changes nothing. So a worker
that was thought dead and wakes up cannot end, move or put back a job that somebody else does by now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import FINISHED, PRIORITY, URGENT, Job, JobKind, JobState, Outcome
from mednerapp.errors import NotFound
from mednerapp.store.job_records import begin_attempt, end_attempt, slot_is_taken

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
        rate=row.rate,
        memory=row.memory,
        device=row.device,
        deaths=row.deaths,
        not_before=row.not_before,
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
            not_before=None,
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

    def ended(self, limit: int) -> list[Job]:
        """The newest first, by when they ended."""
        rows = self._session.scalars(
            select(t.Job)
            .where(t.Job.state.not_in(OPEN))
            .order_by(t.Job.finished_at.desc(), t.Job.id.desc())
            .limit(limit)
        )
        return [_job(row) for row in rows]

    def counts(self) -> tuple[int, int, int]:
        """(running, queued, newest id)."""
        running, queued = (
            self._session.scalar(select(func.count()).select_from(t.Job).where(t.Job.state == state.value)) or 0
            for state in (JobState.RUNNING, JobState.QUEUED)
        )
        return running, queued, self._session.scalar(select(func.max(t.Job.id))) or 0

    def open(self, kinds: Collection[JobKind] = tuple(JobKind)) -> list[Job]:
        """Queued and running jobs in the order in which they are to be done."""
        rows = self._session.scalars(
            select(t.Job)
            .where(t.Job.state.in_(OPEN), t.Job.kind.in_([kind.value for kind in kinds]))
            .order_by(t.Job.priority, t.Job.id)
        )
        return [_job(row) for row in rows]

    def open_of(self, user_id: int) -> frozenset[int]:
        """Ids of the queued and running jobs that this person started."""
        return frozenset(
            self._session.scalars(select(t.Job.id).where(t.Job.state.in_(OPEN), t.Job.created_by == user_id))
        )

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
        """The jobs to be done next, first things first; without those that are to wait a while."""
        rows = self._session.scalars(
            select(t.Job)
            .where(t.Job.state == JobState.QUEUED.value, or_(t.Job.not_before.is_(None), t.Job.not_before <= now()))
            .order_by(t.Job.priority, t.Job.id)
            .limit(limit)
        )
        return [_job(row) for row in rows]

    def claim(
        self, job_id: int, *, worker: str, attempt: int, slot: str = "", device: str = "", priority: int | None = None
    ) -> Job | None:
        """Make a queued job `worker`'s `attempt`, on a device slot where no other is.

        slot: "" is a slot of the job's own. priority: that with which the job was offered; None: whatever it is.

        None: cancelled, somebody else has it, that attempt is over, it goes at another priority now, or the slot is
        taken. Raises InvalidValue (from the store) if the slot was taken at the same moment.
        """
        if slot and slot_is_taken(self._session, slot):
            return None
        at = now()
        still = () if priority is None else (t.Job.priority == priority,)
        claimed = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.QUEUED.value, t.Job.attempt == attempt - 1, *still)
            .values(
                state=JobState.RUNNING.value,
                worker=worker,
                attempt=attempt,
                device=device,
                started_at=at,
                heartbeat_at=at,
                finished_at=None,
                not_before=None,
                done=0,
                total=0,
                rate=0.0,
                memory=0,
                message="",
            )
            .returning(t.Job.id)
        ).first()
        if not claimed:
            return None
        begin_attempt(
            self._session, job_id, attempt=attempt, worker=worker, slot=slot or f"{worker}/job-{job_id}", at=at
        )
        return self.get(job_id)

    def progress(
        self,
        job_id: int,
        *,
        worker: str,
        attempt: int,
        done: int,
        total: int,
        unit: str,
        message: str = "",
        rate: float = 0.0,
        memory: int = 0,
        device: str = "",
        kept: bool = False,
    ) -> bool:
        """Record progress. False when the job is not `worker`'s (any more) or is to be cancelled: stop then.

        kept: something of it is stored for good, so that deaths of workers before count no more.
        """
        values: dict[str, object] = {"done": done, "total": total, "unit": unit, "message": message}
        values |= {"rate": rate, "memory": memory} | ({"device": device} if device else {})
        values |= {"deaths": 0} if kept else {}
        result = self._session.execute(
            update(t.Job)
            .where(*_held(job_id, worker, attempt))
            .values(heartbeat_at=now(), **values)
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

    def requeue(
        self, job_id: int, *, attempt: int, outcome: Outcome, deaths: int = 0, not_before: datetime | None = None
    ) -> bool:
        """Back into the queue what was running, and its run with it; True when it was."""
        values = {"worker": "", "heartbeat_at": None, "rate": 0.0, "deaths": deaths, "not_before": not_before}
        result = self._session.execute(
            update(t.Job)
            .where(*_running(job_id, attempt))
            .values(state=JobState.QUEUED.value, **values)
            .returning(t.Job.id)
        )
        if result.first() is None:
            return False
        end_attempt(self._session, job_id, attempt=attempt, outcome=outcome)
        self._session.execute(update(t.Run).where(t.Run.job_id == job_id).values(state=JobState.QUEUED.value))
        return True

    def reopen(self, job_id: int) -> bool:
        """Queue again what ended without a result, as its next attempt, and its run with it; True when it had."""
        ended = [state.value for state in FINISHED - {JobState.SUCCEEDED}]
        values = {"cancel_requested": False, "deaths": 0, "not_before": None, "message": "", "worker": ""}
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state.in_(ended))
            .values(state=JobState.QUEUED.value, finished_at=None, done=0, total=0, rate=0.0, **values)
            .returning(t.Job.id)
        )
        if result.first() is None:
            return False
        self._session.execute(
            update(t.Run).where(t.Run.job_id == job_id).values(state=JobState.QUEUED.value, error="", finished_at=None)
        )
        return True

    def somebody_waits(self, job: Job) -> bool:
        """Whether an urgent job that goes before `job` is queued and every worker has something to do."""
        urgent = next((other for other in self.queued(1) if other.priority <= URGENT), None)
        if urgent is None or urgent.priority >= job.priority:
            return False
        busy = select(t.Job.worker).where(t.Job.state == JobState.RUNNING.value)
        return self._session.scalar(select(t.Worker.id).where(t.Worker.id.not_in(busy)).limit(1)) is None

    def set_priority(self, job_id: int, priority: int) -> bool:
        """True when the job waited, so that it matters."""
        result = self._session.execute(
            update(t.Job)
            .where(t.Job.id == job_id, t.Job.state == JobState.QUEUED.value)
            .values(priority=priority)
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
        ended = self._session.execute(
            update(t.Job)
            .where(*which)
            .values(state=state.value, message=message, finished_at=at, rate=0.0)
            .returning(t.Job.id, t.Job.attempt)
        ).first()
        if ended is None:
            return False
        end_attempt(self._session, ended.id, attempt=ended.attempt, outcome=Outcome(state.value), at=at)
        error = "" if state is JobState.SUCCEEDED else message
        self._session.execute(
            update(t.Run).where(t.Run.job_id == ended.id).values(state=state.value, error=error, finished_at=at)
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
