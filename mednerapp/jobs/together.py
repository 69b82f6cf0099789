"""A training on several devices at once: starts a process for each, passes on what they say, and ends them all.

The worker itself learns nothing then, and holds no model: so a cancelled training ends at once whatever its processes
are doing, a process that dies is seen, and what a GPU held is free as soon as they are gone.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from mednerapp.domain.models import EpochReport
from mednerapp.errors import ModelProblem
from mednerapp.jobs.peer import Order, Saving
from mednerapp.services.fine_tuning import Trained

if TYPE_CHECKING:
    from mednerapp.training.finetune import TrainingTask
    from mednerapp.training.loop import Hooks

LOOK_EVERY = 0.2  # seconds
REASON_WITHIN = 3.0  # seconds that the process which failed first has to say why, once another one noticed
END_WITHIN = 3.0  # seconds that the processes have to end by themselves after a success

Said = tuple[int, dict[str, Any] | None]  # rank, and what it said; None: it has ended


def train_together(
    task: TrainingTask, hooks: Hooks, *, devices: Sequence[str], on_memory: Callable[[int], None] = lambda _: None
) -> Trained:
    """Trains with one process for each device, as `finetune.train` does with one; `task.device` does not matter.

    on_memory: told how much memory the first process takes, in bytes.

    Raises:
        TrainingStopped: when the hooks said so. Whatever is raised, no process is left.
        ModelProblem: if a process failed or was killed; its reason.
    """
    with tempfile.TemporaryDirectory(prefix="mednerapp-") as folder:
        crew = _Crew(_order(task, Path(folder) / "meeting"), devices)
        try:
            crew.start()
            trained = _Watcher(crew, hooks, on_memory).watch()
            crew.wait(END_WITHIN)
        finally:
            crew.kill()
            for left in task.out_dir.parent.glob(f".{task.out_dir.name}.*.partial"):
                shutil.rmtree(left, ignore_errors=True)
    return trained


def _order(task: TrainingTask, meeting: Path) -> Order:
    """For any of the processes; rank, size and device are still to be filled in."""
    kept = task.checkpoints
    return Order(
        rank=0,
        size=1,
        device=task.device,
        meeting=meeting,
        base_folder=task.base_folder.absolute(),
        encoder_name=task.encoder_name,
        encoder_hash=task.encoder_hash,
        train=tuple(task.train),
        dev=tuple(task.dev),
        labels=tuple(task.labels),
        hyper=task.hyper,
        out_dir=task.out_dir.absolute(),
        name=task.name,
        dataset_hash=task.dataset_hash,
        saving=Saving(kept.folder.absolute(), kept.attempt, kept.every, kept.every_steps) if kept else None,
    )


class _Crew:
    """The processes, by rank."""

    def __init__(self, order: Order, devices: Sequence[str]) -> None:
        self.devices = devices
        self.said: queue.Queue[Said] = queue.Queue()
        self._order = order
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        environment = dict(os.environ)
        if "cpu" in self.devices:  # or each would take every core
            environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // len(self.devices))))
        for _ in self.devices:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "mednerapp.jobs.peer"],
                    env=environment,
                    stdin=subprocess.PIPE,  # the lifeline
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )
            )
        for rank, (process, device) in enumerate(zip(self._processes, self.devices, strict=True)):
            Thread(target=self._listen, args=(rank, process), name=f"peer-{rank}", daemon=True).start()
            self.tell(rank, replace(self._order, rank=rank, size=len(self.devices), device=device).as_line())

    def tell(self, rank: int, line: bytes) -> None:
        """A process that is gone hears nothing; that it is gone is seen elsewhere."""
        try:
            pipe = _open(self._processes[rank].stdin)
            pipe.write(line)
            pipe.flush()
        except OSError:
            return

    def status(self, rank: int) -> int:
        return self._processes[rank].wait()

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(process.poll() is None for process in self._processes):
            time.sleep(LOOK_EVERY / 4)

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            try:
                _open(process.stdin).close()
            except OSError:  # what it had not read any more
                continue

    def _listen(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        with _open(process.stdout) as lines:
            for line in lines:
                self.said.put((rank, json.loads(line)))
        self.said.put((rank, None))


class _Watcher:
    """Passes on what the processes say, until the first one is done or anything ends them."""

    def __init__(self, crew: _Crew, hooks: Hooks, on_memory: Callable[[int], None]) -> None:
        self._crew, self._hooks, self._on_memory = crew, hooks, on_memory
        self._consequence: str | None = None  # said by one that noticed that another was gone
        self._noticed_at = 0.0

    def watch(self) -> Trained:
        pausing = False
        while True:
            self._hooks.check()
            if not pausing and self._hooks.should_pause():
                pausing = True
                self._crew.tell(0, b"pause\n")
            try:
                rank, message = self._crew.said.get(timeout=LOOK_EVERY)
            except queue.Empty:
                rank, message = -1, {}
            if message is None:
                self._ended(rank)
            elif message.get("say") == "done":
                return Trained(str(message["weights_hash"]), tuple(message["labels"]))
            elif message:
                self._pass_on(rank, message)
            if self._consequence and time.monotonic() - self._noticed_at > REASON_WITHIN:
                raise ModelProblem(self._consequence)

    def _pass_on(self, rank: int, message: dict[str, Any]) -> None:
        from mednerapp.training import TrainingStopped

        hooks = self._hooks
        match message["say"]:
            case "step":
                self._on_memory(int(message["memory"]))
                if hooks.on_step:
                    hooks.on_step(message["done"], message["total"])
            case "epoch":
                hooks.on_epoch(EpochReport(**message["report"]))
            case "resumed" if hooks.on_resume:
                hooks.on_resume(message["epoch"], message["step"])
            case "saved" if hooks.on_save:
                hooks.on_save()
            case "log" if hooks.log:
                hooks.log(str(message["text"]))
            case "paused":
                raise TrainingStopped("The training is paused; it was saved.")
            case "failed" if message["follows"]:
                self._noticed_at = self._noticed_at or time.monotonic()
                self._consequence = f"{message['text']} The one on {self._crew.devices[rank]} noticed; see the log."
            case "failed":
                raise ModelProblem(str(message["text"]))
            case _:
                pass

    def _ended(self, rank: int) -> None:
        status = self._crew.status(rank)
        if (status == 0 and rank > 0) or (status == 1 and self._consequence):
            return
        how = f"signal {-status}" if status < 0 else f"status {status}"
        raise ModelProblem(
            f"The process {rank + 1} of {len(self._crew.devices)} of this training, on {self._crew.devices[rank]}, "
            f"ended unexpectedly ({how}). Signal 9 often means that the memory was exhausted. The others were stopped; "
            "resume the run, or train on one device."
        )


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe  # noqa: S101  for the type checker
    return pipe
