"""Is more annotation worth it? A learning curve through the scores so far, and where it would go.

score(n) = a - b n^(-c), an inverse power law, as is usual for text classifiers (Figueroa et al., BMC Medical
Informatics and Decision Making 12:8 (2012)), fitted by weighted least squares: 0 <= a <= 1 (no score is above 1),
b >= 0 (more notes do no harm), 0.05 <= c <= 2 on a grid, a and b exactly for each c. The band is a parametric
bootstrap: the fitted scores with new noise, fitted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mednerapp.scoring.resampling import SEED, Array

POWERS = np.geomspace(0.05, 2.0, 60)
DRAWS = 2000
FEWEST_SIZES = 3


@dataclass(frozen=True, slots=True)
class Forecast:
    """The score expected with `notes` training notes, with the 95% band of what would be measured there."""

    notes: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """score(n) = limit - gain n^(-power). draws: (draws, 3), the same three of the refitted curves. noise: the
    standard deviation of one measured score about the curve.
    """

    limit: float
    gain: float
    power: float
    noise: float
    draws: Array

    def at(self, notes: float) -> float:
        """The fitted score, in [0, 1]."""
        return float(np.clip(self.limit - self.gain * notes**-self.power, 0, 1))

    def forecast(self, notes: float) -> Forecast:
        """The score at `notes`, and the band, which holds the noise of a new measurement as well."""
        a, b, c = self.draws.T
        noise = np.random.default_rng(SEED).normal(0, self.noise, len(a))
        low, high = np.quantile(np.clip(a - b * notes**-c + noise, 0, 1), [0.025, 0.975])
        value = self.at(notes)
        return Forecast(notes, value, min(float(low), value), max(float(high), value))


def fit(
    notes: Sequence[float], scores: Sequence[float], errors: Sequence[float] | None = None, *, seed: int = SEED
) -> LearningCurve | None:
    """The curve through scores in [0, 1] at these numbers of training notes; None below three different sizes.

    errors: the standard error of each score (a quarter of its interval, say), 0.02 where not given. A score counts by
    1 / error². Where the scores lie about the curve by more than their errors say, the greater of the two is believed.

    Raises:
        ValueError: if the lists differ in length, or a number of notes or an error is not above 0.
    """
    size, score = np.asarray(notes, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    error = np.full(len(size), 0.02) if errors is None else np.asarray(errors, dtype=np.float64)
    if not len(size) == len(score) == len(error):
        raise ValueError(f"There are {len(size)} sizes, {len(score)} scores and {len(error)} errors.")
    if len(size) and (size.min() <= 0 or error.min() <= 0):
        raise ValueError(f"Sizes and errors have to be above 0; the least are {size.min()} and {error.min()}.")
    if len(np.unique(size)) < FEWEST_SIZES:
        return None
    weight = 1 / error**2
    [best] = _fit_all(size, score[None], weight)
    fitted = best[0] - best[1] * size ** -best[2]
    free = max(1, len(size) - 3)
    excess = max(1.0, float(np.sqrt((weight * (score - fitted) ** 2).sum() / free)))
    noisy = fitted + np.random.default_rng(seed).normal(0, error * excess, (DRAWS, len(size)))
    draws = _fit_all(size, noisy, weight)
    noise = excess * float(np.sqrt(1 / weight.mean()))
    return LearningCurve(float(best[0]), float(best[1]), float(best[2]), noise, draws)


def _fit_all(size: Array, scores: Array, weight: Array) -> Array:
    """Rows of (limit, gain, power) for rows of scores: for each power the best limit and gain, then the best power."""
    best = np.full((len(scores), 3), np.nan)
    least = np.full(len(scores), np.inf)
    total = weight.sum()
    for power in POWERS:
        x = size**-power
        mean_x, mean_y = (weight @ x) / total, (scores @ weight) / total
        centred = x - mean_x
        gain = np.maximum(0, -((scores * weight) @ centred) / ((weight * centred) @ centred))
        limit = mean_y + gain * mean_x
        over = limit > 1  # then the limit is 1 and the gain is what is best through it
        gain = np.where(over, np.maximum(0, ((1 - scores) * weight) @ x / ((weight * x) @ x)), gain)
        limit = np.clip(limit, 0, 1)
        loss = (((scores - limit[:, None] + gain[:, None] * x) ** 2) * weight).sum(axis=1)
        better = loss < least
        best[better] = np.stack([limit, gain, np.full(len(scores), power)], axis=1)[better]
        least = np.where(better, loss, least)
    return best
