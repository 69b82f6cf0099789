"""How far annotators agree, against published and hand-worked examples."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from support.strategies import flat_spans

from mednerapp.domain.spans import Span
from mednerapp.scoring.agreement import AnnotatedNote, alpha, coincidences, group, kappa, most_disagreed, pairs

TOKENS = [(i, i + 1) for i in range(40)]

annotated = st.lists(st.tuples(flat_spans(), flat_spans(), flat_spans()), min_size=2, max_size=5)


def notes_of(drawn) -> list[AnnotatedNote]:
    return [AnnotatedNote(i, TOKENS, dict(zip("abc", sides, strict=True))) for i, sides in enumerate(drawn)]


def codes(note: AnnotatedNote, name: str) -> list[str]:
    found = ["O"] * len(note.tokens)
    for span in note.spans[name]:
        found[span.start : span.end] = [span.label] * (span.end - span.start)
    return found


def test_kappa_worked_out_by_hand() -> None:
    """Cohen's own kind of example: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: (0.7 - 0.5) / (1 - 0.5)."""
    assert kappa(np.array([20.0, 5, 10, 15])) == pytest.approx(0.4)
    assert np.isnan(kappa(np.array([20.0, 0, 0, 0])))


@settings(max_examples=50)
@given(annotated)
def test_kappa_is_that_of_scikit_learn(drawn) -> None:
    notes = notes_of(drawn)
    sides = [[code for note in notes for code in codes(note, name)] for name in "ab"]
    found = next(p for p in pairs(notes) if (p.first, p.second) == ("a", "b")).kappa.value
    if found is None:
        assert len({*sides[0], *sides[1]}) == 1
    else:
        assert found == pytest.approx(cohen_kappa_score(*sides))


def test_alpha_of_krippendorffs_published_example() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), part C: four observers, twelve units, nominal: 0.743.

    Where an observer is missing, the unit is as a note that the observer has not done.
    """
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    total = np.zeros(25)
    for unit in zip(*table, strict=True):
        given_codes = [[code - 1] for code in unit if code is not None]
        if len(given_codes) > 1:
            total += coincidences(np.array(given_codes), 5).ravel()
    assert total.sum() == 40
    assert alpha(total) == pytest.approx(0.743, abs=0.0005)


def test_alpha_of_two_observers_and_two_categories_as_published() -> None:
    """The same, part A: ten units, two observers, binary: 0.095."""
    data = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]])
    assert alpha(coincidences(data, 2).ravel()) == pytest.approx(0.095, abs=0.0005)


@settings(max_examples=50)
@given(annotated)
def test_alpha_is_the_observed_over_the_expected_disagreement(drawn) -> None:
    """By its definition, pair of values by pair of values."""
    notes = notes_of(drawn)
    rows = [[code for note in notes for code in codes(note, name)] for name in "abc"]
    units = list(zip(*rows, strict=True))
    within = [x != y for unit in units for x, y in combinations(unit, 2)]
    everything = [value for unit in units for value in unit]
    values, counts = np.unique(everything, return_counts=True)
    n = len(everything)
    expected = 1 - (counts * (counts - 1)).sum() / (n * (n - 1))
    found = group(notes)[0].alpha.value
    if len(values) == 1:
        assert found is None
    else:
        assert found == pytest.approx(1 - np.mean(within) / expected)


def test_spans_per_pair_and_label_strict_and_relaxed_worked_out_by_hand() -> None:
    note = AnnotatedNote(
        7,
        TOKENS,
        {
            "ann": [Span(0, 5, "Drug"), Span(10, 15, "Symptom")],
            "bob": [Span(0, 5, "Drug"), Span(10, 14, "Symptom"), Span(20, 22, "Drug")],
        },
    )
    found = {p.label: p for p in pairs([note, note], ["Drug", "Symptom", "Test"])}
    assert (found[None].strict.value, found[None].relaxed.value) == (pytest.approx(2 / 5), pytest.approx(4 / 5))
    assert (found["Symptom"].strict.value, found["Symptom"].relaxed.value) == (0, 1)
    assert (found["Test"].strict.value, found["Test"].kappa.value) == (None, None)
    assert found["Drug"].notes == 2
    assert [(n.note_id, n.differences) for n in most_disagreed([note])] == [(7, 3)]


def test_only_common_notes_count_for_a_pair_and_the_worst_note_comes_first() -> None:
    drug, test = Span(0, 5, "Drug"), Span(0, 5, "Test")
    notes = [
        AnnotatedNote(1, TOKENS, {"ann": [drug], "bob": [drug]}),
        AnnotatedNote(2, TOKENS, {"ann": [drug], "bob": [test], "cem": [test]}),
        AnnotatedNote(3, TOKENS, {"cem": [drug]}),
        AnnotatedNote(4, TOKENS, {"ann": [drug, Span(8, 9, "Test")], "bob": [drug]}),
    ]
    found = {(p.first, p.second): p for p in pairs(notes)}
    assert {names: p.notes for names, p in found.items()} == {("ann", "bob"): 3, ("ann", "cem"): 1, ("bob", "cem"): 1}
    assert found["ann", "cem"].strict.low is None, "one note says nothing about others"
    assert group(notes)[0].notes == 3
    assert [n.note_id for n in most_disagreed(notes)] == [2, 4]


def test_nested_and_discontinuous_spans_are_told_apart_on_tokens() -> None:
    whole = [Span(0, 9, "Drug"), Span(2, 5, "Test")]
    same = AnnotatedNote(1, TOKENS, {"ann": whole, "bob": whole[::-1]})
    assert pairs([same, same])[0].kappa.value == 1
    parted = AnnotatedNote(2, TOKENS, {"ann": [Span(0, 9, "Drug")], "bob": [Span(0, 9, "Drug", ((0, 3), (6, 9)))]})
    found = pairs([parted, parted])[0]
    agreed, chance = 37 / 40, (9 * 6 + 31 * 34) / 1600
    assert found.kappa.value == pytest.approx((agreed - chance) / (1 - chance))


def test_without_notes_there_is_nothing_to_say() -> None:
    assert pairs([]) == []
    assert group([])[0].alpha.value is None
    assert most_disagreed([]) == []
