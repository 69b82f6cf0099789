"""What became of every span, and the summary of it."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import spans

from mednerapp.domain.assertions import Assertion
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.scoring.matching import ErrorKind
from mednerapp.scoring.outcomes import NO_SECTION, Outcome, Traits, describe, mention_key, outcomes
from mednerapp.scoring.strict import Counts, count_strict
from mednerapp.scoring.summaries import (
    FEWEST_NOTES,
    REST,
    Dimension,
    ModelSummary,
    NoteFacts,
    summarise,
)

PLAIN = Traits("Plan", "present", 1, seen=True)


def plain(_span: Span) -> Traits:
    return PLAIN


scored = st.builds(ScoredSpan, spans(), st.floats(0, 1))


@given(st.lists(spans(), max_size=8), st.lists(scored, max_size=8), st.randoms())
def test_every_span_is_in_one_outcome_whatever_the_order(
    gold: list[Span], found: list[ScoredSpan], chance: random.Random
) -> None:
    became = outcomes(1, gold, found, plain)
    assert sorted(o.gold for o in became if o.gold) == sorted(gold)
    assert sorted(o.predicted for o in became if o.predicted) == sorted(s.span for s in found)
    assert sorted(o.score for o in became if o.score is not None) == sorted(s.score for s in found)
    chance.shuffle(gold)
    chance.shuffle(found)
    again = outcomes(1, gold, found, plain)
    assert sorted(map(repr, again)) == sorted(map(repr, became))
    right = sum(c.tp for c in count_strict(gold, [s.span for s in found]).values())
    assert sum(o.kind is None for o in became) == right


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.lists(spans(), max_size=5), st.lists(scored, max_size=5)), min_size=1, max_size=5))
def test_a_summary_adds_up_in_every_dimension_and_comes_back_from_json(
    notes: list[tuple[list[Span], list[ScoredSpan]]],
) -> None:
    labels = sorted({s.label for gold, found in notes for s in (*gold, *(x.span for x in found))})
    counts: dict[tuple[int, str], Counts] = {}
    became: list[Outcome] = []
    for number, (gold, found) in enumerate(notes):
        became += outcomes(number, gold, found, plain)
        per_label = count_strict(gold, [s.span for s in found])
        counts |= {(number, label): per_label.get(label, Counts()) for label in labels}
    facts = [NoteFacts(number, "", 100 * number, "2026-01") for number in range(len(notes))]
    summary = summarise(facts, labels, counts, became)
    for dimension, lines in summary.groups.items():
        total = (sum(x.found for x in lines), sum(x.predicted for x in lines), sum(x.gold for x in lines))
        assert total == (summary.micro.found, summary.micro.predicted, summary.micro.gold), dimension
    assert ModelSummary.from_json(json.loads(json.dumps(summary.as_json()))) == summary


def test_a_mention_is_described_by_its_section_what_is_said_of_it_its_words_and_whether_it_was_seen() -> None:
    text = "HISTORY:\nNo chest pain at rest.\n\nPLAN:\nStart aspirin.\n"
    pain, rest = text.index("chest pain"), text.index("aspirin")
    told = describe(text, stated={(rest, rest + 7, "Drug"): Assertion.CONDITIONAL}, known={mention_key("Chest  PAIN")})
    assert told(Span(pain, pain + 10, "Symptom")) == Traits("History", "absent", 2, seen=True)
    assert told(Span(rest, rest + 7, "Drug")) == Traits("Plan", "conditional", 1, seen=False)
    assert describe("Fever.", stated={}, known=())(Span(0, 5, "Symptom")).section == NO_SECTION


def test_a_section_that_few_notes_have_is_not_named() -> None:
    span = Span(0, 4, "Drug")
    became = [
        Outcome(number, ErrorKind.MISSED, span, None, None, Traits(section, "present", 1, seen=False))
        for section, notes in (("Plan", FEWEST_NOTES), ("Mr Smith", FEWEST_NOTES - 1))
        for number in range(notes)
    ]
    facts = [NoteFacts(number, "", 10, "2026-01") for number in range(FEWEST_NOTES)]
    lines = summarise(facts, ("Drug",), {}, became).groups[Dimension.SECTION]
    assert [(line.name, line.gold) for line in lines] == [("Plan", FEWEST_NOTES), (REST, FEWEST_NOTES - 1)]
