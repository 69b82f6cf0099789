from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mednerapp.domain.clock import now
from mednerapp.domain.jobs import Attempt, Job, JobKind, JobState, Outcome, overlapping

START = now()


def attempt(number: int, begin: float, end: float | None, slot: str = "host/cuda:0") -> Attempt:
    ended = None if end is None else START + timedelta(seconds=end)
    return Attempt(number, 1, "w", slot, START + timedelta(seconds=begin), ended, Outcome.SUCCEEDED if ended else None)


def test_attempts_that_share_a_device_slot_are_found_and_others_are_not() -> None:
    first, second, third = attempt(1, 0, 10), attempt(2, 10, 20), attempt(3, 15, None)
    assert overlapping([second, first]) == []
    assert overlapping([third, first, second]) == [(second, third)]
    assert overlapping([first, second, replace(third, slot="host/cuda:1")]) == []
    assert overlapping([third, attempt(4, 30, 40)]) == [(third, attempt(4, 30, 40))]


@pytest.mark.parametrize(
    ("state", "rate", "total", "left"),
    [
        (JobState.RUNNING, 2.0, 100, 35.0),
        (JobState.RUNNING, 0.0, 100, None),
        (JobState.RUNNING, 2.0, 0, None),
        (JobState.QUEUED, 2.0, 100, None),
    ],
)
def test_the_time_left_is_said_only_where_it_is_known(
    state: JobState, rate: float, total: int, left: float | None
) -> None:
    job = Job(
        id=1, kind=JobKind.PREDICT, args={}, state=state, priority=10, done=30, total=total, unit="notes", message="",
        worker="w", attempt=1, cancel_requested=False, created_by=None, created_at=START, started_at=START,
        finished_at=None, heartbeat_at=None, rate=rate,
    )  # fmt: skip
    assert job.seconds_left == left
