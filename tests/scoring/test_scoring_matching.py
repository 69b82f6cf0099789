"""The assignment of predicted to gold spans, and what is counted on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import spans

from mednerapp.domain.spans import Span
from mednerapp.scoring.matching import Alignment, ErrorKind, Pair, align, confusion, error_kinds
from mednerapp.scoring.semeval import Schema, SchemaCounts, Side, count, macro, micro
from mednerapp.scoring.strict import count_strict
from mednerapp.scoring.strict import micro as strict_micro


@st.composite
def loose_spans(draw: st.DrawFn) -> Span:
    """Spans in one piece or two, in a place so small that every kind of collision is common."""
    whole = draw(spans(length=9))
    if whole.end - whole.start < 3 or draw(st.booleans()):
        return whole
    gap = draw(st.integers(whole.start + 1, whole.end - 2))
    return Span(whole.start, whole.end, whole.label, ((whole.start, gap), (gap + 1, whole.end)))


any_spans = st.lists(loose_spans(), max_size=7)


@given(any_spans, any_spans, st.randoms(use_true_random=False))
def test_the_order_of_the_spans_changes_nothing(gold: list[Span], predicted: list[Span], random: Random) -> None:
    before = align(gold, predicted)
    random.shuffle(gold)
    random.shuffle(predicted)
    assert align(gold, predicted) == before


@given(any_spans, any_spans)
def test_gold_and_predicted_changed_about_give_the_same_pairs_the_other_way_round(
    gold: list[Span], predicted: list[Span]
) -> None:
    here, there = align(gold, predicted), align(predicted, gold)
    assert sorted(Pair(p.predicted, p.gold) for p in there.pairs) == list(here.pairs)
    assert (there.missed, there.invented) == (here.invented, here.missed)
    for schema in Schema:
        one, other = (count([found])[schema] for found in (here, there))
        for label in one:
            a, b = one[label].prf, other[label].prf
            assert (a.precision, a.recall, a.f1) == (b.recall, b.precision, b.f1)


@given(any_spans, any_spans)
def test_every_span_is_on_one_place_of_the_result(gold: list[Span], predicted: list[Span]) -> None:
    found = align(gold, predicted)
    assert sorted([*(p.gold for p in found.pairs), *found.missed]) == sorted(gold)
    assert sorted([*(p.predicted for p in found.pairs), *found.invented]) == sorted(predicted)
    for pair in found.pairs:
        assert _characters(pair.gold) & _characters(pair.predicted)
    assert not any(_characters(g) & _characters(p) for g in found.missed for p in found.invented)


@given(any_spans, any_spans)
def test_the_strict_matches_are_those_of_the_strict_score(gold: list[Span], predicted: list[Span]) -> None:
    counts = micro(count([align(gold, predicted)])[Schema.STRICT])
    strict = strict_micro(count_strict(gold, predicted))
    assert counts.gold.correct == counts.predicted.correct == strict.tp
    assert (counts.gold.spans, counts.predicted.spans) == (strict.gold, strict.predicted)
    assert counts.prf.f1 == pytest.approx(2 * strict.tp / (strict.gold + strict.predicted) if gold or predicted else 0)


@settings(max_examples=150)
@given(st.lists(loose_spans(), max_size=4), st.lists(loose_spans(), max_size=4))
def test_no_other_assignment_of_what_overlaps_is_better(gold: list[Span], predicted: list[Span]) -> None:
    """Against all assignments, one by one: pairs of one label first, then pairs, then the overlap."""
    found = align(gold, predicted)
    at_one_place = [p for p in found.pairs if p.same_place]
    for pair in at_one_place:
        gold.remove(pair.gold)
        predicted.remove(pair.predicted)
    short, long = sorted((gold, predicted), key=len)
    best = max(
        (_worth(zip(short, chosen, strict=True)) for chosen in permutations(long, len(short))), default=(0, 0, 0)
    )
    own = _worth((p.gold, p.predicted) for p in found.pairs if not p.same_place)
    assert own == best


def _worth(pairs) -> tuple[int, int, int]:
    same = made = overlap = 0
    for a, b in pairs:
        shared = len(_characters(a) & _characters(b))
        if shared:
            same += a.label == b.label
            made += 1
            overlap += shared * 65536 // len(_characters(a) | _characters(b))
    return same, made, overlap


def _characters(span: Span) -> set[int]:
    return {i for start, end in span.pieces for i in range(start, end)}


D, S, T = "Drug", "Symptom", "Test"
B, Y, X, M, I = ErrorKind.BOUNDARY, ErrorKind.TYPE, ErrorKind.BOTH, ErrorKind.MISSED, ErrorKind.INVENTED  # noqa: E741
ARM = Span(0, 12, S, ((0, 4), (8, 12)))  # "left ... arm pain", say
# The name, both sides, the errors, and what each of the four schemas grants, in their order.
BY_HAND: list[tuple[str, Sequence[Span], Sequence[Span], dict[ErrorKind, int], tuple[float, ...]]] = [
    ("nothing", [], [], {}, (0, 0, 0, 0)),
    ("equal", [Span(0, 5, D)], [Span(0, 5, D)], {}, (1, 1, 1, 1)),
    ("shorter", [Span(0, 5, D)], [Span(0, 4, D)], {B: 1}, (0, 0, 0.5, 1)),
    ("other label", [Span(0, 5, D)], [Span(0, 5, S)], {Y: 1}, (0, 1, 1, 0)),
    ("both wrong", [Span(0, 5, D)], [Span(2, 7, S)], {X: 1}, (0, 0, 0.5, 0)),
    ("touching is not overlapping", [Span(0, 5, D)], [Span(5, 9, D)], {M: 1, I: 1}, (0, 0, 0, 0)),
    ("two touching taken for one", [Span(0, 5, D), Span(5, 9, D)], [Span(0, 9, D)], {B: 1, M: 1}, (0, 0, 0.5, 1)),
    ("one taken for two", [Span(0, 9, D)], [Span(0, 5, D), Span(5, 9, D)], {B: 1, I: 1}, (0, 0, 0.5, 1)),
    ("inner of two nested", [Span(0, 9, D), Span(2, 5, S)], [Span(2, 5, S)], {M: 1}, (1, 1, 1, 1)),
    ("outer for inner", [Span(2, 5, D)], [Span(0, 9, D)], {B: 1}, (0, 0, 0.5, 1)),
    (
        "a chain of overlaps is paired as far as it goes",
        [Span(0, 6, D), Span(5, 10, D)],
        [Span(4, 9, D), Span(9, 12, D)],
        {B: 2},
        (0, 0, 1, 2),
    ),
    (
        "the same label goes before the greater overlap",
        [Span(0, 10, D)],
        [Span(0, 9, S), Span(8, 10, D)],
        {B: 1, I: 1},
        (0, 0, 0.5, 1),
    ),
    ("predicted twice", [Span(0, 5, D)], [Span(0, 5, D)] * 2, {I: 1}, (1, 1, 1, 1)),
    ("gold twice", [Span(0, 5, D)] * 2, [Span(0, 5, D)], {M: 1}, (1, 1, 1, 1)),
    ("one place, two labels", [Span(0, 5, D), Span(0, 5, S)], [Span(0, 5, S), Span(0, 5, T)], {Y: 1}, (1, 2, 2, 1)),
    ("discontinuous, equal", [ARM], [ARM], {}, (1, 1, 1, 1)),
    ("discontinuous taken for one piece", [ARM], [Span(0, 12, S)], {B: 1}, (0, 0, 0.5, 1)),
    ("one fragment found", [ARM], [Span(8, 12, S)], {B: 1}, (0, 0, 0.5, 1)),
    ("what lies in the gap has nothing to do with it", [ARM], [Span(4, 8, S)], {M: 1, I: 1}, (0, 0, 0, 0)),
]


@pytest.mark.parametrize(("gold", "predicted", "errors", "worth"), [pytest.param(*c[1:], id=c[0]) for c in BY_HAND])
def test_examples_worked_out_by_hand(
    gold: Sequence[Span], predicted: Sequence[Span], errors: dict[ErrorKind, int], worth: tuple[float, ...]
) -> None:
    found = align(gold, predicted)
    assert {kind: n for kind, n in error_kinds([found]).items() if n} == errors
    sides = [micro(count([found])[schema]).gold for schema in Schema]
    assert tuple(side.correct + side.partial / 2 for side in sides) == worth


def test_the_confusion_has_a_row_for_invented_and_a_column_for_missed() -> None:
    gold = [Span(0, 5, D), Span(10, 15, S), Span(20, 25, S)]
    predicted = [Span(0, 5, D), Span(10, 14, T), Span(30, 35, D)]
    found = align(gold, predicted)
    assert confusion([found, align([], [Span(0, 1, D)])]) == {(D, D): 1, (S, T): 1, (S, None): 1, (None, D): 2}
    assert [(e.kind, e.gold, e.predicted) for e in found.errors()] == [
        (X, gold[1], predicted[1]),
        (M, gold[2], None),
        (I, None, predicted[2]),
    ]


def test_scores_of_a_label_worked_out_by_hand() -> None:
    """Drug: one right, one of two invented; Symptom: its only span taken for a drug at the right place."""
    counts = count([align([Span(0, 5, D), Span(10, 15, S)], [Span(0, 5, D), Span(10, 15, D), Span(20, 25, D)])])
    exact = counts[Schema.EXACT]
    assert exact[D] == SchemaCounts(Side(correct=1), Side(correct=2, alone=1))
    assert exact[S] == SchemaCounts(Side(correct=1), Side())
    assert (exact[D].spurious, exact[D].missing) == (1, 0)
    strict = counts[Schema.STRICT]
    assert (strict[D].prf.precision, strict[D].prf.recall, strict[D].prf.f1) == (1 / 3, 1, 0.5)
    assert macro(strict).f1 == 0.25
    assert macro({}).f1 == 0
    assert micro(strict).prf.f1 == pytest.approx(2 * (1 / 3) * 0.5 / (1 / 3 + 0.5))


def test_a_note_with_two_thousand_spans_and_a_group_that_all_overlaps_are_no_trouble() -> None:
    gold = [Span(10 * i, 10 * i + 6, D) for i in range(2000)]
    shifted = [Span(10 * i + 3, 10 * i + 9, D) for i in range(2000)]
    assert error_kinds([align(gold, shifted)])[B] == 2000
    nested = [Span(i, 1000 - i, D) for i in range(300)]
    around = [Span(i, 1001 - i, D) for i in range(300)]
    found = align(nested, around)
    assert isinstance(found, Alignment)
    assert len(found.pairs) == 300
