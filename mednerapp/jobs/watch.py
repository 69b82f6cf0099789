"""Sees to it that a job which nobody wants any more ends in seconds, also one that does not listen.

A handler asks now and then whether it is still wanted, but it may be in the middle of a long computation or stuck in a
library. Threads cannot be stopped, so then the process starts itself anew: that frees the device for sure.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from mednerapp.domain.jobs import Job, JobState
from mednerapp.store import Store, Transaction

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
GRACE = 2.5  # seconds that a job has to end by itself


def restart() -> None:
    """Replace this process by a new one of the same command: same number, same parent, nothing kept."""
    logging.shutdown()
    if sys.platform == "win32":  # it cannot replace a process; whoever started this one starts another
        os._exit(1)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 -- our own command line


class Watch:
    """Looks after one job at a time, from a thread of its own."""

    def __init__(self, store: Store, stopping: Event, restart: Callable[[], None] = restart) -> None:
        self._store = store
        self._stopping = stopping
        self._restart = restart
        self._lock = Lock()
        self._job: Job | None = None

    def start(self) -> None:
        Thread(target=self._run, name="watch", daemon=True).start()

    def begin(self, job: Job) -> None:
        with self._lock:
            self._job = job

    def end(self) -> None:
        """The job has ended by itself. Waits while it is just being ended by force."""
        with self._lock:
            self._job = None

    def _run(self) -> None:
        unwanted: Job | None = None
        since = 0.0
        while not self._stopping.wait(LOOK_EVERY):
            job = self._job
            try:
                if job is None or self._wanted(job):
                    unwanted = None
                elif job is not unwanted:
                    unwanted, since = job, time.monotonic()
                elif time.monotonic() - since >= GRACE:
                    self._end_by_force(job)
            except Exception as error:  # noqa: BLE001 -- a database that is away for a while
                log.warning("Cannot see whether the job is still wanted (%s).", type(error).__name__)

    def _wanted(self, job: Job) -> bool:
        with self._store.read() as tx:
            return tx.jobs.wanted(job.id, worker=job.worker, attempt=job.attempt)

    def _end_by_force(self, job: Job) -> None:
        with self._lock:
            if self._job is not job:
                return
            with self._store.write() as tx:
                self._record(tx, job)
            log.warning("Job %d did not end by itself; the worker starts anew.", job.id)
            self._restart()

    def _record(self, tx: Transaction, job: Job) -> None:
        current = tx.jobs.lock(job.id)
        if (current.state, current.attempt) == (JobState.RUNNING, job.attempt):
            text = "It did not end by itself, so its worker was started anew."
            tx.job_records.log(job.id, attempt=job.attempt, text=text)
            tx.jobs.abandon(job.id, attempt=job.attempt, state=JobState.CANCELLED, message="")
