"""Experiments and their cells. A cell's progress and result are those of its run: nothing is kept twice."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.experiments import Cell, Experiment
from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.errors import NotFound


class Experiments:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        *,
        project_id: int,
        dataset_id: int,
        name: str,
        preset: str,
        hyper: HyperParameters,
        cells: Sequence[Cell],
        user_id: int | None,
    ) -> Experiment:
        row = t.Experiment(
            project_id=project_id,
            dataset_id=dataset_id,
            name=name,
            preset=preset,
            hyper=hyper.as_json(),
            created_by=user_id,
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        for position, cell in enumerate(cells):
            self._session.add(
                t.ExperimentCell(
                    experiment_id=row.id,
                    position=position,
                    encoder_id=cell.encoder_id,
                    seed=cell.seed,
                    run_id=cell.run_id,
                )
            )
        self._session.flush()
        return self._experiment(row)

    def get(self, experiment_id: int) -> Experiment:
        row = self._session.get(t.Experiment, experiment_id)
        if row is None:
            raise NotFound(f"There is no experiment {experiment_id}.")
        return self._experiment(row)

    def all(self, project_id: int) -> list[Experiment]:
        """Newest first."""
        rows = self._session.scalars(
            select(t.Experiment).where(t.Experiment.project_id == project_id).order_by(t.Experiment.id.desc())
        )
        return [self._experiment(row) for row in rows]

    def epochs(self, experiment_id: int) -> dict[int, tuple[EpochReport, ...]]:
        """The curves of its runs that have one, by run id."""
        rows = self._session.scalars(
            select(t.RunEpoch)
            .join(t.ExperimentCell, t.ExperimentCell.run_id == t.RunEpoch.run_id)
            .where(t.ExperimentCell.experiment_id == experiment_id)
            .order_by(t.RunEpoch.run_id, t.RunEpoch.epoch)
        )
        found: dict[int, list[EpochReport]] = {}
        for row in rows:
            report = EpochReport(row.epoch, row.train_loss, row.dev_loss, row.dev_f1, row.seconds)
            found.setdefault(row.run_id, []).append(report)
        return {run_id: tuple(reports) for run_id, reports in found.items()}

    def _experiment(self, row: t.Experiment) -> Experiment:
        cells = self._session.scalars(
            select(t.ExperimentCell).where(t.ExperimentCell.experiment_id == row.id).order_by(t.ExperimentCell.position)
        )
        return Experiment(
            id=row.id,
            project_id=row.project_id,
            dataset_id=row.dataset_id,
            name=row.name,
            preset=row.preset,
            hyper=HyperParameters.from_json(row.hyper),
            cells=tuple(Cell(cell.encoder_id, cell.seed, cell.run_id) for cell in cells),
            created_by=row.created_by,
            created_at=row.created_at,
        )
