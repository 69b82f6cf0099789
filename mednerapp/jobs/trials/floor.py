"""A place to work at: a database, a data folder with the demo, workers that can be killed, and a ledger of writes."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from db.migrate import upgrade
from mednerapp import bootstrap
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.datasets import Dataset
from mednerapp.domain.jobs import FINISHED, Job, JobKind, JobState
from mednerapp.domain.models import HyperParameters, Run
from mednerapp.domain.notes import NewNote
from mednerapp.errors import InvalidValue, MedNerError
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.jobs.context import Handler, JobContext
from mednerapp.services import accounts, demo, fine_tuning, freezing, importing, models, projects, reporting, workers
from mednerapp.services.predicting import CHUNK, queue_predictions
from mednerapp.settings import Settings
from mednerapp.store import Transaction

LEDGER = "trial write"
PRELOAD = "mednerapp.jobs.trials.preload"
LOOK_EVERY = 0.05  # seconds
LENGTH = 400  # characters of a note at most
GOLD = "Trial: gold"
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Floor:
    """Workers and what they work on. Close it at the end: it stops them and removes the data folder."""

    def __init__(self, *, url: str = "", checkpoint_seconds: float = 1.0, whole_model: bool = False) -> None:
        """`url`: of an empty PostgreSQL database; '' is SQLite in the data folder. `whole_model`: the shipped starter
        instead of its first layer, which finds nothing useful and takes a tenth of the time.

        Raises:
            InvalidValue: if the database holds notes already.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="mednerapp-trial-"))
        self.settings = Settings(
            data_dir=self.folder, database_url=url, demo=True, device="cpu", checkpoint_seconds=checkpoint_seconds
        )
        try:
            self._prepare(self.settings.starter_dir if whole_model else None)
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        self.app = bootstrap.build(self.settings)
        self.store = self.app.store
        os.environ["OMP_NUM_THREADS"] = "1"  # of the workers; with it training gives the same bits each time
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([PRELOAD])
        self.workers: dict[str, BaseProcess] = {}
        self._cancel_all()  # the demo's own

    def _prepare(self, starter: Path | None) -> None:
        """As `mednerapp serve --demo` does, with the starter or with its first layer."""
        from mednerapp.training.shortening import first_layers

        upgrade(self.settings.resolved_database_url)
        app = bootstrap.build(self.settings)
        try:
            if projects.all_projects(app.store) or accounts.list_users(app.store, by=None):
                raise InvalidValue("The database is in use. A trial needs an empty one of its own.")
            if starter is None:
                starter = self.folder / "short"
                first_layers(self.settings.starter_dir, starter)
            models.register_starter(app.store, shipped=starter, model_dir=self.settings.model_dir)
            demo.ensure_demo(app.store, folder=self.settings.demo_notes_dir)
        finally:
            app.close()

    @property
    def lead(self) -> User:
        return next(u for u in accounts.list_users(self.store, by=None) if u.role is Role.LEAD)

    @property
    def dataset(self) -> Dataset:
        """The beginnings of the demo's notes with their gold: short, so that a step takes a moment."""
        with self.store.read() as tx:
            project = tx.projects.by_name(GOLD)
        if project is None:
            project = projects.create(self.store, by=None, name=GOLD)
            notes = [self._beginning(note) for note, gold in demo.read_notes(self.settings.demo_notes_dir) if gold]
            importing.import_gold(self.store, user=self.lead, project_id=project.id, records=notes)
            self._cancel_all()
            return freezing.freeze(self.store, user=self.lead, project_id=project.id)
        return reporting.datasets(self.store, user=self.lead, project_id=project.id)[0]

    def _beginning(self, note: NoteWithSpans) -> NoteWithSpans:
        text = note.note.text[:LENGTH]
        return NoteWithSpans(replace(note.note, text=text), tuple(s for s in note.spans if s.end <= len(text)))

    def _cancel_all(self) -> None:
        with self.store.write() as tx:
            for job in tx.jobs.open():
                tx.jobs.request_cancel(job.id)

    def start(self, name: str) -> None:
        """A worker of that name, in place of one that is dead."""
        values = self.settings.model_dump(mode="json")
        process = self._processes.Process(target=_work, args=(values, name), name=name)
        process.start()
        self.workers[name] = process

    def kill(self, name: str) -> None:
        """Kill -9, and its end."""
        process = self.workers.pop(name)
        if process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()

    def stop(self) -> None:
        """Every worker, politely."""
        for process in self.workers.values():
            process.terminate()
        for process in self.workers.values():
            process.join(10)
            if process.is_alive():
                process.kill()
                process.join()
        self.workers.clear()

    def close(self) -> None:
        self.stop()
        self.app.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_predicting(self, number: int, *, notes: int) -> list[int]:
        """A project of its own with notes that the starter is to highlight; ids of the jobs, one for each part."""
        texts = demo.read_notes(self.settings.demo_notes_dir)
        project = projects.create(self.store, by=None, name=f"Trial {number}")
        with self.store.write() as tx:
            for i in range(notes):
                text = f"{texts[i % len(texts)][0].note.text[:LENGTH]}\nCopy {number}.{i}.\n"
                tx.notes.add(project_id=project.id, note=NewNote(text=text, title=f"Note {i + 1}"), user_id=None)
            before = {job.id for job in tx.jobs.open([JobKind.PREDICT])}
            queue_predictions(tx, project_id=project.id, user_id=None)
            return [job.id for job in tx.jobs.open([JobKind.PREDICT]) if job.id not in before]

    def add_evaluating(self) -> int:
        dataset = self.dataset
        with self.store.write() as tx:
            starter = next(a for a in tx.models.adapters(dataset.project_id) if a.run_id is None)
            args: dict[str, int | str] = {"adapter_id": starter.id, "dataset_id": dataset.id}
            return tx.jobs.add(kind=JobKind.EVALUATE, args=args, user_id=None).id

    def add_run(self, name: str, hyper: HyperParameters) -> Run:
        dataset = self.dataset
        with self.store.read() as tx:
            encoder = tx.models.encoders()[0]
        return fine_tuning.start(
            self.store,
            user=self.lead,
            project_id=dataset.project_id,
            dataset_id=dataset.id,
            encoder_id=encoder.id,
            hyper=hyper,
            name=name,
        )

    def job(self, job_id: int) -> Job:
        with self.store.read() as tx:
            return tx.jobs.get(job_id)

    def idle(self) -> bool:
        """Whether every worker is heard of and none has a job."""
        with self.store.read() as tx:
            busy = any(job.state is JobState.RUNNING for job in tx.jobs.open())
            return not busy and len(workers.alive(self.store)) >= len(self.workers)

    def cpu_seconds(self) -> float:
        """That the workers have used so far; 0 where the system does not say."""
        ticks = 0
        for process in self.workers.values():
            path = Path(f"/proc/{process.pid}/stat")
            if path.exists():
                fields = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK") if ticks else 0.0

    def open_jobs(self) -> list[Job]:
        with self.store.read() as tx:
            return tx.jobs.open()

    def wait(self, job_id: int, *, on_look: Callable[[Job], None] = lambda _: None) -> Job:
        """Until the job has ended."""
        while (job := self.job(job_id)).state not in FINISHED:
            on_look(job)
            time.sleep(LOOK_EVERY)
        return job

    def weights(self, run_id: int) -> tuple[str, Path]:
        """Hash and folder of what a run made.

        Raises:
            MedNerError: if it made nothing.
        """
        with self.store.read() as tx:
            adapter = tx.models.adapter_of_run(run_id)
        if adapter is None:
            raise MedNerError(f"Run {run_id} has no result.")
        return adapter.weights_hash, self.settings.model_folder(adapter.folder)

    def writes(self) -> dict[int, int]:
        """How many transactions stored a result, by job."""
        with self.store.read() as tx:
            events = tx.audit.recent(10_000_000)
        found: dict[int, int] = {}
        for event, _ in events:
            if event.action == LEDGER:
                job_id = int(event.target.removeprefix("job:"))
                found[job_id] = found.get(job_id, 0) + 1
        return found


