"""Whether one model is better than another: what is said, and when nothing is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import counts

from mednerapp.scoring.comparing import (
    Difference,
    compare,
    corrected,
    fewest_notes,
    holm,
    in_words,
    notes_needed,
    randomisation,
)
from mednerapp.scoring.intervals import bootstrap, tabulate
from mednerapp.scoring.strict import Counts, precision_recall_f1

pairs = st.lists(st.tuples(counts, counts), min_size=2, max_size=8)


@settings(max_examples=40)
@given(pairs)
def test_the_test_goes_through_every_assignment_of_few_notes(notes: list[tuple[Counts, Counts]]) -> None:
    first, second = [a for a, _ in notes], [b for _, b in notes]
    found = compare(first, second)
    if found.p is None:
        return

    def difference(one: list[Counts], other: list[Counts]) -> float:
        sides = [sum(side, Counts()) for side in (one, other)]
        if not all(side.gold + side.predicted for side in sides):
            return 2.0
        return abs(precision_recall_f1(sides[0]).f1 - precision_recall_f1(sides[1]).f1)

    observed = difference(first, second)
    great = 0
    for swaps in product([False, True], repeat=len(notes)):
        flipped = [note[::-1] if swap else note for note, swap in zip(notes, swaps, strict=True)]
        great += difference([a for a, _ in flipped], [b for _, b in flipped]) >= observed - 1e-12
    assert found.p == pytest.approx(great / 2 ** len(notes))


@settings(max_examples=30)
@given(pairs)
def test_the_models_changed_about_turn_the_difference_round(notes: list[tuple[Counts, Counts]]) -> None:
    first, second = [a for a, _ in notes], [b for _, b in notes]
    here, there = compare(first, second), compare(second, first)
    assert here.p == pytest.approx(there.p)
    if here.estimate.value is not None and here.estimate.low is not None and there.estimate.high is not None:
        assert here.estimate.value == pytest.approx(-there.estimate.value)
        assert here.estimate.low == pytest.approx(-there.estimate.high)
        assert here.spread == pytest.approx(there.spread)


def _draw(notes: int, shift: float, seed: int = 1) -> tuple[list[Counts], list[Counts]]:
    draw = np.random.default_rng(seed)
    gold = draw.integers(1, 12, notes)
    found = [draw.binomial(gold, 0.7 + s) for s in (shift, 0.0)]
    return tuple([Counts(int(t), 1, int(g - t)) for g, t in zip(gold, tp, strict=True)] for tp in found)  # type: ignore[return-value]


def test_the_drawn_test_is_near_the_exact_one() -> None:
    first, second = (tabulate(side) for side in _draw(12, 0.05))
    exact = randomisation(first, second, flips=2**12)
    assert randomisation(first, second, flips=2**12 - 1) == pytest.approx(exact, abs=0.03)


def test_the_difference_is_that_of_the_scores_and_a_clear_one_is_told() -> None:
    first, second = _draw(80, 0.15)
    for measure in ("precision", "recall", "f1"):
        found = compare(first, second, measure=measure)
        scores = [getattr(bootstrap(side), measure).value for side in (first, second)]
        assert found.estimate.value == pytest.approx(scores[0] - scores[1])
        assert found.certain
        assert found.estimate.low is not None
        assert found.estimate.low > 0


def test_holm_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_correction_counts_the_comparisons_that_were_made() -> None:
    first, second = _draw(60, 0.1)
    undefined = compare([Counts()] * 60, [Counts()] * 60)
    one, none, other = corrected([compare(first, second), undefined, compare(second, second)])
    assert (one.comparisons, none.corrected) == (2, None)
    assert one.p is not None
    assert 2 * one.p < 1
    assert one.corrected == pytest.approx(2 * one.p)
    assert other.corrected == 1


def test_the_number_of_notes_worked_out_by_hand() -> None:
    """(1.95996 + 0.84162)² · 0.25² / 0.05² + 1.95996² / 2 = 198.14"""
    assert notes_needed(0.25, 0.05) == 199
    assert notes_needed(0.25, 0.05, comparisons=3) > 199
    assert notes_needed(0.0, 0.05) == fewest_notes() == 6  # 2 / 2^6 is the first below 0.05
    with pytest.raises(ValueError, match="above 0, not 0"):
        notes_needed(0.25, 0)


@pytest.mark.parametrize("n", [40, 160])
def test_what_is_detectable_needs_the_notes_that_there_are(n: int) -> None:
    found = compare(*_draw(n, 0.0))
    assert found.detectable is not None
    assert found.notes_for(found.detectable) == pytest.approx(n, abs=4)


def test_the_sentence_says_who_is_better_or_how_many_notes_it_takes() -> None:
    clear = compare(*_draw(80, 0.15))
    assert in_words(clear, "A", "B").startswith("A is better than B on these 80 notes (+")
    turned = compare(*_draw(80, 0.15)[::-1])
    assert in_words(turned, "A", "B").startswith("B is better than A on these 80 notes (-")
    unclear = compare(*_draw(43, 0.0))
    needed = unclear.notes_for(0.02)
    assert needed is not None
    sentence = in_words(unclear, "A", "B")
    assert sentence.startswith("A and B are not distinguishable on these 43 notes (")
    assert sentence.endswith(" more test notes would show a 2-point difference.")
    assert needed - 43 <= int(sentence.split("about ")[1].split()[0]) < 1.1 * needed
    assert in_words(unclear, "A", "B", difference=0.5).endswith("a 50-point difference would probably have shown.")
    assert "corrected for 3 comparisons" in in_words(corrected([unclear] * 3)[0], "A", "B")


def test_of_too_few_notes_nothing_is_claimed() -> None:
    better = [Counts(5, 0, 0)] * 5 + [Counts(1, 1, 1)] * 40
    worse = [Counts(0, 5, 5)] * 5 + [Counts(1, 1, 1)] * 40
    found = compare(better, worse)
    assert found.too_few
    assert not found.certain
    assert in_words(found, "A", "B") == (
        "A and B differ on 5 of 45 notes: too few to say anything; at least 6 have to differ."
    )
    same = compare(worse, worse)
    assert (same.p, same.differing) == (1, 0)
    assert in_words(same, "A", "B") == "A and B have the same counts on these 45 notes."
    for nothing in (compare([], []), compare([Counts()] * 3, [Counts()] * 3)):
        assert isinstance(nothing, Difference)
        assert "nothing to count" in in_words(nothing, "A", "B")


def test_unusable_input_is_refused() -> None:
    with pytest.raises(ValueError, match="not on 1 and 2"):
        compare([Counts()], [Counts()] * 2)
    with pytest.raises(ValueError, match="not 'accuracy'"):
        compare([Counts(1)], [Counts(1)], measure="accuracy")
