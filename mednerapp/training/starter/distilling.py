"""What several trained models say on average about windows that nobody marked (knowledge distillation)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.prediction import autocast
from mednerapp.ner.words import IntArray
from mednerapp.training.encoding import pass_tokens, passes
from mednerapp.training.starter.learning import SoftWindow
from mednerapp.training.starter.network import PRODUCT, ManyHeads


def drawn_windows(stream: Tensor, words: WordEncoder, *, count: int, length: int, seed: int) -> list[IntArray]:
    """`count` windows of `length` tokens, the special ones included, that begin anywhere in a stream (tokens,)."""
    inner = length - 2
    starts = np.random.default_rng(seed).integers(0, max(1, len(stream) - inner + 1), count)
    return [_between_specials(stream[start : start + inner], words) for start in starts.tolist()]


def all_windows(stream: Tensor, words: WordEncoder, *, length: int) -> list[IntArray]:
    """The whole stream, one window after the other."""
    return [_between_specials(part, words) for part in stream.split(length - 2)]


def _between_specials(pieces: Tensor, words: WordEncoder) -> IntArray:
    return np.concatenate(([words.cls_id], pieces.numpy().astype(np.int64), [words.sep_id]))


def tagged_by(teachers: Iterable[ManyHeads], windows: Sequence[IntArray], *, device: str) -> list[SoftWindow]:
    """The windows with the mean of the teachers' chances. Teachers are taken one at a time: they may be made then."""
    lengths = [len(window) for window in windows]
    parts = passes(range(len(windows)), lengths, most_tokens=pass_tokens(device))
    sums = [np.zeros((0, 0), dtype=np.float32)] * len(windows)
    count = 0
    for count, net in enumerate(teachers, 1):
        net.eval()
        for part in parts:
            with torch.no_grad(), autocast(device):
                scores = net.scores(PRODUCT, net([windows[i] for i in part]))
            chances = scores.float().softmax(dim=-1).cpu().numpy()
            edges = np.cumsum([lengths[i] for i in part])[:-1]
            for i, mine in zip(part, np.split(chances, edges), strict=True):
                sums[i] = mine if count == 1 else sums[i] + mine
    if not count:
        raise ValueError("There is no teacher.")
    return [SoftWindow(ids, (total / count).astype(np.float16)) for ids, total in zip(windows, sums, strict=True)]
