"""What several seeds say of a mean, and what the notes say of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mednerapp.scoring.intervals import bootstrap, bootstrap_mean
from mednerapp.scoring.seeds import over_seeds, t_quantile
from mednerapp.scoring.strict import Counts

# Student's table, two-sided 95%, as printed in textbooks.
TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 29: 2.045, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize(("df", "printed"), TABLE.items())
def test_the_quantiles_are_those_of_the_printed_table(df: int, printed: float) -> None:
    assert t_quantile(0.975, df) == pytest.approx(printed, abs=6e-4)


def test_half_of_the_distribution_lies_below_its_middle() -> None:
    assert t_quantile(0.5, 3) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="p=1"):
        t_quantile(1, 3)


def test_the_interval_over_three_seeds_is_students() -> None:
    found = over_seeds([0.80, 0.82, 0.84])
    assert found.mean == pytest.approx(0.82)
    assert found.deviation == pytest.approx(0.02)
    assert found.half_width == pytest.approx(4.3027 * 0.02 / math.sqrt(3), rel=1e-4)
    assert (found.low, found.high) == (pytest.approx(0.7703, abs=1e-4), pytest.approx(0.8697, abs=1e-4))


def test_one_seed_has_no_interval_and_an_undefined_score_has_no_mean() -> None:
    one = over_seeds([0.8])
    assert (one.mean, one.half_width, one.low, one.high, one.seeds) == (0.8, None, None, None, 1)
    assert over_seeds([0.8, None]).mean is None
    assert over_seeds([]).mean is None


def test_the_ends_of_an_interval_are_scores_too() -> None:
    wide = over_seeds([0.1, 0.9])
    assert (wide.low, wide.high) == (0.0, 1.0)
    assert wide.half_width is not None
    assert wide.half_width > 1, "what two seeds say is not made to look better"


counts = st.builds(Counts, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))


@given(st.lists(counts, min_size=1, max_size=12))
def test_one_scoring_or_twice_the_same_has_the_interval_that_it_always_had(per_note: list[Counts]) -> None:
    single = bootstrap(per_note, resamples=50)
    for scorings in ([per_note], [per_note, per_note]):
        mean = bootstrap_mean(scorings, resamples=50)
        for found, expected in ((mean.precision, single.precision), (mean.recall, single.recall), (mean.f1, single.f1)):
            assert found.value == pytest.approx(expected.value)
            assert found.low == pytest.approx(expected.low)
            assert found.high == pytest.approx(expected.high)


def test_the_mean_of_two_scorings_lies_between_them_and_draws_the_same_notes_for_both() -> None:
    """One model finds what the other misses, so that in every draw of notes their mean recall is one half."""
    first = [Counts(2, 0, 0) if i % 2 else Counts(0, 0, 2) for i in range(20)]
    second = [Counts(0, 0, 2) if i % 2 else Counts(2, 0, 0) for i in range(20)]
    found = bootstrap_mean([first, second]).recall
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5))
    alone = bootstrap(first).recall
    assert alone.low is not None
    assert alone.low < 0.4


def test_scorings_of_other_notes_are_refused_and_none_have_no_score() -> None:
    with pytest.raises(ValueError, match="same notes"):
        bootstrap_mean([[Counts(1)], [Counts(1), Counts(1)]])
    assert bootstrap_mean([]).f1.value is None
