"""`mednerapp bench kills` and `workers`: what kill -9 does to the queue, and what several workers get out of it."""

from __future__ import annotations

import os
import random
import sys
from typing import Annotated

import typer

Url = Annotated[str, typer.Option("--url", help="An empty PostgreSQL database; default: SQLite in a new folder.")]


def kills(
    jobs: Annotated[int, typer.Option(min=0, help="Of the mixed queue; 0 leaves it out.")] = 40,
    kills: Annotated[int, typer.Option(min=0, help="kill -9 of workers at random moments while the queue runs.")] = 60,
    training_kills: Annotated[int, typer.Option(min=0, help="Of one fine-tuning run; 0 leaves it out.")] = 5,
    workers: Annotated[int, typer.Option(min=1, help="Processes that take from the mixed queue.")] = 2,
    url: Url = "",
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 1,
) -> None:
    """Kill workers at random moments; say whether every job was done exactly once, and weights came out the same.

    The workers and the jobs are the real ones. The model is the first layer of the starter, and the interpreter with
    its libraries is forked instead of started: so a kill costs a second and not ten. Exits with 1 when anything is not
    as it should be.
    """
    from mednerapp.jobs.trials import kills as trial
    from mednerapp.jobs.trials.floor import Floor

    draw = random.Random(seed)  # noqa: S311 -- moments, not secrets
    good = True
    floor = Floor(url=url)
    try:
        print(f"{'PostgreSQL' if url else 'SQLite'}, seed {seed}")
        if training_kills:
            one = trial.training(floor, kills=training_kills, draw=draw, say=_say)
            good &= one.equal
            print(f"Fine-tuning killed {one.kills} times: {one.state.value} in attempt {one.attempts},")
            print(f"  went on from a checkpoint {one.resumed} times (the other attempts had not got to one)")
            print(f"  weights, left alone  {one.undisturbed}")
            print(f"  weights, killed      {one.killed}")
            print(f"  largest difference   {one.difference:g}  -> {'equal' if one.equal else 'NOT EQUAL'}")
        if jobs:
            all_jobs = trial.queue(floor, jobs=jobs, kills=kills, workers=workers, draw=draw, say=_say)
            good &= all_jobs.whole
            _print_queue(all_jobs)
    finally:
        floor.close()
    if not good:
        raise typer.Exit(1)


def workers(
    counts: Annotated[list[int] | None, typer.Option("--workers", min=1, help="How many; repeat for a table.")] = None,
    notes: Annotated[int, typer.Option(min=64, help="Of each round.")] = 400,
    url: Url = "",
) -> None:
    """Predict with 1, 2 and 4 workers on one queue: notes per second; kill one; check the records of device slots."""
    from mednerapp.jobs.trials import sharing
    from mednerapp.jobs.trials.floor import Floor

    asked = counts or [1, 2, 4]
    floor = Floor(url=url, whole_model=True)
    try:
        found = sharing.rounds(floor, workers=asked, notes=notes, say=_say)
        print(f"{'PostgreSQL' if url else 'SQLite'}, {os.cpu_count()} cores, one thread for each worker")
        print("workers  jobs  done by  notes  seconds  notes/s  speed-up  cores used  load")
        for r in found:
            print(
                f"{r.workers:7}  {r.jobs:4}  {r.done_by:7}  {r.notes:5}  {r.seconds:7.1f}  {r.rate:7.1f}  "
                f"{r.rate / found[0].rate:8.2f}  {r.cores:10.2f}  {r.load:4.1f}"
            )
        moved = sharing.moves(floor, workers=max(2, *asked), notes=notes, say=_say)
        print(f"A worker was killed for good: another had its job after {moved.seconds:.1f} s, ", end="")
        print("and every note was done" if moved.complete else "BUT NOT EVERY NOTE WAS DONE")
        attempts, shared = sharing.shared_slots(floor)
        print(f"Records of {attempts} attempts: {len(shared)} pairs had one device slot at the same time")
    finally:
        floor.close()
    if shared or not moved.complete:
        raise typer.Exit(1)


def _print_queue(found: object) -> None:
    from mednerapp.jobs.trials.kills import QueueKilled

    assert isinstance(found, QueueKilled)  # noqa: S101 -- for the type checker
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.by_kind.items()))
    print(f"Mixed queue: {found.jobs} jobs ({kinds}), {found.kills} kills, {found.while_busy} of them during a job;")
    print(f"  {found.seconds:.0f} s; attempts per job: {found.attempts}; {found.moved} jobs moved to another worker")
    for what, ids in (
        ("lost", found.lost),
        ("done twice", found.twice),
        ("ended without success", found.failed),
        ("runs with other weights than the undisturbed one", found.other_weights),
        ("attempts that shared a device slot", found.shared),
    ):
        print(f"  {what}: {len(ids)}{f' {ids[:10]}' if ids else ''}")
    print(f"  -> {'every job was done exactly once' if found.whole else 'NOT WHOLE'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
