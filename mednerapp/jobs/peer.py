"""One process of a training on several devices, started by `together`. Ends with the worker, however that one ends.

    python -m mednerapp.jobs.peer       one line of standard input: an `Order` as JSON; later lines: b"pause"

It says what happens in lines of JSON on standard output: the first process everything, the others only what went wrong.
Neither holds note text: a report is numbers, a failure is our own words.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from pydantic import TypeAdapter

from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.errors import MedNerError
from mednerapp.jobs import lifeline
from mednerapp.jobs.failures import said_of
from mednerapp.ner.memory import in_use

log = logging.getLogger(__name__)

Say = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Saving:
    """Where and how often the run is saved, as `Checkpoints` has it."""

    folder: Path
    attempt: str
    every: float
    every_steps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one process is told: which of how many it is, where they meet, and the task as `TrainingTask` has it."""

    rank: int
    size: int
    device: str
    meeting: Path
    base_folder: Path
    encoder_name: str
    encoder_hash: str | None
    train: tuple[GoldNote, ...]
    dev: tuple[GoldNote, ...]
    labels: tuple[str, ...]
    hyper: HyperParameters
    out_dir: Path
    name: str
    dataset_hash: str
    saving: Saving | None

    def as_line(self) -> bytes:
        return TypeAdapter(Order).dump_json(self) + b"\n"


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the worker, which ends us
    line = _first_line()
    if not line:
        return 1
    pausing = Event()
    lifeline.attach(lambda _: pausing.set())
    say = _speaker()
    try:
        _learn(TypeAdapter(Order).validate_json(line), say, pausing)
    except MedNerError as error:
        from mednerapp.training import PeerLost, TrainingStopped

        if isinstance(error, TrainingStopped):
            say("paused")
            return 0
        say("failed", text=str(error), follows=isinstance(error, PeerLost))
        return 1
    except Exception as error:  # noqa: BLE001 -- its text may quote a note: said in our words, logged without
        log.error("A process of a training failed:\n%s%s", *_where(error))  # noqa: TRY400
        say("failed", text=said_of(error), follows=False)
        return 1
    return 0


def _learn(order: Order, say: Say, pausing: Event) -> None:
    from mednerapp.training.checkpoints import Checkpoints
    from mednerapp.training.finetune import TrainingTask, take_part, train
    from mednerapp.training.loop import Hooks
    from mednerapp.training.team import join

    saving = order.saving
    task = TrainingTask(
        base_folder=order.base_folder,
        encoder_name=order.encoder_name,
        encoder_hash=order.encoder_hash,
        train=order.train,
        dev=order.dev,
        labels=order.labels,
        hyper=order.hyper,
        device=order.device,
        out_dir=order.out_dir,
        name=order.name,
        dataset_hash=order.dataset_hash,
        checkpoints=saving
        and Checkpoints(saving.folder, attempt=saving.attempt, every=saving.every, every_steps=saving.every_steps),
    )

    def on_epoch(report: EpochReport) -> None:
        say("epoch", report=asdict(report))

    first = Hooks(
        on_epoch=on_epoch,
        on_step=lambda done, total: say("step", done=done, total=total, memory=in_use(order.device)),
        should_stop=lambda: False,  # the worker ends the process
        on_resume=lambda epoch, step: say("resumed", epoch=epoch, step=step),
        on_save=lambda: say("saved"),
        log=lambda text: say("log", text=text),
        should_pause=pausing.is_set,
    )
    others = Hooks(
        on_epoch=lambda _: None,
        on_step=None,
        should_stop=lambda: False,
        log=lambda text: say("log", text=text),
    )
    with join(rank=order.rank, size=order.size, device=order.device, meeting=order.meeting) as team:
        if team.first:
            manifest = train(task, first, team=team)
            say("done", weights_hash=manifest["weights_hash"], labels=list(manifest["labels"]))
        else:
            take_part(task, others, team=team)


def _first_line() -> bytes:
    """Empty when the worker is gone before it had told everything. Nothing behind the line is read."""
    parts: list[bytes] = []
    while data := os.read(0, 2**16):
        parts.append(data)
        if data.endswith(b"\n"):  # JSON has none inside, and the worker writes on only when asked to pause
            return b"".join(parts)
    return b""


def _speaker() -> Say:
    """Standard output for what we say; what libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def say(what: str, **more: Any) -> None:
        out.write(json.dumps({"say": what, **more}) + "\n")

    return say


def _where(error: BaseException) -> Sequence[str]:
    return "".join(traceback.format_tb(error.__traceback__)), type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
