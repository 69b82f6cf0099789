"""Test sets from a world with a known truth: heavy-tailed notes, whose spans are right or wrong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mednerapp.scoring.intervals import parts
from mednerapp.scoring.resampling import Array
from mednerapp.scoring.strict import Counts

SPREAD = 0.9  # of the logarithm of the length, as of the synthetic notes of the benchmarks
_MEDIAN = 8.0  # gold spans of a note
_LARGE = 1_000_000
_SMALLER = 200_000  # for a search, which looks at differences of the same notes


@dataclass(frozen=True, slots=True)
class World:
    """Notes on which two models are scored.

    The number of gold spans is Poisson about a log-normal length (median 8, `spread`); a note's difficulty is normal
    on the logit scale (deviation 0.8, centred on a recall of 0.8) and greater for longer notes; each model adds a taste
    of its own (0.3). The second model is worse by `shift` on that scale. A model invents 0.9 spans for each it misses.
    """

    spread: float = SPREAD
    shift: float = 0.0

    def draw(self, notes: int, generator: np.random.Generator) -> tuple[list[Counts], list[Counts]]:
        """The counts of both models on new notes."""
        size, chances = self._notes(notes, generator)
        gold = generator.poisson(size)
        both: list[list[Counts]] = []
        for chance in chances:
            tp, fp = generator.binomial(gold, chance), generator.poisson(0.9 * size * (1 - chance))
            both.append([Counts(int(t), int(f), int(g - t)) for t, f, g in zip(tp, fp, gold, strict=True)])
        return both[0], both[1]

    def truth(self, notes: int = _LARGE) -> tuple[dict[str, float], dict[str, float]]:
        """Precision, recall and F1 of both models on all notes there could be (so many, in expectation)."""
        size, chances = self._notes(notes, np.random.default_rng(0))
        both: list[dict[str, float]] = []
        for chance in chances:
            tp, fp = size * chance, 0.9 * size * (1 - chance)
            sums = np.array([tp.sum(), fp.sum(), (size - tp).sum()])
            names = ("precision", "recall", "f1")
            both.append({name: float(np.divide(*parts(sums, name))) for name in names})
        return both[0], both[1]

    def _notes(self, notes: int, generator: np.random.Generator) -> tuple[Array, tuple[Array, Array]]:
        length: NDArray[np.float64] = generator.normal(0, self.spread, notes)
        common = generator.normal(np.log(4), 0.8, notes) - 0.15 * length
        tastes = [generator.normal(0, 0.3, notes) for _ in range(2)]
        first, second = (1 / (1 + np.exp(-(common + t - s))) for t, s in zip(tastes, (0.0, self.shift), strict=True))
        return _MEDIAN * np.exp(length), (first, second)


@cache
def shift_for(difference: float, spread: float = SPREAD) -> float:
    """The shift under which the second model's true F1 is lower by `difference`; by bisection, to 1 in 10,000."""
    low, high = 0.0, 8.0
    for _ in range(16):
        middle = (low + high) / 2
        first, second = World(spread, middle).truth(_SMALLER)
        low, high = (middle, high) if first["f1"] - second["f1"] < difference else (low, middle)
    return (low + high) / 2
