"""Waiting for jobs on the command line, with a worker of one's own where none is running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager

from mednerapp.domain.jobs import FINISHED, Job
from mednerapp.errors import MedNerError
from mednerapp.services import workers
from mednerapp.settings import Settings, environment
from mednerapp.store import Store

POLL_SECONDS = 0.3
STOP_SECONDS = 10
GIVE_UP_SECONDS = 60  # a worker needs some of it to start


@contextmanager
def a_worker(store: Store, settings: Settings, *, device: str) -> Generator[None]:
    """Makes sure that a worker runs: one that is there is used, else one is started and stopped again at the end."""
    if workers.alive(store):
        yield
        return
    worker = ["-m", "mednerapp.cli", "worker", "--id", f"command-line-{os.getpid()}", "--device", device]
    command = [sys.executable, "-m", "mednerapp.jobs.lifeline", *worker]  # it ends with us, however we end
    process = subprocess.Popen(command, env=environment(settings), stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(store: Store, job_ids: Collection[int], *, on_change: Callable[[list[Job]], None]) -> list[Job]:
    """Wait until every job has ended; `on_change` sees them at each look.

    Raises:
        MedNerError: if no worker has been heard of for a while: then nobody would ever end them.
    """
    heard = time.monotonic()
    while True:
        with store.read() as tx:
            jobs = [tx.jobs.get(job_id) for job_id in sorted(job_ids)]
        if workers.alive(store):
            heard = time.monotonic()
        on_change(jobs)
        if all(job.state in FINISHED for job in jobs):
            return jobs
        if time.monotonic() - heard > GIVE_UP_SECONDS:
            raise MedNerError("No worker is running any more, so the jobs wait. Start one with `mednerapp worker`.")
        time.sleep(POLL_SECONDS)
