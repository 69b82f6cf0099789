"""10,000 random flat notes, scored by others as well; where they differ, a test shows by what quirk."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from nervaluate import Evaluator
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from mednerapp.domain.spans import Span
from mednerapp.scoring.matching import align
from mednerapp.scoring.semeval import Schema, count, micro
from mednerapp.scoring.strict import Counts, count_strict, precision_recall_f1

NAMES = ("Drug", "Symptom", "Test")
LENGTH = 30
CASES = 10_000
_AT_ONCE = 5  # notes in a comparison; few, so that no two differences are likely to make up for each other
IN_NERVALUATE = {
    Schema.STRICT: "strict",
    Schema.EXACT: "exact",
    Schema.PARTIAL: "partial",
    Schema.TYPE: "ent_type",
}

Note = tuple[list[Span], list[Span]]


def random_notes(seed: int, cases: int = CASES) -> list[Note]:
    """Flat gold, and predictions that are the gold with faults: edges, labels, holes, inventions; still flat."""
    draw = np.random.default_rng(seed)
    return [(_flat(draw, []), []) if i % 50 == 0 else _with_faults(draw) for i in range(cases)]


def _flat(draw: np.random.Generator, like: list[Span]) -> list[Span]:
    found: list[Span] = []
    position = 0
    wanted = like or [Span(int(s), int(s) + int(draw.integers(1, 6)), "?") for s in np.cumsum(draw.integers(1, 9, 5))]
    for span in wanted:
        start, end = span.start, span.end
        if like:
            start, end = (start + int(draw.integers(-1, 2)), end + int(draw.integers(-1, 2)))
        start = max(position, start)
        label = span.label if like and draw.random() < 0.8 else NAMES[int(draw.integers(len(NAMES)))]
        if draw.random() < 0.85 and start < end <= LENGTH:
            found.append(Span(start, end, label))
            position = end
    return found


def _with_faults(draw: np.random.Generator) -> Note:
    gold = _flat(draw, [])
    return gold, _flat(draw, gold if draw.random() < 0.8 else [])


def contested(note: Note) -> bool:
    """The excluded quirk of nervaluate: a span that overlaps two of the other side.

    It takes predictions in order and gives each the first gold span that it overlaps, once for each schema anew.
    """
    sides = (note, note[::-1])
    return any(sum(a.overlaps(b) for b in other) > 1 for one, other in sides for a in one)


def entities(spans: list[Span]) -> list[dict[str, object]]:
    """Its ends are inclusive (the quirk that the test below shows), so ours less one."""
    return [{"label": s.label, "start": s.start, "end": s.end - 1} for s in spans]


def test_every_schema_counts_as_nervaluate_does_on_flat_notes() -> None:
    """On 10,000 notes; left out are contested ones and, as it divides by zero, those without gold or predictions."""
    usable = [n for n in random_notes(1, 2 * CASES) if n[0] and n[1] and not contested(n)]
    assert len(usable) >= CASES
    for first in range(0, CASES, _AT_ONCE):
        notes = usable[first : first + _AT_ONCE]
        own = count(align(gold, predicted) for gold, predicted in notes)
        sides = ([entities(note[side]) for note in notes] for side in (0, 1))
        theirs = Evaluator(*sides, tags=list(NAMES), loader="dict").evaluate()
        for schema, name in IN_NERVALUATE.items():
            ours, found = micro(own[schema]), theirs["overall"][name]
            assert (found.correct, found.incorrect, found.partial, found.missed, found.spurious) == (
                ours.gold.correct,
                ours.gold.incorrect,
                ours.gold.partial,
                ours.missing,
                ours.spurious,
            ), (schema, notes)
            assert (found.precision, found.recall) == pytest.approx((ours.prf.precision, ours.prf.recall))


def tags(spans: list[Span]) -> list[str]:
    found = ["O"] * (LENGTH + 6)
    for span in spans:
        found[span.start : span.end] = [f"B-{span.label}"] + [f"I-{span.label}"] * (span.end - span.start - 1)
    return found


def test_the_strict_score_is_that_of_seqeval_on_ten_thousand_flat_notes() -> None:
    """In strict mode with IOB2, where it has no quirk on flat notes; in a hundred corpora of a hundred notes."""
    notes = random_notes(2)
    for first in range(0, CASES, 100):
        corpus = notes[first : first + 100]
        total: dict[str, Counts] = dict.fromkeys(NAMES, Counts())
        for gold, predicted in corpus:
            for label, c in count_strict(gold, predicted).items():
                total[label] += c
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = classification_report(
                [tags(g) for g, _ in corpus],
                [tags(p) for _, p in corpus],
                output_dict=True,
                mode="strict",
                scheme=IOB2,
                zero_division=0,
            )
        for label, c in [*total.items(), ("micro avg", sum(total.values(), Counts()))]:
            score = precision_recall_f1(c)
            found = report[label]
            assert found["support"] == c.gold
            assert [found[k] for k in ("precision", "recall", "f1-score")] == pytest.approx(
                [score.precision, score.recall, score.f1]
            )


# --- the quirks, each by name ---


def nervaluate(gold: list[dict[str, object]], predicted: list[dict[str, object]], schema: str):
    return Evaluator([gold], [predicted], tags=list(NAMES), loader="dict").evaluate()["overall"][schema]


def test_quirk_nervaluate_takes_touching_spans_for_overlapping_unless_ends_are_inclusive() -> None:
    gold, predicted = [Span(0, 5, "Drug")], [Span(5, 9, "Drug")]
    half_open = [[{"label": s.label, "start": s.start, "end": s.end} for s in side] for side in (gold, predicted)]
    assert nervaluate(half_open[0], half_open[1], "partial").partial == 1
    assert nervaluate(entities(gold), entities(predicted), "partial").partial == 0
    assert not align(gold, predicted).pairs


def test_quirk_nervaluate_strict_depends_on_the_order_of_the_spans() -> None:
    """Gold in two pieces; the first prediction takes the gold span that the second would have matched."""
    gold = [Span(0, 5, "Drug")]
    predicted = [Span(0, 4, "Drug"), Span(0, 5, "Drug")]
    assert nervaluate(entities(gold), entities(predicted), "strict").correct == 0
    assert nervaluate(entities(gold), entities(predicted[::-1]), "strict").correct == 1
    assert micro(count([align(gold, predicted)])[Schema.STRICT]).gold.correct == 1


def test_quirk_nervaluate_gives_a_contested_gold_span_to_whoever_comes_first() -> None:
    """A flat chain: two pairs can be made, it makes one less where the first prediction takes the second's gold."""
    gold = [Span(0, 2, "Symptom"), Span(3, 9, "Drug")]
    predicted = [Span(1, 5, "Drug"), Span(5, 9, "Drug")]
    assert contested((gold, predicted))
    found = nervaluate(entities(gold), entities(predicted), "ent_type")
    assert (found.correct, found.incorrect, found.spurious, found.missed) == (1, 0, 1, 1)
    ours = micro(count([align(gold, predicted)])[Schema.TYPE])
    assert (ours.gold.correct, ours.gold.incorrect, ours.spurious, ours.missing) == (1, 1, 0, 0)


