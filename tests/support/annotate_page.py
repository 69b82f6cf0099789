"""The annotate page of the real product as somebody works on it: by keyboard alone, or by mouse."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from playwright.sync_api import Locator, Page, expect

from mednerapp.bench.fuzz.window import PLACE, SNAPSHOT, units
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import AnnotatedSpan
from mednerapp.domain.notes import NewNote
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import accounts, projects
from tests.support.app_server import AppServer

PATIENCE = 45  # seconds for something that must happen
KEYS = {"Disease": "1", "Symptom": "2", "Drug": "3", "Procedure": "4", "Test": "5"}
ASSERTION_KEYS = {
    "present": "p",
    "absent": "x",
    "possible": "o",
    "conditional": "c",
    "historical": "h",
    "family": "f",
}


def place(text: str, mention: str, occurrence: int = 0) -> tuple[int, int]:
    """[start, end) of a mention in code points."""
    found = [match.span() for match in re.finditer(re.escape(mention), text)]
    return found[occurrence]


def add_note(
    server: AppServer, text: str, *, title: str, found: Iterable[tuple[str, str, float]] = (), project: int = 1
) -> int:
    """A note of the project with (mention, label, score) as its suggestions; its id."""
    adapter_id = next(p for p in projects.all_projects(server.app.store) if p.id == project).active_adapter_id
    assert adapter_id is not None
    with server.app.store.write() as tx:
        note_id = tx.notes.add(project_id=project, note=NewNote(text, title), user_id=None)
        spans = [ScoredSpan(Span(*place(text, mention), label), score) for mention, label, score in found]
        tx.predictions.put(note_id=note_id, adapter_id=adapter_id, spans=spans)
    return note_id


def person(server: AppServer, role: Role) -> User:
    return next(user for user in accounts.list_users(server.app.store, by=None) if user.role is role)


def stored_spans(server: AppServer, note_id: int, role: Role) -> tuple[AnnotatedSpan, ...]:
    """The demo person's spans as they are in the database."""
    with server.app.store.read() as tx:
        annotation = tx.annotations.of(note_id=note_id, user_id=person(server, role).id)
    assert annotation is not None
    return annotation.spans


