"""Submitting and skipping, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.editor import ALL, DIABETES, METFORMIN, Editor, contents, foreign_edit, shown_text

pytestmark = pytest.mark.browser


def test_submit_waits_for_the_last_edit_and_opens_the_next_note(streamlit_editor: Editor) -> None:
    editor = streamlit_editor
    editor.open([DIABETES, {**METFORMIN, "state": "confirmed"}])
    editor.change(answer=500)
    editor.choose("metformin")
    editor.press("5", "Control+Enter")
    expect(editor.page.locator(".saved")).to_contain_text("1 edit waiting")
    assert not editor.stored()["submitted"]
    editor.change(answer=None)
    editor.wait(lambda now: now["docId"] == "2", "the next note is open")
    world = editor.world()
    assert world["results"] == [{"outcome": "submitted", "annotation_id": "1", "revision": 1}]
    assert world["notes"]["1"]["submitted"]
    assert shown_text(editor.page) == "The second note."
    expect(editor.text).to_be_focused()


def test_untouched_suggestions_are_never_confirmed_by_submitting(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    editor.press("n", "a", "Control+Enter")
    banner = editor.page.get_by_role("alert").filter(has_text="2 suggestions have not been looked at.")
    expect(banner).to_be_visible()
    editor.press("Escape")
    expect(banner).to_have_count(0)
    assert not editor.stored()["submitted"]
    editor.press("Control+Enter")
    expect(banner).to_be_visible()
    editor.press("Enter")  # the key of "accept", pressed once too often, only leads to the first of them
    expect(banner).to_have_count(0)
    assert editor.snapshot()["active"] == "s2"
    assert not editor.stored()["submitted"]
    editor.press("Control+Enter")
    banner.get_by_role("button", name="Reject them and submit").click()
    editor.wait(lambda now: now["docId"] == "2", "the next note is open")
    states = {one["id"]: one["state"] for one in editor.stored()["spans"]}
    assert states == {"s1": "confirmed", "s2": "rejected", "s3": "confirmed", "s4": "rejected"}


def test_nothing_is_rejected_or_submitted_while_a_conflict_waits_for_a_decision(editor: Editor) -> None:
    editor.open(ALL)
    foreign_edit(editor, [DIABETES], label="Test")
    editor.focus()
    editor.press("n", "a")
    banner = editor.page.get_by_role("alert").filter(has_text="changed in another window")
    expect(banner).to_be_visible()
    editor.press("Control+Enter")
    expect(banner).to_be_visible()
    assert [one["state"] for one in editor.snapshot()["spans"]].count("rejected") == 0


def test_a_conflict_at_submit_is_shown_and_the_note_stays_open(editor: Editor) -> None:
    editor.open([DIABETES])
    foreign_edit(editor, [DIABETES], label="Test")
    editor.focus()
    editor.press("Control+Enter")
    banner = editor.page.get_by_role("alert").filter(has_text="changed in another window")
    banner.get_by_role("button", name="Load the saved version").click()
    assert editor.labels() == {"type 2 diabetes mellitus": ("Test", "confirmed")}
    editor.press("Control+Enter")
    editor.wait(lambda now: now["docId"] == "2", "the next note is open")


def test_a_failed_submit_says_so_and_can_be_repeated(editor: Editor) -> None:
    editor.open([DIABETES])
    editor.change(answer=500)
    editor.focus()
    editor.press("Control+Enter")
    expect(editor.page.get_by_role("alert")).to_contain_text("The note is not submitted: Status 500 says no.")
    editor.change(answer=None)
    editor.page.get_by_role("button", name="Submit & next").click()
    editor.wait(lambda now: now["docId"] == "2", "the next note is open")


def test_skip_leaves_the_note_as_it_is_and_a_later_visit_starts_afresh(streamlit_editor: Editor) -> None:
    editor = streamlit_editor
    editor.open(ALL)
    skip = editor.page.get_by_role("button", name="Skip")
    skip.click()
    editor.wait(lambda now: now["docId"] == "2", "the next note is open")
    skip.click()
    editor.wait(lambda now: now["docId"] == "1" and not now["leaving"], "the first note is open again")
    assert [one["annotation_id"] for one in editor.world()["results"]] == ["1", "2"]
    assert contents(editor.saved()) == contents(ALL)
