"""How far a mean over training seeds could have come out differently with other seeds. Pure, without scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TWO_SIDED = 0.95


@dataclass(frozen=True, slots=True)
class SeedEstimate:
    """The mean of a score over seeds, with its 95% t-interval: `mean` plus or minus `half_width`.

    mean: None where the score is undefined for a seed (precision without predictions), or without seeds.
    half_width: None below two seeds: one seed says nothing about others.
    deviation: the sample standard deviation (n - 1), None below two seeds.
    seeds: how many values the mean is of.
    """

    mean: float | None
    half_width: float | None
    deviation: float | None
    seeds: int

    @property
    def low(self) -> float | None:
        """The lower end of the interval; no score is below 0."""
        return None if self.mean is None or self.half_width is None else max(0.0, self.mean - self.half_width)

    @property
    def high(self) -> float | None:
        """The upper end of the interval; no score is above 1."""
        return None if self.mean is None or self.half_width is None else min(1.0, self.mean + self.half_width)


def over_seeds(values: Sequence[float | None]) -> SeedEstimate:
    """Mean and Student's 95% interval, mean +- t(0.975, n - 1) s / sqrt(n), of one value for each seed (Student 1908).

    It takes the seeds for a random draw; with two of them t is 12.7, so the interval is wide, and rightly so.
    """
    n = len(values)
    defined = [value for value in values if value is not None]
    if not defined or len(defined) < n:
        return SeedEstimate(None, None, None, n)
    mean = math.fsum(defined) / n
    if n < 2:
        return SeedEstimate(mean, None, None, n)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in defined) / (n - 1))
    return SeedEstimate(mean, t_quantile((1 + TWO_SIDED) / 2, n - 1) * deviation / math.sqrt(n), deviation, n)


def t_quantile(p: float, df: int) -> float:
    """The value below which a share `p` (0.5 to below 1) of Student's t distribution lies; by bisection."""
    if not 0.5 <= p < 1 or df < 1:
        raise ValueError(f"t_quantile takes 0.5 <= p < 1 and df >= 1, not p={p}, df={df}.")
    low, high = 0.0, 1.0
    while _central(high, df) < 2 * p - 1:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _central(middle, df) < 2 * p - 1 else (low, middle)
    return high


def _central(t: float, df: int) -> float:
    """P(|T| < t), exact for whole degrees of freedom (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    theta = math.atan(t / math.sqrt(df))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = df % 2 == 1
    term = total = cosine if odd and df > 1 else 0.0 if odd else 1.0
    for k in range(3 if odd else 2, df - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (theta + sine * total) if odd else sine * total
