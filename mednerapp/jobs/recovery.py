"""What becomes of a job whose worker is gone: stopped on purpose, killed, or silent."""

from __future__ import annotations

from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.store import Transaction

MAX_ATTEMPTS = 3
REPEATABLE = frozenset({JobKind.PREDICT, JobKind.EVALUATE, JobKind.PULL, JobKind.ADD_ENCODER, JobKind.VERIFY})


def put_back(tx: Transaction, job: Job) -> None:
    """The worker stops on purpose: the job waits for another if it can be repeated, else it is reported."""
    current = tx.jobs.lock(job.id)  # if its worker was just writing a result, it is written by now
    if (current.state, current.attempt) != (JobState.RUNNING, job.attempt):
        return
    if current.cancel_requested:
        tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.CANCELLED, message="")
    elif job.kind in REPEATABLE:
        tx.jobs.requeue(job.id, attempt=job.attempt)
    else:
        _interrupt(tx, job)


def recover(tx: Transaction, job: Job) -> None:
    """The worker died: as above, but a job that may be what kills workers is not tried for ever."""
    if job.kind in REPEATABLE and job.attempt >= MAX_ATTEMPTS and not job.cancel_requested:
        message = f"Given up after {job.attempt} attempts: the worker died during the last one; see its log."
        tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.FAILED, message=message)
    else:
        put_back(tx, job)


def recover_orphans(tx: Transaction) -> None:
    """Deal with every running job whose worker is not on the list."""
    for job in tx.jobs.orphans():
        recover(tx, job)


def _interrupt(tx: Transaction, job: Job) -> None:
    run = tx.runs.of_job(job.id)
    if run and run.adapter_id is not None:  # the result was stored; only the last word is missing
        tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.SUCCEEDED, message=job.message)
        return
    finished = len(tx.runs.epochs(run.id)) if run else 0
    when = "after the last epoch" if run and finished >= run.hyper.epochs else f"during epoch {finished + 1}"
    message = f"The worker stopped {when}. Start it again."
    tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.INTERRUPTED, message=message)
