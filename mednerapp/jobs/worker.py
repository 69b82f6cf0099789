"""The worker process: takes jobs from the engine, does them one at a time, and says that it is alive."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event, Lock, Thread, Timer
from typing import TYPE_CHECKING

from db.engine import connect
from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.errors import InvalidValue, MedNerError
from mednerapp.jobs.context import Handler, JobCancelled, JobContext, JobPaused
from mednerapp.jobs.failures import said_of
from mednerapp.jobs.mailer import Mailer
from mednerapp.jobs.recovery import put_back, recover, recover_orphans
from mednerapp.jobs.slots import only_worker_on, slot_of
from mednerapp.jobs.watch import Watch
from mednerapp.settings import Settings
from mednerapp.store import Store, Transaction, Trouble, trouble_of

if TYPE_CHECKING:
    from mednerapp.jobs.engine import Engine

log = logging.getLogger(__name__)

BEAT_EVERY = 2.0  # seconds
SILENT_AFTER = timedelta(seconds=15)  # a worker not heard of for so long is taken off the list
SWEEP_EVERY = 5.0
DISPATCH_EVERY = 0.25
LOOK_AHEAD = 100  # jobs offered to the engine at a time
GRACE = 3.0  # seconds that a running job has to notice that the worker stops
HARD_STOP = 4.5  # seconds after the signal when the process ends whatever it does
KEEP_TRYING = 60.0  # seconds that the end of a job is tried to be written while the database does not answer


def run_worker(
    settings: Settings, *, handlers: Mapping[JobKind, Handler], device: str, worker_id: str | None = None
) -> int:
    """Do jobs until SIGTERM or SIGINT; the exit status. Call it in the main thread.

    worker_id: stable over restarts and used by one process at a time: a worker that starts under a name takes over what
        an earlier one of that name left behind, at once. None: a name of its own.

    Raises:
        MedNerError: if another worker of this machine has the device.
    """
    with only_worker_on(device):
        worker = Worker(settings, handlers, device, worker_id or f"{socket.gethostname()}-{os.getpid()}")
        return worker.run()


class Worker:
    def __init__(self, settings: Settings, handlers: Mapping[JobKind, Handler], device: str, worker_id: str) -> None:
        self._settings = settings
        self._handlers = handlers
        self._device = device
        self._id = worker_id
        self._slot = slot_of(device, worker_id)
        self._database = connect(settings.resolved_database_url)
        self._store = Store(self._database)
        self._stopping = Event()
        self._fenced = False
        self._busy = Lock()
        self._current: Job | None = None
        self._offered: set[str] = set()
        self._watch = Watch(self._store, self._stopping)

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        started_at = self._register()
        beating = Thread(target=self._beat, args=(started_at,), name="heartbeat", daemon=True)
        beating.start()
        self._watch.start()
        Mailer(self._store, self._settings, self._stopping).start()
        engine = self._start_engine()
        next_sweep = 0.0
        while not self._stopping.wait(DISPATCH_EVERY):
            try:
                if time.monotonic() >= next_sweep:
                    self._sweep(engine)
                    next_sweep = time.monotonic() + SWEEP_EVERY
                self._dispatch(engine)
            except Exception as error:  # noqa: BLE001 -- a database that is away for a while must not end the worker
                log.warning("Cannot look for jobs (%s); trying again.", type(error).__name__)
                self._stopping.wait(BEAT_EVERY)
        self._stop(engine, started_at)
        return 1 if self._fenced else 0

    def _on_signal(self, _number: int, _frame: object) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            last_resort = Timer(HARD_STOP, os._exit, args=(1,))
            last_resort.daemon = True
            last_resort.start()

    def _register(self) -> datetime:
        """Whoever had this name is dead: its jobs are orphans before the engine is even loaded."""
        with self._store.write() as tx:
            tx.workers.remove(self._id)
            recover_orphans(tx)
            return tx.workers.register(self._id, device=self._device)

    def _start_engine(self) -> Engine:
        from mednerapp.jobs.engine import Engine

        engine = Engine(url=self._settings.jobs_database_url, worker_id=self._id, perform=self._perform)
        engine.start()
        return engine

    def _beat(self, started_at: datetime) -> None:
        while not self._stopping.wait(BEAT_EVERY):
            try:
                with self._store.write() as tx:
                    alive = tx.workers.beat(self._id, started_at=started_at)
            except Exception as error:  # noqa: BLE001 -- see run()
                log.warning("Cannot say that the worker is alive (%s); trying again.", type(error).__name__)
                continue
            if not alive:
                log.error("Worker %s was taken off the list or replaced; it stops.", self._id)
                self._fenced = True
                self._on_signal(0, None)

    def _sweep(self, engine: Engine) -> None:
        with self._store.write() as tx:
            for worker in tx.workers.remove_silent(longer_than=SILENT_AFTER, except_for=self._id):
                log.warning("Worker %s is silent; its job goes to another.", worker)
            recover_orphans(tx)
            alive = [worker for worker, _ in tx.workers.alive(within=SILENT_AFTER)]
        self._offered = engine.tidy(alive)

    def _dispatch(self, engine: Engine) -> None:
        from mednerapp.jobs.engine import workflow_id

        with self._store.read() as tx:
            queued = tx.jobs.queued(LOOK_AHEAD)
        for job in queued:
            if workflow_id(job) not in self._offered:
                engine.enqueue(job)
                self._offered.add(workflow_id(job))

    def _perform(self, job_id: int, attempt: int, priority: int | None) -> None:
        """One attempt at one job. Claiming the row decides: an attempt that is over or cancelled ends here."""
        with self._busy:
            if self._stopping.is_set():
                return
            job = self._claim(job_id, attempt, priority)
            if job is None:
                return
            self._current = job
            self._watch.begin(job)
            context = JobContext(job, self._store, self._settings, self._id, self._device, self._stopping)
            state, message = self._outcome(context)
            self._watch.end()
            self._record(lambda tx: self._end(tx, job, state, message))
            self._current = None

    def _claim(self, job_id: int, attempt: int, priority: int | None) -> Job | None:
        try:
            with self._store.write() as tx:
                job = tx.jobs.claim(
                    job_id,
                    worker=self._id,
                    attempt=attempt,
                    slot=self._slot,
                    device=self._device,
                    priority=priority,
                )
                if job:
                    text = f"Attempt {attempt}: worker {self._id} on {self._device}."
                    tx.job_records.log(job_id, attempt=attempt, text=text)
                return job
        except InvalidValue:  # somebody else took the device slot at the same moment
            return None

    def _outcome(self, context: JobContext) -> tuple[JobState | None, str]:
        """How the job ended and what to say of it. QUEUED: it goes on later; None: so it does, for outer reasons."""
        job = context.job
        handler = self._handlers.get(job.kind)
        if handler is None:
            return JobState.FAILED, f"This worker cannot do {job.kind.value!r} jobs."
        try:
            message = handler(context)
            context.flush()
        except JobCancelled as end:
            paused = isinstance(end, JobPaused)
            return (JobState.QUEUED, "It lets another job go first") if paused else (JobState.CANCELLED, "")
        except MedNerError as error:
            return JobState.FAILED, str(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the job ends and the queue goes on
            if trouble_of(error) is Trouble.AWAY:
                log.warning("Job %d (%s): the database did not answer.", job.id, job.kind.value)
                return None, "The database did not answer"
            log.error("Job %d (%s) failed:\n%s", job.id, job.kind.value, _frames(error))  # noqa: TRY400
            return JobState.FAILED, said_of(error)
        return JobState.SUCCEEDED, message

    def _end(self, tx: Transaction, job: Job, state: JobState | None, message: str) -> None:
        if state is None:
            recover(tx, job, why=message)
        elif state is JobState.QUEUED:
            put_back(tx, job, why=message)
        elif state is JobState.CANCELLED and self._stopping.is_set():
            put_back(tx, job)
        elif not tx.jobs.finish(job.id, worker=self._id, attempt=job.attempt, state=state, message=message):
            log.warning("Job %d was given to another worker meanwhile; what this one says of it is dropped.", job.id)
        else:
            tx.job_records.log(job.id, attempt=job.attempt, text=f"{state.value.capitalize()}. {message}".strip())

    def _record(self, action: Callable[[Transaction], None]) -> None:
        """Write how a job ended; if that cannot be done, end the process.

        As after a kill, the successor finds the job running and deals with it.
        """
        give_up = time.monotonic() + KEEP_TRYING
        while True:
            try:
                with self._store.write() as tx:
                    return action(tx)
            except Exception as error:  # noqa: BLE001 -- see run()
                log.warning("Cannot record the end of a job (%s).", type(error).__name__)
            if self._stopping.wait(1) or time.monotonic() > give_up:
                os._exit(1)

    def _stop(self, engine: Engine, started_at: datetime) -> None:
        """Put the running job back and leave. A job that does not notice in time is left behind with the process."""
        at_rest = self._busy.acquire(timeout=GRACE)
        with self._store.write() as tx:
            if self._current is not None:
                put_back(tx, self._current)
            tx.workers.remove(self._id, started_at=started_at)
        if not at_rest:
            os._exit(1 if self._fenced else 0)
        self._busy.release()  # what the engine still hands over sees that the worker stops
        engine.close()
        self._database.dispose()


def _frames(error: BaseException | None) -> str:
    """Where it happened, without the errors' texts and without values: those may hold note text."""
    parts: list[str] = []
    while error is not None:
        parts.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
        error = error.__cause__ or error.__context__
    return "\ncaused by:\n".join(parts)
