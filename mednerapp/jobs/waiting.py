"""Waiting for jobs on the command line, with a worker of one's own where none is running."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from datetime import timedelta

from mednerapp.domain.jobs import FINISHED, Job
from mednerapp.settings import Settings, environment
from mednerapp.store import Store

ALIVE_WITHIN = timedelta(seconds=10)
POLL_SECONDS = 0.3
STOP_SECONDS = 10


@contextmanager
def a_worker(store: Store, settings: Settings, *, device: str) -> Generator[None]:
    """Makes sure that a worker runs: one that is there is used, else one is started and stopped again at the end."""
    with store.read() as tx:
        there = tx.workers.alive(within=ALIVE_WITHIN)
    if there:
        yield
        return
    worker = ["-m", "mednerapp.cli", "worker", "--id", "command-line", "--device", device]
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
    """Wait until every job has ended; `on_change` sees them at each look."""
    while True:
        with store.read() as tx:
            jobs = [tx.jobs.get(job_id) for job_id in sorted(job_ids)]
        on_change(jobs)
        if all(job.state in FINISHED for job in jobs):
            return jobs
        time.sleep(POLL_SECONDS)
