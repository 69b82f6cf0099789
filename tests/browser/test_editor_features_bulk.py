"""Changing all identical mentions and accepting by score, in a real Chromium."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect
from support.editor import Editor

pytestmark = pytest.mark.browser

LINE = "Takes Metformin daily 🩺. "
TEXT = LINE * 50
OTHER = "No metformin. Metformin again. metforminum."


def spans_on(text: str, label: str, prefix: str = "m", **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"{prefix}{at}", "start": one.start(), "end": one.end(), "label": label, "score": 0.8, **more}
        for at, one in enumerate(re.finditer(r"metformin\b", text, re.IGNORECASE))
    ]


def open_project(editor: Editor, *, text: str = TEXT, **more: Any) -> None:
    """Note 1 with a wrong label on every mention, note 2 too; note 3 says nothing of it."""
    first = {
        "id": "1",
        "text": text,
        "spans": spans_on(text, "Symptom"),
        "more": {"projectUrl": "/api/projects/1", **more},
    }
    second = {"id": "2", "text": OTHER, "spans": spans_on(OTHER, "Symptom", "n")}
    third = {"id": "3", "text": "Nothing to report.", "spans": []}
    editor.post("/harness/reset", {"notes": [first, second, third]})
    editor.page.goto(editor.url)
    expect(editor.page.locator(".text .block").first).to_be_visible(timeout=30_000)
    editor.focus()


def panel(editor: Editor) -> Locator:
    return editor.page.locator(".side")


def states(spans: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(span["label"], span["state"]) for span in spans}


def test_fifty_mentions_are_relabelled_by_three_actions_and_one_undo_takes_all_back(editor: Editor) -> None:
    open_project(editor)
    editor.press("Tab")  # one: go to a span
    editor.press("3")  # two: give it the right label
    expect(editor.page.locator(".offer")).to_have_text("49 more · B")
    editor.press("b", "Enter")  # three: the same everywhere
    expect(editor.page.locator(".told")).to_have_text("Relabelled 49 places in 1 note. Undo: Ctrl+Z")
    assert states(editor.saved()) == {("Drug", "confirmed")}
    editor.press("Control+z")
    expect(editor.page.locator(".told")).to_be_hidden()
    assert sorted(states(editor.saved())) == [("Drug", "confirmed"), ("Symptom", "suggested")]
    editor.press("Control+z")
    assert states(editor.saved()) == {("Symptom", "suggested")}
    editor.press("Control+Shift+z", "Control+Shift+z")
    assert states(editor.saved()) == {("Drug", "confirmed")}


def test_places_that_are_left_out_stay_as_they_are(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    rows = panel(editor).locator(".place-group li")
    expect(rows).to_have_count(3)
    rows.nth(0).locator("input").focus()
    editor.press("ArrowDown", " ", "Enter")
    stored = {span["id"]: span["label"] for span in editor.saved()}
    assert stored == {"m0": "Drug", "m1": "Drug", "m2": "Symptom", "m3": "Drug"}


def test_the_keyboard_stays_on_a_choice_that_was_made_by_it(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    where = panel(editor).get_by_role("radio", name="all my open notes")
    where.focus()
    editor.press(" ")
    expect(where).to_be_checked()
    expect(where).to_be_focused()
    panel(editor).get_by_role("combobox", name="Do").focus()
    editor.press("ArrowDown")
    expect(panel(editor).get_by_role("combobox", name="Do")).to_be_focused()


def test_what_was_done_decides_what_is_done_to_the_others(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "r", "b", "Enter")
    assert states(editor.saved()) == {("Symptom", "rejected")}
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "Delete", "b", "Enter")
    assert editor.saved() == []
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "a", "b", "Enter")
    assert states(editor.saved()) == {("Symptom", "confirmed")}


def test_an_untouched_suggestion_offers_to_accept_all_like_it(editor: Editor) -> None:
    open_project(editor, text=LINE * 3)
    editor.press("Tab", "b")
    expect(panel(editor).locator("select").first).to_have_value("accept")
    editor.press("Enter")
    assert states(editor.saved()) == {("Symptom", "confirmed")}


def test_a_new_span_is_made_at_all_other_places(editor: Editor) -> None:
    open_project(editor, text=LINE * 3)
    editor.drag(LINE.index("daily"), LINE.index("daily") + 5)
    editor.press("4", "b", "Enter")
    made = [span for span in editor.saved() if span["label"] == "Procedure"]
    assert [(LINE * 3)[span["start"] : span["end"]] for span in made] == ["daily"] * 3
    assert {span["origin"] for span in made} == {"person"}


def test_the_project_is_changed_with_the_note_as_one_step(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    panel(editor).get_by_label("all my open notes").check()
    expect(panel(editor).get_by_text("Note 2 · 2 places")).to_be_visible()
    panel(editor).locator(".place-group", has_text="Note 2").locator("input").first.uncheck()
    panel(editor).get_by_role("button", name="Relabel 4").click()
    expect(editor.page.locator(".told")).to_have_text("Relabelled 4 places in 2 notes. Undo: Ctrl+Z")
    assert states(editor.saved()) == {("Drug", "confirmed")}
    others = {span["id"]: span["label"] for span in editor.stored("2")["spans"]}
    assert others == {"n0": "Symptom", "n1": "Drug"}
    [asked] = editor.world()["bulk"]
    assert asked["step"] == editor.stored()["stored"][-1]["step"]
    assert (asked["except_annotation"], asked["expected"]) == (1, 2)
    editor.press("Control+z")
    editor.saved()
    editor.wait(lambda _: len(editor.world()["bulk"]) == 2, "the step is taken back elsewhere")
    assert editor.world()["bulk"][-1] == {"step": asked["step"], "phase": "undo", "except_annotation": 1}


def test_nothing_is_changed_here_if_the_server_refuses(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    panel(editor).get_by_label("all my open notes").check()
    expect(panel(editor).get_by_text("Note 2 · 2 places")).to_be_visible()
    editor.saved()
    editor.change(answer=403)
    panel(editor).get_by_role("button", name="Relabel 5").click()
    expect(panel(editor).get_by_role("alert")).to_contain_text("Nothing was changed. Not today.")
    editor.change(answer=None)
    assert sum(span["label"] == "Symptom" for span in editor.saved()) == 3


def test_places_that_have_changed_meanwhile_are_shown_again_before_anything_is_done(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    panel(editor).get_by_label("all my open notes").check()
    expect(panel(editor).get_by_text("Note 2 · 2 places")).to_be_visible()
    more = {
        "id": "n9",
        "start": 3,
        "end": 12,
        "label": "Symptom",
        "state": "suggested",
        "origin": "model",
        "score": 0.5,
    }
    editor.post("/harness/suggest", {"note": "2", "spans": [more]})
    panel(editor).get_by_role("button", name="Relabel 5").click()
    expect(panel(editor).get_by_text("Note 2 · 3 places")).to_be_visible()
    expect(panel(editor).get_by_role("alert")).to_contain_text("There are other places now.")
    assert sum(span["label"] == "Symptom" for span in editor.saved()) == 3


def test_a_lost_answer_is_asked_for_again_with_the_same_step(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    panel(editor).get_by_label("all my open notes").check()
    expect(panel(editor).get_by_text("Note 2 · 2 places")).to_be_visible()
    steps: list[str] = []

    def lose(route: Route) -> None:
        steps.append((route.request.post_data_json or {})["step"])
        route.abort()

    editor.page.route("**/bulk/apply", lose)
    panel(editor).get_by_role("button", name="Relabel 5").click()
    expect(panel(editor).get_by_role("alert")).to_contain_text("Apply once more")
    editor.page.unroute("**/bulk/apply")
    panel(editor).get_by_role("button", name="Relabel 5").click()
    expect(editor.page.locator(".told")).to_be_visible()
    assert [asked["step"] for asked in editor.world()["bulk"]] == steps


def test_suggestions_above_a_score_are_accepted_with_the_errors_to_expect_in_sight(editor: Editor) -> None:
    text = "one two three four"
    spans = [
        {"id": word, "start": text.index(word), "end": text.index(word) + len(word), "label": label, "score": score}
        for word, label, score in (("one", "Drug", 0.95), ("two", "Test", 0.91), ("three", "Drug", 0.7))
    ]
    first = {"id": "1", "text": text, "spans": spans, "more": {"calibration": {"calibrated": True}}}
    editor.post("/harness/reset", {"notes": [first]})
    editor.page.goto(editor.url)
    expect(editor.page.locator(".text .block").first).to_be_visible(timeout=30_000)
    editor.focus()
    editor.press("Shift+A")
    expect(panel(editor).locator(".result")).to_have_text("2 of 3 suggestions · about 0.1 wrong")  # 0.05 + 0.09
    expect(panel(editor)).to_contain_text("from the model’s calibration")
    editor.press("End", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter")
    assert {span["id"]: span["state"] for span in editor.saved()} == {
        "one": "confirmed",
        "two": "suggested",
        "three": "suggested",
    }
    editor.press("Shift+A")
    panel(editor).get_by_label("Lowest score").fill("0.5")
    panel(editor).get_by_role("combobox", name="Label").select_option("Drug")
    panel(editor).get_by_role("button", name="Accept 1").click()
    assert next(span for span in editor.saved() if span["id"] == "three")["state"] == "confirmed"
    editor.press("Control+z")
    assert next(span for span in editor.saved() if span["id"] == "three")["state"] == "suggested"


def test_scores_that_are_not_calibrated_are_called_a_guess(editor: Editor) -> None:
    open_project(editor, text=LINE * 3)
    editor.press("Shift+A")
    expect(panel(editor)).to_contain_text("not calibrated: treat the number of errors as a guess")


def test_a_step_without_an_answer_is_taken_back_when_it_is_given_up(editor: Editor) -> None:
    open_project(editor, text=LINE * 4)
    editor.press("Tab", "3", "b")
    panel(editor).get_by_label("all my open notes").check()
    expect(panel(editor).get_by_text("Note 2 · 2 places")).to_be_visible()
    asked: list[str] = []

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        asked.append((route.request.post_data_json or {})["step"])
        route.abort()

    editor.page.route("**/bulk/apply", lose_the_answer)
    panel(editor).get_by_role("button", name="Relabel 5").click()
    expect(panel(editor).get_by_role("alert")).to_contain_text("Apply once more")
    panel(editor).get_by_role("button", name="Close").click()
    editor.wait(lambda _: len(editor.world()["bulk"]) == 2, "the step is taken back")
    assert editor.world()["bulk"][-1] == {"step": asked[0], "phase": "undo"}
