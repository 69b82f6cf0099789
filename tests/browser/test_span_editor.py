"""The span editor in a real Chromium, on the in-memory server of `span_editor_app`."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Route, expect
from support.browser import serving

pytestmark = pytest.mark.browser

APP = Path(__file__).parent / "span_editor_app"
MENIERE = "Me\u0301nie\u0300re"  # accents as combining marks
TEXT = f"""Anamnèse 🩺: chest pain since Monday, no dyspnoea.
Started metformin 500 mg and ramipril; type 2 diabetes mellitus.

ECG 👩‍⚕️ normal, {MENIERE}'s excluded, follow-up in 2 weeks."""
PATIENCE = 10  # seconds for something that must happen


def span(number: int, mention: str, label: str, state: str = "suggested", **more: Any) -> dict[str, Any]:
    start = TEXT.index(mention)
    return {
        "id": f"s{number}",
        "start": start,
        "end": start + len(mention),
        "label": label,
        "state": state,
        "origin": "model",
        "score": 0.8,
        **more,
    }


PAIN = span(1, "chest pain", "Symptom")
METFORMIN = span(2, "metformin", "Drug")
DIABETES = span(3, "type 2 diabetes mellitus", "Disease", "confirmed")
ECG = span(4, "ECG", "Test")
ALL = [PAIN, METFORMIN, DIABETES, ECG]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "{port}"]
    with serving(command, cwd=APP) as url:
        yield url


