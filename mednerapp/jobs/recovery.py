"""What becomes of a job whose worker is gone: stopped on purpose, killed, or silent.

It goes back into the queue, whatever its kind, and the next worker goes on where this one was: predictions that are
stored stay, a training run goes on from its last checkpoint. An attempt that kept nothing is a strike against the job.
"""

from __future__ import annotations

from datetime import timedelta

from mednerapp.domain.clock import now
from mednerapp.domain.jobs import Job, JobState, Outcome
from mednerapp.store import Transaction

MOST_DEATHS = 8  # in a row, without anything being kept in between
PATIENT_DEATHS = 2  # after so many it is tried again at once; then it waits, and other jobs go first
LONGEST_WAIT = 60.0  # seconds


def put_back(tx: Transaction, job: Job, *, why: str = "The worker was stopped") -> None:
    """The worker stops on purpose, or lets another job go first: the job waits for the next."""
    _again(tx, job, why=why, outcome=Outcome.PUT_BACK)


def recover(tx: Transaction, job: Job, *, why: str = "The worker died") -> None:
    """As `put_back`, but a job that may be what kills workers is tried later and later, and not for ever."""
    _again(tx, job, why=why, outcome=Outcome.LOST)


def recover_orphans(tx: Transaction) -> None:
    """Deal with every running job whose worker is not on the list."""
    for job in tx.jobs.orphans():
        recover(tx, job)


def wait_after(deaths: int) -> timedelta:
    """How long a job waits after so many deaths in a row."""
    if deaths <= PATIENT_DEATHS:
        return timedelta()
    return timedelta(seconds=min(LONGEST_WAIT, 2.0 ** (deaths - PATIENT_DEATHS)))


def _again(tx: Transaction, job: Job, *, why: str, outcome: Outcome) -> None:
    current = tx.jobs.lock(job.id)  # if its worker was just writing a result, it is written by now
    if (current.state, current.attempt) != (JobState.RUNNING, job.attempt):
        return
    deaths = current.deaths + (outcome is Outcome.LOST)
    run = tx.runs.of_job(job.id)
    if run and run.adapter_id is not None:  # the result was stored; only the last word is missing
        tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.SUCCEEDED, message=current.message)
    elif current.cancel_requested:
        tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.CANCELLED, message="")
    elif deaths >= MOST_DEATHS:
        message = f"Given up after {deaths} attempts that kept nothing. {why} in the last one; see its log."
        tx.job_records.log(job.id, attempt=job.attempt, text=message)
        tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.FAILED, message=message)
    else:
        wait = wait_after(deaths)
        later = f" in {wait.total_seconds():.0f} s" if wait else ""
        tx.job_records.log(job.id, attempt=job.attempt, text=f"{why}: the job goes on with another attempt{later}.")
        not_before = now() + wait if wait else None
        tx.jobs.requeue(job.id, attempt=job.attempt, outcome=outcome, deaths=deaths, not_before=not_before)
