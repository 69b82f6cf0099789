from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import counts

from mednerapp.scoring.intervals import Estimate, Score, bootstrap
from mednerapp.scoring.strict import Counts, precision_recall_f1

notes = st.lists(counts, min_size=2, max_size=12)


def estimates(score: Score) -> list[Estimate]:
    return [score.precision, score.recall, score.f1]


@settings(max_examples=60)
@given(notes)
def test_the_interval_holds_the_score_and_stays_between_zero_and_one(per_note: list[Counts]) -> None:
    score = bootstrap(per_note, resamples=400)
    total = sum(per_note, Counts())
    point = precision_recall_f1(total)
    defined = (total.predicted > 0, total.gold > 0, total.predicted + total.gold > 0)
    expected = zip((point.precision, point.recall, point.f1), defined, strict=True)
    assert [e.value for e in estimates(score)] == [value if known else None for value, known in expected]
    for estimate in estimates(score):
        assert (estimate.low is None) == (estimate.high is None)
        if estimate.low is not None and estimate.high is not None:
            assert estimate.value is not None
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@settings(max_examples=20)
@given(notes)
def test_the_same_counts_give_the_same_interval_every_time(per_note: list[Counts]) -> None:
    assert bootstrap(per_note) == bootstrap(list(per_note))


@pytest.mark.parametrize("per_note", [[], [Counts(3, 1, 1)]])
def test_of_less_than_two_notes_nothing_is_claimed(per_note: list[Counts]) -> None:
    score = bootstrap(per_note)
    assert score.notes == len(per_note)
    assert [(e.low, e.high) for e in estimates(score)] == [(None, None)] * 3


def test_the_counts_and_the_notes_behind_the_score_come_with_it() -> None:
    score = bootstrap([Counts(1, 2, 3), Counts(), Counts(4, 5, 6)])
    assert (score.counts, score.notes) == (Counts(5, 7, 9), 3)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_fewer_notes_make_a_wider_interval(name: str) -> None:
    kind = [Counts(4, 1, 1), Counts(1, 3, 2), Counts(3, 0, 3), Counts(2, 2, 0)]
    widths = []
    for times in (1, 5, 25):
        estimate = getattr(bootstrap(kind * times), name)
        widths.append(estimate.high - estimate.low)
    assert widths[0] > 1.5 * widths[1] > 1.5 * 1.5 * widths[2]  # in theory each step divides it by the root of five


def test_notes_that_all_say_the_same_leave_no_doubt() -> None:
    score = bootstrap([Counts(2, 1, 1)] * 10)
    for estimate in estimates(score):
        assert estimate.low == estimate.value == estimate.high


def test_an_example_worked_out_by_hand() -> None:
    """Two notes, one all right and one all wrong: both drawn right 1/4, both wrong 1/4, else one of each."""
    score = bootstrap([Counts(tp=1), Counts(fp=1, fn=1)])
    assert score.f1 == score.precision == score.recall == Estimate(0.5, 0.0, 1.0)


def test_the_draws_are_those_of_whole_notes() -> None:
    """Against the definition, drawn note by note with another generator: the same to the error of the drawing."""
    kind = [Counts(4, 1, 1), Counts(1, 3, 2), Counts(3, 0, 3), Counts(2, 2, 0), Counts(0, 0, 4), Counts(5, 1, 0)]
    rng = np.random.default_rng(1)
    draws = [sum((kind[i] for i in rng.integers(0, len(kind), len(kind))), Counts()) for _ in range(4000)]
    low, high = np.quantile([precision_recall_f1(d).f1 for d in draws], [0.025, 0.975])
    found = bootstrap(kind, resamples=20_000).f1
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_a_score_of_nothing_is_undefined() -> None:
    nothing = Estimate(None, None, None)
    assert estimates(bootstrap([Counts()] * 10)) == [nothing] * 3
    missed = bootstrap([Counts(fn=1)] * 10)
    assert estimates(missed) == [nothing, Estimate(0, 0, 0), Estimate(0, 0, 0)]
    invented = bootstrap([Counts(fp=1)] * 10)
    assert estimates(invented) == [Estimate(0, 0, 0), nothing, Estimate(0, 0, 0)]


def test_one_note_that_says_anything_gives_a_score_without_an_interval() -> None:
    score = bootstrap([Counts(tp=1), *[Counts()] * 9])  # it is drawn in two of three draws only
    assert estimates(score) == [Estimate(1, None, None)] * 3
    assert score.notes == 10


def test_draws_in_which_a_score_is_undefined_do_not_count_as_zero() -> None:
    score = bootstrap([*[Counts(tp=1)] * 5, *[Counts()] * 15])  # three draws in a thousand have nothing
    assert estimates(score) == [Estimate(1, 1, 1)] * 3
