"""Learning curves, label drift and the reliability diagram."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest

from mednerapp.scoring.calibration import ece, reliability, wilson
from mednerapp.scoring.curves import fit
from mednerapp.scoring.drift import jensen_shannon, label_drift

SIZES = [25.0, 50, 100, 200, 400]


def test_a_curve_without_noise_is_found_again() -> None:
    scores = [0.85 - 1.2 * n**-0.5 for n in SIZES]
    found = fit(SIZES, scores, [0.001] * 5)
    assert found is not None
    assert (found.limit, found.gain, found.power) == pytest.approx((0.85, 1.2, 0.5), rel=0.05)
    ahead = found.forecast(1600)
    assert ahead.value == pytest.approx(0.82, abs=0.003)
    assert ahead.low <= ahead.value <= ahead.high


def test_the_fit_is_as_good_as_that_of_scipy() -> None:
    scores, errors = [0.52, 0.61, 0.66, 0.715, 0.74], [0.03, 0.02, 0.02, 0.01, 0.01]

    def loss(a: float, b: float, c: float) -> float:
        return sum(((y - a + b * n**-c) / e) ** 2 for n, y, e in zip(SIZES, scores, errors, strict=True))

    best, _ = curve_fit(
        lambda n, a, b, c: a - b * n**-c, SIZES, scores, [0.8, 1, 0.5], errors, bounds=([0, 0, 0.05], [1, 20, 2])
    )
    found = fit(SIZES, scores, errors)
    assert found is not None
    assert loss(found.limit, found.gain, found.power) == pytest.approx(loss(*best), rel=0.02, abs=0.01)


def test_the_band_holds_what_comes_and_widens_with_the_way() -> None:
    """Trained on up to 60% of the notes; where the rest leads is in the band in about 95 of 100 histories."""
    draw = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        scores = np.array([0.8 - 1.5 * n**-0.55 for n in SIZES]) + draw.normal(0, 0.015, 5)
        found = fit(SIZES, scores.tolist(), [0.015] * 5)
        assert found is not None
        ahead = found.forecast(700)
        held += ahead.low <= 0.8 - 1.5 * 700**-0.55 + draw.normal(0, 0.015) <= ahead.high
        far = found.forecast(20_000)
        assert far.high - far.low > 0.9 * (ahead.high - ahead.low)
    assert held >= 53


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=6))
def test_any_scores_give_a_curve_that_never_falls_and_stays_a_score(scores: list[float]) -> None:
    sizes = [10.0 * 2**i for i in range(len(scores))]
    found = fit(sizes, scores)
    assert found is not None
    along = [found.at(n) for n in (*sizes, 1e6)]
    assert all(0 <= a <= b <= 1 for a, b in pairwise(along))
    assert found.forecast(1000) == found.forecast(1000)


def test_two_sizes_are_no_curve_and_unusable_input_is_refused() -> None:
    assert fit([10, 20, 20], [0.5, 0.6, 0.7]) is None
    with pytest.raises(ValueError, match="3 sizes, 2 scores"):
        fit([10, 20, 30], [0.5, 0.6])
    with pytest.raises(ValueError, match="above 0; the least are 0"):
        fit([0, 20, 30], [0.5, 0.6, 0.7])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
def test_the_divergence_is_that_of_scipy(counts: list[tuple[int, int]]) -> None:
    first, second = np.array(counts, dtype=float).T
    found = jensen_shannon(first[None], second[None])[0]
    if first.sum() and second.sum():
        assert found == pytest.approx(jensenshannon(first, second, base=2) ** 2, abs=1e-9)
    else:
        assert np.isnan(found)


def test_another_mix_of_labels_is_told_from_chance() -> None:
    draw = np.random.default_rng(2)

    def notes(n: int, drugs: float) -> list[dict[str, int]]:
        return [{"Drug": int(draw.binomial(10, drugs)), "Test": int(draw.binomial(10, 0.5))} for _ in range(n)]

    same, other = label_drift(notes(40, 0.5), notes(40, 0.5)), label_drift(notes(40, 0.5), notes(40, 0.2))
    assert same.p is not None
    assert other.p is not None
    assert other.p < 0.01
    assert same.p > 0.05
    assert other.shares["Drug"][0] == pytest.approx(0.5, abs=0.05)
    assert other.shares["Drug"][1] == pytest.approx(2 / 7, abs=0.05)
    assert label_drift([{}], notes(3, 0.5)).divergence is None
    assert label_drift([{"A": 4}], [{"B": 4}]).divergence == pytest.approx(1)


def test_the_drift_test_rejects_what_is_true_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    low = 0
    for _ in range(200):
        mixes = draw.dirichlet([1, 1, 1], 40)
        notes = [dict(zip("ABC", draw.multinomial(8, m).tolist(), strict=True)) for m in mixes]
        p = label_drift(notes[:25], notes[25:], permutations=200).p
        low += p is not None and p <= 0.1
    assert 8 <= low <= 32


def test_the_bars_of_the_diagram_make_up_the_calibration_error() -> None:
    draw = np.random.default_rng(1)
    scores = draw.random(300).tolist()
    right = (draw.random(300) < np.array(scores) ** 2).tolist()
    bars = reliability(scores, right)
    assert sum(bar.spans for bar in bars) == 300
    assert sum(bar.spans * abs(bar.mean_score - bar.share) for bar in bars) / 300 == pytest.approx(ece(scores, right))
    for bar in bars:
        assert bar.low <= bar.mean_score < bar.high + 1e-9
        assert 0 <= bar.from_share <= bar.share <= bar.to_share <= 1
    assert reliability([], []) == []
    assert reliability([1.0], [True])[0].low == 0.9
    with pytest.raises(ValueError, match="0 bins"):
        reliability([], [], bins=0)


@pytest.mark.parametrize(("hits", "of"), [(0, 5), (3, 10), (50, 50), (1, 1)])
def test_the_interval_of_a_share_is_that_of_scipy(hits: int, of: int) -> None:
    expected = binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((expected.low, expected.high))
    assert wilson(0, 0) == (0, 1)
