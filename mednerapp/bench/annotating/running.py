"""`mednerapp annotate` as a process of its own, looked at while it runs, and killed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from mednerapp.errors import MedNerError
from mednerapp.settings import Settings, environment

LOOK_EVERY = 0.02  # seconds
WEIGH_EVERY = 1.0  # seconds; looking for all processes below costs a tenth of one
PATIENCE = {"local": 15.0, "ray": 90.0}  # seconds that what a killed run started may take to end; Ray's agents: 65
PROJECT = "Bench"


@dataclass(frozen=True, slots=True)
class Weighed:
    """Resident bytes when so many notes were written: of the command itself, and of all processes below it."""

    notes: int
    command: int
    below: int


@dataclass(slots=True)
class Watched:
    """What was seen of one undertaking, from its first start to its end.

    left: processes that did not end after a kill. went_on: notes that were there when a process came back, each time.
    """

    seconds: float = 0.0
    starts: int = 0
    kills: int = 0
    left: int = 0
    memory: list[Weighed] = field(default_factory=list[Weighed])
    went_on: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True)
class Undertaking:
    """What is run, again and again until it ends by itself. leak: bytes of each note that it is made to keep."""

    settings: Settings
    source: Path
    out: Path
    part: int
    log: Path
    engine: str = "local"
    leak: int = 0

    def start(self) -> psutil.Popen:
        module = ["mednerapp.bench.annotating.leaking", str(self.leak)] if self.leak else ["mednerapp.cli"]
        command = [
            sys.executable, "-m", *module, "annotate", str(self.source), str(self.out), "--project", PROJECT,
            "--device", "cpu", "--part", str(self.part), "--engine", self.engine,
        ]  # fmt: skip
        one_thread = {"OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            return psutil.Popen(
                command, env=environment(self.settings) | one_thread, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def written(self) -> int:
        try:
            return int(json.loads((self.out / "progress.json").read_bytes())["notes"])
        except FileNotFoundError:
            return 0


def run(work: Undertaking, *, notes: int, kills: int, draw: random.Random) -> Watched:
    """To the end, with `kills` in between: most at random moments of equal shares of the notes, some while a process
    has not come to writing yet.

    Raises:
        MedNerError: it ended with an error, or was done before the last kill.
    """
    seen = Watched()
    began = time.monotonic()
    for number in range(kills):
        early = draw.random() < 0.2
        at = 0 if early else int(notes * (number + draw.uniform(0.1, 0.9)) / (kills + 1))
        _until_killed(work, seen, at=at, delay=draw.uniform(0.2, 4.0) if early else draw.uniform(0.0, 0.5))
    seen.starts += 1
    process = work.start()
    seen.went_on.append(work.written())
    _watch(work, process, seen, until=None)
    if process.wait():
        raise MedNerError(f"`annotate` ended with {process.returncode}:\n{_last_lines(work.log)}")
    seen.seconds = time.monotonic() - began
    return seen


def _until_killed(work: Undertaking, seen: Watched, *, at: int, delay: float) -> None:
    seen.starts += 1
    process = work.start()
    seen.went_on.append(work.written())
    _watch(work, process, seen, until=at)
    time.sleep(delay if work.part > 100 or not at else delay / 20)  # a small trial would be over
    if process.poll() is not None:
        raise MedNerError(f"`annotate` ended before it was killed:\n{_last_lines(work.log)}")
    others = process.children(recursive=True)
    process.kill()
    process.wait()
    seen.kills += 1
    _, left = psutil.wait_procs(others, timeout=PATIENCE[work.engine])
    seen.left += len(left)
    for other in left:  # so that the next one finds the machine as it was
        other.kill()


def _watch(work: Undertaking, process: psutil.Popen, seen: Watched, *, until: int | None) -> None:
    """Until so many notes are written, or to the end."""
    weighed, before = 0.0, work.written()
    while process.poll() is None:
        written = work.written()
        if until is not None and written >= until:
            return
        if written > before and time.monotonic() - weighed > WEIGH_EVERY:  # not while it still loads
            weighed = time.monotonic()
            below = sum(map(size_of, process.children(recursive=True)))
            own = size_of(process)
            if own and process.poll() is None:
                seen.memory.append(Weighed(written, own, below))
        time.sleep(LOOK_EVERY)


def size_of(process: psutil.Process) -> int:
    """Resident bytes, a page that several processes have shared out among them; 0 of one that has ended."""
    try:
        found: Any = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(found, "pss", found.uss))


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
