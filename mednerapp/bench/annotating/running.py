"""`mednerapp annotate` as a process of its own, looked at while it runs, and killed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mednerapp.errors import MedNerError
from mednerapp.settings import Settings, environment

LOOK_EVERY = 0.02  # seconds
WEIGH_EVERY = 0.3  # seconds
PATIENCE = 15.0  # seconds that what a killed run started may take to end
PROJECT = "Bench"


@dataclass(slots=True)
class Watched:
    """What was seen of one undertaking, over all its processes. memory: (notes written, bytes of the process tree).

    left: processes that did not end after a kill. went_on: notes that were there when a process came back, each time.
    """

    seconds: float = 0.0
    starts: int = 0
    kills: int = 0
    left: int = 0
    memory: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    went_on: list[int] = field(default_factory=list[int])

    def at(self, notes: int) -> int:
        """Bytes when so many notes were written: the first time anybody looked after that, 0 if nobody did."""
        return next((size for written, size in self.memory if written >= notes), 0)

    def most(self, *, since: int = 0) -> int:
        return max((size for written, size in self.memory if written >= since), default=0)


@dataclass(frozen=True, slots=True)
class Undertaking:
    """What is run, again and again until it ends by itself."""

    settings: Settings
    source: Path
    out: Path
    part: int
    log: Path

    def start(self) -> psutil.Popen:
        command = [
            sys.executable, "-m", "mednerapp.cli", "annotate", str(self.source), str(self.out), "--project", PROJECT,
            "--device", "cpu", "--part", str(self.part),
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
    _, left = psutil.wait_procs(others, timeout=PATIENCE)
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
            weighed, size = time.monotonic(), tree_size(process)
            if size and process.poll() is None:
                seen.memory.append((written, size))
        time.sleep(LOOK_EVERY)


def tree_size(process: psutil.Process) -> int:
    """Resident bytes of the process and all below it; a page that two of them share counts twice."""
    size = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            try:
                size += one.memory_info().rss
            except psutil.Error:  # it ended while we looked
                continue
    except psutil.Error:
        return size
    return size


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
