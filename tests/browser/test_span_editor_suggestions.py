"""Suggestions that arrive while a person works, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Route, expect
from support.editor import ALL, DIABETES, ECG, METFORMIN, PAIN, TEXT, Editor, contents, foreign_edit

pytestmark = pytest.mark.browser


def suggest(editor: Editor, *spans: dict[str, Any]) -> None:
    """Suggestions are stored and the page, at its next run, makes the editor load them."""
    editor.post("/harness/suggest", {"note": "1", "spans": list(spans)})
    editor.page.get_by_role("button", name="Before").click()


@pytest.mark.parametrize("fault", [500, 0])  # refused for now, or stored with the answer lost
def test_edits_on_their_way_and_suggestions_that_arrive_meanwhile_are_all_kept(
    streamlit_editor: Editor, fault: int
) -> None:
    editor = streamlit_editor
    editor.open([DIABETES])
    editor.change(answer=fault)
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("3")
    expect(editor.page.locator(".saved")).to_contain_text("1 edit waiting")
    suggest(editor, PAIN, METFORMIN)
    expect(editor.page.get_by_text("Run 2", exact=True)).to_be_visible()
    now = editor.snapshot()
    assert (now["epoch"], now["pending"], len(now["spans"])) == (0, 1, 2)  # the edit is still shown and in the outbox
    editor.choose("type 2")
    editor.press("r")
    editor.change(answer=None)
    after = editor.wait(lambda now: now["epoch"] == 1, "the suggestions are shown")
    assert editor.labels() == {
        "chest pain": ("Symptom", "suggested"),
        "metformin": ("Drug", "suggested"),
        "ramipril": ("Drug", "confirmed"),
        "type 2 diabetes mellitus": ("Disease", "rejected"),
    }
    assert after["banner"] is None
    assert after["revision"] == editor.stored()["revision"] == 4
    editor.press("Control+z", "Control+z")  # what was done before they came can still be undone
    assert contents(editor.saved()) == contents([DIABETES, PAIN, METFORMIN])


def test_an_answer_that_is_slower_than_the_page_loses_nothing(streamlit_editor: Editor) -> None:
    """The edit is stored, but Python read the spans before it was."""
    editor = streamlit_editor
    editor.open([DIABETES])
    held: list[Route] = []
    editor.page.route("**/api/annotations/1/edits", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks the handler
    editor.choose("type 2")
    editor.press("r")
    editor.wait(lambda _: bool(held), "the edit is on its way")
    suggest(editor, PAIN)
    expect(editor.page.get_by_text("Run 2", exact=True)).to_be_visible()
    assert editor.snapshot()["epoch"] == 0
    held[0].continue_()
    editor.wait(lambda now: now["epoch"] == 1, "the suggestion is shown")
    assert editor.labels() == {
        "chest pain": ("Symptom", "suggested"),
        "type 2 diabetes mellitus": ("Disease", "rejected"),
    }


def test_suggestions_come_in_under_the_hands_without_moving_anything(editor: Editor) -> None:
    editor.open([DIABETES])
    editor.choose("type 2")
    editor.press("4")
    start = TEXT.index("ramipril")
    editor.drag(start, start + 8)
    before = editor.wait(lambda now: now["pending"] == 0, "saved")
    suggest(editor, PAIN, ECG)
    after = editor.wait(lambda now: now["epoch"] == 1, "the suggestions are shown")
    kept = ("active", "selected", "canUndo", "client", "banner")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert len(editor.saved()) == 3
    editor.focus()
    editor.press("3", "Control+z", "Control+z")
    assert contents(editor.saved()) == contents([DIABETES, PAIN, ECG])


@pytest.mark.parametrize("key", ["4", "Escape"])  # with an edit before it and without one
def test_a_submit_that_meets_new_suggestions_shows_them_first(editor: Editor, key: str) -> None:
    editor.open([DIABETES])
    editor.post("/harness/suggest", {"note": "1", "spans": [PAIN]})
    editor.choose("type 2")
    editor.press(key, "Control+Enter")
    editor.wait(lambda now: len(now["spans"]) == 2 and not now["leaving"], "the suggestion is shown")
    expect(editor.page.get_by_role("alert")).to_contain_text("ooked at" if key == "4" else "Look at them first")
    assert not editor.stored()["submitted"]
    assert editor.labels()["chest pain"] == ("Symptom", "suggested")


def test_a_conflict_with_another_window_is_still_asked_about_when_suggestions_arrive(editor: Editor) -> None:
    editor.open(ALL)
    foreign_edit(editor, ALL, label="Test", state="confirmed")
    editor.choose("metformin")
    editor.press("Delete")
    banner = editor.page.get_by_role("alert").filter(has_text="This note was changed in another window.")
    expect(banner).to_be_visible()
    suggest(editor, {**PAIN, "id": "s9", "label": "Disease"})
    expect(editor.page.get_by_text("Run 2", exact=True)).to_be_visible()
    assert editor.snapshot()["pending"] == 1
    banner.get_by_role("button", name="Load the saved version").click()
    editor.wait(lambda now: now["epoch"] == 1, "the suggestion is shown")
    assert {(one["id"], one["label"]) for one in editor.saved()} == {
        ("s1", "Test"),
        ("s2", "Drug"),
        ("s3", "Disease"),
        ("s4", "Test"),
        ("s9", "Disease"),
    }
