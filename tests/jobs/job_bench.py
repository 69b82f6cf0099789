"""A migrated database with real worker processes on it, whose handlers (fake_worker.py) do as the test says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOSClient

from db import tables as t
from db.engine import connect
from db.migrate import upgrade
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import FINISHED, Job, JobKind
from mednerapp.domain.labels import schema_from
from mednerapp.domain.models import HyperParameters, Run
from mednerapp.settings import Settings
from mednerapp.store import Store

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE = 60  # seconds; only a failing test waits so long


def wait_for(condition: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"waited in vain until {what}"
        time.sleep(0.05)


class Bench:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.settings = Settings(data_dir=folder / "data", database_url=url)
        upgrade(self.settings.resolved_database_url)
        self._database = connect(self.settings.resolved_database_url)
        self.store = Store(self._database)
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, worker_id: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "MEDNER_DATA_DIR": str(self.settings.data_dir),
            "MEDNER_DATABASE_URL": self.settings.database_url,
            "PYTHONPATH": str(ROOT),
            "BENCH": str(self.folder),
        }
        with (self.folder / f"{worker_id}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "fake_worker.py"), worker_id], env=environment, stdout=log, stderr=log
            )
        self._workers.append(process)
        return process

    def log(self, worker_id: str) -> str:
        return (self.folder / f"{worker_id}.log").read_text(encoding="utf-8")

    def add(self, kind: JobKind = JobKind.PREDICT, **args: int | str) -> int:
        with self.store.write() as tx:
            return tx.jobs.add(kind=kind, args=args, user_id=None).id

    def add_fine_tuning(self, **args: int | str) -> Run:
        """A queued run of four epochs and its job."""
        with self.store.write() as tx:
            name = f"trial {uuid.uuid4().hex}"
            project = tx.projects.add(name=name, schema=schema_from([("Drug", "#336699", "")]))
            encoder = tx.models.add_encoder(name=name, source="test", revision="", folder="tiny", weights_hash="0")
        with self._database.write() as session:
            dataset = t.Dataset(
                project_id=project.id,
                name=name,
                schema_id=project.schema.id,
                content_hash="0" * 64,
                created_at=now(),
            )
            session.add(dataset)
        with self.store.write() as tx:
            job = tx.jobs.add(kind=JobKind.FINE_TUNE, args=args, user_id=None)
            return tx.runs.add(
                project_id=project.id,
                dataset_id=dataset.id,
                encoder_id=encoder.id,
                job_id=job.id,
                name=name,
                hyper=HyperParameters(epochs=4),
                user_id=None,
            )

    def job(self, job_id: int) -> Job:
        with self.store.read() as tx:
            return tx.jobs.get(job_id)

    def run(self, run_id: int) -> Run:
        with self.store.read() as tx:
            return tx.runs.get(run_id)

    def cancel(self, job_id: int) -> None:
        with self.store.write() as tx:
            tx.jobs.request_cancel(job_id)

    def finished(self, *job_ids: int) -> list[Job]:
        wait_for(lambda: all(self.job(i).state in FINISHED for i in job_ids), f"jobs {job_ids} are finished")
        return [self.job(i) for i in job_ids]

    def started(self, job_id: int, *, times: int = 1) -> Job:
        """Wait until the job's handler itself runs, for the `times`th time."""
        wait_for(lambda: len(self.events(f"start {job_id} ")) >= times, f"job {job_id} is started")
        return self.job(job_id)

    def open_gate(self, name: str) -> None:
        """Let the handlers go on that wait there."""
        (self.folder / f"gate-{name}").touch()

    def events(self, prefix: str = "") -> list[str]:
        """What the handlers wrote down, in order: 'start JOB WORKER', 'done JOB WORKER'."""
        path = self.folder / "events"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(prefix)]

    def offers(self) -> set[str]:
        """The ids of all that the engine was ever offered."""
        client = DBOSClient(system_database_url=self.settings.jobs_database_url)
        try:
            return {flow.workflow_id for flow in client.list_workflows(load_input=False, load_output=False)}
        finally:
            client.destroy()

    def execute(self, statement: str, **values: object) -> None:
        """Write to the tables behind the store's back."""
        with self._database.write() as session:
            session.execute(sa.text(statement), values)

    def close(self) -> None:
        for process in self._workers:
            process.kill()
            process.send_signal(signal.SIGCONT)
            process.wait()
        self._database.dispose()
