"""How far a score could have come out differently on other notes of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mednerapp.scoring.strict import Counts, precision_recall_f1

RESAMPLES = 2000
_SEED = 20130613


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score in [0, 1] with its 95% interval. The interval is None below two notes: nothing can be said then."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 with the counts and the number of notes behind them."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    counts: Counts
    notes: int


def bootstrap(per_note: Sequence[Counts], *, resamples: int = RESAMPLES, seed: int = _SEED) -> Score:
    """Percentile bootstrap over notes (Efron & Tibshirani 1993, chapter 13): whole notes are drawn with replacement.

    per_note: one entry for each test note, zeros included, since a note without any span is evidence too.
    The seed is fixed, so that the same counts give the same interval on every page.
    """
    total = sum(per_note, Counts())
    point = precision_recall_f1(total)
    n = len(per_note)
    if n < 2:
        values = (point.precision, point.recall, point.f1)
        return Score(*(Estimate(v, None, None) for v in values), counts=total, notes=n)
    table = np.array([(c.tp, c.fp, c.fn) for c in per_note], dtype=np.int64)  # (notes, 3)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)  # (resamples, notes)
    tp, fp, fn = (weights @ table).T  # each (resamples,)
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = np.nan_to_num(np.stack([tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)]))
    low, high = np.quantile(samples, [0.025, 0.975], axis=1)
    precision, recall, f1 = (
        Estimate(value, float(low[i]), float(high[i]))
        for i, value in enumerate((point.precision, point.recall, point.f1))
    )
    return Score(precision, recall, f1, total, n)
