"""Entries of the queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise


class JobKind(StrEnum):
    PREDICT = "predict"
    FINE_TUNE = "fine_tune"
    EVALUATE = "evaluate"
    PULL = "pull"  # an encoder from the hub
    ADD_ENCODER = "add_encoder"  # an encoder from a folder
    VERIFY = "verify"  # an installed encoder


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


FINISHED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.INTERRUPTED, JobState.CANCELLED})

# Smaller goes first: a person who waits for highlights goes before training.
PRIORITY = {
    JobKind.PREDICT: 10,
    JobKind.VERIFY: 15,
    JobKind.ADD_ENCODER: 15,
    JobKind.EVALUATE: 20,
    JobKind.PULL: 25,
    JobKind.FINE_TUNE: 30,
}

URGENT = 15  # a job that waits at this priority or before it does not wait for one that can be paused


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of the queue. `args` holds ids and numbers only, never note text. Progress is in `unit`s.

    rate: units per second of late, 0 while unknown. memory: bytes, of the worker or on its GPU, when it was last heard
    of. deaths: workers that died over it in a row without anything of it being kept; not_before: then it waits.
    """

    id: int
    kind: JobKind
    args: dict[str, int | str]
    state: JobState
    priority: int
    done: int
    total: int
    unit: str
    message: str
    worker: str
    attempt: int
    cancel_requested: bool
    created_by: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    rate: float = 0.0
    memory: int = 0
    device: str = ""
    deaths: int = 0
    not_before: datetime | None = None

    @property
    def seconds_left(self) -> float | None:
        """At the rate of late; None while nothing can be said."""
        if self.state is not JobState.RUNNING or not self.rate or self.total <= 0:
            return None
        return max(0, self.total - self.done) / self.rate


class Outcome(StrEnum):
    """How an attempt ended: as its job, or without an end of it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    PUT_BACK = "put back"  # the worker was stopped, or let another job go first
    LOST = "lost"  # the worker died or fell silent


SLOT_SEPARATOR = " + "  # between the device slots of an attempt that has several


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who had a job when. outcome: None while it goes on.

    slot: one GPU of one machine (or several, with SLOT_SEPARATOR between them), or one worker on a CPU.
    """

    job_id: int
    attempt: int
    worker: str
    slot: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """What a job said of itself; never note text."""

    attempt: int
    at: datetime
    text: str


def overlapping(attempts: Iterable[Attempt]) -> list[tuple[Attempt, Attempt]]:
    """Pairs that had the same device slot at the same time, by the records."""
    by_slot: dict[str, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda a: a.started_at):
        for slot in attempt.slot.split(SLOT_SEPARATOR):
            by_slot.setdefault(slot, []).append(attempt)
    return [
        (one, two)
        for held in by_slot.values()
        for one, two in pairwise(held)
        if one.ended_at is None or one.ended_at > two.started_at
    ]
