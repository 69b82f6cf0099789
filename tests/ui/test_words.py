"""Numbers and names as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mednerapp.scoring.intervals import Estimate
from mednerapp.ui.words import count, estimate, plain, seconds, size


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_a_title_is_never_markup(title: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(f"a {plain(title)} b")
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "text_special"}
    assert "".join(c.content for t in tokens for c in t.children or []).split() == ["a", *title.split(), "b"]


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "[a](http://b)", "![](http://b/c.png)", ":red[x]", "$x$"]
)
def test_markup_in_a_title_is_escaped(title: str) -> None:
    assert title not in plain(title)


def test_a_score_is_never_shown_without_its_interval_or_a_word_about_it() -> None:
    assert estimate(Estimate(0.8125, 0.74, 0.872)) == "81.2% (74.0–87.2)"
    assert estimate(Estimate(0.5, None, None)) == "50.0% (no interval)"
    assert estimate(Estimate(None, None, None)) == "–"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (count(1, "note"), "1 note"),
        (count(0, "note"), "0 notes"),
        (count(1200, "spans run", "span runs"), "1,200 span runs"),
        (size(12), "12 B"),
        (size(2048), "2.0 kB"),
        (size(3 * 2**20), "3.0 MB"),
        (seconds(59.6), "1 min 0 s"),
        (seconds(7325), "2 h 2 min"),
    ],
)
def test_numbers_are_said_with_their_unit(said: str, expected: str) -> None:
    assert said == expected
