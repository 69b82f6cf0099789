from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import labels, texts

from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue
from mednerapp.formats.inline import parse

MARKS = "⟦⟧|"
plain = texts(exclude="⟦⟧", max_size=8)
mention = texts(min_size=1, exclude=MARKS, max_size=8)


@given(st.lists(st.tuples(plain, mention, labels), max_size=6), plain)
def test_what_is_written_into_a_text_comes_out_again(pieces: list[tuple[str, str, str]], tail: str) -> None:
    marked = "".join(f"{before}⟦{m}|{label}⟧" for before, m, label in pieces) + tail
    text, spans = parse(marked)
    assert text == "".join(before + m for before, m, _ in pieces) + tail
    assert [(s.mention(text), s.label) for s in spans] == [(m, label) for _, m, label in pieces]
    assert list(spans) == sorted(spans)


def test_a_text_without_marks_is_itself() -> None:
    assert parse("a | b [c] |") == ("a | b [c] |", ())


def test_offsets_are_those_of_the_text_without_marks() -> None:
    assert parse("😀 ⟦fever|Symptom⟧⟦aspirin|Drug⟧.") == (
        "😀 feveraspirin.",
        (Span(2, 7, "Symptom"), Span(7, 14, "Drug")),
    )


@pytest.mark.parametrize(
    ("marked", "place"),
    [("a ⟦b", 2), ("a b⟧", 3), ("⟦b⟧", 0), ("⟦|Drug⟧", 0), ("⟦b|⟧", 0), ("⟦a|b|c⟧", 0), ("x ⟦a⟦b|Drug⟧⟧", 2)],
)
def test_a_mark_that_is_not_well_formed_is_found(marked: str, place: int) -> None:
    with pytest.raises(InvalidValue, match=f"near character {place}"):
        parse(marked)
