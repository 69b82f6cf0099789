"""An experiment: every chosen encoder trained on one dataset with the same settings and several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mednerapp.domain.models import HyperParameters


@dataclass(frozen=True, slots=True)
class Cell:
    """One encoder with one seed, and the run that stands for it."""

    encoder_id: int
    seed: int
    run_id: int


class CellState(StrEnum):
    """Where a cell stands: its run first, then the evaluation of the adapter that the run left."""

    WAITING = "waiting"
    TRAINING = "training"
    SCORING = "scoring"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


OPEN = frozenset({CellState.WAITING, CellState.TRAINING, CellState.SCORING})


@dataclass(frozen=True, slots=True)
class Experiment:
    """Encoders x seeds on one dataset.

    hyper: the settings of every run, except for its seed, which is the cell's.
    preset: the name of the preset that the settings came from; "" for others.
    cells: in the order in which they are computed, never changed afterwards.
    """

    id: int
    project_id: int
    dataset_id: int
    name: str
    preset: str
    hyper: HyperParameters
    cells: tuple[Cell, ...]
    created_by: int | None
    created_at: datetime

    @property
    def encoder_ids(self) -> tuple[int, ...]:
        """Each once, in the order of the cells."""
        return tuple(dict.fromkeys(cell.encoder_id for cell in self.cells))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Each once, ascending."""
        return tuple(sorted({cell.seed for cell in self.cells}))