def expected_writes(job: Job, *, notes: int) -> int:
    """Transactions that store the result of one such job, done once."""
    return -(-notes // CHUNK) if job.kind is JobKind.PREDICT else 1


def _work(values: Mapping[str, Any], name: str) -> None:
    """A real worker, whose writes of results also stand in the ledger, in the same transaction."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # none outlives the trial
    from mednerapp.jobs.handlers import handlers
    from mednerapp.jobs.worker import run_worker

    settings = Settings(**values)
    log = (settings.data_dir / f"{name}.log").open("a", encoding="utf-8")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    logging.basicConfig(level=logging.WARNING)
    recorded = {kind: _recorded(handler) for kind, handler in handlers().items() if kind is not JobKind.FINE_TUNE}
    sys.exit(
        run_worker(
            settings,
            handlers=recorded | {JobKind.FINE_TUNE: handlers()[JobKind.FINE_TUNE]},
            device="cpu",
            worker_id=name,
        )
    )


def _recorded(handler: Handler) -> Handler:
    def run(context: JobContext) -> str:
        fence = context.fence

        def noted(tx: Transaction) -> None:
            fence(tx)
            tx.audit.add(user=None, action=LEDGER, target=f"job:{context.job.id}", attempt=context.job.attempt)

        context.fence = noted
        return handler(context)

    return run
