from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import counts

from mednerapp.scoring.intervals import Estimate, Score, bootstrap, parts, tabulate
from mednerapp.scoring.resampling import draw_sums, ratio
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
    """Against the definition, drawn note by note with another generator: the same to the error of the drawing.

    Of 180 notes, with which the percentiles are hardly moved outwards any more.
    """
    kind = [Counts(4, 1, 1), Counts(1, 3, 2), Counts(3, 0, 3), Counts(2, 2, 0), Counts(0, 0, 4), Counts(5, 1, 0)] * 30
    rng = np.random.default_rng(1)
    draws = [sum((kind[i] for i in rng.integers(0, len(kind), len(kind))), Counts()) for _ in range(2000)]
    low, high = np.quantile([precision_recall_f1(d).f1 for d in draws], [0.025, 0.975])
    found = bootstrap(kind, resamples=20_000).f1
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_a_few_long_notes_make_the_interval_wider_than_their_draws_alone() -> None:
    even = [Counts(8, 2, 2), Counts(5, 5, 5)] * 20
    uneven = [*even[:-2], Counts(80, 20, 20), Counts(50, 50, 50)]
    tables = [tabulate(notes) for notes in (even, uneven)]
    widths = []
    for notes, table in zip((even, uneven), tables, strict=True):
        found = bootstrap(notes).f1
        assert found.low is not None
        assert found.high is not None
        low, high = np.quantile(ratio(*parts(draw_sums(table), "f1")), [0.025, 0.975])
        widths.append((found.high - found.low) / (high - low))
    assert 1 < widths[0] < widths[1]


def test_a_score_of_nothing_is_undefined() -> None:
    nothing = Estimate(None, None, None)
    assert estimates(bootstrap([Counts()] * 10)) == [nothing] * 3
    missed = bootstrap([Counts(fn=1)] * 10)
    off = 1 - 0.025 ** (1 / 10)
    assert estimates(missed) == [nothing, Estimate(0, 0, pytest.approx(off)), Estimate(0, 0, pytest.approx(off))]
    invented = bootstrap([Counts(fp=1)] * 10)
    assert estimates(invented) == [Estimate(0, 0, pytest.approx(off)), nothing, Estimate(0, 0, pytest.approx(off))]


def test_a_perfect_score_on_few_notes_is_no_certainty() -> None:
    """Clopper & Pearson: were 31% of notes faulty, ten without a fault would come up 2.5% of the time."""
    few, many = (bootstrap([Counts(tp=3)] * n).f1 for n in (10, 200))
    assert (few.value, few.high) == (1, 1)
    assert few.low == pytest.approx(0.69, abs=0.005)
    assert many.low == pytest.approx(0.98, abs=0.005)


def test_one_note_that_says_anything_gives_a_score_without_an_interval() -> None:
    score = bootstrap([Counts(tp=1), *[Counts()] * 9])  # it is drawn in two of three draws only
    assert estimates(score) == [Estimate(1, None, None)] * 3
    assert score.notes == 10


def test_draws_in_which_a_score_is_undefined_do_not_count_as_zero() -> None:
    score = bootstrap([*[Counts(tp=1)] * 5, *[Counts()] * 15])  # three draws in a thousand have nothing
    assert estimates(score) == [Estimate(1, pytest.approx(0.025 ** (1 / 5)), 1)] * 3
