"""Finding in the note and in the project, and labelling what is found, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from support.editor import METFORMIN, TEXT, Editor

pytestmark = pytest.mark.browser

SEVERAL = "Fever 🩺 on Monday.\nNo fever since. Hay FEVER known, feverish once."


def panel(editor: Editor) -> Locator:
    return editor.page.locator(".side")


def open_with_others(editor: Editor, **more: Any) -> None:
    notes = [
        {"id": "1", "text": SEVERAL, "spans": [], "more": {"projectUrl": "/api/projects/1", "noteId": "1", **more}},
        {"id": "2", "text": "Another fever.", "spans": []},
    ]
    editor.post("/harness/reset", {"notes": notes})
    editor.page.goto(editor.url)
    expect(editor.page.locator(".text .block").first).to_be_visible(timeout=30_000)
    editor.focus()


def test_hits_are_counted_as_one_types_and_walked_through_by_enter(editor: Editor) -> None:
    editor.open([], text=SEVERAL)
    editor.focus()
    editor.press("/")
    editor.page.keyboard.type("fever")
    shown = panel(editor).locator(".figure")
    expect(shown).to_have_text("1 of 4")
    editor.press("Enter")
    expect(shown).to_have_text("2 of 4")
    editor.press("Shift+Enter", "Shift+Enter")
    expect(shown).to_have_text("4 of 4")
    editor.page.keyboard.type("x")
    expect(shown).to_have_text("Not found")
    assert editor.saved() == []  # what is typed is no command


def test_a_hit_is_labelled_from_the_field_and_the_next_one_follows(editor: Editor) -> None:
    editor.open([], text=SEVERAL)
    editor.focus()
    editor.press("/")
    editor.page.keyboard.type("fever")
    editor.press("Alt+2", "Alt+2")
    expect(panel(editor).locator(".figure")).to_have_text("3 of 4")
    panel(editor).get_by_role("toolbar").get_by_role("button", name="Disease").click()
    found = [(SEVERAL[span["start"] : span["end"]], span["label"]) for span in editor.saved()]
    assert found == [("Fever", "Symptom"), ("fever", "Symptom"), ("FEVER", "Disease")]


def test_escape_leaves_the_hit_selected_for_the_number_keys(editor: Editor) -> None:
    editor.open([METFORMIN])
    editor.focus()
    editor.press("/")
    editor.page.keyboard.type("ramipril")
    editor.press("Escape", "3")
    assert {TEXT[one["start"] : one["end"]] for one in editor.saved()} == {"metformin", "ramipril"}


def test_what_is_labelled_is_the_whole_word_that_a_hit_is_in(editor: Editor) -> None:
    editor.open([], text=SEVERAL)
    editor.focus()
    editor.press("/")
    editor.page.keyboard.type("everi")
    expect(panel(editor).locator(".figure")).to_have_text("1 of 1")
    expect(panel(editor).get_by_role("button", name="Label")).to_have_count(0)  # all of it would be parts of words
    editor.press("Alt+2")
    assert [SEVERAL[span["start"] : span["end"]] for span in editor.saved()] == ["feverish"]


def test_all_hits_are_labelled_after_a_look_at_them(editor: Editor) -> None:
    editor.open([], text=SEVERAL)
    editor.focus()
    editor.press("/")
    editor.page.keyboard.type("fever")
    panel(editor).get_by_role("button", name="Label the 3 that are whole words").click()
    expect(panel(editor).locator(".place-group li")).to_have_count(3)
    panel(editor).get_by_role("combobox", name="Label").select_option("Symptom")
    panel(editor).locator(".place-group input").last.uncheck()
    panel(editor).get_by_role("button", name="Label 2").click()
    assert [SEVERAL[span["start"] : span["end"]] for span in editor.saved()] == ["Fever", "fever"]


def test_all_notes_are_searched_page_by_page_with_a_link_to_every_place(editor: Editor) -> None:
    open_with_others(editor)
    editor.press("/")
    panel(editor).get_by_role("radio", name="in all notes").check()
    panel(editor).get_by_role("searchbox").fill("fever")
    expect(panel(editor).get_by_role("status").last).to_have_text("3 places in 1 note so far")
    start = SEVERAL.index("fever")
    link = panel(editor).locator("a.place").nth(1)
    expect(link).to_have_attribute("href", f"/annotate?note=1&span={start}-{start + 5}")
    panel(editor).get_by_role("button", name="More notes").click()
    expect(panel(editor).get_by_role("status").last).to_have_text("4 places in 2 notes")
    panel(editor).get_by_role("button", name="Label all in the project").click()
    expect(panel(editor).get_by_text("Note 2 · 1 place")).to_be_visible()


def test_the_link_to_a_span_can_be_copied_and_holds_no_text(editor: Editor) -> None:
    editor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_with_others(editor)
    start = SEVERAL.index("Monday")
    editor.drag(start, start + 6)
    editor.press("2", "y")
    editor.saved()
    expect(editor.page.locator(".voice").first).to_have_text("Copied the link to the span.")
    copied = editor.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"{editor.url}/annotate?note=1&span={start}-{start + 6}"
