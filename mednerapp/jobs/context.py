"""What a job sees of the world: its arguments, the store, a way to say how far it is, and whether to stop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Event

from mednerapp.domain.jobs import Job
from mednerapp.ner.memory import in_use
from mednerapp.settings import Settings
from mednerapp.store import Store, Transaction

WRITE_EVERY = 0.25  # seconds between two progress writes
LOOK_EVERY = 0.5  # seconds between two looks at whether the job is still wanted
LEAST_TURN = 20.0  # seconds that a job has before it lets another go first
ASK_EVERY = 2.0
RATE_OVER = 60.0  # seconds that the rate is an average of


class JobCancelled(BaseException):
    """The job is to stop: somebody cancelled it, the worker is being stopped, or another worker has the job now.

    No Exception, so that code which goes on after the failure of a part (one note of many) does not go on after this.
    """


class JobPaused(JobCancelled):
    """The job lets another go first. What it has done is stored; it goes on from there."""


class JobContext:
    """Handed to a job's handler; used from the thread that runs the handler only.

    stopping: set when the worker is being stopped; the job is then put back, and another worker goes on with it.
    device: as the worker was told ("auto"); a handler puts in its place what it computes on.
    """

    def __init__(
        self,
        job: Job,
        store: Store,
        settings: Settings,
        worker_id: str,
        device: str,
        stopping: Event | None = None,
    ) -> None:
        self.job = job
        self.store = store
        self.settings = settings
        self.worker_id = worker_id
        self.device = device
        self._stopping = stopping or Event()
        self.overtaken = False
        self.memory = lambda: in_use(self.device)  # a handler whose work is done in other processes says theirs
        self._began = self._asked_at = time.monotonic()
        self._wanted = True
        self._kept = False
        self._unwritten: Callable[[], bool] | None = None
        self._written_at = self._looked_at = -WRITE_EVERY
        self._points: deque[tuple[float, int]] = deque()  # when how much was done
        self._unit = ""

    def progress(self, done: int, total: int, unit: str, message: str = "") -> None:
        """Say how far the job is, in `unit`s ("notes", "epochs"). Cheap: most calls write nothing.

        Raises:
            JobCancelled: when the job is to stop.
        """
        rate = self._rate(done, unit)

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
                    rate=rate,
                    memory=self.memory(),
                    device=self.device,
                    kept=self._kept,
                )

        self._unwritten = write
        if time.monotonic() - self._written_at >= WRITE_EVERY or done == total:
            self.flush()
        if self._stopping.is_set() or not self._wanted:
            raise JobCancelled

    def kept(self) -> None:
        """Something of the job is stored for good: who takes it up again goes on from there."""
        self._kept = True

    def log(self, text: str) -> None:
        """Add a line to what the job says of itself: numbers, ids and names of ours; no note text."""
        with self.store.write() as tx:
            tx.job_records.log(self.job.id, attempt=self.job.attempt, text=text)

    def flush(self) -> None:
        """Write the last progress if it was held back."""
        if self._unwritten:
            self._wanted = self._unwritten()
            self._unwritten = None
            self._written_at = self._looked_at = time.monotonic()

    def _rate(self, done: int, unit: str) -> float:
        """Units per second over the last minute; 0 while nothing can be said."""
        at = time.monotonic()
        if unit != self._unit or (self._points and done < self._points[-1][1]):
            self._points.clear()
            self._unit = unit
        if not self._points or done > self._points[-1][1]:
            self._points.append((at, done))
        while len(self._points) > 2 and at - self._points[0][0] > RATE_OVER:
            self._points.popleft()
        began, first = self._points[0]
        return (done - first) / (at - began) if at - began >= 1 else 0.0

    def check(self) -> None:
        """Raises JobCancelled when the job is to stop; for loops too tight for `progress`."""
        if self.cancelled():
            raise JobCancelled

    def should_pause(self) -> bool:
        """Whether to store what is done and end: the worker is being stopped, or somebody waits and no worker is idle.

        Asked by jobs that can go on later and take long. Each attempt has some time before it lets others go first.
        """
        if self._stopping.is_set():
            return True
        at = time.monotonic()
        if not self.overtaken and at - self._began >= LEAST_TURN and at - self._asked_at >= ASK_EVERY:
            self._asked_at = at
            with self.store.read() as tx:
                self.overtaken = tx.jobs.somebody_waits(self.job)
        return self.overtaken

    def fence(self, tx: Transaction) -> None:
        """Call it first in a transaction: what follows in it is written only while the job is this worker's.

        Raises:
            JobCancelled: when it is not (any more), or somebody cancelled it.
        """
        if not tx.jobs.fence(self.job.id, worker=self.worker_id, attempt=self.job.attempt):
            raise JobCancelled

    def cancelled(self) -> bool:
        """Whether the job is to stop. Raise JobCancelled then."""
        if self._wanted and time.monotonic() - self._looked_at >= LOOK_EVERY:
            with self.store.read() as tx:
                self._wanted = tx.jobs.wanted(self.job.id, worker=self.worker_id, attempt=self.job.attempt)
            self._looked_at = time.monotonic()
        return self._stopping.is_set() or not self._wanted


Handler = Callable[[JobContext], str]
"""Does a job; returns the message that is shown when it succeeded. Steps may be repeated: write them idempotent."""
