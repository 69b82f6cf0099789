"""Training runs and their curves."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.models import EpochReport, HyperParameters, Run, RunState
from mednerapp.errors import NotFound

ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.INTERRUPTED, RunState.CANCELLED)


class Runs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        *,
        project_id: int,
        dataset_id: int,
        encoder_id: int,
        job_id: int,
        name: str,
        hyper: HyperParameters,
        user_id: int | None,
    ) -> Run:
        row = t.Run(
            project_id=project_id,
            dataset_id=dataset_id,
            encoder_id=encoder_id,
            job_id=job_id,
            name=name,
            hyper=hyper.as_json(),
            state=RunState.QUEUED.value,
            device="",
            error="",
            created_by=user_id,
            created_at=now(),
            started_at=None,
            finished_at=None,
        )
        self._session.add(row)
        self._session.flush()
        return self._run(row)

    def get(self, run_id: int) -> Run:
        row = self._session.get(t.Run, run_id)
        if row is None:
            raise NotFound(f"There is no run {run_id}.")
        return self._run(row)

    def lock(self, run_id: int) -> Run:
        """The run as it is now, protected from other writers. Whoever locks its job, too, locks the job first."""
        query = select(t.Run).where(t.Run.id == run_id).with_for_update(key_share=True)
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound(f"There is no run {run_id}.")
        return self._run(row)

    def of_job(self, job_id: int) -> Run | None:
        row = self._session.scalar(select(t.Run).where(t.Run.job_id == job_id))
        return self._run(row) if row else None

    def all(self, project_id: int, limit: int = 100) -> list[Run]:
        """Newest first."""
        rows = self._session.scalars(
            select(t.Run).where(t.Run.project_id == project_id).order_by(t.Run.id.desc()).limit(limit)
        )
        return [self._run(row) for row in rows]

    def of_dataset(self, dataset_id: int, *, project_id: int) -> list[Run]:
        """Every run of the project on the dataset, oldest first."""
        rows = self._session.scalars(
            select(t.Run).where(t.Run.project_id == project_id, t.Run.dataset_id == dataset_id).order_by(t.Run.id)
        )
        return [self._run(row) for row in rows]

    def start(self, run_id: int, *, device: str) -> None:
        """Curves of an earlier, interrupted attempt are dropped: they belong to weights that no longer exist."""
        self._session.execute(delete(t.RunEpoch).where(t.RunEpoch.run_id == run_id))
        self._session.execute(
            update(t.Run)
            .where(t.Run.id == run_id)
            .values(state=RunState.RUNNING.value, device=device, started_at=now(), finished_at=None, error="")
        )

    def set_state(self, run_id: int, state: RunState, *, error: str = "") -> None:
        finished = now() if state in ENDED else None
        self._session.execute(
            update(t.Run).where(t.Run.id == run_id).values(state=state.value, error=error, finished_at=finished)
        )

    def requeue(self, run_id: int, *, job_id: int) -> None:
        self._session.execute(
            update(t.Run)
            .where(t.Run.id == run_id)
            .values(state=RunState.QUEUED.value, job_id=job_id, error="", finished_at=None)
        )

    def add_epoch(self, run_id: int, report: EpochReport) -> None:
        self._session.merge(t.RunEpoch(run_id=run_id, **asdict(report)))

    def epochs(self, run_id: int) -> list[EpochReport]:
        rows = self._session.scalars(select(t.RunEpoch).where(t.RunEpoch.run_id == run_id).order_by(t.RunEpoch.epoch))
        return [EpochReport(row.epoch, row.train_loss, row.dev_loss, row.dev_f1, row.seconds) for row in rows]

    def _run(self, row: t.Run) -> Run:
        adapter_id = self._session.scalar(select(t.Adapter.id).where(t.Adapter.run_id == row.id))
        return Run(
            id=row.id,
            project_id=row.project_id,
            dataset_id=row.dataset_id,
            encoder_id=row.encoder_id,
            job_id=row.job_id,
            name=row.name,
            hyper=HyperParameters.from_json(row.hyper),
            state=RunState(row.state),
            device=row.device,
            error=row.error,
            adapter_id=adapter_id,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
