"""What the scores of an adapter are worth: whether "0.9" means that nine of ten are right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mednerapp.domain.models import Adapter
from mednerapp.domain.projects import Project
from mednerapp.errors import ModelProblem
from mednerapp.ner.manifest import read_manifest
from mednerapp.settings import Settings
from mednerapp.store import Store


@dataclass(frozen=True, slots=True)
class ScoreMeaning:
    """name: the adapter's. calibrated: a score is the expected share of right spans, so that the expected number of
    errors among spans is the sum of 1 - score. ece: expected calibration error in [0, 1], None where not measured.
    """

    name: str
    calibrated: bool
    ece: float | None

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "calibrated": self.calibrated, "ece": self.ece}


def of(adapter: Adapter, *, model_dir: Path) -> ScoreMeaning:
    """From the adapter's manifest; no model is loaded. A folder that cannot be read has scores of no known meaning.

    Calibrated: its manifest has a calibration for every label that it finds.
    """
    try:
        calibrated, ece = _read(model_dir / adapter.folder, adapter.weights_hash)
    except (ModelProblem, OSError):
        calibrated, ece = False, None
    return ScoreMeaning(adapter.name, calibrated, ece)


def in_force(store: Store, *, project: Project, settings: Settings) -> ScoreMeaning | None:
    """Of the adapter that pre-annotates the project's notes; None before the first."""
    if project.active_adapter_id is None:
        return None
    with store.read() as tx:
        adapter = tx.models.adapter(project.active_adapter_id)
    return of(adapter, model_dir=settings.model_dir)


@lru_cache(maxsize=64)
def _read(folder: Path, weights_hash: str) -> tuple[bool, float | None]:  # noqa: ARG001 - other weights, other scores
    manifest = read_manifest(folder)
    calibration, metrics = manifest.get("calibration"), manifest["metrics"]
    calibrated = isinstance(calibration, dict) and set(manifest["labels"]) <= set(calibration)
    ece = metrics.get("calibration_error", metrics.get("ece"))
    measured = isinstance(ece, int | float) and not isinstance(ece, bool) and math.isfinite(ece)
    return calibrated, float(ece) if measured else None
