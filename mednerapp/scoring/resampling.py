"""Intervals for any score that is a function of sums over notes: draw whole notes, and widen for few and uneven ones.

The percentile bootstrap is too narrow with few notes, the more so when a few long notes carry the score. Here its
percentiles are moved outwards ("expanded percentiles": Hesterberg, "What teachers should know about the bootstrap",
The American Statistician 69 (2015), section 5.2), from z = 1.96 to

    z = t(0.975, d) * max(sqrt(n / (n - 1)), jackknife standard error / bootstrap standard error)

n: notes. d: degrees of freedom, the smaller of two figures. m - 1: as much as the notes carry m = (sum w)² /
sum w² equally heavy ones (Kish, Survey Sampling, 1965, 8.2); w: the part of a note in the denominator. 2 n / (k - 1):
k is the kurtosis of the notes' influence; a variance that few notes make up is known badly (Satterthwaite, Biometrics
Bulletin 2 (1946)). Jackknife: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11.
`mednerapp simulate coverage` prints how often the result holds the truth; docs/scoring.md quotes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]  # sums of shape (..., columns) → scores of shape (...), nan where undefined

RESAMPLES = 2000
SEED = 20130613
_KEPT = 2_000_000  # numbers of draws that are kept for the next score of as many notes: 16 MB
_ROWS = 50  # draws at once where they are not kept
DEFINED = 0.95  # of the draws; with fewer it cannot be said where 95% of them lie


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score with its 95% interval.

    value: None where the score is undefined: precision without predictions, recall without gold, F1 without either.
    low, high: None where nothing can be said: below two notes, or when too few notes have anything to count.
    """

    value: float | None
    low: float | None
    high: float | None


def draw_sums(table: Array, *, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """Sums over notes drawn with replacement. table: (notes, columns); result: (resamples, columns).

    The seed alone decides which notes are drawn, so that two tables of the same notes are drawn alike.
    """
    n = len(table)
    if n * resamples <= _KEPT:
        return _weights(n, resamples, seed) @ table
    generator, shares = np.random.default_rng(seed), np.full(n, 1 / n)
    batches = (range(first, min(first + _ROWS, resamples)) for first in range(0, resamples, _ROWS))
    return np.concatenate([generator.multinomial(n, shares, size=len(rows)) @ table for rows in batches])


@lru_cache(maxsize=4)
def _weights(n: int, resamples: int, seed: int) -> Array:
    """How often each draw has each note; the same for every score on a page, so it is kept. (resamples, notes)"""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def estimate(
    table: Array, statistic: Statistic, weight: Array, *, drawn: Array | None = None, proportion: bool = False
) -> Estimate:
    """The statistic of the sums of `table` with its interval.

    table: (notes, columns). weight: (notes,), how much each note counts, not negative: its part of the denominator.
    drawn: the sums of `draw_sums`, where several statistics share them. proportion: the score is a share, so that at
    0 or 1, where all draws are alike, Clopper & Pearson (1934) on m notes says how far it may be off.
    """
    n = len(table)
    [value] = statistic(table.sum(axis=0, keepdims=True))
    if np.isnan(value):
        return Estimate(None, None, None)
    nothing = Estimate(float(value), None, None)
    if n < 2 or np.count_nonzero(weight) < 2:
        return nothing
    scores = statistic(draw_sums(table) if drawn is None else drawn)
    scores, draws = scores[~np.isnan(scores)], len(scores)
    without = jackknife(table, statistic)
    if len(scores) < DEFINED * draws or np.isnan(without).any():
        return nothing
    spread = float(scores.std())
    if spread < 1e-12:
        return (
            _at_the_edge(float(value), effective_notes(weight))
            if proportion
            else Estimate(float(value), float(value), float(value))
        )
    error = jackknife_error(without)
    from scipy.special import ndtr, stdtrit  # not at import, as in `comparing`

    z = float(stdtrit(degrees(weight, without), 0.975)) * max(np.sqrt(n / (n - 1)), error / spread)
    tail = float(ndtr(-z))
    low, high = np.quantile(scores, [tail, 1 - tail])
    return Estimate(float(value), min(float(low), float(value)), max(float(high), float(value)))


def jackknife(table: Array, statistic: Statistic) -> Array:
    """The score without each note in turn. (notes,)"""
    return statistic(table.sum(axis=0) - table)


def jackknife_error(without: Array) -> float:
    """The standard error of a score, from its values without each note in turn (Tukey 1958)."""
    n = len(without)
    return float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def degrees(weight: Array, without: Array) -> float:
    """The degrees of freedom of the standard error, at least 1; see the module. `without`: as of `jackknife`."""
    n = len(without)
    squares = (without - without.mean()) ** 2
    few = 1.0 if n < 2 else effective_notes(weight) - 1
    if squares.sum() > 0:
        kurtosis = n * float((squares**2).sum()) / float(squares.sum()) ** 2
        few = min(few, 2 * n / (kurtosis - 1)) if kurtosis > 1 else few
    return max(1.0, few)


def effective_notes(weight: Array) -> float:
    """How many equally heavy notes would carry as much: (sum w)² / sum w² (Kish 1965); 0 without weight."""
    total = float((weight**2).sum())
    return float(weight.sum()) ** 2 / total if total else 0.0


def ratio(numerator: Array, denominator: Array) -> Array:
    """Elementwise, nan where the denominator is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _at_the_edge(value: float, effective: float) -> Estimate:
    if value not in {0.0, 1.0}:
        return Estimate(value, value, value)
    off = 1 - 0.025 ** (1 / effective)
    return Estimate(value, max(0.0, value - off), min(1.0, value + off))
