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


MOST_STARTS = 5  # of a worker of one's own: what kills it again and again is not tried for ever


class Keeper:
    """Called at each look: where no worker is heard of, it starts one of its own, which ends with this process."""

    def __init__(self, store: Store, settings: Settings, *, device: str) -> None:
        self._store = store
        self._settings = settings
        self._device = device
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def __call__(self) -> None:
        starting = self._process is not None and self._process.poll() is None
        if starting or self._starts >= MOST_STARTS or workers.alive(self._store):
            return
        self.stop()
        self._starts += 1
        worker = ["-m", "mednerapp.cli", "worker", "--id", f"command-line-{os.getpid()}", "--device", self._device]
        command = [sys.executable, "-m", "mednerapp.jobs.lifeline", *worker]  # it ends with us, however we end
        self._process = subprocess.Popen(command, env=environment(self._settings), stdin=subprocess.PIPE)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()


@contextmanager
def a_worker(store: Store, settings: Settings, *, device: str) -> Generator[Keeper]:
    """Makes sure that a worker runs: one that is there is used, else one is started and stopped again at the end.

    Whoever waits long gives what it yields to `wait_until`: then a worker that dies meanwhile is replaced.
    """
    keeper = Keeper(store, settings, device=device)
    try:
        keeper()
        yield keeper
    finally:
        keeper.stop()


def wait_for(store: Store, job_ids: Collection[int], *, on_change: Callable[[list[Job]], None]) -> list[Job]:
    """Wait until every job has ended; `on_change` sees them at each look.

    Raises:
        MedNerError: if no worker has been heard of for a while: then nobody would ever end them.
    """
    jobs: list[Job] = []

    def ended() -> bool:
        with store.read() as tx:
            jobs[:] = [tx.jobs.get(job_id) for job_id in sorted(job_ids)]
        on_change(jobs)
        return all(job.state in FINISHED for job in jobs)

    wait_until(store, ended)
    return jobs


def wait_until(
    store: Store,
    done: Callable[[], bool],
    *,
    every: float = POLL_SECONDS,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Look every so many seconds until `done` says so; `keep` is called before each further look.

    Raises:
        MedNerError: if no worker has been heard of for a while: then nobody would ever end what is waited for.
    """
    heard = time.monotonic()
    while not done():
        if workers.alive(store):
            heard = time.monotonic()
        if time.monotonic() - heard > GIVE_UP_SECONDS:
            raise MedNerError("No worker is running any more, so the jobs wait. Start one with `mednerapp worker`.")
        keep()
        time.sleep(every)
