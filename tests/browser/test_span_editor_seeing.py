"""How spans are shown, and how a person moves between them, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.editor import ALL, DIABETES, METFORMIN, PAIN, TEXT, Editor, contents, shown_text, span

pytestmark = pytest.mark.browser


def test_overlapping_and_nested_spans_are_drawn_and_reached_one_by_one(editor: Editor) -> None:
    nested = span(5, "diabetes", "Test", "confirmed")
    crossing = span(6, "mellitus.\n\nECG", "Drug")
    editor.open([DIABETES, nested, crossing])
    assert shown_text(editor.page) == TEXT
    assert editor.marks.all_text_contents() == ["type 2 ", "diabetes", " ", "mellitus", ".\n\nECG"]
    badges = editor.marks.evaluate_all("(marks) => marks.map((mark) => mark.dataset.badge ?? '')")
    assert badges == ["", "Test", "", "Disease", "Drug?"]
    editor.choose("diabetes")
    assert editor.snapshot()["active"] == "s5"
    editor.choose("diabetes")
    assert editor.snapshot()["active"] == "s3"
    editor.choose("diabetes")
    assert editor.snapshot()["active"] == "s5"


def test_state_is_told_without_colour(editor: Editor) -> None:
    editor.open([PAIN, {**METFORMIN, "state": "rejected"}, DIABETES])
    badges = editor.marks.evaluate_all("(marks) => marks.map((mark) => getComputedStyle(mark, '::after').content)")
    assert badges == ['"Symptom?"', '"Drug ✗"', '"Disease"']
    expect(editor.mark("chest pain")).to_have_attribute("title", "Symptom · suggestion · score 0.80")
    assert "line-through" in editor.mark("metformin").evaluate("(mark) => getComputedStyle(mark).textDecoration")


def test_the_first_note_takes_the_keyboard(editor: Editor) -> None:
    editor.open(ALL)
    expect(editor.text).to_be_focused()
    editor.press("ArrowRight")
    assert editor.snapshot()["active"] == "s1"


def test_tab_walks_over_all_spans_and_leaves_the_editor_at_either_end(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    visited: list[str | None] = []
    for _ in ALL:
        editor.press("Tab")
        visited.append(editor.snapshot()["active"])
    assert visited == ["s1", "s2", "s3", "s4"]
    editor.press("Tab")
    expect(editor.text).not_to_be_focused()
    expect(editor.page.get_by_role("button", name="After")).to_be_focused()
    editor.focus()
    editor.press("ArrowLeft", "ArrowLeft", "ArrowLeft", "Shift+Tab")
    expect(editor.text).not_to_be_focused()
    expect(editor.page.locator(".toolbar button:focus")).to_have_count(1)


def test_bare_keys_never_reach_streamlit(streamlit_editor: Editor) -> None:
    editor = streamlit_editor
    editor.open(ALL)
    editor.page.evaluate("() => { addEventListener('keydown', (event) => (globalThis.heard ??= []).push(event.key)); }")
    editor.focus()
    editor.press("c", "r", "x", "n", "1", "Delete", "Shift+Tab", "Control+b")
    assert editor.page.evaluate("() => globalThis.heard") == ["Control", "b"]


def test_the_question_mark_lists_all_keys(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    editor.press("?")
    dialog = editor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Ctrl+Shift+Z")
    editor.press("a")
    assert contents(editor.saved()) == contents(ALL)
    editor.press("Escape")
    expect(dialog).to_have_count(0)
    expect(editor.text).to_be_focused()


def test_read_only_notes_can_be_walked_but_not_changed(editor: Editor) -> None:
    editor.open(ALL, read_only=True)
    editor.choose("chest pain")
    editor.press("a", "1", "Delete", "Control+Enter", "ArrowRight")
    assert editor.snapshot()["active"] == "s2"
    assert contents(editor.saved()) == contents(ALL)
    expect(editor.page.get_by_role("button", name="Submit & next")).to_be_hidden()
    assert editor.world()["requests"] == 0


def test_markup_in_text_labels_and_ids_is_shown_as_text(editor: Editor) -> None:
    attack = '<img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>'
    text = f"Before {attack} after"
    labels = [{"name": attack, "key": "1", "color": "red;background:url(http://example.org/x)", "description": attack}]
    start = text.index("<img")
    spans = [{"id": '" onload="x', "start": start, "end": start + 20, "label": attack, "score": 0.5}]
    editor.open(spans, text=text, labels=labels)
    editor.marks.first.click()
    editor.press("1")
    editor.wait(lambda now: now["pending"] == 0, "saved")
    assert shown_text(editor.page) == text
    assert editor.page.locator(".editor img, .editor script").count() == 0
    assert editor.page.evaluate("() => globalThis.hit ?? 0") == 0


def test_a_rerun_and_a_change_of_theme_keep_the_active_span_the_selection_and_undo(streamlit_editor: Editor) -> None:
    editor = streamlit_editor
    editor.open(ALL)
    editor.choose("chest pain")
    editor.press("5")
    start = TEXT.index("ramipril")
    editor.drag(start, start + 8)
    before = editor.wait(lambda now: now["pending"] == 0, "saved")
    assert before["active"] == "s1"
    assert before["selected"] == {"start": start, "end": start + 8}
    assert before["canUndo"]
    expect(editor.page.locator(".pane")).to_have_css("background-color", "rgb(255, 255, 255)")
    editor.page.emulate_media(color_scheme="dark")
    expect(editor.page.locator(".pane")).not_to_have_css("background-color", "rgb(255, 255, 255)")
    editor.page.get_by_role("button", name="After").click()
    expect(editor.page.get_by_text("Run 2", exact=True)).to_be_visible()
    assert editor.snapshot() == before
    editor.focus()
    editor.press("3", "Control+z", "Control+z")
    assert contents(editor.saved()) == contents(ALL)
