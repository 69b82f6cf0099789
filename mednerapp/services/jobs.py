"""The queue as people see and steer it: what runs, what waits, what ended, and who does the work."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.jobs import FINISHED, PRIORITY, Job, JobKind, JobState, LogLine
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.services.fine_tuning import checkpoint_folder
from mednerapp.store import Store, Transaction

HEARD_OF_WITHIN = timedelta(seconds=15)
MOST_LINES = 200


class Turn(StrEnum):
    """When a waiting job is to have its turn."""

    FIRST = "first"
    NORMAL = "normal"
    LAST = "last"


FIRST, LAST = 5, 90  # priorities before and after those of every kind


def turn_of(job: Job) -> Turn:
    return {FIRST: Turn.FIRST, LAST: Turn.LAST}.get(job.priority, Turn.NORMAL)


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with what its ids stand for. project_id: where what it changed can be seen; None: in no project.

    checkpoint: a training that ended without a result can go on from there. epochs: done and in all, of a training.
    """

    job: Job
    about: str
    project_id: int | None
    epochs: tuple[int, int] | None = None
    checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class WorkerView:
    """job: what it does now; None: it waits for work. heard_of: when it last said that it is alive."""

    name: str
    device: str
    heard_of: datetime
    job: Job | None


@dataclass(frozen=True, slots=True)
class Overview:
    """running, waiting: in the order in which they are done, of those that wait the first. ended: the newest first.

    waiting_in_all: how many wait.
    """

    running: list[JobView]
    waiting: list[JobView]
    waiting_in_all: int
    ended: list[JobView]
    workers: list[WorkerView]


def look(store: Store, *, user: User, model_dir: Path, waiting: int = 50, ended: int = 20) -> Overview:
    """What runs, the next so many that wait, and the newest so many that ended."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        open_jobs = tx.jobs.open()
        running = [job for job in open_jobs if job.state is JobState.RUNNING]
        queued = [job for job in open_jobs if job.state is JobState.QUEUED]
        of_worker = {job.worker: job for job in running}
        workers = [
            WorkerView(name, device, at, of_worker.get(name))
            for name, device, at in tx.workers.heard_of(within=HEARD_OF_WITHIN)
        ]
        return Overview(
            running=[_view(tx, job, model_dir) for job in running],
            waiting=[_view(tx, job, model_dir) for job in queued[:waiting]],
            waiting_in_all=len(queued),
            ended=[_view(tx, job, model_dir) for job in tx.jobs.ended(ended)],
            workers=workers,
        )


def state(store: Store, *, user: User) -> tuple[int, int, int]:
    """(running, waiting, newest id): cheap, and another one when the page has to be drawn anew."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return tx.jobs.counts()


def log(store: Store, *, user: User, job_id: int) -> list[LogLine]:
    """What the job said of itself, the newest lines, oldest first. No note text is in it."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return tx.job_records.lines(job_id, limit=MOST_LINES)


def cancel(store: Store, *, user: User, job_id: int) -> None:
    """A waiting job ends at once, a running one within seconds; one that has ended stays as it is."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        if tx.jobs.get(job_id).state in FINISHED:
            return
        tx.jobs.request_cancel(job_id)
        tx.audit.add(user=user, action="job cancelled", target=f"job:{job_id}")


def retry(store: Store, *, user: User, job_id: int, model_dir: Path, afresh: bool = False) -> None:
    """Queue again what ended without a result. What it had stored stays, and it goes on from there.

    afresh: a training begins at the beginning instead of at its checkpoint.

    Raises:
        InvalidValue: if it has a result or has not ended, or if its run goes on as another job.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        job = tx.jobs.lock(job_id)
        run = tx.runs.of_job(job_id)
        if job.kind is JobKind.FINE_TUNE and run is None:
            raise InvalidValue(f"The run of job {job_id} was started again as another job; see there.")
        if not tx.jobs.reopen(job_id):
            raise InvalidValue(
                f"Job {job_id} is {job.state.value}; only one that ended without a result can be retried."
            )
        tx.audit.add(user=user, action="job retried", target=f"job:{job_id}", afresh=int(afresh))
        if afresh and run:  # before the commit: whoever takes the job finds nothing to go on from
            shutil.rmtree(checkpoint_folder(model_dir, run.id), ignore_errors=True)


def prioritise(store: Store, *, user: User, job_id: int, turn: Turn) -> None:
    """Give a waiting job its turn before all others, after them, or as its kind has it.

    First also means: a running training is saved and lets it go before.

    Raises:
        InvalidValue: if the job does not wait.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        job = tx.jobs.get(job_id)
        priority = {Turn.FIRST: FIRST, Turn.LAST: LAST}.get(turn, PRIORITY[job.kind])
        if not tx.jobs.set_priority(job_id, priority):
            raise InvalidValue(f"Job {job_id} is {job.state.value}; only one that waits can be moved.")
        tx.audit.add(user=user, action="job moved", target=f"job:{job_id}", turn=turn.value)


def _view(tx: Transaction, job: Job, model_dir: Path) -> JobView:
    try:
        return _named(tx, job, model_dir)
    except (NotFound, KeyError):  # what it was about is not there any more
        return JobView(job, "", None)


def project_name(tx: Transaction, job: Job) -> str:
    """Of the project in which what the job changed can be seen; "" where there is none."""
    project_id = _view(tx, job, Path()).project_id
    return "" if project_id is None else tx.projects.get(project_id).name


def _named(tx: Transaction, job: Job, model_dir: Path) -> JobView:
    """What the ids of a job stand for, in names."""
    if job.kind is JobKind.FINE_TUNE:
        run = tx.runs.of_job(job.id)
        if run is None:
            return JobView(job, "a run that was started again", None)
        kept = job.state in FINISHED and any(checkpoint_folder(model_dir, run.id).glob("**/step-*"))
        return JobView(job, run.name, run.project_id, (len(tx.runs.epochs(run.id)), run.hyper.epochs), kept)
    if job.kind is JobKind.PREDICT:
        project = tx.projects.get(int(job.args["project_id"]))
        part = f", part {int(job.args['part']) + 1} of {job.args['parts']}" if "parts" in job.args else ""
        return JobView(job, project.name + part, project.id)
    if job.kind is JobKind.EVALUATE:
        dataset = tx.datasets.get(int(job.args["dataset_id"]))
        adapter = tx.models.adapter(int(job.args["adapter_id"]))
        return JobView(job, f"{adapter.name} on {dataset.name}", dataset.project_id)
    if job.kind is JobKind.VERIFY:
        return JobView(job, tx.models.encoder(int(job.args["encoder_id"])).name, None)
    return JobView(job, str(job.args.get("hub_id") or job.args.get("name") or ""), None)
