from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import labels, spans, texts

from mednerapp.domain.spans import Span, check_within, without_overlaps
from mednerapp.errors import InvalidValue


@given(st.integers(-5, 50), st.integers(-5, 50), labels)
def test_a_span_holds_at_least_one_character_of_the_text_or_does_not_exist(start: int, end: int, label: str) -> None:
    if 0 <= start < end:
        assert len(Span(start, end, label).mention("x" * 60)) == end - start
    else:
        with pytest.raises(InvalidValue, match=f"start={start}, end={end}"):
            Span(start, end, label)


def test_a_span_has_a_label() -> None:
    with pytest.raises(InvalidValue):
        Span(0, 1, "")


def test_offsets_count_characters_not_bytes_or_utf16_units() -> None:
    text = "😀 naïve"
    assert Span(2, 7, "Drug").mention(text) == "naïve"


@given(texts(min_size=1), st.data())
def test_a_span_fits_a_text_when_its_mention_is_all_there(text: str, data: st.DataObject) -> None:
    span = data.draw(spans(length=80))
    if span.end <= len(text):
        check_within(span, len(text))
        assert len(span.mention(text)) == span.end - span.start
    else:
        with pytest.raises(InvalidValue, match=str(len(text))):
            check_within(span, len(text))


@given(spans(), spans())
def test_two_spans_overlap_when_they_share_a_character(one: Span, other: Span) -> None:
    shared = set(range(one.start, one.end)) & set(range(other.start, other.end))
    assert one.overlaps(other) == other.overlaps(one) == bool(shared)


@given(st.lists(spans(), max_size=12), st.randoms(use_true_random=False))
def test_what_a_flat_tagging_can_hold(given_spans: list[Span], random: Random) -> None:
    kept = without_overlaps(given_spans)
    assert not any(a.overlaps(b) for i, a in enumerate(kept) for b in kept[i + 1 :])
    assert set(kept) <= set(given_spans)
    assert kept == sorted(kept)
    # Nothing is left out without a reason: it overlaps something kept that is at least as long.
    for left_out in set(given_spans) - set(kept):
        assert any(k.overlaps(left_out) and k.end - k.start >= left_out.end - left_out.start for k in kept)
    shuffled = list(given_spans)
    random.shuffle(shuffled)
    assert without_overlaps(shuffled) == kept


def test_of_nested_spans_the_outer_one_stays_and_touching_spans_both_stay() -> None:
    outer, inner, next_to_it = Span(0, 10, "Disease"), Span(2, 5, "Drug"), Span(10, 12, "Test")
    assert without_overlaps([inner, next_to_it, outer]) == [outer, next_to_it]
