"""Edits reach the server, whatever happens on the way, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, expect
from support.editor import ALL, METFORMIN, PAIN, TEXT, Editor, contents, foreign_edit

pytestmark = pytest.mark.browser


def test_a_lost_answer_is_asked_for_again_and_the_edit_is_stored_once(editor: Editor) -> None:
    editor.open(ALL)
    editor.change(answer=0)
    editor.choose("chest pain")
    editor.press("a")
    expect(editor.page.locator(".saved")).to_contain_text("1 edit waiting")
    editor.press("3")
    editor.change(answer=None)
    assert len(editor.saved()) == len(ALL)
    assert [edit["seq"] for edit in editor.stored()["stored"]] == [1, 2]
    expect(editor.page.locator(".saved")).to_have_text("Saved ✓")


def test_edits_made_offline_are_shown_as_waiting_and_sent_when_the_network_is_back(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    editor.page.context.set_offline(True)
    editor.press("n", "a", "a", "r")
    expect(editor.page.locator(".saved")).to_have_text("Offline – 3 edits waiting")
    assert editor.stored()["stored"] == []
    editor.page.context.set_offline(False)
    assert len(editor.saved()) == len(ALL)
    assert [edit["action"] for edit in editor.stored()["stored"]] == ["accept", "accept", "reject"]


def test_closing_the_page_with_unsaved_edits_warns(editor: Editor) -> None:
    editor.open(ALL)
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    editor.page.on("dialog", refuse)
    editor.change(answer=500)
    editor.choose("chest pain")
    editor.press("a")
    expect(editor.page.locator(".saved")).to_contain_text("1 edit waiting")
    editor.page.close(run_before_unload=True)
    editor.page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    editor.change(answer=None)
    editor.saved()


def test_after_signing_in_again_the_waiting_edits_are_sent(editor: Editor) -> None:
    editor.open(ALL)
    editor.change(answer=401)
    editor.choose("chest pain")
    editor.press("a", "r")
    banner = editor.page.get_by_role("alert").filter(has_text="signed out")
    expect(banner).to_contain_text("You were signed out. 2 edits are waiting.")
    expect(banner.get_by_role("link", name="Sign in again")).to_have_attribute("href", "/sign-in")
    editor.change(answer=None)
    assert len(editor.saved()) == len(ALL)
    expect(banner).to_have_count(0)
    assert len(editor.stored()["stored"]) == 2


@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_batch_is_kept_and_can_be_sent_again(editor: Editor, status: int) -> None:
    editor.open(ALL)
    editor.change(answer=status)
    editor.choose("chest pain")
    editor.press("a")
    banner = editor.page.get_by_role("alert").filter(has_text=f"Status {status} says no. 1 edit is waiting.")
    expect(banner).to_be_visible()
    assert editor.world()["requests"] == 1
    editor.change(answer=None)
    banner.get_by_role("button", name="Try again").click()
    assert editor.labels()["chest pain"] == ("Symptom", "confirmed")


def test_an_edit_that_the_server_refuses_is_taken_back_with_its_reason(editor: Editor) -> None:
    labels = [
        {"name": "Drug", "key": "1", "color": "#0072B2", "description": ""},
        {"name": "Refused", "key": "2", "color": "#D55E00", "description": ""},
    ]
    editor.open([METFORMIN], labels=labels)
    editor.change(answer=500)  # so that a second edit, which builds on the refused one, waits behind it
    editor.choose("metformin")
    editor.press("2", "r")
    editor.change(answer=None)
    expect(editor.page.get_by_role("alert")).to_contain_text("Refused is not a label of this project.")
    assert contents(editor.saved()) == contents([METFORMIN])
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("2")
    editor.wait(lambda now: len(now["spans"]) == 1 and not now["pending"], "the new span is taken back")
    expect(editor.page.locator(".saved")).to_contain_text("Saved")  # all is drawn
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("1")
    assert editor.labels() == {"metformin": ("Drug", "suggested"), "ramipril": ("Drug", "confirmed")}


@pytest.mark.parametrize("choice", ["Load the saved version", "Keep mine"])
def test_a_conflict_stops_saving_until_a_person_chooses(editor: Editor, choice: str) -> None:
    editor.open(ALL)
    foreign_edit(editor, ALL, label="Test", state="confirmed")
    editor.choose("metformin")
    editor.press("Delete")
    banner = editor.page.get_by_role("alert").filter(has_text="This note was changed in another window.")
    expect(banner).to_be_visible()
    editor.choose("ECG")
    editor.press("4")
    assert editor.snapshot()["pending"] == 2
    assert len(editor.stored()["stored"]) == 1
    banner.get_by_role("button", name=choice).click()
    kept = choice == "Keep mine"
    expected = {
        "chest pain": ("Symptom", "suggested") if kept else ("Test", "confirmed"),
        "metformin": ("Drug", "suggested"),
        "type 2 diabetes mellitus": ("Disease", "confirmed"),
        "ECG": ("Procedure", "confirmed") if kept else ("Test", "suggested"),
    }
    if kept:
        del expected["metformin"]
    assert editor.labels() == expected
    editor.wait(lambda now: now["canUndo"], "what is stored can be undone")
    editor.choose("type 2")
    editor.press("1", "Delete")
    assert "type 2 diabetes mellitus" not in editor.labels()


def test_keeping_mine_brings_back_a_span_that_the_other_window_deleted(editor: Editor) -> None:
    editor.open(ALL)
    before = {name: PAIN[name] for name in ("start", "end", "label", "state")}
    edit = {"seq": 1, "action": "delete", "span_id": "s1", "before": before, "after": None}
    editor.post("/api/annotations/1/edits", {"client": "other window", "base_revision": 0, "edits": [edit]})
    editor.choose("ECG")
    editor.press("a")
    editor.page.get_by_role("button", name="Keep mine").click()
    assert editor.labels()["chest pain"] == ("Symptom", "suggested")
    assert editor.stored()["stored"][-1]["action"] in ("restore", "accept")
