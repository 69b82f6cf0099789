"""A real worker with handlers that do as the job's arguments say. Run by job_bench.py as a process of its own."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import sys
import time
from pathlib import Path

from sqlalchemy.exc import OperationalError

from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import EpochReport
from mednerapp.errors import ModelProblem
from mednerapp.jobs import context as context_module
from mednerapp.jobs.context import JobCancelled, JobContext, JobPaused
from mednerapp.jobs.worker import run_worker
from mednerapp.settings import Settings

FOLDER = Path(os.environ["BENCH"])
NOTE_TEXT = "Mrs Miller has diabetes"


def note_down(event: str, context: JobContext) -> None:
    with (FOLDER / "events").open("a", encoding="utf-8") as events:
        events.write(f"{event} {context.job.id} {context.worker_id}\n")


def pass_gate(context: JobContext) -> None:
    """Wait at the gate that the job names, looking up as a handler between two batches does."""
    name = context.job.args.get("gate")
    while name and not (FOLDER / f"gate-{name}").exists():
        if context.job.args.get("pauses") and context.should_pause():
            raise JobPaused
        if not context.job.args.get("deaf") and context.cancelled():
            raise JobCancelled
        time.sleep(0.02)


def work(context: JobContext) -> str:
    note_down("start", context)
    match context.job.args.get("do"):
        case "refuse":
            raise ModelProblem("The model folder is gone. Install the encoder again.")
        case "crash":
            raise ValueError(NOTE_TEXT)
        case "full":
            raise OSError(errno.ENOSPC, NOTE_TEXT)
        case "outage" if context.job.attempt == 1:
            raise OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked"))
        case "count":
            for done in range(1, 1001):
                context.progress(done, 1000, "notes")
        case _:
            pass_gate(context)
    note_down("done", context)
    return "All done."


def fine_tune(context: JobContext) -> str:
    with context.store.write() as tx:
        context.fence(tx)
        run = tx.runs.of_job(context.job.id)
        assert run
        tx.runs.start(run.id, device=context.device)
        for epoch in (1, 2):
            tx.runs.add_epoch(run.id, EpochReport(epoch, 0.5, None, None, 1.0))
    return work(context)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    context_module.LEAST_TURN = context_module.ASK_EVERY = 0.2
    handlers = {JobKind.PREDICT: work, JobKind.EVALUATE: work, JobKind.FINE_TUNE: fine_tune}
    sys.exit(run_worker(Settings(), handlers=handlers, device="cpu", worker_id=sys.argv[1]))