class Editor:
    """The open editor as a test sees it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.text = page.locator(".text")
        self.marks = page.locator(".text mark")

    def post(self, path: str, body: dict[str, Any]) -> None:
        answer = self.page.request.post(self.url + path, data=body)
        assert answer.ok, answer.text()

    def open(self, spans: list[dict[str, Any]], text: str = TEXT, **more: Any) -> None:
        """Shows note "1" with these spans; note "2" comes after it."""
        first = {"id": "1", "text": text, "spans": spans, **more}
        self.post("/harness/reset", {"notes": [first, {"id": "2", "text": "The second note.", "spans": []}]})
        self.page.goto(self.url)
        expect(self.page.locator(".text .block").first).to_be_visible()

    def change(self, **values: Any) -> None:
        self.post("/harness/change", values)

    def stored(self, note: str = "1") -> dict[str, Any]:
        return self.world()["notes"][note]

    def world(self) -> dict[str, Any]:
        return self.page.request.get(f"{self.url}/harness/state").json()

    def snapshot(self) -> dict[str, Any]:
        return self.page.evaluate(
            """() => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
                .find((node) => node.__mednerSpanEditor).__mednerSpanEditor.snapshot()"""
        )

    def wait(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Polls the snapshot: the page's policy forbids Playwright's own waiting on expressions."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            snapshot = self.snapshot()
            if condition(snapshot):
                return snapshot
            self.page.wait_for_timeout(30)
        raise AssertionError(f"Not reached: {what}. Last state: {self.snapshot()}")

    def saved(self) -> list[dict[str, Any]]:
        """Waits until everything is saved; returns the stored spans, which must be the shown ones."""
        shown = self.wait(lambda now: now["pending"] == 0, "everything is saved")["spans"]
        stored = self.stored()["spans"]
        assert contents(shown) == contents(stored)
        return stored

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self) -> None:
        self.text.focus()

    def choose(self, mention: str) -> None:
        """Clicks on the span that shows `mention`."""
        self.mark(mention).click()

    def mark(self, mention: str) -> Locator:
        return self.marks.filter(has_text=mention).first

    def place(self, start: int, end: int) -> FloatRect:
        """Where [start, end) UTF-16 units of the shown text are in the window."""
        return self.page.evaluate(PLACE, [start, end])

    def drag(self, start: int, end: int, *, alt: bool = False) -> None:
        """Selects [start, end) code points by mouse."""
        first = self.place(*units(start, start + 1))
        last = self.place(*units(end - 1, end))
        mouse = self.page.mouse
        mouse.move(first["x"] + 1, first["y"] + first["height"] / 2)
        mouse.down()
        mouse.move(last["x"] + last["width"] - 1, last["y"] + last["height"] / 2, steps=4)
        if alt:
            self.page.keyboard.down("Alt")
        mouse.up()
        if alt:
            self.page.keyboard.up("Alt")

    def labels(self) -> dict[str, tuple[str, str]]:
        """Mention -> (label, state) as stored, once everything is saved."""
        return {TEXT[one["start"] : one["end"]]: (one["label"], one["state"]) for one in self.saved()}


PLACE = """([start, end]) => {
  const hosts = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')];
  const host = hosts.find((node) => node.__mednerSpanEditor);
  const walker = document.createTreeWalker(host.shadowRoot.querySelector('.text'), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let passed = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (passed <= start && start < passed + node.length) range.setStart(node, start - passed);
    if (passed < end && end <= passed + node.length) range.setEnd(node, end - passed);
    passed += node.length;
  }
  const { x, y, width, height } = range.getBoundingClientRect();
  return { x, y, width, height };
}"""


def units(start: int, end: int, text: str = TEXT) -> tuple[int, int]:
    """Code points to UTF-16 units."""
    return len(text[:start].encode("utf-16-le")) // 2, len(text[:end].encode("utf-16-le")) // 2


def contents(spans: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((s["id"], s["start"], s["end"], s["label"], s["state"], s["origin"]) for s in spans)


def shown_text(page: Page) -> str:
    return page.locator(".text .block").evaluate_all("(blocks) => blocks.map((b) => b.textContent).join('')")


def foreign_edit(editor: Editor, spans: list[dict[str, Any]], **after: Any) -> None:
    """Another window changes the first of `spans`."""
    before = {name: spans[0][name] for name in ("start", "end", "label", "state")}
    edit = {"seq": 1, "action": "relabel", "span_id": spans[0]["id"], "before": before, "after": {**before, **after}}
    editor.post("/api/annotations/1/edits", {"client": "other window", "base_revision": 0, "edits": [edit]})


@pytest.fixture
def editor(page: Page, server: str) -> Editor:
    return Editor(page, server)


# ---- creating


def test_dragging_snaps_to_words_and_the_number_key_creates_a_confirmed_span(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index("dyspnoea")
    editor.drag(start + 3, start + 6)
    assert editor.snapshot()["selected"] == {"start": start, "end": start + len("dyspnoea")}
    editor.press("2")
    assert editor.labels() == {"dyspnoea": ("Symptom", "confirmed")}
    assert editor.saved()[0]["origin"] == "person"


def test_snapping_keeps_accents_and_skips_the_space_around(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index(MENIERE)
    editor.drag(start - 1, start + 4)
    editor.press("1")
    assert editor.labels() == {MENIERE: ("Disease", "confirmed")}


def test_alt_selects_exact_characters(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index("follow-up") + 2
    editor.drag(start, start + 4, alt=True)
    editor.press("4")
    assert editor.labels() == {"llow": ("Procedure", "confirmed")}


def test_double_click_selects_a_word_and_the_bar_beside_it_labels_it(editor: Editor) -> None:
    editor.open([])
    place = editor.place(*units(TEXT.index("ramipril"), TEXT.index("ramipril") + 8))
    editor.page.mouse.dblclick(place["x"] + 20, place["y"] + place["height"] / 2)
    editor.page.locator(".floating button", has_text="Drug").click()
    assert editor.labels() == {"ramipril": ("Drug", "confirmed")}
    expect(editor.page.locator(".floating")).to_be_hidden()


def test_a_click_in_the_legend_labels_the_selected_text(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index("normal")
    editor.drag(start, start + 6)
    editor.page.locator(".legend button", has_text="Test").click()
    assert editor.labels() == {"normal": ("Test", "confirmed")}


def test_creating_the_same_span_twice_confirms_the_suggestion_instead(editor: Editor) -> None:
    editor.open([METFORMIN])
    editor.drag(METFORMIN["start"], METFORMIN["end"])
    editor.press("3")
    assert contents(editor.saved()) == contents([{**METFORMIN, "state": "confirmed"}])


# ---- changing


def test_a_number_key_relabels_the_active_span_and_confirms_it(editor: Editor) -> None:
    editor.open(ALL)
    editor.choose("metformin")
    editor.press("4")
    assert editor.labels()["metformin"] == ("Procedure", "confirmed")
    edit = editor.stored()["stored"][-1]
    assert (edit["action"], edit["before"]["state"]) == ("relabel", "suggested")


def test_keys_accept_reject_and_delete_and_go_on_to_the_next_suggestion(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    editor.press("n", "a", "r", "Enter")
    assert editor.labels() == {
        "chest pain": ("Symptom", "confirmed"),
        "metformin": ("Drug", "rejected"),
        "type 2 diabetes mellitus": ("Disease", "confirmed"),
        "ECG": ("Test", "confirmed"),
    }
    editor.press("Backspace")
    assert "ECG" not in editor.labels()
    assert [edit["action"] for edit in editor.stored()["stored"]] == ["accept", "reject", "accept", "delete"]


def test_the_bar_beside_a_span_accepts_rejects_relabels_and_deletes(editor: Editor) -> None:
    editor.open(ALL)
    bar = editor.page.locator(".floating")
    editor.choose("chest pain")
    expect(bar).to_contain_text("Symptom · suggestion · score 0.80")
    bar.get_by_role("button", name="Accept").click()
    editor.choose("metformin")
    bar.get_by_role("button", name="Reject").click()
    editor.choose("type 2")
    bar.get_by_role("button", name="Delete").click()
    editor.choose("ECG")
    bar.get_by_role("button", name="Procedure").click()
    assert editor.labels() == {
        "chest pain": ("Symptom", "confirmed"),
        "metformin": ("Drug", "rejected"),
        "ECG": ("Procedure", "confirmed"),
    }


def test_a_rejected_span_stays_reachable_and_can_be_accepted(editor: Editor) -> None:
    editor.open([{**METFORMIN, "state": "rejected"}])
    expect(editor.page.locator(".counts")).to_have_text("0 confirmed · 0 suggestions · 1 rejected")
    editor.focus()
    editor.press("Tab", "a")
    assert editor.labels() == {"metformin": ("Drug", "confirmed")}


def test_undo_and_redo_are_stored_like_any_other_edit(editor: Editor) -> None:
    editor.open(ALL)
    editor.choose("chest pain")
    editor.press("5", "Delete")
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("3")
    changed = editor.labels()
    editor.press("Control+z", "Control+z", "Control+z")
    assert contents(editor.saved()) == contents(ALL)
    editor.press("Control+y", "Control+Shift+z", "Control+y")
    assert editor.labels() == changed
    actions = [edit["action"] for edit in editor.stored()["stored"]]
    assert actions == [
        *("relabel", "delete", "create"),
        *("delete", "restore", "restore"),
        *("restore", "delete", "restore"),
    ]


def test_undo_works_by_its_button_and_is_off_when_there_is_nothing_to_undo(editor: Editor) -> None:
    editor.open(ALL)
    undo = editor.page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    editor.choose("chest pain")
    editor.press("a")
    undo.click()
    assert contents(editor.saved()) == contents(ALL)
    expect(undo).to_be_disabled()


# ---- seeing and moving


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


def test_bare_keys_never_reach_streamlit(editor: Editor) -> None:
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


def test_a_rerun_and_a_change_of_theme_keep_the_active_span_the_selection_and_undo(editor: Editor) -> None:
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


# ---- saving


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
    editor.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
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
    editor.wait(lambda now: len(now["spans"]) == 1, "the new span is taken back")
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
    assert editor.snapshot()["canUndo"] == kept
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


# ---- suggestions that arrive while a person works


def suggest(editor: Editor, *spans: dict[str, Any]) -> None:
    """Suggestions are stored and the page, at its next run, makes the editor load them."""
    editor.post("/harness/suggest", {"note": "1", "spans": list(spans)})
    editor.page.get_by_role("button", name="Before").click()


@pytest.mark.parametrize("fault", [500, 0])  # refused for now, or stored with the answer lost
def test_edits_on_their_way_and_suggestions_that_arrive_meanwhile_are_all_kept(editor: Editor, fault: int) -> None:
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


def test_an_answer_that_is_slower_than_the_page_loses_nothing(editor: Editor) -> None:
    """The edit is stored, but Python read the spans before it was."""
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


# ---- leaving the note


def test_submit_waits_for_the_last_edit_and_opens_the_next_note(editor: Editor) -> None:
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


def test_skip_leaves_the_note_as_it_is_and_a_later_visit_starts_afresh(editor: Editor) -> None:
    editor.open(ALL)
    skip = editor.page.get_by_role("button", name="Skip")
    skip.click()
    editor.wait(lambda now: now["docId"] == "2", "the next note is open")
    skip.click()
    editor.wait(lambda now: now["docId"] == "1" and not now["leaving"], "the first note is open again")
    assert [one["annotation_id"] for one in editor.world()["results"]] == ["1", "2"]
    assert contents(editor.saved()) == contents(ALL)


# ---- everything at once


def test_after_150_random_actions_the_browser_the_server_and_python_slices_agree(editor: Editor) -> None:
    dice = random.Random(20)
    editor.open(ALL)
    editor.focus()
    keys = ["ArrowRight", "ArrowLeft", "n", "a", "r", "Delete", *"12345", "Control+z", "Control+y", "Escape"]
    weights = [6, 4, 3, 3, 2, 2, 1, 1, 1, 1, 1, 5, 3, 1]
    for _ in range(150):
        if dice.random() < 0.2:
            start = dice.randrange(len(TEXT) - 1)
            end = min(len(TEXT), start + dice.randint(1, 30))
            if not TEXT[start].isspace() and not TEXT[end - 1].isspace():
                editor.drag(start, end, alt=dice.random() < 0.3)
                editor.press(dice.choice("12345"))
        else:
            editor.press(dice.choices(keys, weights)[0])
    stored = editor.saved()
    assert shown_text(editor.page) == TEXT
    assert len(editor.stored()["stored"]) > 40
    mentions = {one["id"]: TEXT[one["start"] : one["end"]] for one in stored}
    editor.press("Escape")
    for _ in stored:
        editor.press("ArrowRight")
        spoken = editor.page.locator(".voice").text_content() or ""
        assert spoken.split(": ", 1)[1] == mentions.pop(editor.snapshot()["active"])
    assert mentions == {}
