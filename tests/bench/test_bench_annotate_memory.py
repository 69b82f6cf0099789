from __future__ import annotations

import subprocess
import sys

import pytest

from mednerapp.bench.annotating.memory import SLACK, level

NOTES = 100_000
MB = 2**20


def readings(growth: float, *, spikes: bool = False) -> list[tuple[int, int]]:
    """Every 500 notes: 600 MB, of which every note keeps `growth` bytes, and now and then a moment's need on top."""
    return [
        (at, 600 * MB + int(growth * at) + (80 * MB if spikes and at % 6_000 == 0 else 0))
        for at in range(500, NOTES + 1, 500)
    ]


def test_a_moments_need_is_no_growth_and_half_a_kilobyte_of_each_note_is() -> None:
    assert level(readings(0, spikes=True), notes=NOTES).flat
    assert level(readings(0, spikes=True), notes=NOTES).most == 680 * MB
    assert not level(readings(500), notes=NOTES).flat
    assert not level([*readings(500), *[(NOTES, 100 * MB)] * 50], notes=NOTES).flat  # it ends, and lets go
    assert not level(readings(500, spikes=True), notes=NOTES).flat


def test_processes_that_come_later_are_measured_from_when_they_came() -> None:
    late = [(at, size if at > NOTES // 2 else 0) for at, size in readings(0)]
    assert level(late, notes=NOTES).flat
    found = level([(at, size and size + 800 * at) for at, size in late], notes=NOTES)
    assert found.late - found.early > SLACK


@pytest.mark.parametrize("size", [1_000, 3_000])
def test_a_planted_leak_keeps_what_it_says_of_each_note(size: int) -> None:
    program = f"""
import sys, tracemalloc
from mednerapp.bench.annotating import leaking
from mednerapp.ner import prediction

prediction.predict = lambda tagger, texts: [()] * len(texts)
leaking.leak({size})
tracemalloc.start()
assert prediction.predict(None, ["a"] * 100) == [()] * 100
print(tracemalloc.get_traced_memory()[0])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 100 * size <= int(ended.stdout) < 100 * size + 50_000