def test_quirk_nervaluate_knows_no_wrong_label_within_a_label() -> None:
    """It looks at each label by itself, so the right place under a wrong label is missed there; totals are compared."""
    gold, predicted = [Span(0, 5, "Drug")], [Span(0, 5, "Test")]
    results = Evaluator([entities(gold)], [entities(predicted)], tags=list(NAMES), loader="dict").evaluate()
    assert results["overall"]["exact"].correct == 1
    assert [results["entities"][label]["exact"].correct for label in ("Drug", "Test")] == [0, 0]
    ours = count([align(gold, predicted)])[Schema.EXACT]
    assert (ours["Drug"].gold.correct, ours["Test"].predicted.correct) == (1, 1)


def test_quirk_seqeval_merges_touching_spans_of_one_label_without_the_b_tag() -> None:
    """IO tags cannot hold touching spans; in default mode a stray I opens a span. Hence B tags and strict mode."""
    merged = classification_report([["I-Drug", "I-Drug"]], [["B-Drug", "B-Drug"]], output_dict=True, zero_division=0)
    assert merged["Drug"]["support"] == 1
    kept = classification_report([["B-Drug", "B-Drug"]], [["B-Drug", "B-Drug"]], output_dict=True, zero_division=0)
    assert kept["Drug"]["support"] == 2
    assert count_strict([Span(0, 1, "Drug"), Span(1, 2, "Drug")], [])["Drug"] == Counts(fn=2)
