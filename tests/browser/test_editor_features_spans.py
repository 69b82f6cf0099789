"""The list of a note's spans beside the text, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from support.editor import DIABETES, ECG, METFORMIN, PAIN, TEXT, Editor

pytestmark = pytest.mark.browser

SEEN = [
    {**PAIN, "score": 0.9, "comment": "<b>left</b> arm?"},
    {**METFORMIN, "score": 0.4},
    {**DIABETES, "score": 0.6},
    {**ECG, "score": None, "unsure": True},
]


def rows(editor: Editor) -> Locator:
    return editor.page.locator(".span-list .entry")


def mentions(editor: Editor) -> Locator:
    return editor.page.locator(".span-list .mention")


def opened(editor: Editor, spans: list[dict[str, Any]], text: str = TEXT) -> None:
    editor.open(spans, text=text)
    editor.focus()
    editor.press("s")


def test_the_list_shows_every_span_and_what_is_known_of_it(editor: Editor) -> None:
    opened(editor, SEEN)
    in_text = sorted(SEEN, key=lambda one: one["start"])
    expect(mentions(editor)).to_have_text([TEXT[one["start"] : one["end"]] for one in in_text])
    expect(rows(editor).first).to_be_focused()
    pain = rows(editor).filter(has_text="chest pain")
    expect(pain).to_contain_text("Symptom? · ✎ · 0.90")
    expect(pain.locator(".remark")).to_have_text("<b>left</b> arm?")
    expect(editor.page.locator(".side")).to_contain_text("4 spans")


def test_the_list_is_narrowed_by_state_and_label_and_ordered_by_score(editor: Editor) -> None:
    opened(editor, SEEN)
    side = editor.page.locator(".side")
    side.get_by_label("Order").select_option("score")
    expect(mentions(editor)).to_have_text(["metformin", "type 2 diabetes mellitus", "chest pain", "ECG"])
    editor.page.reload()  # the panel that was open and its order come back
    expect(mentions(editor)).to_have_text(["metformin", "type 2 diabetes mellitus", "chest pain", "ECG"])
    side.get_by_label("Show").select_option("suggested")
    expect(side).to_contain_text("3 of 4 spans")
    side.get_by_label("Label").select_option("Drug")
    expect(mentions(editor)).to_have_text(["metformin"])
    side.get_by_label("Show").select_option("unsure")
    expect(rows(editor)).to_have_count(0)
    side.get_by_label("Label").select_option("")
    expect(mentions(editor)).to_have_text(["ECG"])
    side.get_by_label("Show").select_option("comment")
    expect(mentions(editor)).to_have_text(["chest pain"])


def test_arrow_keys_go_through_the_list_and_letters_act_on_the_span(editor: Editor) -> None:
    opened(editor, SEEN)
    rows(editor).first.focus()
    assert editor.snapshot()["active"] is None, "looking at the list moves nothing in the text"
    editor.press("ArrowDown", "ArrowDown")
    expect(rows(editor).nth(1)).to_be_focused()
    second = editor.wait(lambda now: now["active"] is not None, "the text follows the list")["active"]
    expect(rows(editor).nth(1)).to_have_attribute("aria-current", "true")
    expect(rows(editor).nth(1)).to_be_focused()
    outline = "(row) => [getComputedStyle(row).outlineStyle, parseFloat(getComputedStyle(row).outlineOffset)]"
    style, offset = rows(editor).nth(1).evaluate(outline)
    assert style == "solid"
    assert offset < 0, "the row clips what is drawn outside it"
    editor.press("a")
    editor.wait(lambda now: now["active"] != second, "on to the next suggestion")
    current = editor.page.locator(".span-list [aria-current]")
    expect(current).to_have_count(1)
    expect(current).to_be_focused()
    editor.press("Delete")
    expect(rows(editor)).to_have_count(3)
    expect(editor.page.locator(".span-list .entry:focus")).to_have_count(1)
    editor.press("Enter")
    expect(editor.text).to_be_focused()
    editor.press("Control+z")
    expect(rows(editor)).to_have_count(4)
    assert {one["state"] for one in editor.saved() if one["id"] == second} == {"confirmed"}


def test_the_list_follows_what_is_done_in_the_text(editor: Editor) -> None:
    opened(editor, SEEN)
    editor.choose("metformin")
    expect(editor.page.locator(".span-list [aria-current] .mention")).to_have_text("metformin")
    editor.press("2")
    expect(rows(editor).filter(has_text="metformin")).not_to_contain_text("Drug")
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("1")
    expect(mentions(editor).filter(has_text="ramipril")).to_have_count(1)
    expect(editor.text).to_be_focused()


def test_a_filter_takes_nothing_away_from_under_the_hands(editor: Editor) -> None:
    """What a key takes out of the filter stays until another span is active: the next key meets the same span."""
    opened(editor, SEEN)
    side = editor.page.locator(".side")
    side.get_by_label("Show").select_option("suggested")
    expect(rows(editor)).to_have_count(3)
    rows(editor).first.focus()
    for key in ("k", "k", "u", "u", "3"):
        editor.press(key)
        editor.saved()
        editor.page.wait_for_timeout(700)  # the list is drawn anew
        expect(rows(editor)).to_have_count(3)
        expect(rows(editor).first).to_be_focused()
    assert {one["id"]: one["state"] for one in editor.saved()} == {
        "s1": "confirmed", "s2": "suggested", "s3": "confirmed", "s4": "suggested",
    }  # fmt: skip
    assert editor.labels()["chest pain since Monday"][0] == "Drug"
    expect(side).to_contain_text("2 of 4 spans, and the active one")


def test_accepting_in_the_list_goes_down_the_list_and_not_through_what_it_hides(editor: Editor) -> None:
    opened(editor, SEEN)
    side = editor.page.locator(".side")
    side.get_by_label("Order").select_option("score")
    side.get_by_label("Show").select_option("suggested")
    expect(mentions(editor)).to_have_text(["metformin", "chest pain", "ECG"])
    rows(editor).first.focus()
    editor.press("a", "r", "a", "a", "a")  # as fast as they come
    assert {one["id"]: one["state"] for one in editor.saved()} == {
        "s1": "rejected", "s2": "confirmed", "s3": "confirmed", "s4": "confirmed",
    }  # fmt: skip
    expect(editor.page.locator(".said")).to_have_text("No suggestions left.")

    editor.open([{**PAIN, "score": 0.9}, {**METFORMIN, "score": 0.4}])
    editor.focus()
    side.get_by_label("Label").select_option("Drug")
    expect(rows(editor)).to_have_count(1)
    rows(editor).first.focus()
    editor.press("a", "a", "a")
    assert {one["id"]: one["state"] for one in editor.saved()} == {"s1": "suggested", "s2": "confirmed"}


def test_tab_leads_to_the_active_span_and_selected_words_do_not_take_its_keys(editor: Editor) -> None:
    opened(editor, SEEN)
    editor.choose("ECG")
    editor.press("F6")
    expect(editor.page.locator(".span-list .entry:focus")).to_contain_text("ECG")
    assert editor.snapshot()["active"] == "s4"
    editor.press("Tab")
    expect(editor.page.locator(".span-list .entry:focus")).to_have_count(0)
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    rows(editor).filter(has_text="metformin").focus()
    editor.press("1")
    assert editor.labels()["metformin"] == ("Disease", "confirmed")
    assert "ramipril" not in editor.labels()


def test_deleting_in_the_list_goes_on_with_the_row_below(editor: Editor) -> None:
    opened(editor, SEEN)
    editor.page.locator(".side").get_by_label("Order").select_option("score")
    expect(mentions(editor)).to_have_text(["metformin", "type 2 diabetes mellitus", "chest pain", "ECG"])
    rows(editor).nth(1).focus()
    editor.press("Delete")
    expect(rows(editor)).to_have_count(3)
    expect(rows(editor).nth(1)).to_be_focused()
    expect(rows(editor).nth(1)).to_contain_text("chest pain")
    assert editor.snapshot()["active"] == "s1"


def test_a_long_list_shows_the_row_of_the_active_span_and_leaves_the_page_where_it_is(editor: Editor) -> None:
    text = "".join(f"word{n} " for n in range(1500))
    spans: list[dict[str, Any]] = []
    for n in range(1500):
        start = text.index(f"word{n} ")
        spans.append(
            {
                "id": f"s{n}",
                "start": start,
                "end": start + len(f"word{n}"),
                "label": "Test",
                "state": "suggested",
                "score": 0.5,
            }
        )
    opened(editor, spans, text)
    expect(rows(editor)).to_have_count(1500)
    editor.page.set_viewport_size({"width": 600, "height": 500})  # the panel lies under the text, below what is seen
    editor.focus()
    editor.page.evaluate("() => window.scrollTo(0, 0)")
    editor.press("Control+End", "ArrowLeft")
    current = editor.page.locator(".span-list [aria-current] .mention")
    expect(current).to_have_text("word1498")
    inside = """(row) => {
      const [place, frame] = [row, row.closest('.side-body')].map((one) => one.getBoundingClientRect());
      return place.top >= frame.top - 1 && place.bottom <= frame.bottom + 1;
    }"""
    assert current.evaluate(inside)
    assert editor.page.evaluate("() => window.scrollY") == 0
    editor.press("s", "s")
    expect(current).to_have_text("word1498")
    editor.page.wait_for_timeout(700)  # the list is drawn anew
    assert current.evaluate(inside)
