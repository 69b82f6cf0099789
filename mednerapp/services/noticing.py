"""Telling the people who started jobs that these have ended: kind, state and project; never what a job said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import FINISHED, JobKind, JobState
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.services.jobs import project_name
from mednerapp.store import Store

NEWS_FOR = timedelta(days=1)  # what could not be told within a day is no news any more
KINDS = {
    JobKind.PREDICT: "Highlighting notes",
    JobKind.FINE_TUNE: "Training",
    JobKind.EVALUATE: "Scoring",
    JobKind.PULL: "Downloading an encoder",
    JobKind.ADD_ENCODER: "Adding an encoder",
    JobKind.VERIFY: "Checking an encoder",
}
STATES = {
    JobState.SUCCEEDED: "has finished",
    JobState.FAILED: "has failed",
    JobState.INTERRUPTED: "was interrupted",
    JobState.CANCELLED: "was cancelled",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """project: "" where the job is in none."""

    job_id: int
    address: str
    kind: JobKind
    state: JobState
    project: str

    @property
    def subject(self) -> str:
        """One line, whatever the project is called."""
        where = f" ({' '.join(self.project.split())})" if self.project else ""
        return f"{KINDS[self.kind]} {STATES[self.state]}{where}"


def open_jobs(store: Store, *, user: User) -> frozenset[int]:
    """Ids of the jobs that they started and that have not ended."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return tx.jobs.open_of(user.id)


def news(store: Store, *, user: User, jobs: Collection[int]) -> list[Notice]:
    """Those of the jobs, started by them, that have ended; of one that was erased with its project there is none."""
    user.require(Permission.ANNOTATE)
    found: list[Notice] = []
    with store.read() as tx:
        for job_id in sorted(jobs):
            try:
                job = tx.jobs.get(job_id)
                if job.state in FINISHED and job.created_by == user.id:
                    found.append(Notice(job.id, user.email, job.kind, job.state, project_name(tx, job)))
            except NotFound:
                continue
    return found


def wants_mail(store: Store, *, user: User) -> bool:
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return tx.notices.wants_mail(user.id)


def set_mail(store: Store, *, user: User, wanted: bool) -> None:
    """A mail for each job of theirs that ends from now on, or none."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        tx.notices.set_mail(user.id, wanted=wanted)
        tx.audit.add(user=user, action="job mails changed", target=f"user:{user.id}", wanted=int(wanted))


def take(store: Store) -> Notice | None:
    """The next notice that is to be sent, by the caller alone; None when there is none, or another was faster."""
    since = now() - NEWS_FOR
    with store.read() as tx:
        if not tx.notices.due(ended_after=since):
            return None
    try:
        with store.write() as tx:
            due = tx.notices.due(ended_after=since)  # once more: another may just have taken it
            if not due:
                return None
            tx.notices.claim(due[0])
            job = tx.jobs.get(due[0])
            if job.state not in FINISHED or job.created_by is None:  # started again meanwhile
                tx.notices.release(job.id)
                return None
            address = tx.users.get(job.created_by).email
            return Notice(job.id, address, job.kind, job.state, project_name(tx, job))
    except (InvalidValue, NotFound):
        return None


def give_back(store: Store, notice: Notice) -> None:
    """It could not be sent; it is due again."""
    with store.write() as tx:
        tx.notices.release(notice.job_id)
