"""Commands of the product, each run once on a data folder; what they printed is kept, to go on from later."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from itertools import pairwise
from typing import Any

from mednerapp.settings import Settings, environment

PROGRAM = "mednerapp bench real-data"


class Commands:
    """`printed/` in the data folder holds what each step printed."""

    def __init__(self, settings: Settings, *, threads: int) -> None:
        self._variables = {**environment(settings), "OMP_NUM_THREADS": str(threads), "COLUMNS": "250"}
        self._kept = settings.data_dir / "printed"
        self._kept.mkdir(parents=True, exist_ok=True)

    def once(self, step: str, *arguments: str, shown: bool = True) -> str:
        """What the command printed, now or before; with `shown` it is printed with the command."""
        file = self._kept / f"{step}.txt"
        known = file.is_file()
        said = file.read_text(encoding="utf-8") if known else self.run(*arguments)
        if not known:
            unfinished = file.with_suffix(".part")
            unfinished.write_text(said, encoding="utf-8")
            unfinished.replace(file)
        if shown:
            line = shlex.join(["mednerapp", *arguments])
            sys.stdout.write(f"$ {line}{'   (run before)' if known else ''}\n{said.rstrip()}\n\n")
            sys.stdout.flush()
        return said

    def run(self, *arguments: str) -> str:
        """Raises SystemExit if the command failed; it has said why on the error stream."""
        command = [sys.executable, "-m", "mednerapp.cli", *arguments]
        done = subprocess.run(command, env=self._variables, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{PROGRAM}: `{shlex.join(['mednerapp', *arguments])}` ended with {done.returncode}.")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))


def at(line: list[dict[str, float]], notes: float) -> dict[str, float] | None:
    """A drawn forecast (by growing `notes`) read at a number of notes between its points; None beyond its ends."""
    for before, after in pairwise(line):
        if before["notes"] <= notes <= after["notes"]:
            part = (notes - before["notes"]) / (after["notes"] - before["notes"])
            return {key: before[key] + part * (after[key] - before[key]) for key in before}
    return None
