"""Is one model better than another on the same notes, and how many notes would it take to tell?

All of it pairs the two models note by note, since spans of one note are right or wrong together. Tests: paired
randomisation (Noreen 1989; for F1: Yeh, "More accurate tests for the statistical significance of result differences",
COLING 2000). Several comparisons: Holm, Scandinavian Journal of Statistics 6 (1979). Number of notes: the usual
n = (q(1 - alpha/2) + q(power))² s² / d², plus q(1 - alpha/2)² / 2 for the unknown variance of the test to come
(Guenther, The American Statistician 35 (1981)). s² is n times the squared jackknife error of the difference of the two
scores. It comes from the notes at hand, so q is a quantile of Student's t instead of the normal one (Julious & Owen,
Pharmaceutical Statistics 5 (2006)), with the degrees of freedom of the interval (`resampling`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mednerapp.scoring.intervals import parts, tabulate
from mednerapp.scoring.resampling import (
    SEED,
    Array,
    Estimate,
    degrees,
    draw_sums,
    estimate,
    jackknife,
    jackknife_error,
    ratio,
)
from mednerapp.scoring.strict import Counts

LEVEL = 0.05
POWER = 0.8
FLIPS = 10_000
_BATCH = 2_000_000  # numbers of flips at once


@dataclass(frozen=True, slots=True)
class Difference:
    """First model minus second, in the score named `measure`.

    estimate: the difference, in [-1, 1], with its 95% interval. p: of the two-sided randomisation test, None where a
    score is undefined. corrected: p after Holm's correction for `comparisons`. notes: compared; differing: those
    where the two models' counts are not the same. spread: the standard deviation that one note contributes, known with
    so many `degrees` of freedom.
    """

    measure: str
    estimate: Estimate
    p: float | None
    corrected: float | None
    comparisons: int
    notes: int
    differing: int
    spread: float | None
    degrees: float

    @property
    def too_few(self) -> bool:
        """Whether no outcome on this many differing notes could reach the level: all flips alike have 2 / 2^n."""
        return self.differing < fewest_notes(self.comparisons)

    @property
    def certain(self) -> bool:
        """Whether the difference is told from none, at the 5% level after correction."""
        return self.corrected is not None and self.corrected <= LEVEL

    def notes_for(self, difference: float) -> int | None:
        """How many notes in all would show a true `difference` (0.02: two points) four times out of five."""
        if self.spread is None:
            return None
        return notes_needed(self.spread, difference, comparisons=self.comparisons, degrees=self.degrees)

    @property
    def detectable(self) -> float | None:
        """The difference that this many notes would show four times out of five."""
        if self.spread is None or self.notes < 2:
            return None
        return _reach(self.comparisons, self.degrees) * self.spread / math.sqrt(self.notes)


def compare(
    first: Sequence[Counts], second: Sequence[Counts], *, measure: str = "f1", flips: int = FLIPS, seed: int = SEED
) -> Difference:
    """Two models on the same notes, in the same order; notes without spans included.

    Raises:
        ValueError: if they differ in their number of notes, or `measure` is not precision, recall or f1.
    """
    if len(first) != len(second):
        raise ValueError(f"Both models have to be scored on the same notes, not on {len(first)} and {len(second)}.")
    a, b = tabulate(first), tabulate(second)
    table = np.concatenate([a, b], axis=1)
    difference = _difference(measure)
    weight = (parts(a, measure)[1] + parts(b, measure)[1]) / 2
    found, spread, freedom = Estimate(None, None, None), None, 1.0
    if len(table):
        found = estimate(table, difference, weight, drawn=draw_sums(table, seed=seed))
    if found.value is not None and found.low is not None:
        without = jackknife(table, difference)
        spread, freedom = math.sqrt(len(table)) * jackknife_error(without), degrees(weight, without)
    p = None if found.value is None else randomisation(a, b, measure=measure, flips=flips, seed=seed)
    differing = int((a != b).any(axis=1).sum()) if len(table) else 0
    return Difference(measure, found, p, p, 1, len(table), differing, spread, freedom)


def randomisation(a: Array, b: Array, *, measure: str = "f1", flips: int = FLIPS, seed: int = SEED) -> float:
    """The two-sided p-value: how often the difference is as great when each note's two results are put down to either
    model at random. a, b: (notes, 3) with tp, fp, fn.

    With up to 13 notes that differ all assignments are gone through; else `flips` of them, the observed one counted in
    (Phipson & Smyth 2010), so that p is never 0. An assignment in which a score is undefined counts as so great.
    """
    differ = (a != b).any(axis=1)
    step = (a - b)[differ]
    total_a, total_b = a.sum(axis=0), b.sum(axis=0)
    n = len(step)
    statistic = _difference(measure)
    observed = abs(float(statistic(np.concatenate([total_a, total_b])[None])[0]))

    def as_great(swapped: NDArray[np.bool_]) -> int:
        moved = swapped.astype(np.float64) @ step
        found = np.abs(statistic(np.concatenate([total_a - moved, total_b + moved], axis=1)))
        return int((np.isnan(found) | (found >= observed - 1e-12)).sum())

    if 2**n <= flips:
        codes = np.arange(2**n)[:, None]
        return as_great((codes >> np.arange(n)) % 2 == 1) / 2**n
    draw = np.random.default_rng(seed)
    great, left = 1, flips
    while left:
        batch = min(left, max(1, _BATCH // n))
        great += as_great(draw.random((batch, n)) < 0.5)
        left -= batch
    return great / (flips + 1)


def corrected(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """The same comparisons with their p-values corrected for their number; those without a p-value do not count."""
    known = [d.p for d in differences if d.p is not None]
    after = iter(holm(known))
    return tuple(
        replace(d, corrected=None if d.p is None else next(after), comparisons=max(1, len(known))) for d in differences
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: the i-th smallest of k times (k - i), never falling, at most 1."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = highest
    return adjusted


def fewest_notes(comparisons: int = 1) -> int:
    """The smallest number of differing notes on which the randomisation test can reach the level at all."""
    return math.ceil(math.log2(2 * max(1, comparisons) / LEVEL))


def notes_needed(
    spread: float, difference: float, *, comparisons: int = 1, power: float = POWER, degrees: float = math.inf
) -> int:
    """Notes that show a true difference with the given power; see the module for the formula and its source.

    degrees: of freedom with which `spread` is known; infinite where it is known exactly. With several comparisons the
    level is divided by their number, as Holm's first step does.

    Raises:
        ValueError: if the difference is not above 0.
    """
    if difference <= 0:
        raise ValueError(f"The difference to be shown has to be above 0, not {difference}.")
    z = NormalDist().inv_cdf(1 - LEVEL / (2 * max(1, comparisons)))
    exact = (_reach(comparisons, degrees, power) * spread / difference) ** 2 + z**2 / 2
    return max(fewest_notes(comparisons), math.ceil(exact))


def in_words(found: Difference, first: str, second: str, *, difference: float = 0.02) -> str:
    """The result as a sentence for a page. `difference`: the one of interest, 0.02 for two points."""
    points = f"{100 * difference:g}-point difference"
    on = f"on {'this 1 note' if found.notes == 1 else f'these {found.notes} notes'}"
    value = found.estimate.value
    if value is None or found.corrected is None:
        return f"{first} and {second} cannot be compared {on}: one of them has nothing to count."
    if found.differing == 0:
        return f"{first} and {second} have the same counts {on}."
    if found.too_few or found.estimate.low is None or found.estimate.high is None:
        return (
            f"{first} and {second} differ on {found.differing} of {found.notes} notes: too few to say anything; "
            f"at least {fewest_notes(found.comparisons)} have to differ."
        )
    times = f", corrected for {found.comparisons} comparisons" if found.comparisons > 1 else ""
    figures = (
        f"{100 * value:+.1f} points, 95% interval {100 * found.estimate.low:+.1f} to "
        f"{100 * found.estimate.high:+.1f}; p = {found.corrected:.2g}{times}"
    )
    if found.certain:
        better, worse = (first, second) if value > 0 else (second, first)
        return f"{better} is better than {worse} {on} ({figures})."
    needed = found.notes_for(difference)
    more = 0 if needed is None else needed - found.notes
    tail = (
        f"about {_rounded(more)} more test notes would show a {points}"
        if more > 0
        else f"a {points} would probably have shown"
    )
    return f"{first} and {second} are not distinguishable {on} ({figures}); {tail}."


def _difference(measure: str) -> Callable[[Array], Array]:
    def statistic(sums: Array) -> Array:
        return ratio(*parts(sums[..., :3], measure)) - ratio(*parts(sums[..., 3:], measure))

    return statistic


def _reach(comparisons: int, degrees: float, power: float = POWER) -> float:
    """By how many standard errors a true difference has to be away from 0 to be shown."""
    tail = 1 - LEVEL / (2 * max(1, comparisons))
    if math.isinf(degrees):
        normal = NormalDist()
        return normal.inv_cdf(tail) + normal.inv_cdf(power)
    from scipy.special import stdtrit  # not at import: half a second that nobody but this needs

    return float(stdtrit(degrees, tail) + stdtrit(degrees, power))


def _rounded(count: int) -> int:
    """To two leading digits: the figure is a forecast, and should not look like a count."""
    size = 10 ** max(0, len(str(count)) - 2)
    return math.ceil(count / size) * size
