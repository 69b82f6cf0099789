"""Identical mentions: the browser finds what the server finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page
from support.editor import Editor, units

from mednerapp.domain.mentions import find_mentions

pytestmark = pytest.mark.browser

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "domain" / "mention_cases.json").read_text())
FIND = """async (cases) => {
  const { findMentions } = await import('/_stcore/bidi-components/mednerapp.span_editor/features/mentions.js');
  return cases.map(([text, mention, wholeWords]) =>
    findMentions(text, mention, { wholeWords }).map(({ start, end }) => [start, end]));
}"""


def in_browser(page: Page, cases: list[tuple[str, str, bool]]) -> list[list[tuple[int, int]]]:
    return [[(start, end) for start, end in found] for found in page.evaluate(FIND, cases)]


def test_the_table_of_cases_holds_in_the_browser(editor: Editor) -> None:
    editor.open([])
    found = in_browser(editor.page, [(case["text"], case["mention"], case["whole_words"]) for case in CASES])
    for case, places in zip(CASES, found, strict=True):
        assert places == [units(start, end, case["text"]) for start, end in case["found"]], case["name"]


PARTS = [*"ßéΣς🩺İıIﬁ한\u200b-_2\u0301K\u212aµμ", "fever", "FEVER", "SS", "e\u0301", "\u1112\u1161\u11ab"]
WORDS = st.sampled_from([*PARTS, " ", "  ", "\n", "\u00a0"])
TEXTS = st.lists(WORDS, max_size=14).map("".join)
MENTIONS = st.lists(WORDS, min_size=1, max_size=3).map("".join)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(st.tuples(TEXTS, MENTIONS, st.booleans()), min_size=1, max_size=60))
def test_any_text_is_searched_as_on_the_server(editor: Editor, cases: list[tuple[str, str, bool]]) -> None:
    if not editor.page.url.startswith(editor.url):
        editor.open([])
    expected = [
        [units(start, end, text) for start, end in find_mentions(text, mention, whole_words=whole)]
        for text, mention, whole in cases
    ]
    assert in_browser(editor.page, cases) == expected
