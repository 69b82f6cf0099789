"""What a job sees of the world: its arguments, the store, a way to say how far it is, and whether to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from mednerapp.domain.jobs import Job
from mednerapp.settings import Settings
from mednerapp.store import Store, Transaction

WRITE_EVERY = 0.25  # seconds between two progress writes
LOOK_EVERY = 0.5  # seconds between two looks at whether the job is still wanted


class JobCancelled(Exception):  # noqa: N818 -- not an error: what a job raises to end early
    """The job is to stop: somebody cancelled it, the worker is being stopped, or another worker has the job now."""


class JobContext:
    """Handed to a job's handler; used from the thread that runs the handler only.

    stopping: set when the worker is being stopped; the job is then put back or reported as interrupted.
    """

    def __init__(
        self, job: Job, store: Store, settings: Settings, worker_id: str, device: str, stopping: Event | None = None
    ) -> None:
        self.job = job
        self.store = store
        self.settings = settings
        self.worker_id = worker_id
        self.device = device
        self._stopping = stopping or Event()
        self._wanted = True
        self._unwritten: Callable[[], bool] | None = None
        self._written_at = self._looked_at = -WRITE_EVERY

    def progress(self, done: int, total: int, unit: str, message: str = "") -> None:
        """Say how far the job is, in `unit`s ("notes", "epochs"). Cheap: most calls write nothing.

        Raises:
            JobCancelled: when the job is to stop.
        """

        def write() -> bool:
            with self.store.write() as tx:
                return tx.jobs.progress(
                    self.job.id,
                    worker=self.worker_id,
                    attempt=self.job.attempt,
                    done=done,
                    total=total,
                    unit=unit,
                    message=message,
                )

        self._unwritten = write
        if time.monotonic() - self._written_at >= WRITE_EVERY or done == total:
            self.flush()
        if self._stopping.is_set() or not self._wanted:
            raise JobCancelled

    def flush(self) -> None:
        """Write the last progress if it was held back."""
        if self._unwritten:
            self._wanted = self._unwritten()
            self._unwritten = None
            self._written_at = self._looked_at = time.monotonic()

    def fence(self, tx: Transaction) -> None:
        """Call it first in a transaction: what follows in it is written only while the job is this worker's.

        Raises:
            JobCancelled: when it is not (any more), or somebody cancelled it.
        """
        if not tx.jobs.fence(self.job.id, worker=self.worker_id, attempt=self.job.attempt):
            raise JobCancelled

    def cancelled(self) -> bool:
        """Whether the job is to stop; for loops too tight for `progress`. Raise JobCancelled then."""
        if self._wanted and time.monotonic() - self._looked_at >= LOOK_EVERY:
            with self.store.read() as tx:
                self._wanted = tx.jobs.wanted(self.job.id, worker=self.worker_id, attempt=self.job.attempt)
            self._looked_at = time.monotonic()
        return self._stopping.is_set() or not self._wanted


Handler = Callable[[JobContext], str]
"""Does a job; returns the message that is shown when it succeeded. Steps may be repeated: write them idempotent."""
