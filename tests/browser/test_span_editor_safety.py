"""Nothing is lost and nothing is overwritten unseen: reloads, second tabs, other windows, undo over all of them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.editor import ALL, DIABETES, METFORMIN, PAIN, TEXT, Editor, contents, foreign_edit, shown_text

pytestmark = pytest.mark.browser
KEYS_IN_STORAGE = "() => Object.keys(sessionStorage).filter((key) => key.startsWith('medner.outbox'))"


def reload(editor: Editor) -> None:
    editor.page.once("dialog", lambda dialog: dialog.accept())
    editor.page.reload()
    expect(editor.page.locator(".text .block").first).to_be_visible()


def back_in_front(page: Page) -> None:
    page.evaluate("() => { window.dispatchEvent(new Event('focus')); }")


def foreign(editor: Editor, seq: int, action: str, before: dict[str, Any], **after: Any) -> None:
    """Another window edits one span."""
    content = ("start", "end", "label", "state", "fragments", "assertion", "assertion_by", "comment", "unsure")
    known = {name: before[name] for name in content if name in before}
    edit = {"seq": seq, "action": action, "span_id": before["id"], "before": known, "after": {**known, **after}}
    body = {"client": "other window", "base_revision": editor.stored()["revision"], "edits": [edit]}
    editor.post("/api/annotations/1/edits", body)


def test_a_reload_while_nothing_can_be_saved_loses_no_edit(streamlit_editor: Editor) -> None:
    editor = streamlit_editor
    editor.open(ALL)
    editor.change(answer=500)
    editor.choose("metformin")
    editor.press("4", "x", "Delete")
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("3", "u")
    before = editor.snapshot()
    assert before["pending"] == 5
    stored = editor.page.evaluate("() => JSON.stringify({ ...sessionStorage })")
    assert "ramipril" not in stored
    reload(editor)
    after = editor.snapshot()
    assert (after["pending"], contents(after["spans"])) == (5, contents(before["spans"]))
    assert after["client"] != before["client"]
    editor.choose("ECG")
    editor.press("r")
    editor.change(answer=None)
    editor.saved()
    sent = editor.stored()["stored"]
    assert [(edit["client"], edit["seq"]) for edit in sent] == [
        *((before["client"], seq) for seq in range(1, 6)),
        (after["client"], 1),
    ]
    assert editor.page.evaluate(KEYS_IN_STORAGE) == []
    editor.wait(lambda now: now["canUndo"], "the history is loaded")


def test_an_edit_that_was_stored_before_the_reload_is_not_done_twice(editor: Editor) -> None:
    editor.open(ALL)
    editor.change(answer=0)  # stored, but the answer is lost
    editor.choose("metformin")
    editor.press("4")
    expect(editor.page.locator(".saved")).to_contain_text("1 edit waiting")
    reload(editor)
    editor.change(answer=None)
    editor.saved()
    assert len(editor.stored()["stored"]) == 1


def test_a_duplicated_tab_does_no_harm(editor: Editor) -> None:
    editor.open(ALL)
    editor.change(answer=500)
    editor.choose("metformin")
    editor.press("4", "u")
    editor.wait(lambda _: len(editor.page.evaluate(KEYS_IN_STORAGE)) == 2, "both are in the session storage")
    with editor.page.expect_popup() as opened:
        editor.page.evaluate("() => { window.open(location.href); }")  # gets a copy of the session storage
    other = Editor(opened.value, editor.url)
    expect(other.page.locator(".text .block").first).to_be_visible()
    other.wait(lambda now: now["pending"] == 2, "the copy has the unsent edits")
    editor.change(answer=None)
    assert len(other.saved()) == len(editor.saved()) == len(ALL)
    assert len(editor.stored()["stored"]) == 2
    assert editor.snapshot()["banner"] is other.snapshot()["banner"] is None


def test_another_person_never_sends_what_the_last_one_left(editor: Editor) -> None:
    editor.open(ALL, more={"user": "ann"})
    editor.change(answer=500)
    editor.choose("metformin")
    editor.press("4")
    editor.change(note="1", more={"user": "bob"})
    reload(editor)
    assert editor.snapshot()["pending"] == 0
    assert editor.page.evaluate(KEYS_IN_STORAGE) == []


def test_the_history_is_asked_for_until_the_server_answers(editor: Editor) -> None:
    editor.open(ALL)
    editor.choose("metformin")
    editor.press("4")
    editor.saved()
    editor.change(answer=503)
    reload(editor)
    editor.page.wait_for_timeout(1_000)
    assert not editor.snapshot()["canUndo"]
    editor.change(answer=None)
    editor.wait(lambda now: now["canUndo"], "the history is loaded")
    editor.focus()
    editor.press("Control+z")
    assert contents(editor.saved()) == contents(ALL)


def test_the_history_is_asked_for_ever_less_often(editor: Editor) -> None:
    asked = list[str]()
    editor.page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/history") else None)
    editor.page.clock.install()
    editor.open(ALL)
    editor.change(answer=503)
    reload(editor)

    asked.clear()
    for _ in range(30):
        editor.page.clock.run_for(2_000)
        editor.page.wait_for_timeout(50)  # of the real clock: until the server has answered
    assert 3 <= len(asked) <= 6


def test_undo_and_redo_go_back_over_a_reload(editor: Editor) -> None:
    editor.open(ALL)
    editor.choose("metformin")
    editor.press("4", "x", "Delete")
    changed = editor.saved()
    reload(editor)
    editor.wait(lambda now: now["canUndo"], "the history is loaded")
    editor.focus()
    editor.press("Control+z", "Control+z", "Control+z")
    assert contents(editor.saved()) == contents(ALL)
    assert not editor.snapshot()["canUndo"]
    reload(editor)
    editor.wait(lambda now: now["canRedo"], "the history is loaded")
    editor.focus()
    editor.press("Control+y", "Control+y", "Control+y")
    assert contents(editor.saved()) == contents(changed)
    phases = [(edit["phase"], edit["step"]) for edit in editor.stored()["stored"]]
    steps = [step for _, step in phases[:3]]
    assert phases == [
        *(("do", step) for step in steps),
        *(("undo", step) for step in reversed(steps)),
        *(("redo", step) for step in steps),
    ]


def test_undoing_a_bulk_step_takes_it_back_in_the_other_notes_and_says_what_was_kept(editor: Editor) -> None:
    editor.open(ALL)
    editor.change(kept=[{"note_id": 7, "title": "Letter of Monday"}])
    event = {"client": "bulk", "base_revision": 0, "edits": []}
    before = {name: PAIN[name] for name in ("start", "end", "label", "state")}
    edit = {"seq": 1, "action": "accept", "span_id": "s1", "step": "b1", "before": before}
    event["edits"] = [{**edit, "after": {**before, "state": "confirmed"}}]
    editor.post("/api/annotations/1/edits", event)
    reload(editor)
    editor.wait(lambda now: now["canUndo"], "the history is loaded")
    editor.focus()
    editor.press("Control+z")
    expect(editor.page.get_by_role("alert")).to_contain_text("Undone in 2 other notes. Kept as they are")
    expect(editor.page.get_by_role("alert")).to_contain_text("Letter of Monday")
    assert contents(editor.saved()) == contents(ALL)
    assert editor.world()["bulk"] == [{"step": "b1", "phase": "undo", "except_annotation": 1}]


def test_a_tab_that_comes_back_offers_what_another_window_has_written(editor: Editor) -> None:
    editor.open(ALL)
    foreign_edit(editor, ALL, label="Test", state="confirmed")
    back_in_front(editor.page)
    notice = editor.page.get_by_role("alert").filter(has_text="changed in another window")
    notice.get_by_role("button", name="Show the newer version").click()
    assert editor.labels()["chest pain"] == ("Test", "confirmed")
    editor.choose("metformin")
    editor.press("r")
    editor.saved()


def test_what_another_window_did_and_took_back_is_known_here_as_well(editor: Editor) -> None:
    """The spans are the same as before, but the steps are not."""
    editor.open(ALL)
    before = {name: PAIN[name] for name in ("start", "end", "label", "state")}
    after = {**before, "label": "Test", "state": "confirmed"}
    for seq, (phase, was, becomes) in enumerate((("do", before, after), ("undo", after, before)), start=1):
        action = "relabel" if phase == "do" else "restore"
        edit = {
            "seq": seq,
            "action": action,
            "span_id": "s1",
            "before": was,
            "after": becomes,
            "step": "x",
            "phase": phase,
        }
        body = {"client": "other window", "base_revision": seq - 1, "edits": [edit]}
        editor.post("/api/annotations/1/edits", body)
    back_in_front(editor.page)
    notice = editor.page.get_by_role("alert").filter(has_text="changed in another window")
    notice.get_by_role("button", name="Show the newer version").click()
    editor.wait(lambda now: now["steps"] == {"done": [], "undone": ["x"]}, "the step of the other window can be redone")
    assert contents(editor.saved()) == contents(ALL)


def test_a_span_that_another_window_made_is_no_highlight(editor: Editor) -> None:
    editor.open(ALL)
    at = TEXT.index("ramipril")
    after = {"start": at, "end": at + 8, "label": "Drug", "state": "confirmed"}
    edit = {"seq": 1, "action": "create", "span_id": "new", "before": None, "after": after, "step": "x"}
    editor.post("/api/annotations/1/edits", {"client": "other window", "base_revision": 0, "edits": [edit]})
    back_in_front(editor.page)
    notice = editor.page.get_by_role("alert").filter(has_text="changed in another window")
    notice.get_by_role("button", name="Show the newer version").click()
    editor.wait(lambda now: now["steps"]["done"] == ["x"], "the other window's step can be undone")
    editor.press("Control+z")
    assert contents(editor.saved()) == contents(ALL)


def test_stored_steps_are_read_once_though_the_page_is_busy_until_a_newer_version_is_shown(editor: Editor) -> None:
    editor.page.add_init_script("window.requestIdleCallback = (run) => setTimeout(run, 1500)")
    test_a_span_that_another_window_made_is_no_highlight(editor)
    editor.press("Control+Shift+z")
    editor.page.wait_for_timeout(2000)
    assert editor.snapshot()["steps"] == {"done": ["x"], "undone": []}


def test_a_tab_that_comes_back_takes_new_suggestions_by_itself(editor: Editor) -> None:
    editor.open([DIABETES])
    editor.post("/harness/suggest", {"note": "1", "spans": [PAIN]})
    back_in_front(editor.page)
    editor.wait(lambda now: len(now["spans"]) == 2, "the suggestion is shown")
    assert editor.snapshot()["banner"] is None


def test_a_conflict_shows_both_versions_and_merges_what_the_person_chooses(editor: Editor) -> None:
    editor.open(ALL)
    foreign(editor, 1, "relabel", PAIN, label="Test", state="confirmed")
    foreign(editor, 2, "reject", METFORMIN, state="rejected")
    editor.choose("metformin")
    editor.press("4")
    panel = editor.page.get_by_role("region", name="Two versions")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    row = panel.get_by_role("listitem").filter(has_text="metformin")
    expect(row).to_contain_text("Mine: Procedure · confirmed")
    expect(row).to_contain_text("Theirs: Drug · rejected")
    expect(row.get_by_role("radio", name="Mine")).to_be_checked()
    pain = panel.get_by_role("listitem").filter(has_text="chest pain")
    expect(pain.get_by_role("radio", name="Theirs")).to_be_checked()  # only they have changed it
    panel.get_by_role("button", name="Show theirs in the text").click()
    expect(editor.mark("metformin")).to_have_attribute("data-badge", "Drug ✗")
    assert shown_text(editor.page) == TEXT
    editor.focus()
    editor.press("n", "a")  # nothing can be edited while the other version is looked at
    assert editor.snapshot()["pending"] == 1
    panel.get_by_role("button", name="Show mine in the text").click()
    expect(editor.mark("metformin")).to_have_attribute("data-badge", "Procedure")
    panel.get_by_role("button", name="Merge").click()
    assert editor.labels() == {
        "chest pain": ("Test", "confirmed"),
        "metformin": ("Procedure", "confirmed"),
        "type 2 diabetes mellitus": ("Disease", "confirmed"),
        "ECG": ("Test", "suggested"),
    }
    expect(panel).to_have_count(0)
    editor.press("Control+z")
    assert editor.labels()["metformin"] == ("Drug", "rejected")  # one step, back to the other version


def test_the_two_versions_can_be_chosen_by_keyboard(editor: Editor) -> None:
    editor.open(ALL)
    foreign(editor, 1, "reject", METFORMIN, state="rejected")
    editor.choose("metformin")
    editor.press("4")
    editor.page.get_by_role("button", name="Compare and merge").focus()
    editor.press("Enter", *["Tab"] * 3)
    expect(editor.page.get_by_role("button", name="All theirs")).to_be_focused()
    editor.press("Enter", "Tab", "Enter")
    assert editor.labels()["metformin"] == ("Drug", "rejected")
    expect(editor.text).to_be_focused()
