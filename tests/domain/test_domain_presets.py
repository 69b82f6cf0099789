from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from mednerapp.domain.models import ClassWeights, HyperParameters, Method, Schedule
from mednerapp.domain.presets import DEFAULT, PRESETS, preset, preset_of
from mednerapp.errors import InvalidValue
from mednerapp.services import fine_tuning

# What the first version stored with a run.
STORED_BEFORE = {
    "epochs": 7,
    "learning_rate": 0.001,
    "batch_size": 4,
    "rank": 8,
    "alpha": 16,
    "dropout": 0.1,
    "max_grad_norm": 0.5,
    "seed": 99,
}


def test_the_paper_preset_is_the_papers_protocol() -> None:
    hyper = preset("paper").hyper
    assert (hyper.method, hyper.learning_rate, hyper.batch_size, hyper.epochs) == (Method.FULL, 2e-5, 16, 200)
    assert (hyper.schedule, hyper.weight_decay, hyper.patience) == (Schedule.PLATEAU, 0.0, None)  # Adam, not AdamW


def test_the_default_is_lora_and_its_preset_holds_the_defaults() -> None:
    assert DEFAULT is PRESETS["lora"]
    assert DEFAULT.hyper == HyperParameters()
    assert DEFAULT.hyper.method is Method.LORA


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within_the_limits_and_is_recognised(name: str) -> None:
    hyper = PRESETS[name].hyper
    for field, (low, high) in fine_tuning.LIMITS.items():
        value = getattr(hyper, field)
        assert value is None or low <= value <= high, field
    assert preset_of(replace(hyper, seed=4711, patience=5, deterministic=True)) is PRESETS[name]
    assert preset_of(replace(hyper, epochs=hyper.epochs + 1)) is None
    assert HyperParameters.from_json(json.loads(json.dumps(hyper.as_json()))) == hyper


def test_a_preset_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InvalidValue, match=r"no preset 'fast'. Valid presets: lora, paper"):
        preset("fast")


def test_settings_that_the_version_before_stored_mean_what_they_meant_then() -> None:
    hyper = HyperParameters.from_json(STORED_BEFORE)
    assert {name: value for name, value in asdict(hyper).items() if name in STORED_BEFORE} == STORED_BEFORE
    assert (hyper.method, hyper.targets, hyper.lora_layers) == (Method.LORA, ("query", "key", "value", "dense"), None)
    assert (hyper.weight_decay, hyper.schedule, hyper.class_weights) == (0.01, Schedule.LINEAR, ClassWeights.OFF)
    assert (hyper.patience, hyper.deterministic) == (None, False)


def test_a_setting_of_a_later_version_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match="does not know the setting 'momentum'"):
        HyperParameters.from_json({**STORED_BEFORE, "momentum": 0.9})
