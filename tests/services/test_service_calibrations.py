"""Whether an adapter's scores can be read as probabilities is said by its manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.makers import make_adapter

from mednerapp.ner.manifest import write_manifest
from mednerapp.services import calibrations
from mednerapp.settings import Settings
from mednerapp.store import Store

CALIBRATED = {"slope": 1.0, "intercept": 0.0, "spans": 60}


def manifest_of_starter() -> dict[str, Any]:
    text = (Settings().starter_dir / "manifest.json").read_text(encoding="utf-8")
    return json.loads(text) | {"trained_on": [], "selected_on": []}


@pytest.mark.parametrize(
    ("change", "calibrated", "ece"),
    [
        ({}, True, None),
        ({"metrics": {"calibration_error": 0.031}}, True, 0.031),
        ({"calibration": {}}, False, None),
        ({"calibration": None}, False, None),
        ({"calibration": {"Drug": CALIBRATED}}, False, None),
        ({"metrics": {"calibration_error": "low"}}, True, None),
    ],
)
def test_what_the_manifest_says(
    sqlite_store: Store, tmp_path: Path, *, change: dict[str, Any], calibrated: bool, ece: float | None
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_manifest(folder, manifest_of_starter() | change)
    adapter = replace(make_adapter(sqlite_store, "Ours"), folder="model")
    meaning = calibrations.of(adapter, model_dir=tmp_path)
    assert meaning.as_dict() == {"name": "Ours", "calibrated": calibrated, "ece": ece}


def test_scores_of_a_folder_that_cannot_be_read_have_no_meaning(sqlite_store: Store, tmp_path: Path) -> None:
    adapter = make_adapter(sqlite_store, "Gone")
    assert not calibrations.of(adapter, model_dir=tmp_path).calibrated
