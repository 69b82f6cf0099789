"""How far a score could have come out differently on other notes of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mednerapp.scoring.resampling import DEFINED, RESAMPLES, SEED, Array, Estimate, draw_sums, estimate, ratio
from mednerapp.scoring.strict import Counts

__all__ = ["DEFINED", "RESAMPLES", "Estimate", "MeanScore", "Score", "bootstrap", "bootstrap_mean", "parts", "tabulate"]

NAMES = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 with the counts and the number of notes behind them."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    counts: Counts
    notes: int


@dataclass(frozen=True, slots=True)
class MeanScore:
    """Precision, recall and F1 as means over several scorings of the same notes, with intervals over the notes."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    notes: int


def bootstrap(per_note: Sequence[Counts], *, resamples: int = RESAMPLES, seed: int = SEED) -> Score:
    """Bootstrap over notes with expanded percentiles (see `resampling`): whole notes are drawn with replacement.

    per_note: one entry for each test note, zeros included, since a note without any span is evidence too.
    The seed is fixed, so that the same counts give the same interval on every page. A draw in which a score is
    undefined says nothing about it and is dropped; where more than one in twenty is, there is no interval.
    """
    estimates = _estimates([per_note], resamples=resamples, seed=seed)
    return Score(*estimates, sum(per_note, Counts()), len(per_note))


def bootstrap_mean(scorings: Sequence[Sequence[Counts]], *, resamples: int = RESAMPLES, seed: int = SEED) -> MeanScore:
    """As `bootstrap`, of the mean over several scorings (one for each training seed, say) of the same notes.

    scorings: (scorings, notes), the notes in the same order in each. Every draw of notes is the same for all scorings,
    so what is left is how far the mean would move with other notes, not with other seeds. The mean is undefined where
    the score of one scoring is.

    Raises:
        ValueError: if the scorings differ in their number of notes.
    """
    if len({len(per_note) for per_note in scorings}) > 1:
        raise ValueError("Every scoring has to be of the same notes.")
    estimates = _estimates(scorings, resamples=resamples, seed=seed)
    return MeanScore(*estimates, len(scorings[0]) if scorings else 0)


def tabulate(per_note: Sequence[Counts]) -> Array:
    """(notes, 3): tp, fp, fn."""
    return np.array([(c.tp, c.fp, c.fn) for c in per_note], dtype=np.float64).reshape(len(per_note), 3)


def parts(table: Array, name: str) -> tuple[Array, Array]:
    """Numerator and denominator of "precision", "recall" or "f1", from (..., 3) with tp, fp, fn."""
    tp, fp, fn = table[..., 0], table[..., 1], table[..., 2]
    if name == "precision":
        return tp, tp + fp
    if name == "recall":
        return tp, tp + fn
    if name == "f1":
        return 2 * tp, 2 * tp + fp + fn
    raise ValueError(f"A score is one of {', '.join(NAMES)}, not {name!r}.")


def _mean_of(name: str, scorings: int) -> Callable[[Array], Array]:
    def statistic(sums: Array) -> Array:
        tables = sums.reshape(*sums.shape[:-1], scorings, 3)
        return ratio(*parts(tables, name)).mean(axis=-1)

    return statistic


def _estimates(
    scorings: Sequence[Sequence[Counts]], *, resamples: int, seed: int
) -> tuple[Estimate, Estimate, Estimate]:
    """Precision, recall and F1, each the mean over the scorings."""
    k, n = len(scorings), len(scorings[0]) if scorings else 0
    if not n:
        nothing = Estimate(None, None, None)
        return nothing, nothing, nothing
    table = np.concatenate([tabulate(one) for one in scorings], axis=1)
    drawn = draw_sums(table, resamples=resamples, seed=seed)
    by_scoring = table.reshape(n, k, 3)
    precision, recall, f1 = (
        estimate(table, _mean_of(name, k), parts(by_scoring, name)[1].mean(axis=1), drawn=drawn, proportion=True)
        for name in NAMES
    )
    return precision, recall, f1
