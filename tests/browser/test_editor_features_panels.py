"""Outline, guideline, history, comparison and view of the span editor, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from support.editor import ALL, DIABETES, ECG, METFORMIN, PAIN, TEXT, Editor, contents

pytestmark = pytest.mark.browser

LONG = "".join(f"SECTION {n} 🩺\n" + "nothing to report here. " * 120 + "\n\n" for n in range(1, 7))


def panel(editor: Editor) -> Locator:
    return editor.page.locator(".side")


def open_with(editor: Editor, spans: list[dict[str, Any]], text: str = TEXT, **more: Any) -> None:
    editor.open(spans, text=text, more=more)
    editor.focus()


def sections() -> list[dict[str, Any]]:
    return [{"title": f"SECTION {n}", "start": LONG.index(f"SECTION {n}")} for n in range(1, 7)]


def test_the_outline_goes_to_a_section_and_follows_the_text(editor: Editor) -> None:
    at = LONG.index("nothing", LONG.index("SECTION 2"))
    spans = [{"id": "a", "start": at, "end": at + 7, "label": "Test", "state": "suggested", "score": 0.5}]
    open_with(editor, spans, LONG, outline=sections())
    editor.press("l")
    buttons = panel(editor).locator(".outline button")
    expect(buttons).to_have_count(6)
    expect(buttons.nth(0)).to_have_attribute("aria-current", "true")
    expect(buttons.nth(1)).to_contain_text("1 · 1 to do")
    buttons.nth(0).focus()
    editor.press("ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    expect(editor.page.locator(".text .block", has_text="SECTION 4")).to_be_in_viewport()
    expect(editor.text).to_be_focused()
    editor.page.locator(".pane").evaluate("(pane) => { pane.scrollTop = pane.scrollHeight; }")
    expect(buttons.nth(5)).to_have_attribute("aria-current", "true")
    editor.press("Tab", "Escape")
    expect(panel(editor)).to_be_visible()
    editor.press("Escape")
    expect(panel(editor)).to_be_hidden()


def test_the_guideline_of_the_active_spans_label_is_shown_as_text(editor: Editor) -> None:
    markdown = "# Drugs\nOnly the **name**, *never* `500 mg`.\n\n- one\n- two\n\n<img src=x onerror=alert(1)>"
    open_with(editor, ALL, guidelines={"Drug": markdown})
    editor.press("g")
    body = panel(editor).locator(".guideline")
    expect(body).to_contain_text("Go to a span")
    editor.choose("metformin")
    expect(body.locator("strong")).to_have_text("name")
    expect(body.locator("em")).to_have_text("never")
    expect(body.locator("code")).to_have_text("500 mg")
    expect(body.locator("li")).to_have_count(2)
    expect(body).to_contain_text("<img src=x onerror=alert(1)>")
    expect(body.locator("img")).to_have_count(0)
    editor.choose("ECG")
    expect(body).to_contain_text("says nothing about this label")


def test_an_earlier_state_can_be_looked_at_without_changing_anything(editor: Editor) -> None:
    open_with(editor, [PAIN, METFORMIN])
    editor.press("Tab", "r", "Delete")
    now = editor.saved()
    editor.press("t")
    panel(editor).locator(".timeline button").last.click()  # only the rejection was done then
    expect(editor.page.locator(".looking")).to_contain_text("nothing is changed")
    expect(editor.marks).to_have_count(2)
    expect(editor.mark("metformin")).to_be_visible()
    editor.press("Escape")
    expect(editor.page.locator(".looking")).to_be_hidden()
    expect(editor.marks).to_have_count(1)
    assert contents(editor.saved()) == contents(now)
    assert editor.stored()["revision"] == 2


def test_an_earlier_state_is_restored_as_one_step(editor: Editor) -> None:
    open_with(editor, [PAIN, METFORMIN])
    editor.press("Tab", "r", "Delete")
    now = editor.saved()
    editor.press("t")
    panel(editor).locator(".timeline button").last.click()
    editor.page.get_by_role("button", name="Restore").click()
    assert editor.labels() == {"chest pain": ("Symptom", "rejected"), "metformin": ("Drug", "suggested")}
    editor.focus()
    editor.press("Control+z")
    assert contents(editor.saved()) == contents(now)


def test_taking_back_a_step_that_also_brought_a_span_around_another(editor: Editor) -> None:
    outer = {**PAIN, "id": "outer", "start": PAIN["start"] - 4}
    open_with(editor, [outer, PAIN])
    editor.press("Tab", "r", "Shift+Tab", "Delete", "5")
    now = editor.saved()
    editor.press("t")
    panel(editor).locator(".timeline button").last.click()  # the outer one was there then
    editor.page.get_by_role("button", name="Restore").click()
    expect(editor.marks).to_have_count(2)
    editor.focus()
    editor.press("Control+z")
    assert contents(editor.saved()) == contents(now)
    expect(editor.marks).to_have_count(1)
    expect(editor.mark("chest pain")).to_have_attribute("data-badge", "Test")


ASSERTED: dict[str, Any] = {"assertion": "absent", "assertion_by": "person"}
RAMIPRIL = {"start": TEXT.index("ramipril"), "end": TEXT.index("ramipril") + 8, "label": "Drug"}
THEIRS = [
    {**PAIN, "id": "t1", "label": "Disease"},
    {**DIABETES, "id": "t2", "start": DIABETES["start"] + 7},
    {**METFORMIN, "id": "t3"},
    {**RAMIPRIL, "id": "t4"},
]


def compare(editor: Editor) -> Locator:
    source = {"id": "adapter:3", "name": "BioBERT", "spans": [{"state": "suggested", **one} for one in THEIRS]}
    mine = [{**one, **ASSERTED} if one is METFORMIN else one for one in ALL]  # a model says nothing of that
    open_with(editor, mine, sources=[source])
    editor.press("v")
    panel(editor).get_by_label("Under the text").select_option("adapter:3")
    rows = panel(editor).locator(".difference")
    expect(rows).to_have_count(4)
    return rows


def test_differences_to_another_model_are_counted_and_stepped_through(editor: Editor) -> None:
    compare(editor)
    counts = panel(editor).locator(".result")
    expect(counts).to_have_text("1 other label · 1 other boundaries · 1 only mine · 1 only theirs")
    expect(editor.page.locator(".underlay-legend")).to_contain_text("BioBERT")
    editor.focus()
    editor.press("d")
    assert editor.snapshot()["active"] == PAIN["id"]
    editor.press("d")
    expect(editor.page.locator(".voice").first).to_contain_text("only theirs: ramipril")
    editor.press("d", "d")
    assert editor.snapshot()["active"] == ECG["id"]
    editor.press("Shift+D")
    assert editor.snapshot()["active"] == DIABETES["id"]
    assert editor.stored()["revision"] == 0


def test_theirs_can_be_taken_one_by_one_until_nothing_differs(editor: Editor) -> None:
    rows = compare(editor)
    for left in (3, 2, 1, 0):
        rows.first.get_by_role("button").last.click()
        expect(rows).to_have_count(left)
    expect(panel(editor).locator(".result")).to_have_text("No difference to BioBERT.")
    assert editor.labels() == {
        "chest pain": ("Disease", "confirmed"),
        "metformin": ("Drug", "suggested"),
        "ramipril": ("Drug", "confirmed"),
        "diabetes mellitus": ("Disease", "confirmed"),
    }
    editor.focus()
    editor.press("Control+z")
    assert "ECG" in editor.labels()


GUESSED = {"assertion": "possible", "assertion_by": "model"}
BEA = {
    "id": "person:7",
    "name": "Bea",
    "spans": [
        {**PAIN, "id": "t1", "state": "confirmed", **ASSERTED, "comment": "since when?"},
        {
            **DIABETES,
            "id": "t2",
            "state": "confirmed",
            "assertion": "possible",
            "assertion_by": "model",
        },  # nobody said so
        {**METFORMIN, "id": "t3", "state": "confirmed", "unsure": True},
        {**ECG, "id": "t4", "state": "confirmed"},
        {**RAMIPRIL, "id": "t5", "state": "suggested", "unsure": True},  # they have not said that it is one
    ],
}


def test_assertions_and_remarks_are_compared_too(editor: Editor) -> None:
    place = {"start": METFORMIN["start"], "end": METFORMIN["end"]}
    mine = [{**one, "state": "confirmed"} for one in ALL]
    open_with(editor, mine, sources=[BEA], compare="person:7", focus=place)
    rows = panel(editor).locator(".difference")
    expect(rows).to_have_count(3)
    expect(editor.text).to_be_focused()  # the address asked for the comparison, the hands are on the text
    expect(panel(editor).get_by_label("Under the text")).to_have_value("person:7")
    expect(panel(editor).locator(".result")).to_have_text("1 other assertion · 2 only a remark")
    expect(rows.nth(0)).to_contain_text("present → absent")
    expect(rows.nth(0)).to_contain_text("Theirs: “since when?”")
    current = panel(editor).locator(".entry[aria-current]")
    expect(current).to_contain_text("metformin")  # what the address named
    expect(current).to_contain_text("Theirs: unsure")
    editor.press("d")
    expect(current).to_contain_text("ramipril")
    expect(editor.page.locator(".voice").first).to_contain_text("only a remark: ramipril")
    for number in (0, 1, 2):
        rows.nth(number).locator(".entry").click()
        expect(rows.nth(number).locator(".entry")).to_have_attribute("aria-current", "true")
        expect(editor.page.locator(".voice").first).to_contain_text(f"{number + 1} of 3. ")
    rows.nth(0).get_by_role("button", name="Take theirs").click()
    expect(panel(editor).locator(".result")).to_have_text("3 only a remark")
    (pain,) = [span for span in editor.saved() if span["id"] == PAIN["id"]]
    assert (pain["assertion"], pain["assertion_by"], pain["label"]) == ("absent", "person", PAIN["label"])


def test_a_remark_upon_a_suggestion_is_reached_beside_the_difference_at_the_same_place(editor: Editor) -> None:
    bea = {**BEA, "spans": [{**PAIN, "id": "t1", "state": "suggested", "unsure": True}]}
    open_with(
        editor, [{**PAIN, "state": "confirmed"}, {**ECG, "state": "confirmed"}], sources=[bea], compare="person:7"
    )
    expect(panel(editor).locator(".result")).to_have_text("2 only mine · 1 only a remark")
    current = panel(editor).locator(".entry[aria-current]")
    for words in ("only mine", "only a remark", "only mine", "only mine"):  # and from the top again
        editor.press("d")
        expect(current).to_contain_text(words)
    editor.press("Shift+D", "Shift+D")
    expect(current).to_contain_text("only a remark")
    editor.press("p")  # something is said of it: the list is found anew
    rows = panel(editor).locator(".difference")
    rows.first.get_by_role("button", name="Delete mine").click()
    expect(rows).to_have_count(2)
    assert [one["id"] for one in editor.saved()] == [ECG["id"]]


def test_a_source_that_is_not_there_any_more_is_not_asked_for(editor: Editor) -> None:
    open_with(editor, ALL, sources=[BEA], compare="person:8")
    expect(panel(editor).get_by_label("Under the text")).to_have_value("")
    expect(panel(editor).locator(".difference")).to_have_count(0)


def test_text_size_line_width_and_scores_are_remembered_but_no_text(editor: Editor) -> None:
    open_with(editor, ALL)
    size = "(text) => parseFloat(getComputedStyle(text).fontSize)"
    usual = editor.text.evaluate(size)
    editor.press("+", "w", "i")
    assert editor.text.evaluate(size) > usual
    badge = "(mark) => getComputedStyle(mark, '::after').content"
    assert "data-score" in editor.mark("metformin").evaluate(badge) or "0.80" in editor.mark("metformin").evaluate(
        badge
    )
    editor.page.reload()
    expect(editor.page.locator(".text .block").first).to_be_visible()
    assert editor.text.evaluate(size) > usual
    kept = editor.page.evaluate("() => localStorage.getItem('medner.view')")
    assert kept == '{"size":1.15,"width":100,"scores":true}'
    editor.focus()
    editor.press("0", "i")
    assert editor.text.evaluate(size) == usual
    assert "0.80" not in editor.mark("metformin").evaluate(badge)


def test_the_help_lists_the_keys_of_the_panels(editor: Editor) -> None:
    open_with(editor, [])
    editor.press("?")
    for words in ("find in this note", "apply to all identical", "outline", "guideline", "history", "larger"):
        expect(editor.page.locator(".help")).to_contain_text(words)
