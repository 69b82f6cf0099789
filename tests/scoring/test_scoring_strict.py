from __future__ import annotations

import warnings
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import LABELS, counts, flat_spans, spans

from mednerapp.domain.spans import Span
from mednerapp.scoring.strict import Counts, count_strict, micro, precision_recall_f1

any_spans = st.lists(spans(length=8), max_size=8)  # few places, so that matches, nests and duplicates are common


@given(any_spans, any_spans)
def test_every_gold_and_every_predicted_span_is_counted_once(gold: list[Span], predicted: list[Span]) -> None:
    found = count_strict(gold, predicted)
    for label in LABELS:
        c = found.get(label, Counts())
        assert c.gold == sum(s.label == label for s in gold)
        assert c.predicted == sum(s.label == label for s in predicted)
    total = micro(found)
    assert (total.gold, total.predicted) == (len(gold), len(predicted))


@given(any_spans, any_spans, st.randoms(use_true_random=False))
def test_the_order_of_the_spans_does_not_matter(gold: list[Span], predicted: list[Span], random: Random) -> None:
    before = count_strict(gold, predicted)
    random.shuffle(gold)
    random.shuffle(predicted)
    assert count_strict(gold, predicted) == before


@given(any_spans, any_spans)
def test_gold_and_predicted_changed_about_swaps_precision_and_recall(gold: list[Span], predicted: list[Span]) -> None:
    here = precision_recall_f1(micro(count_strict(gold, predicted)))
    there = precision_recall_f1(micro(count_strict(predicted, gold)))
    assert (here.precision, here.recall, here.f1) == (there.recall, there.precision, there.f1)


@given(any_spans)
def test_a_perfect_prediction_has_a_perfect_score(gold: list[Span]) -> None:
    score = precision_recall_f1(micro(count_strict(gold, gold)))
    assert (score.precision, score.recall, score.f1) == ((1, 1, 1) if gold else (0, 0, 0))


D, S = "Drug", "Symptom"
BY_HAND: list[tuple[str, Sequence[Span], Sequence[Span], dict[str, Counts]]] = [
    ("nothing at all", [], [], {}),
    ("touching spans are two", [Span(0, 5, D), Span(5, 9, D)], [Span(0, 5, D), Span(5, 9, D)], {D: Counts(tp=2)}),
    ("touching spans are not one", [Span(0, 5, D), Span(5, 9, D)], [Span(0, 9, D)], {D: Counts(fp=1, fn=2)}),
    ("one character off is wrong twice", [Span(0, 5, D)], [Span(0, 4, D)], {D: Counts(fp=1, fn=1)}),
    ("right place, wrong label", [Span(0, 5, D)], [Span(0, 5, S)], {D: Counts(fn=1), S: Counts(fp=1)}),
    ("nested spans each count", [Span(0, 9, D), Span(2, 5, D)], [Span(2, 5, D)], {D: Counts(tp=1, fn=1)}),
    ("overlapping spans each count", [Span(0, 5, D), Span(3, 8, D)], [Span(3, 8, D)], {D: Counts(tp=1, fn=1)}),
    ("predicted twice, gold once", [Span(0, 5, D)], [Span(0, 5, D)] * 2, {D: Counts(tp=1, fp=1)}),
    ("gold twice, predicted once", [Span(0, 5, D)] * 2, [Span(0, 5, D)], {D: Counts(tp=1, fn=1)}),
    ("one place with two labels", [Span(0, 5, D), Span(0, 5, S)], [Span(0, 5, S)], {D: Counts(fn=1), S: Counts(tp=1)}),
]


@pytest.mark.parametrize(("gold", "predicted", "expected"), [pytest.param(*c[1:], id=c[0]) for c in BY_HAND])
def test_examples_worked_out_by_hand(
    gold: Sequence[Span], predicted: Sequence[Span], expected: dict[str, Counts]
) -> None:
    assert count_strict(gold, predicted) == expected


def test_a_score_worked_out_by_hand() -> None:
    score = precision_recall_f1(Counts(tp=6, fp=2, fn=4))
    assert (score.precision, score.recall, score.f1) == (6 / 8, 6 / 10, 12 / 18)


@given(counts)
def test_f1_is_the_harmonic_mean(c: Counts) -> None:
    score = precision_recall_f1(c)
    if c.tp:
        assert score.f1 == pytest.approx(2 / (1 / score.precision + 1 / score.recall))
    else:
        assert score.f1 == 0


# --- other people's scorers, on what they can score: flat spans that do not touch ---

documents = st.lists(st.tuples(flat_spans(gap=1), flat_spans(gap=1)), min_size=1, max_size=4)


def ours(notes: Sequence[tuple[list[Span], list[Span]]]) -> dict[str, Counts]:
    total: dict[str, Counts] = {}
    for gold, predicted in notes:
        for label, c in count_strict(gold, predicted).items():
            total[label] = total.get(label, Counts()) + c
    return total


@settings(max_examples=60)
@given(documents)
def test_our_counts_are_those_of_seqeval(notes: list[tuple[list[Span], list[Span]]]) -> None:
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    expected = ours(notes)
    if not expected:
        return
    gold, predicted = ([_tags(note[side]) for note in notes] for side in (0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of each label without a prediction
        report = classification_report(gold, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0)
    for label, c in expected.items():
        score, found = precision_recall_f1(c), report[label]
        assert found["support"] == c.gold
        assert [found[k] for k in ("precision", "recall", "f1-score")] == pytest.approx(
            [score.precision, score.recall, score.f1]
        )


def _tags(note: Sequence[Span]) -> list[str]:
    """One BIO tag per character."""
    tags = ["O"] * 40
    for span in note:
        tags[span.start : span.end] = [f"B-{span.label}"] + [f"I-{span.label}"] * (span.end - span.start - 1)
    return tags


@settings(max_examples=60)
@given(documents)
def test_our_counts_are_those_of_nervaluate(notes: list[tuple[list[Span], list[Span]]]) -> None:
    from nervaluate import Evaluator

    expected = ours(notes)
    gold, predicted = ([_entities(note[side]) for note in notes] for side in (0, 1))
    if not micro(expected).gold or not micro(expected).predicted:
        return  # it divides by zero
    results = Evaluator(gold, predicted, tags=list(LABELS), loader="dict").evaluate()
    total, found = micro(expected), results["overall"]["strict"]
    assert (found.correct, found.possible, found.actual) == (total.tp, total.gold, total.predicted)
    for label, c in expected.items():
        # Its counts per label add a wrong label's prediction to the gold label's, so only the matches can be compared.
        assert results["entities"][label]["strict"].correct == c.tp


def _entities(note: Sequence[Span]) -> list[dict[str, object]]:
    return [{"label": s.label, "start": s.start, "end": s.end - 1} for s in note]  # its ends are inclusive


def test_a_discontinuous_span_is_found_only_with_its_pieces() -> None:
    gold = Span(0, 9, "Drug", ((0, 2), (4, 9)))
    assert count_strict([gold], [gold]) == {"Drug": Counts(tp=1)}
    for other in (Span(0, 9, "Drug"), Span(0, 9, "Drug", ((0, 3), (4, 9)))):
        assert count_strict([gold], [other]) == {"Drug": Counts(fp=1, fn=1)}
