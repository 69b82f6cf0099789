"""Several workers on one queue: how much faster predictions get, how soon a dead worker's jobs move, shared slots."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mednerapp.domain.jobs import Attempt, JobState, overlapping
from mednerapp.errors import MedNerError
from mednerapp.jobs.trials.floor import LOOK_EVERY, Floor

Say = Callable[[str], None]

WARM_UP = 8  # notes, of a job for each worker before the clock starts
PATIENCE = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Round:
    """Predictions of `notes` by `workers` processes. jobs: parts of the project, one for each worker.

    cores: CPU seconds of the workers for each second that passed. load: processes that wanted a core, ours and others'.
    """

    workers: int
    jobs: int
    done_by: int
    notes: int
    seconds: float
    cores: float
    load: float

    @property
    def rate(self) -> float:
        return self.notes / self.seconds


@dataclass(frozen=True, slots=True)
class Moved:
    """A worker was killed and did not come back: seconds until another had its job, and whether all notes were done."""

    seconds: float
    complete: bool


def rounds(floor: Floor, *, workers: Sequence[int], notes: int, say: Say) -> list[Round]:
    found: list[Round] = []
    for number, count in enumerate(workers):
        _start(floor, count)
        _warm_up(floor, 1000 * (number + 1), count)
        jobs = floor.add_predicting(number, notes=notes)
        began, cpu = time.monotonic(), floor.cpu_seconds()
        for job_id in jobs:
            if floor.wait(job_id).state is not JobState.SUCCEEDED:
                raise MedNerError(f"Job {job_id} did not succeed: {floor.job(job_id).message}")
        seconds = time.monotonic() - began
        cores = (floor.cpu_seconds() - cpu) / seconds
        done_by = len({floor.job(job_id).worker for job_id in jobs})
        found.append(Round(count, len(jobs), done_by, notes, seconds, cores, os.getloadavg()[0]))
        say(f"{count} workers: {notes} notes in {seconds:.1f} s.")
        floor.stop()
    return found


def moves(floor: Floor, *, workers: int, notes: int, say: Say) -> Moved:
    """Kill one of the workers while all of them predict."""
    _start(floor, workers)
    _warm_up(floor, 9000, workers)
    jobs = floor.add_predicting(9999, notes=notes)
    victim = _until(lambda: next((j.worker for j in map(floor.job, jobs) if j.state is JobState.RUNNING), ""))
    held = next(j for j in map(floor.job, jobs) if j.worker == victim)
    floor.kill(victim)
    began = time.monotonic()
    say(f"Killed {victim}, which had job {held.id}.")
    _until(lambda: floor.job(held.id).worker not in ("", victim))
    seconds = time.monotonic() - began
    complete = all(floor.wait(job_id).state is JobState.SUCCEEDED for job_id in jobs)
    floor.stop()
    return Moved(seconds, complete)


def shared_slots(floor: Floor) -> tuple[int, list[tuple[Attempt, Attempt]]]:
    """(attempts in the records, pairs that had one slot at the same time)."""
    with floor.store.read() as tx:
        attempts = tx.job_records.attempts()
    return len(attempts), overlapping(attempts)


def _start(floor: Floor, count: int) -> None:
    for i in range(count):
        floor.start(f"of{count}-{i}")
    _until(floor.idle)


def _warm_up(floor: Floor, number: int, count: int) -> None:
    """Every worker opens the model before the clock starts: as many jobs at once as there are workers."""
    jobs = [job for i in range(2 * count) for job in floor.add_predicting(number + i, notes=WARM_UP)]
    for job_id in jobs:
        floor.wait(job_id)


def _until(look: Callable[[], object]) -> str:
    give_up = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > give_up:
            raise MedNerError("The workers did not do what was waited for; see their logs.")
        time.sleep(LOOK_EVERY)
    return str(found)
