"""Have the labels of one group of notes (a split, a month) another mix than those of another?

The distance is Jensen & Shannon's (Lin, IEEE Transactions on Information Theory 37 (1991)), as a divergence in bits,
between 0 (the same shares) and 1 (nothing in common). Whether it is more than chance is said by permuting whole notes
over the groups, since the spans of one note go together (Good, Permutation Tests, 2000).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mednerapp.scoring.resampling import SEED, Array, ratio

PERMUTATIONS = 2000


@dataclass(frozen=True, slots=True)
class Drift:
    """divergence: in bits, [0, 1]; p: of the permutation test. Both None where a group has no spans.

    shares: label → its share in the first group and in the second.
    """

    divergence: float | None
    p: float | None
    shares: Mapping[str, tuple[float, float]]


def label_drift(
    first: Sequence[Mapping[str, int]],
    second: Sequence[Mapping[str, int]],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> Drift:
    """Two groups of notes, each note as label → number of spans."""
    labels = sorted({label for note in (*first, *second) for label, n in note.items() if n})
    table = np.array([[note.get(label, 0) for label in labels] for note in (*first, *second)], dtype=np.float64)
    table = table.reshape(len(first) + len(second), len(labels))
    total, own = table.sum(axis=0), table[: len(first)].sum(axis=0)
    if not own.sum() or not (total - own).sum():
        return Drift(None, None, {})
    observed = float(jensen_shannon(own[None], (total - own)[None])[0])
    draw = np.random.default_rng(seed)
    drawn = np.stack([table[draw.permutation(len(table))[: len(first)]].sum(axis=0) for _ in range(permutations)])
    found = jensen_shannon(drawn, total - drawn)
    great = int((np.isnan(found) | (found >= observed - 1e-12)).sum())
    other = total - own
    shares = {label: (float(own[i] / own.sum()), float(other[i] / other.sum())) for i, label in enumerate(labels)}
    return Drift(observed, (great + 1) / (permutations + 1), shares)


def jensen_shannon(first: Array, second: Array) -> Array:
    """Divergence in bits of two rows of counts, for each row; nan where one is empty. (rows, labels) → (rows,)"""
    p, q = (ratio(rows, rows.sum(axis=1, keepdims=True)) for rows in (first, second))
    middle = (p + q) / 2
    return np.maximum(0, (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2)


def _relative_entropy(p: Array, q: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p == 0, 0.0, p * np.log2(p / q))
    return terms.sum(axis=1)
