"""`mednerapp bench kills`: what kill -9 of workers does to the queue."""

from __future__ import annotations

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

    The workers, the jobs and the models are the real ones; only the interpreter with its libraries is forked instead of
    started, so that a kill costs a second and not ten. Exits with 1 when anything is not as it should be.
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
