"""A model beside the rules, in a process of its own: this one never loads torch.

The text goes through a pipe and nowhere else. The process is started by the first note, stays for the next ones, and
ends with this one, or by itself when nothing came for a while. Whoever has chosen a model relies on it: when it cannot
be asked, no note goes on with the rules alone.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from mednerapp.deid import lexicon
from mednerapp.domain.identifiers import Identifier, IdentifierType
from mednerapp.errors import IdentifierModelFailed

_T = IdentifierType
OLD = 90  # years; who is younger may be called so
_YEAR = frozenset(str(year) for year in range(1900, 2100))


@dataclass(slots=True, eq=False)
class Beside:
    """A recogniser of `Detector`: ask it for the identifiers of a text. Threads take turns.

    folder, starter: the model, and what it may be an adapter over. device: as the worker's setting.
    start_seconds, note_seconds: what opening the model and reading a note may take (for a long one, in proportion).
    idle_seconds: after which the process ends by itself.
    """

    folder: Path
    starter: Path
    device: str = "cpu"
    start_seconds: float = 180.0
    note_seconds: float = 60.0
    idle_seconds: float = 600.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _rest: bytes = field(default=b"", init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __call__(self, text: str) -> list[Identifier]:
        """In text order, without overlap.

        Raises:
            IdentifierModelFailed: when there is no answer: no model there, not in time, or it cannot read the note.
        """
        if not text.strip():
            return []
        with self._lock:
            answer = self._ask(text)
        found = [Identifier(start, end, IdentifierType(kind), score, "model") for start, end, kind, score in answer]
        return list(_ours(text, found))

    def close(self) -> None:
        """End the process; the next text starts another."""
        process, self._process, self._rest = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    continue

    def _ask(self, text: str) -> list[Any]:
        line = json.dumps({"text": text}).encode() + b"\n"
        seconds = self.note_seconds * (1 + len(text) / 20_000)
        for fresh in (False, True):  # one that was kept may have ended by itself a moment ago
            try:
                if fresh or self._process is None or self._process.poll() is not None:
                    fresh = True  # noqa: PLW2901
                    self._start()
                self._write(line, seconds)
                return self._answer(seconds)["found"]
            except (BrokenPipeError, EOFError) as error:
                self.close()
                if fresh:
                    raise IdentifierModelFailed(self.folder.name, "its process ended") from error
            except BaseException:
                self.close()  # an answer that is still to come would be taken for the next note's
                raise
        raise AssertionError("Both turns return or raise.")

    def _start(self) -> None:
        self.close()
        if not self.folder.is_dir():
            raise IdentifierModelFailed(self.folder.name, "there is no such folder")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDNER_")}
        options = ["--starter", str(self.starter), "--device", self.device, "--idle", str(self.idle_seconds)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mednerapp.ner.identifying_server", str(self.folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's complaint may quote the text
            env={**kept, "HF_HUB_OFFLINE": "1"},
        )
        self._answer(self.start_seconds)

    def _write(self, line: bytes, seconds: float) -> None:
        to = self._pipes()[0]
        until, at = time.monotonic() + seconds, 0
        os.set_blocking(to, False)
        while at < len(line):
            self._wait(to, select.POLLOUT, until, seconds)
            at += os.write(to, line[at : at + (1 << 15)])

    def _answer(self, seconds: float) -> dict[str, Any]:
        back = self._pipes()[1]
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._wait(back, select.POLLIN, until, seconds)
            data = os.read(back, 1 << 16)
            if not data:
                raise EOFError
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            raise IdentifierModelFailed(self.folder.name, answer["problem"])
        return answer

    def _wait(self, pipe: int, event: int, until: float, seconds: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise IdentifierModelFailed(self.folder.name, f"it took over {seconds:g} seconds")

    def _pipes(self) -> tuple[int, int]:
        process = self._process
        assert process is not None  # noqa: S101 - `_ask` has started it
        assert process.stdin is not None  # noqa: S101 - it was asked for
        assert process.stdout is not None  # noqa: S101 - as above
        return process.stdin.fileno(), process.stdout.fileno()


def _ours(text: str, found: Iterable[Identifier]) -> Iterable[Identifier]:
    """Without what others' models mark and the list does not count: ages under 90, years, states and countries."""
    wide = lexicon.words("countries.txt")
    for one in found:
        value = text[one.start : one.end]
        digits = "".join(c for c in value if c.isdecimal())
        if one.type is _T.AGE and not (digits and int(digits[:3]) >= OLD):
            continue
        if (one.type is _T.DATE and value.strip() in _YEAR) or not any(c.isalnum() for c in value):
            continue
        if one.type is _T.LOCATION and value.strip().lower() in wide:
            continue
        yield one


_chosen: list[Beside] = []


def choose(model: Beside | None) -> None:
    """Say which model all of this process's detectors ask, or none; `bootstrap` does.

    For the whole process rather than handed from caller to caller: a caller who forgot it would be a leak.
    """
    for before in _chosen:
        before.close()
    _chosen[:] = [model] if model else []


def chosen() -> tuple[Beside, ...]:
    return tuple(_chosen)
