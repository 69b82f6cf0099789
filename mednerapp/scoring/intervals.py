"""How far a score could have come out differently on other notes of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mednerapp.scoring.strict import Counts

RESAMPLES = 2000
DEFINED = 0.95  # of the resamples; with fewer it cannot be said where 95% of them lie
_SEED = 20130613


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score in [0, 1] with its 95% interval.

    value: None where the score is undefined: precision without predictions, recall without gold, F1 without either.
    low, high: None where nothing can be said: below two notes, or when too few notes have anything to count.
    """

    value: float | None
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
    The seed is fixed, so that the same counts give the same interval on every page. A draw in which a score is
    undefined says nothing about it and is dropped; where more than one in twenty is, there is no interval.
    """
    estimates = _resampled([per_note], resamples=resamples, seed=seed)
    return Score(*estimates, sum(per_note, Counts()), len(per_note))


@dataclass(frozen=True, slots=True)
class MeanScore:
    """Precision, recall and F1 as means over several scorings of the same notes, with intervals over the notes."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    notes: int


def bootstrap_mean(scorings: Sequence[Sequence[Counts]], *, resamples: int = RESAMPLES, seed: int = _SEED) -> MeanScore:
    """As `bootstrap`, of the mean over several scorings (one for each training seed, say) of the same notes.

    scorings: (scorings, notes), the notes in the same order in each. Every draw of notes is the same for all scorings,
    so what is left is how far the mean would move with other notes, not with other seeds. The mean is undefined where
    the score of one scoring is.
    """
    if len({len(per_note) for per_note in scorings}) > 1:
        raise ValueError("Every scoring has to be of the same notes.")
    estimates = _resampled(scorings, resamples=resamples, seed=seed)
    return MeanScore(*estimates, len(scorings[0]) if scorings else 0)


def _resampled(
    scorings: Sequence[Sequence[Counts]], *, resamples: int, seed: int
) -> tuple[Estimate, Estimate, Estimate]:
    """Precision, recall and F1, each the mean over the scorings."""
    n = len(scorings[0]) if scorings else 0
    tables = [np.array([(c.tp, c.fp, c.fn) for c in one], dtype=np.int64).reshape(n, 3) for one in scorings]
    points = np.full(3, np.nan)
    samples = np.full((3, 1), np.nan)
    if tables:
        points = np.mean([_scores(table.sum(axis=0, keepdims=True))[:, 0] for table in tables], axis=0)
    if tables and n >= 2:
        weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)  # (resamples, notes)
        samples = np.mean([_scores(weights @ table) for table in tables], axis=0)
    precision, recall, f1 = (_estimate(float(point), drawn) for point, drawn in zip(points, samples, strict=True))
    return precision, recall, f1


def _scores(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows of (tp, fp, fn) into three rows, precision, recall and F1, with nan where one is undefined."""
    tp, fp, fn = table.T
    with np.errstate(invalid="ignore"):
        return np.stack([tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)])


def _estimate(point: float, drawn: NDArray[np.float64]) -> Estimate:
    value = None if np.isnan(point) else point
    defined = drawn[~np.isnan(drawn)]
    if value is None or len(defined) < DEFINED * len(drawn):
        return Estimate(value, None, None)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
