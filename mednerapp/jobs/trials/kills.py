"""kill -9 of workers at random moments: is every job done once, and does a training end with the same weights?"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from mednerapp.domain.jobs import FINISHED, Attempt, Job, JobKind, JobState, overlapping
from mednerapp.domain.models import HyperParameters
from mednerapp.jobs.trials.floor import LOOK_EVERY, Floor, expected_writes
from mednerapp.training.saving import furthest_apart

Say = Callable[[str], None]

NOTES = 16  # of each job that predicts
LONG, SHORT = HyperParameters(epochs=8, seed=7, batch_size=2), HyperParameters(epochs=2, seed=7)
SHARES = {JobKind.PREDICT: 0.75, JobKind.EVALUATE: 0.2}  # the rest are trainings
NEW_NAME = 0.1  # share of the killed workers that never come back under their name


@dataclass(frozen=True, slots=True)
class TrainingKilled:
    """A run that was killed over and over beside one that was left alone. difference: the largest between weights."""

    kills: int
    attempts: int
    resumed: int
    undisturbed: str
    killed: str
    difference: float
    state: JobState

    @property
    def equal(self) -> bool:
        return self.state is JobState.SUCCEEDED and self.undisturbed == self.killed and not self.difference


@dataclass(frozen=True, slots=True)
class QueueKilled:
    """jobs: those that were queued and those that they made necessary. lost, twice, failed: ids.

    other_weights: runs whose weights are not those of the undisturbed run. shared: pairs of attempts that had one slot
    at the same time. moved: jobs that ended on another worker than they began on.
    """

    jobs: int
    by_kind: dict[str, int]
    kills: int
    while_busy: int
    lost: list[int]
    twice: list[int]
    failed: list[int]
    other_weights: list[int]
    shared: list[tuple[Attempt, Attempt]]
    attempts: dict[int, int]
    moved: int
    seconds: float

    @property
    def whole(self) -> bool:
        return not (self.lost or self.twice or self.failed or self.other_weights or self.shared)


def training(floor: Floor, *, kills: int, draw: random.Random, say: Say) -> TrainingKilled:
    """One run left alone, then the same run with its worker killed `kills` times, at random steps."""
    floor.start("w")
    undisturbed = floor.add_run("left alone", LONG)
    total = floor.wait(undisturbed.job_id).total
    say(f"Undisturbed run: {total} steps.")
    killed = floor.add_run("killed", LONG)
    # Random steps in equal parts of the run; some lie before the first checkpoint or just after one.
    moments = [int(total * (i + draw.uniform(0.1, 0.9)) / kills) for i in range(kills)]

    def look(job: Job) -> None:
        if moments and job.state is JobState.RUNNING and job.done >= moments[0]:
            say(f"Killed at step {job.done} of {total}.")
            moments.pop(0)
            floor.kill("w")
            floor.start("w")

    job = floor.wait(killed.job_id, on_look=look)
    _drain(floor)
    floor.kill("w")
    with floor.store.read() as tx:
        lines = [line.text for line in tx.job_records.lines(job.id, limit=1000)]
    (hash_one, one), (hash_two, two) = floor.weights(undisturbed.id), floor.weights(killed.id)
    return TrainingKilled(
        kills=kills - len(moments),
        attempts=job.attempt,
        resumed=sum(line.startswith("Goes on from a checkpoint") for line in lines),
        undisturbed=hash_one,
        killed=hash_two,
        difference=furthest_apart(one, two),
        state=job.state,
    )


def queue(floor: Floor, *, jobs: int, kills: int, workers: int, draw: random.Random, say: Say) -> QueueKilled:
    """A mixed queue of `jobs` with `kills` at random moments, spread over the whole time that it takes."""
    floor.start("reference")
    reference = floor.add_run("reference", SHORT)
    floor.wait(reference.job_id)
    _drain(floor)
    floor.kill("reference")
    first = floor.add_evaluating()  # whatever comes later belongs to the trial
    runs: list[int] = []
    for number in range(1, jobs):
        share = draw.random()
        if share < SHARES[JobKind.PREDICT]:
            floor.add_predicting(number, notes=NOTES)
        elif share < SHARES[JobKind.PREDICT] + SHARES[JobKind.EVALUATE]:
            floor.add_evaluating()
        else:
            runs.append(floor.add_run(f"run {number}", SHORT).id)
    say(f"{jobs} jobs are queued, {len(runs)} of them trainings.")
    began = time.monotonic()
    for number in range(workers):
        floor.start(f"w{number}")
    while_busy = _kill(floor, first=first, jobs=jobs, kills=kills, draw=draw, say=say)
    while floor.open_jobs():
        time.sleep(LOOK_EVERY)
    seconds = time.monotonic() - began
    floor.stop()
    return _judge(
        floor, first=first, runs=runs, reference=reference.id, kills=kills, while_busy=while_busy, seconds=seconds
    )


def _kill(floor: Floor, *, first: int, jobs: int, kills: int, draw: random.Random, say: Say) -> int:
    """The kills keep pace with the jobs: never far ahead of them, and at once when they fall behind."""
    while_busy, named = 0, 0
    for number in range(kills):
        while True:
            still = [job for job in floor.open_jobs() if job.id >= first]
            done = max(0.0, 1 - len(still) / jobs)
            if not still or number / kills <= done + 0.05:
                break
            time.sleep(LOOK_EVERY)
        time.sleep(draw.uniform(0.0, 2.0 if number / kills > done else 0.5))
        name = draw.choice(sorted(floor.workers))
        with floor.store.read() as tx:
            while_busy += any(job.worker == name for job in tx.jobs.open() if job.state is JobState.RUNNING)
        floor.kill(name)
        if draw.random() < NEW_NAME:  # this one is never heard of again; another has to find out
            named += 1
            name = f"n{named}"
        floor.start(name)
        if (number + 1) % 10 == 0:
            say(f"{number + 1} kills, {len(still)} jobs left.")
    return while_busy


def _judge(
    floor: Floor, *, first: int, runs: Collection[int], reference: int, kills: int, while_busy: int, seconds: float
) -> QueueKilled:
    with floor.store.read() as tx:
        found = [job for job in tx.jobs.recent(1_000_000) if job.id >= first]
        attempts = [attempt for attempt in tx.job_records.attempts() if attempt.job_id >= first]
        missing = {
            job.id: len(
                tx.notes.without_prediction(
                    project_id=int(job.args["project_id"]), adapter_id=int(job.args["adapter_id"])
                )
            )
            for job in found
            if job.kind is JobKind.PREDICT
        }
    writes = floor.writes()
    counted = [job for job in found if job.kind is not JobKind.FINE_TUNE and job.state is JobState.SUCCEEDED]
    over = {job.id: writes.get(job.id, 0) - expected_writes(job, notes=NOTES) for job in counted}
    expected, _ = floor.weights(reference)
    with floor.store.read() as tx:
        made = {run: adapter.weights_hash for run in runs if (adapter := tx.models.adapter_of_run(run))}
    by_job: dict[int, list[str]] = {}
    for attempt in attempts:
        by_job.setdefault(attempt.job_id, []).append(attempt.worker)
    return QueueKilled(
        jobs=len(found),
        by_kind=dict(Counter(job.kind.value for job in found)),
        kills=kills,
        while_busy=while_busy,
        lost=[job.id for job in found if job.state not in FINISHED or over.get(job.id, 0) < 0 or missing.get(job.id)],
        twice=[job_id for job_id, more in over.items() if more > 0],
        failed=[job.id for job in found if job.state in FINISHED - {JobState.SUCCEEDED}],
        other_weights=[run for run, weights in made.items() if weights != expected],
        shared=overlapping(attempts),
        attempts=dict(sorted(Counter(job.attempt for job in found).items())),
        moved=sum(len(set(workers)) > 1 for workers in by_job.values()),
        seconds=seconds,
    )


def _drain(floor: Floor) -> None:
    """Wait for the scoring that a run makes necessary."""
    while floor.open_jobs():
        time.sleep(LOOK_EVERY)
