"""What the layers that do not learn make of every window: computed once, kept while a run lasts.

Kept as fp16, so that memory and disk give the same result; the layers above turn it into fp32 again. It is made anew by
every run, so it always belongs to the encoder of that run. A text can be guessed from such vectors, so what does not
fit into memory goes into a file that has no name: it is gone when the process ends, however that happens.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mednerapp.errors import ModelProblem
from mednerapp.ner.packed import embed, pack, run_layers
from mednerapp.ner.prediction import autocast
from mednerapp.ner.words import IntArray
from mednerapp.training.encoding import passes
from mednerapp.training.room import Room

IN_MEMORY = 2**30  # bytes; more goes to disk


class FrozenLayers(AbstractContextManager["FrozenLayers"]):
    """Token vectors before layer `first`, of windows given by their ids. Without dropout: they never change."""

    def __init__(
        self,
        model: Any,
        windows: Sequence[IntArray],
        *,
        first: int,
        device: str,
        in_memory: int = IN_MEMORY,
        folder: Path | None = None,
        check: Callable[[], None] = lambda: None,
        room: Room | None = None,
    ) -> None:
        """`folder`: where the file is made, if one is needed; None: the system's. `check` is called at every pass.

        Raises:
            ModelProblem: when there is not enough room on the disk.
        """
        self.first = first
        self._lengths = [len(window) for window in windows]
        self._starts = np.concatenate(([0], np.cumsum(self._lengths))).tolist()
        shape = (int(self._starts[-1]), int(model.config.hidden_size))
        self.on_disk = 2 * shape[0] * shape[1] > in_memory
        self._file = tempfile.TemporaryFile(dir=folder) if self.on_disk else None  # noqa: SIM115  closed in close()
        self._device = device
        try:
            self._kept = self._on_disk(shape) if self._file else torch.empty(shape, dtype=torch.float16, device=device)
            room = room or Room(device)
            room.call(lambda: self._fill(model, windows, check, room.tokens))
        except BaseException:
            self.close()
            raise

    def vectors(self, group: Sequence[int]) -> Tensor:
        """Of these windows, back to back: (tokens, hidden), fp32, on the device of the model."""
        parts = [self._kept[self._starts[i] : self._starts[i + 1]] for i in group]
        return torch.cat(parts).to(self._device, non_blocking=True).float()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forgets everything; a file goes with it."""
        self._kept = torch.empty(0)
        if self._file:
            self._file.close()

    def _on_disk(self, shape: tuple[int, int]) -> Tensor:
        assert self._file  # noqa: S101  for the type checker
        try:
            os.posix_fallocate(self._file.fileno(), 0, 2 * shape[0] * shape[1])  # a full disk shows now, not later
            mapped = np.memmap(self._file, dtype=np.float16, mode="r+", shape=shape)
        except OSError as error:
            raise ModelProblem(
                f"The lower layers' results need {2 * shape[0] * shape[1] / 2**30:.1f} GiB on disk, and there is no "
                "room for them. Free some, or adapt every layer."
            ) from error
        return torch.from_numpy(mapped)

    @torch.no_grad()
    def _fill(self, model: Any, windows: Sequence[IntArray], check: Callable[[], None], tokens: int) -> None:
        was_training = model.training
        model.eval()
        for group in passes(range(len(windows)), self._lengths, most_tokens=tokens):
            check()
            packed = pack([windows[i] for i in group], config=model.config, device=self._device)
            with autocast(self._device):
                hidden = run_layers(model, embed(model, packed), packed.lengths, first=0, stop=self.first)
            at = 0
            for i, length in zip(group, packed.lengths, strict=True):
                self._kept[self._starts[i] : self._starts[i + 1]] = hidden[at : at + length].to(torch.float16)
                at += length
        model.train(was_training)