class AnnotatePage:
    """An open note. Spans are named by their mention; of equal ones the first in the text is meant."""

    def __init__(self, page: Page, server: AppServer) -> None:
        self.page = page
        self.server = server
        self.text = ""

    def sign_in(self, role: Role, note_id: int) -> None:
        path = f"/annotate?note={note_id}"
        self.page.goto(f"{self.server.url}{path}")
        self.page.get_by_role("button", name=role.value.capitalize()).click()
        self.shown(note_id)

    def open(self, note_id: int) -> None:
        self.page.goto(f"{self.server.url}/annotate?note={note_id}")
        self.shown(note_id)

    def shown(self, note_id: int) -> None:
        with self.server.app.store.read() as tx:
            note = tx.notes.get(note_id)
        self.text = note.text
        expect(self.page.get_by_role("heading", name=note.title, exact=True)).to_be_visible(timeout=PATIENCE * 1000)
        self.wait(lambda now: now is not None and not now["pending"], "the editor")
        self.page.locator(".text").focus()

    def snapshot(self) -> dict[str, Any]:
        return self.page.evaluate(SNAPSHOT)

    def wait(self, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Polls the snapshot: the page's policy forbids Playwright's own waiting on expressions."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            now = self.snapshot()
            if condition(now):
                return now
            self.page.wait_for_timeout(20)
        raise AssertionError(f"Not reached: {what}. Last state: {self.snapshot()}")

    def saved(self) -> dict[str, Any]:
        return self.wait(lambda now: now["pending"] == 0 and not now["problem"], "everything is saved")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def mention(self, span: dict[str, Any]) -> str:
        return self.text[span["start"] : span["end"]]

    def active(self) -> dict[str, Any] | None:
        now = self.snapshot()
        return next((span for span in now["spans"] if span["id"] == now["active"]), None)

    def span_of(self, mention: str) -> dict[str, Any]:
        """The first span that shows the mention."""
        spans = self.snapshot()["spans"]
        found = [span for span in spans if self.mention(span) == mention]
        assert found, f"No span shows {mention!r}; there are {[self.mention(span) for span in spans]}"
        return found[0]


class Hand(Protocol):
    """A way to work: what a script may ask for."""

    def choose(self, mention: str) -> None: ...
    def create(self, mention: str, label: str) -> None: ...
    def label(self, label: str) -> None: ...
    def accept(self) -> None: ...
    def reject(self) -> None: ...
    def delete(self) -> None: ...
    def edge(self, edge: str, step: int) -> None: ...
    def assertion(self, value: str) -> None: ...
    def unsure(self) -> None: ...
    def comment(self, words: str) -> None: ...
    def undo(self) -> None: ...
    def redo(self) -> None: ...
    def to_all(self, kind: str) -> None: ...


class Keyboard:
    """Never touches the mouse."""

    def __init__(self, note: AnnotatePage) -> None:
        self.note = note

    def _near(self, start: int) -> None:
        """The word cursor to the last sentence that begins before `start`."""
        note = self.note
        note.press("Escape", "Control+Home")
        at = note.snapshot()["cursor"]["start"]
        while at < start:
            note.press("Control+ArrowDown")
            before, at = at, note.snapshot()["cursor"]["start"]
            if at == before:
                return
        if at > start:
            note.press("Control+ArrowUp")

    def choose(self, mention: str) -> None:
        """To its sentence, then Tab by Tab."""
        note = self.note
        wanted = note.span_of(mention)
        order = [span["id"] for span in note.snapshot()["spans"]]
        self._near(wanted["start"])
        note.press("Tab")
        first = note.active()
        assert first is not None
        for _ in range(order.index(wanted["id"]) - order.index(first["id"])):
            note.press("Tab")
        chosen = note.active()
        assert chosen is not None
        assert chosen["id"] == wanted["id"]

    def select(self, mention: str) -> None:
        """By the word cursor: to its sentence, then word by word."""
        note = self.note
        start, end = place(note.text, mention)
        self._near(start)
        while note.snapshot()["cursor"]["start"] < start:
            note.press("Control+ArrowRight")
        selected = note.snapshot()["cursor"]
        while selected["end"] < end:
            note.press("Control+Shift+ArrowRight")
            selected = note.snapshot()["selected"]
        assert note.mention(selected) == mention

    def create(self, mention: str, label: str) -> None:
        self.select(mention)
        self.note.press(KEYS[label])

    def label(self, label: str) -> None:
        self.note.press(KEYS[label])

    def accept(self) -> None:
        self.note.press("a")

    def reject(self) -> None:
        self.note.press("r")

    def delete(self) -> None:
        self.note.press("Delete")

    def edge(self, edge: str, step: int) -> None:
        key = "k" if step > 0 else "j"
        self.note.press(key if edge == "end" else f"Shift+{key.upper()}")

    def assertion(self, value: str) -> None:
        self.note.press(ASSERTION_KEYS[value])

    def unsure(self) -> None:
        self.note.press("u")

    def comment(self, words: str) -> None:
        self.note.press("m")
        self.note.page.keyboard.type(words)
        self.note.press("Enter")

    def undo(self) -> None:
        self.note.press("Control+z")

    def redo(self) -> None:
        self.note.press("Control+y")

    def to_all(self, kind: str) -> None:
        """B and Enter: the button has the focus once its number is known."""
        self.note.press("b")
        expect(self.note.page.locator(".bulk button.primary")).to_be_focused()
        expect(self.note.page.locator(".bulk button.primary")).to_contain_text(kind)
        self.note.press("Enter")


class Mouse:
    """Uses keys only for the words of a comment."""

    def __init__(self, note: AnnotatePage) -> None:
        self.note = note
        self.bar = note.page.locator(".floating")

    def _box(self, start: int, end: int) -> dict[str, float]:
        """Where it is once nothing moves any more: what a click has changed is laid out a frame or two later."""
        place, box = list(units(self.note.text, start, end)), None
        while box != (box := self.note.page.evaluate(PLACE, place)):
            self.note.page.wait_for_timeout(50)
        return box

    def _put_bar_away(self) -> None:
        """It lies over the text below the span; a click beside any span closes it."""
        if self.bar.is_visible():
            first = self._box(0, 1)
            self.note.page.mouse.click(first["x"] + 1, first["y"] + first["height"] / 2)
            expect(self.bar).to_be_hidden()

    def choose(self, mention: str) -> None:
        """A click, and more of them for the spans around."""
        note = self.note
        active = note.active()
        if active and note.mention(active) == mention and self.bar.is_visible():
            return
        self._put_bar_away()
        wanted = note.span_of(mention)
        for _ in range(6):
            box = self._box(wanted["start"], wanted["start"] + 1)
            note.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            if note.snapshot()["active"] == wanted["id"]:
                return
        raise AssertionError(f"Clicks do not reach {mention!r}.")

    def select(self, mention: str) -> None:
        note = self.note
        self._put_bar_away()
        start, end = place(note.text, mention)
        self._box(start, end)  # scrolls there
        first, last = self._box(start, start + 1), self._box(end - 1, end)
        mouse = note.page.mouse
        mouse.move(first["x"] + 1, first["y"] + first["height"] / 2)
        mouse.down()
        mouse.move(last["x"] + last["width"] - 1, last["y"] + last["height"] / 2, steps=4)
        mouse.up()
        assert note.mention(note.snapshot()["selected"]) == mention

    def button(self, name: str) -> Locator:
        return self.bar.get_by_role("button", name=name, exact=True)

    def create(self, mention: str, label: str) -> None:
        self.select(mention)
        self.label(label)

    def label(self, label: str) -> None:
        self.bar.locator("button.label", has_text=label).click()

    def accept(self) -> None:
        self.button("Accept").click()

    def reject(self) -> None:
        self.button("Reject").click()

    def delete(self) -> None:
        self.button("Delete").click()

    def edge(self, edge: str, step: int) -> None:
        self.button(f"{edge.capitalize()} a word to the {'right' if step > 0 else 'left'}").click()

    def assertion(self, value: str) -> None:
        self.button(value).click()

    def unsure(self) -> None:
        self.bar.get_by_role("button", name="Unsure").click()

    def comment(self, words: str) -> None:
        self.bar.get_by_role("button", name="Comment").click()
        self.bar.locator("textarea").fill(words)
        self.button("Save").click()

    def undo(self) -> None:
        self.note.page.locator(".toolbar").get_by_role("button", name="Undo").click()

    def redo(self) -> None:
        self.note.page.locator(".toolbar").get_by_role("button", name="Redo").click()

    def to_all(self, kind: str) -> None:
        self.note.page.locator(".status .offer").click()
        apply = self.note.page.locator(".bulk button.primary")
        expect(apply).to_contain_text(kind)
        apply.click()
