"""What a score is worth: turning a model's scores into the share of spans that are right.

Platt scaling: right with probability sigmoid(slope * logit(score) + intercept), fitted by maximum likelihood with
Platt's smoothed targets, by the safeguarded Newton method of Lin, Lin & Weng, "A note on Platt's probabilistic outputs
for support vector machines", Machine Learning 68 (2007). Pure and deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_EDGE = 1e-6  # scores are kept this far from 0 and 1, where the logit has no value
_MOST_STEPS = 100
_Z = 1.959963984540054  # of the normal distribution, two-sided 95%
_RIDGE = 1e-12  # keeps the Newton system solvable when all scores are equal


@dataclass(frozen=True, slots=True)
class Calibration:
    """Raw score → calibrated score. The default changes nothing (but for scores within 1e-6 of 0 and 1)."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, score: ArrayLike) -> Array:
        """Calibrated scores in [0, 1], of the shape of `score` (raw scores in [0, 1])."""
        return _sigmoid(self.slope * _logit(score) + self.intercept)


def fit(scores: Sequence[float], correct: Sequence[bool]) -> Calibration:
    """The calibration under which `correct` (whether the span of each score is right) is most likely.

    With Platt's targets (n+1)/(n+2) and 1/(n+2) instead of 1 and 0, so that few spans give a cautious answer: with
    spans that are all right or all wrong it is finite, without any it changes nothing. A slope below zero (higher
    scores are more often wrong) would turn the order of the suggestions round on the word of a few spans; then only
    the level is fitted.

    Raises:
        ValueError: if the two differ in length or a score is outside [0, 1].
    """
    if len(scores) != len(correct):
        raise ValueError(f"There are {len(scores)} scores and {len(correct)} verdicts.")
    raw, right = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=bool)
    if len(raw) and not (raw.min() >= 0 and raw.max() <= 1):
        raise ValueError(f"Scores lie in [0, 1]; given: {raw.min()} to {raw.max()}.")
    if not len(raw):
        return Calibration()
    hits = int(right.sum())
    misses = len(right) - hits
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))
    start = float(np.log((hits + 1) / (misses + 1)))
    x = _logit(raw)
    slope, intercept = _newton(np.stack([x, np.ones_like(x)], axis=1), targets, np.array([0.0, start]))
    if slope >= 0:
        return Calibration(float(slope), float(intercept))
    [intercept] = _newton(np.ones((len(x), 1)), targets, np.array([start]))
    return Calibration(0.0, float(intercept))


def expected_errors(scores: Sequence[float]) -> float:
    """How many of the spans with these calibrated scores are expected to be wrong."""
    return float(np.sum(1 - np.asarray(scores, dtype=np.float64)))


def ece(scores: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error in [0, 1]: mean distance of mean score and share right, over equally wide bins.

    Bins hold scores in [i / bins, (i + 1) / bins), the last one 1 as well, and count by their number of spans. 0
    without spans. Source: Naeini, Cooper & Hauskrecht, AAAI 2015.

    Raises:
        ValueError: if the two differ in length or there is no bin.
    """
    if len(scores) != len(correct) or bins < 1:
        raise ValueError(f"There are {len(scores)} scores, {len(correct)} verdicts and {bins} bins.")
    if not len(scores):
        return 0.0
    values = np.asarray(scores, dtype=np.float64)
    where = np.minimum((values * bins).astype(int), bins - 1)
    gaps = np.bincount(where, weights=values - np.asarray(correct, dtype=np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(values))


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of the reliability diagram: scores in [low, high), the last bin with 1.

    mean_score, share: of its `spans` the mean score and the share that is right, with the interval from_share to
    to_share of Wilson, JASA 22 (1927), at 95%. It takes spans for independent, so it is narrow where notes differ much.
    """

    low: float
    high: float
    spans: int
    mean_score: float
    share: float
    from_share: float
    to_share: float


def reliability(scores: Sequence[float], correct: Sequence[bool], bins: int = 10) -> list[Bin]:
    """The bins that hold spans, from low scores to high; the same bins as in `ece`.

    Raises:
        ValueError: if the two differ in length or there is no bin.
    """
    if len(scores) != len(correct) or bins < 1:
        raise ValueError(f"There are {len(scores)} scores, {len(correct)} verdicts and {bins} bins.")
    values, right = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=bool)
    where = np.minimum((values * bins).astype(int), bins - 1)
    found: list[Bin] = []
    for i in sorted(set(where.tolist())):
        inside = where == i
        n, share = int(inside.sum()), float(right[inside].mean())
        low, high = wilson(int(right[inside].sum()), n)
        found.append(Bin(i / bins, (i + 1) / bins, n, float(values[inside].mean()), share, low, high))
    return found


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95% score interval of a share (Wilson 1927). (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    share = hits / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z * float(np.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))) / (1 + _Z**2 / of)
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == of else middle + half)


def _newton(features: Array, targets: Array, start: Array) -> Array:
    """Weights that minimise the cross-entropy of sigmoid(features @ weights) against `targets`."""
    weights, loss = start, _loss(features @ start, targets)
    for _ in range(_MOST_STEPS):
        p = _sigmoid(features @ weights)
        gradient = features.T @ (p - targets)
        if np.abs(gradient).max() < 1e-9 * len(targets):
            break
        curvature = (features * (p * (1 - p))[:, None]).T @ features + _RIDGE * np.eye(features.shape[1])
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-10:
            tried = weights - size * step
            new_loss = _loss(features @ tried, targets)
            if new_loss <= loss - 1e-4 * size * float(gradient @ step):
                weights, loss = tried, new_loss
                break
            size /= 2
        else:
            break  # no shorter step is better: as near as rounding allows
    return weights


def _loss(z: Array, targets: Array) -> float:
    return float(np.sum(np.logaddexp(0, z) - targets * z))


def _logit(score: ArrayLike) -> Array:
    p = np.clip(np.asarray(score, dtype=np.float64), _EDGE, 1 - _EDGE)
    return np.log(p) - np.log1p(-p)


def _sigmoid(z: Array) -> Array:
    return np.exp(-np.logaddexp(0, -z))
