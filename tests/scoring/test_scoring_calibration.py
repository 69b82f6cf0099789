from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from mednerapp.scoring.calibration import Calibration, ece, expected_errors, fit


def _drawn(slope: float, intercept: float, count: int = 20_000) -> tuple[list[float], list[bool]]:
    draw = np.random.default_rng(4)
    logits = draw.normal(1, 1.5, count)
    right = draw.random(count) < 1 / (1 + np.exp(-(slope * logits + intercept)))
    return (1 / (1 + np.exp(-logits))).tolist(), right.tolist()


def test_an_overconfident_models_scores_are_brought_to_what_they_are_worth() -> None:
    scores, right = _drawn(0.5, -0.7)

    found = fit(scores, right)

    assert (found.slope, found.intercept) == pytest.approx((0.5, -0.7), abs=0.06)
    assert ece(scores, right) > 0.15
    assert ece(found.apply(scores).tolist(), right) < 0.02
    assert expected_errors(found.apply(scores).tolist()) == pytest.approx(right.count(False), rel=0.01)


def test_the_fit_is_the_most_likely_one_under_platts_targets() -> None:
    scores, right = _drawn(1.7, 0.4, count=300)
    hits = sum(right)
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    x = np.log(np.array(scores) / (1 - np.array(scores)))

    def loss(weights: np.ndarray) -> float:
        z = weights[0] * x + weights[1]
        return float(np.sum(np.logaddexp(0, z) - targets * z))

    best = minimize(loss, [1.0, 0.0], tol=1e-12).x
    found = fit(scores, right)
    assert (found.slope, found.intercept) == pytest.approx(tuple(best), abs=1e-4)


def test_without_spans_scores_stay_as_they_are() -> None:
    assert fit([], []) == Calibration()
    assert Calibration().apply([0.2, 0.7]).tolist() == pytest.approx([0.2, 0.7])
    assert ece([], []) == 0
    assert expected_errors([]) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_few_or_one_sided_spans_give_a_finite_answer_that_keeps_the_order(spans: list[tuple[float, bool]]) -> None:
    scores, right = [s for s, _ in spans], [r for _, r in spans]

    found = fit(scores, right)
    after = found.apply(sorted(scores))

    assert math.isfinite(found.slope)
    assert math.isfinite(found.intercept)
    assert found == fit(scores, right)
    assert ((after >= 0) & (after <= 1)).all()
    assert (np.diff(after) >= 0).all()


def test_scores_that_are_worse_the_higher_they_are_do_not_turn_the_order_round() -> None:
    found = fit([0.9, 0.8, 0.95, 0.2, 0.3, 0.1], [False, False, False, True, True, True])
    assert found.slope == 0
    assert float(found.apply(0.9)) == pytest.approx(0.5)


def test_the_calibration_error_is_the_mean_gap_over_bins() -> None:
    # two bins: [0, 0.5) with scores 0.2, 0.4 of which one is right; [0.5, 1] with 1.0 and 0.6, both right
    assert ece([0.2, 0.4, 1.0, 0.6], [True, False, True, True], bins=2) == pytest.approx((0.4 + 0.4) / 4)


def test_unusable_input_is_refused() -> None:
    with pytest.raises(ValueError, match="1 scores and 2 verdicts"):
        fit([0.5], [True, False])
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]; given: 0.5 to 1.5"):
        fit([0.5, 1.5], [True, False])
    with pytest.raises(ValueError, match="0 bins"):
        ece([0.5], [True], bins=0)
