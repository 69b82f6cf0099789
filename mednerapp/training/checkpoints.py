"""Saved states of a run in progress, from which it goes on to the very result that it would have had.

A checkpoint is a folder: `state.safetensors` with every tensor that changes (trained weights, the optimizer's moments,
the best weights so far, the states of the random generators) and `state.json` with the rest and the hashes of both.
It is written beside its place and moved there when it is complete, so a kill at any moment leaves the one before.
Nothing is pickled: a checkpoint cannot run code when it is opened.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mednerapp.errors import ModelProblem
from mednerapp.ner.folders import sync, sync_all
from mednerapp.ner.manifest import file_hash

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
KEEP = 2  # if the newest turns out to be damaged, the one before it is used
_TENSORS, _STATE = "state.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint holds."""

    state: dict[str, Any]
    tensors: dict[str, Tensor]


class Checkpoints:
    """The checkpoints of one run, in a folder of its own. Read from all attempts at the run, written by one process.

    attempt: a name of one's own, under which is written; what earlier attempts left goes when there is enough of one's
        own. So a worker that was given up and wakes up again writes beside its successor, never into its files.
    every: seconds between two. One that takes long to write (every weight of a large encoder) is written less often, so
        that at most a twentieth of the time goes into writing.
    every_steps: write after so many steps instead, whatever the time.
    """

    def __init__(self, folder: Path, *, attempt: str = "", every: float = 30.0, every_steps: int | None = None) -> None:
        self.folder = folder
        self.attempt = attempt
        self._own = folder / attempt
        self.refused: list[str] = []  # what was wrong with those that could not be used
        self.every = every
        self.every_steps = every_steps
        self._pause = every
        self._last = time.monotonic()
        self._steps = 0

    def due(self) -> bool:
        """Asked once after every step."""
        self._steps += 1
        if self.every_steps:
            return self._steps % self.every_steps == 0
        return time.monotonic() - self._last >= self._pause

    def save(
        self, number: int, *, depends_on: Mapping[str, Any], state: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> bool:
        """Writes checkpoint `number` (they only grow) and forgets all but the newest two; whether it was written.

        A full disk is no reason to lose the run: it is logged, and the run goes on without a new checkpoint.
        """
        began, written = time.monotonic(), False
        try:
            self._write(number, depends_on, state, tensors)
            written = True
        except (OSError, SafetensorError) as error:  # safetensors says "I/O error" in words of its own
            what = getattr(error, "strerror", "") or type(error).__name__
            log.warning("No checkpoint could be written (%s); the run goes on.", what)
        self._last = time.monotonic()
        self._pause = max(self.every, 20 * (self._last - began))
        return written

    def newest(self, depends_on: Mapping[str, Any]) -> Saved | None:
        """The newest whole checkpoint of a run that depends on exactly this; None to begin at the beginning.

        Why others were passed over is in `refused`.
        """
        for folder in reversed(self._folders()):
            try:
                return _read(folder, depends_on)
            except ModelProblem as problem:
                log.warning("%s", problem)
                self.refused.append(str(problem))
        return None

    def remove(self) -> None:
        """Forgets everything: the run has its result, or nobody wants it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        """Those of every attempt, the furthest last."""
        if not self.folder.is_dir():
            return []
        found = (*self.folder.glob("step-*"), *self.folder.glob("*/step-*"))
        return sorted((path for path in found if path.suffix != ".partial"), key=lambda path: (path.name, path))

    def _forget_old(self) -> None:
        own = [path for path in self._folders() if path.parent == self._own]
        others = [path for path in self._folders() if path.parent != self._own] if len(own) >= KEEP else []
        for old in (*own[:-KEEP], *others):
            shutil.rmtree(old, ignore_errors=True)

    def _write(
        self, number: int, depends_on: Mapping[str, Any], state: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        self._own.mkdir(parents=True, exist_ok=True)
        for left_by_a_killed_process in self._own.glob("*.partial"):
            shutil.rmtree(left_by_a_killed_process)
        final = self._own / f"step-{number:08d}"
        partial = final.with_suffix(".partial")
        partial.mkdir()
        try:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial / _TENSORS)
            content = {"depends_on": dict(depends_on), "state": dict(state), "tensors": file_hash(partial / _TENSORS)}
            written = {"format_version": FORMAT_VERSION, "sha256": _hash_of(content), **content}
            (partial / _STATE).write_text(json.dumps(written), encoding="utf-8")
            sync_all(partial)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            sync(self._own)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._forget_old()


def _read(folder: Path, depends_on: Mapping[str, Any]) -> Saved:
    """Raises ModelProblem when it is damaged, of another version, or of a run over other data or settings."""
    try:
        written = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        if not isinstance(written, dict):
            raise _damaged(folder, f"{_STATE} is not an object")
        fields = cast("dict[str, Any]", written)
        if fields.get("format_version") != FORMAT_VERSION:
            raise _damaged(folder, f"its format is {fields.get('format_version')!r}, not {FORMAT_VERSION}")
        content = {name: fields.get(name) for name in ("depends_on", "state", "tensors")}
        if fields.get("sha256") != _hash_of(content):
            raise _damaged(folder, f"{_STATE} was changed")
        if fields["tensors"] != file_hash(folder / _TENSORS):
            raise _damaged(folder, f"{_TENSORS} was cut off or changed")
        tensors = load_file(folder / _TENSORS)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, SafetensorError) as error:
        raise _damaged(folder, type(error).__name__) from error
    changed = sorted(
        name for name in {*depends_on, *fields["depends_on"]} if depends_on.get(name) != fields["depends_on"].get(name)
    )
    if changed:
        raise ModelProblem(
            f"The checkpoint {folder.name} belongs to a run with another {changed[0].replace('_', ' ')}; "
            "it is not used."
        )
    return Saved(fields["state"], tensors)


def _damaged(folder: Path, what: str) -> ModelProblem:
    return ModelProblem(
        f"The checkpoint {folder.name} is damaged ({what}); the one before it is used, if there is one."
    )


def _hash_of(content: Mapping[str, Any]) -> str:
    """Of JSON with sorted keys; floats are written so that reading gives the same ones."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
