"""Entries of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of the queue. `args` holds ids and numbers only, never note text. Progress is in `unit`s."""

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
