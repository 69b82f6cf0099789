"""Do intervals hold the truth, does the test reject what is true, and are the announced notes enough?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mednerapp.bench.simulate.populations import SPREAD, World, shift_for
from mednerapp.scoring.comparing import LEVEL, POWER, compare, fewest_notes, randomisation
from mednerapp.scoring.intervals import bootstrap, parts, tabulate
from mednerapp.scoring.resampling import draw_sums, ratio

Progress = Callable[[int, int], None]

_MANY = 20_000  # notes
MEASURES = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Coverage:
    """covered: share of test sets whose 95% interval holds the truth; percentile: the same of the plain percentile
    bootstrap on the same draws. width: mean, of ours. without: sets that had no interval, which count as not covered.
    """

    notes: int
    measure: str
    sets: int
    covered: float
    percentile: float
    width: float
    without: int


def coverage(
    *, sets: int, notes: Sequence[int], spread: float = SPREAD, seed: int = 1, on_progress: Progress
) -> list[Coverage]:
    """For each number of notes `sets` test sets."""
    world, generator = World(spread), np.random.default_rng(seed)
    truth, _ = world.truth()
    found: list[Coverage] = []
    for position, n in enumerate(notes):
        held = dict.fromkeys(MEASURES, 0)
        plain = dict.fromkeys(MEASURES, 0)
        without = dict.fromkeys(MEASURES, 0)
        width = dict.fromkeys(MEASURES, 0.0)
        for done in range(sets):
            counts, _ = world.draw(n, generator)
            score, drawn = bootstrap(counts), draw_sums(tabulate(counts))
            for name in MEASURES:
                estimate = getattr(score, name)
                if estimate.low is None:
                    without[name] += 1
                    continue
                held[name] += estimate.low <= truth[name] <= estimate.high
                width[name] += estimate.high - estimate.low
                low, high = np.nanquantile(ratio(*parts(drawn, name)), [0.025, 0.975])
                plain[name] += bool(low <= truth[name] <= high)
            on_progress(position * sets + done + 1, len(notes) * sets)
        found += [
            Coverage(n, m, sets, held[m] / sets, plain[m] / sets, width[m] / max(1, sets - without[m]), without[m])
            for m in MEASURES
        ]
    return found


@dataclass(frozen=True, slots=True)
class Null:
    """Two models that are equally good: how often the test rejects, and how often the interval leaves out 0."""

    notes: int
    sets: int
    rejected: float
    without_zero: float


def null(
    *, sets: int, notes: Sequence[int], spread: float = SPREAD, seed: int = 1, on_progress: Progress
) -> list[Null]:
    """For each number of notes `sets` pairs of models."""
    world, generator = World(spread), np.random.default_rng(seed)
    found: list[Null] = []
    for position, n in enumerate(notes):
        rejected = outside = 0
        for done in range(sets):
            # A seed of its own for each: with one, all sets would share the chance of one list of flips.
            result = compare(*world.draw(n, generator), flips=2000, seed=int(generator.integers(2**32)))
            rejected += result.p is not None and result.p <= LEVEL
            low, high = result.estimate.low, result.estimate.high
            outside += low is not None and high is not None and not low <= 0 <= high
            on_progress(position * sets + done + 1, len(notes) * sets)
        found.append(Null(n, sets, rejected / sets, outside / sets))
    return found


@dataclass(frozen=True, slots=True)
class Power:
    """What the sentence "about N more test notes would show it" is worth.

    pilots: test sets of `notes` notes, each of which gave its own total; low, median, high: quartiles of these.
    shown: share of new test sets of these sizes, on which the true `difference` was told from none. announced: 0.8.
    known, shown_known: the same with the one total that 20,000 notes would announce, so that only the formula is tried.
    """

    notes: int
    difference: float
    pilots: int
    tests: int
    low: int
    median: int
    high: int
    shown: float
    announced: float
    known: int
    shown_known: float


def power(
    *,
    pilots: int,
    tests: int,
    notes: int = 43,
    difference: float = 0.02,
    spread: float = SPREAD,
    seed: int = 1,
    on_progress: Progress,
) -> Power:
    """Each pilot test set says how many notes it takes; then so many are drawn, `tests` times, and tested."""
    world, generator = World(spread, shift_for(difference, spread)), np.random.default_rng(seed)
    totals: list[int] = []
    shown = shown_known = 0

    def told_apart(total: int) -> bool:
        first, second = (tabulate(side) for side in world.draw(total, generator))
        return randomisation(first, second, flips=1000, seed=int(generator.integers(2**32))) <= LEVEL

    known = compare(*world.draw(_MANY, generator), flips=1).notes_for(difference) or fewest_notes()
    for done in range(pilots):
        total = compare(*world.draw(notes, generator), flips=1).notes_for(difference) or fewest_notes()
        totals.append(total)
        for _ in range(tests):
            shown += told_apart(total)
            shown_known += told_apart(known)
        on_progress(done + 1, pilots)
    low, median, high = (int(q) for q in np.quantile(totals, [0.25, 0.5, 0.75]))
    done = pilots * tests
    return Power(notes, difference, pilots, done, low, median, high, shown / done, POWER, known, shown_known / done)
