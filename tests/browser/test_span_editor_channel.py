"""Saves over the websocket, and by request wherever that fails, in a real Chromium."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Dialog, Route, expect
from support.editor import ALL, PAIN, PATIENCE, Editor

pytestmark = pytest.mark.browser


@pytest.fixture
def working(editor: Editor) -> Editor:
    """At a note, after a first save (which was posted) and with the channel open."""
    editor.open(ALL)
    editor.choose("chest pain")
    editor.press("a")
    editor.saved()
    until(editor, "channels", 1)
    editor.page.wait_for_timeout(100)  # until the page knows as well
    return editor


def until(editor: Editor, what: str, value: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while editor.world()[what] != value:
        assert time.monotonic() < deadline, f"{what} is {editor.world()[what]}, not {value}"
        editor.page.wait_for_timeout(30)


def sequence(editor: Editor) -> list[int]:
    return [edit["seq"] for edit in editor.stored()["stored"]]


def test_after_the_first_save_they_go_over_the_channel(working: Editor) -> None:
    assert working.world()["over_channel"] == 0
    for key in ("3", "4", "r"):
        working.press(key)
        working.saved()
    world = working.world()
    assert (world["over_channel"], world["requests"], world["channels"]) == (3, 4, 1)
    assert sequence(working) == [1, 2, 3, 4]


def test_without_the_channel_everything_is_posted(editor: Editor) -> None:
    editor.open(ALL)
    editor.change(channel="closed")
    editor.choose("chest pain")
    for key in ("a", "3", "4"):
        editor.press(key)
        editor.saved()
    assert editor.world()["over_channel"] == 0
    assert sequence(editor) == [1, 2, 3]


def test_an_answer_that_is_lost_with_the_channel_is_asked_for_by_request(working: Editor) -> None:
    working.change(channel="mute")
    working.press("3")
    working.saved()
    assert working.world()["requests"] == 3  # posted, over the channel, posted once more
    assert sequence(working) == [1, 2]
    working.change(channel="open")
    working.press("4")
    working.saved()
    assert sequence(working) == [1, 2, 3]


def test_a_channel_that_nobody_answers_is_given_up_after_a_while(working: Editor) -> None:
    working.change(channel="deaf")
    working.press("3")
    until(working, "over_channel", 1)
    working.press("4")
    expect(working.page.locator(".saved")).to_have_text("Saved ✓", timeout=15_000)
    working.saved()
    assert sequence(working) == [1, 2, 3]
    working.press("r")
    working.saved()
    assert sequence(working) == [1, 2, 3, 4]
    world = working.world()
    assert (world["channels"], world["over_channel"]) == (1, 1), "it is not tried again at once"


def test_where_no_websocket_can_be_made_everything_is_posted(editor: Editor) -> None:
    forbidden = "window.WebSocket = class { constructor() { throw new DOMException('Forbidden', 'SecurityError'); } };"
    editor.page.add_init_script(forbidden)
    editor.open(ALL)
    editor.choose("chest pain")
    for key in ("a", "3", "4"):
        editor.press(key)
        editor.saved()
    assert sequence(editor) == [1, 2, 3]


def test_another_window_that_wrote_while_an_answer_was_lost_is_a_conflict(working: Editor) -> None:
    """Stored over the channel, answered to nobody; then the other window; then asked for again by request."""
    held: list[Route] = []
    working.page.route("**/edits", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks the handler
    working.change(channel="mute")
    working.press("3")
    until(working, "over_channel", 1)
    working.wait(lambda _: bool(held), "it is asked for by request")
    working.change(channel="open")
    (pain,) = (span for span in working.stored()["spans"] if span["id"] == PAIN["id"])
    before = {name: pain[name] for name in ("start", "end", "label", "state")}
    edit = {
        "seq": 1,
        "action": "relabel",
        "span_id": PAIN["id"],
        "before": before,
        "after": {**before, "label": "Drug"},
    }
    revision = working.stored()["revision"]
    working.post("/api/annotations/1/edits", {"client": "other", "base_revision": revision, "edits": [edit]})
    held[0].continue_()
    working.page.unroute("**/edits")
    working.wait(lambda now: now["pending"] == 0, "it is acknowledged")
    working.press("4")
    expect(working.page.get_by_role("alert")).to_contain_text("This note was changed in another window.")
    assert {span["id"]: span["label"] for span in working.stored()["spans"]}[PAIN["id"]] == "Drug"


def test_the_next_note_is_saved_over_the_same_channel(working: Editor) -> None:
    working.press("n", "a")
    working.page.get_by_role("button", name="Skip").click()
    expect(working.text).to_contain_text("The second note.")
    over = working.world()["over_channel"]
    working.press("Control+ArrowRight", "1")
    working.wait(lambda now: now["pending"] == 0 and len(now["spans"]) == 1, "it is saved")
    assert len(working.stored("2")["stored"]) == 1
    world = working.world()
    assert (world["channels"], world["over_channel"]) == (1, over + 1)


def test_a_page_that_goes_sends_by_request_what_the_channel_has_not_answered(working: Editor) -> None:
    def leave(dialog: Dialog) -> None:
        dialog.accept()

    working.page.on("dialog", leave)
    working.change(channel="deaf")
    working.press("3")
    until(working, "over_channel", 1)
    working.press("4", "r")  # these wait behind it
    working.wait(lambda now: now["pending"] == 3, "all wait")
    working.page.goto("about:blank")
    deadline = time.monotonic() + PATIENCE
    while sequence(working) != [1, 2, 3, 4]:
        assert time.monotonic() < deadline, sequence(working)
        working.page.wait_for_timeout(30)
    assert working.world()["requests"] > 1, "by request"


def test_offline_it_is_no_way_around(working: Editor) -> None:
    working.page.context.set_offline(True)
    working.press("3", "4")
    expect(working.page.locator(".saved")).to_have_text("Offline – 2 edits waiting")
    assert sequence(working) == [1]
    working.page.context.set_offline(False)
    working.saved()
    assert sequence(working) == [1, 2, 3]


def test_a_session_that_ended_is_noticed_over_the_channel(working: Editor) -> None:
    working.change(answer=401)
    working.press("3")
    banner = working.page.get_by_role("alert").filter(has_text="signed out")
    expect(banner).to_contain_text("You were signed out. 1 edit is waiting.")
    working.change(answer=None)
    working.saved()
    expect(banner).to_have_count(0)
    assert sequence(working) == [1, 2]


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_over_the_channel_is_kept_and_can_be_sent_again(working: Editor, status: int) -> None:
    working.change(answer=status)
    working.press("3")
    banner = working.page.get_by_role("alert").filter(has_text=f"Status {status} says no. 1 edit is waiting.")
    expect(banner).to_be_visible()
    working.change(answer=None)
    banner.get_by_role("button", name="Try again").click()
    assert working.labels()["chest pain"][1] == "confirmed"
    assert sequence(working) == [1, 2]
