"""The figures of `mednerapp simulate`, on fewer sets than the command takes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mednerapp.bench.simulate import planted, uncertainty
from mednerapp.bench.simulate.populations import World, shift_for
from mednerapp.cli.main import app


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def test_the_intervals_hold_the_truth_and_the_plain_ones_less_often() -> None:
    found = uncertainty.coverage(sets=400, notes=[20, 40], on_progress=quiet)
    assert all(0.91 <= f.covered <= 0.985 for f in found)
    assert all(f.covered >= f.percentile for f in found)


def test_equally_good_models_are_seldom_told_apart() -> None:
    [found] = uncertainty.null(sets=300, notes=[30], on_progress=quiet)
    assert 0.02 <= found.rejected <= 0.09


def test_the_announced_number_of_notes_shows_the_difference() -> None:
    found = uncertainty.power(pilots=20, tests=4, difference=0.05, on_progress=quiet)
    assert 0.65 <= found.shown <= 0.95
    assert found.low <= found.median <= found.high


def test_the_world_is_as_far_apart_as_it_is_told_to_be() -> None:
    first, second = World(shift=shift_for(0.02)).truth()
    assert first["f1"] - second["f1"] == pytest.approx(0.02, abs=2e-4)


def test_planted_leaks_are_found() -> None:
    found = planted.leaks(notes=300, planted=10, on_progress=quiet)
    assert (found.patients_found, found.texts_found, found.other) == (10, 10, 0)


def test_planted_label_errors_come_first() -> None:
    assert planted.labels(notes=300, on_progress=quiet).times_chance >= 5


@pytest.mark.parametrize(
    "command",
    [
        ["coverage", "--sets", "3", "--notes", "5"],
        ["null", "--sets", "3", "--notes", "8"],
        ["power", "--pilots", "2", "--tests", "2", "--points", "10"],
        ["leakage", "--notes", "200"],
        ["labels", "--notes", "40"],
    ],
    ids=lambda c: c[0],
)
def test_each_command_prints_a_table_or_json_and_the_same_for_a_seed(command: list[str]) -> None:
    run = CliRunner()
    table = run.invoke(app, ["simulate", *command])
    assert table.exit_code == 0, table.output
    first, again = (run.invoke(app, ["simulate", *command, "--json"]) for _ in range(2))
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert len(json.loads(first.stdout)) >= 1
