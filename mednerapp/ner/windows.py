"""Cutting notes of any length into windows that fit the encoder, and windows into batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

SPECIAL_TOKENS = 2  # [CLS] … [SEP], or <s> … </s>


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """`size`: most tokens of a window, special ones not counted; `overlap`: fewest tokens that neighbours share.

    The size weighs tokens seen twice (fewer in longer windows) against attention (whose work grows with their length):
    by a count of operations for the notes of `bench predict`, 382 costs least at 6x384 and nearly so at 12x768.
    """

    size: int = 382
    overlap: int = 64

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.size:
            raise ValueError(f"A window of {self.size} tokens cannot overlap its neighbour by {self.overlap}.")


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens [start, stop) go through the encoder together; the tags of [keep_start, keep_stop) are taken from here."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


def plan_for(max_positions: int) -> WindowPlan:
    """The default plan, made smaller for an encoder with fewer positions."""
    size = min(WindowPlan().size, max_positions - SPECIAL_TOKENS)
    return WindowPlan(size, min(WindowPlan().overlap, size // 4))


def cut(tokens: int, plan: WindowPlan) -> list[Window]:
    """Windows over `tokens` tokens, of equal length give or take one token, as few as the plan allows.

    Every token is kept by exactly one window: the one in which the nearer cut edge is farthest away. The beginning and
    the end of the note are no cut edges. Neighbours therefore meet in the middle of what they share.
    """
    if tokens <= plan.size:
        return [Window(0, tokens, 0, tokens)] if tokens else []
    count = -(-(tokens - plan.overlap) // (plan.size - plan.overlap))
    length = -(-(tokens + (count - 1) * plan.overlap) // count)
    starts = np.linspace(0, tokens - length, count).round().astype(int).tolist()
    meets = [(start + length + following) // 2 for start, following in pairwise(starts)]
    keeps = [0, *meets, tokens]
    return [
        Window(start, start + length, keep_start, keep_stop)
        for start, keep_start, keep_stop in zip(starts, keeps[:-1], keeps[1:], strict=True)
    ]


def batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Indices of windows grouped so that each group stays within the budget of tokens (or is one window alone).

    Longest first, so a batch that does not fit into memory shows at once, and windows of equal length stand together.
    """
    groups: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if not groups or lengths[index] > room:
            groups.append([])
            room = token_budget
        groups[-1].append(index)
        room -= lengths[index]
    return groups
