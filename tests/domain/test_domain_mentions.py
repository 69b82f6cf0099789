"""The same mention is found wherever it stands, with offsets into the text as it was written."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import texts

from mednerapp.domain.mentions import find_mentions

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("mention_cases.json").read_text())
# Where folding changes lengths and marks combine.
tricky = st.text(
    st.sampled_from("aAsSßẞfiIİıﬁﬀéÉe\u0301\u0307\u0323 \n\u00a0한\u1112\u1161\u11abΣσςµ😀_-1"), max_size=14
)


def folded(text: str) -> str:
    """By the book: canonical caseless matching, over the whole text at once."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", " ".join(text.split())).casefold())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_shared_table_of_cases(case: dict[str, Any]) -> None:
    found = find_mentions(case["text"], case["mention"], whole_words=case["whole_words"])
    assert [list(place) for place in found] == case["found"]


@given(tricky | texts(), tricky | texts(max_size=5))
def test_every_place_holds_the_mention_and_none_overlaps(text: str, mention: str) -> None:
    end_before = 0
    for start, end in find_mentions(text, mention, whole_words=False):
        assert end_before <= start < end <= len(text)
        assert folded(text[start:end]) == folded(mention)
        end_before = end


@given(tricky, tricky, tricky)
def test_a_mention_set_into_a_text_is_found_there(before: str, mention: str, after: str) -> None:
    mention = "".join(mention.split())  # what combines with a blank is another case
    text = f"{before} ({mention}) {after}"
    start = len(before) + 2
    if mention and not unicodedata.combining(mention[0]) and mention[0] not in "\u1161\u11ab":
        places = find_mentions(text, mention, whole_words=False)
        assert any(a < start + len(mention) and start < b for a, b in places)


@given(tricky, tricky)
def test_it_does_not_matter_how_the_characters_are_composed(text: str, mention: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    here, there = find_mentions(composed, mention), find_mentions(decomposed, mention)
    assert [folded(composed[a:b]) for a, b in here] == [folded(decomposed[a:b]) for a, b in there]


def test_a_hostile_text_is_searched_to_its_end() -> None:
    text = "a" * 1_000_000
    assert find_mentions(text, "aaaaaaaaab") == []
    assert find_mentions(text + "\u0301", "a" * 50) == []
    assert len(find_mentions("é " * 100_000, "É")) == 100_000
