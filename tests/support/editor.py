"""The span editor as a browser test sees it, on the in-memory servers of `tests/browser/span_editor_app`.

One of them has a page with nothing but the component, which opens at once. The other one is Streamlit, for what depends
on its mounting, its runs and its theme.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from support.browser import serving

APP = Path(__file__).parents[1] / "browser" / "span_editor_app"
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


@pytest.fixture(scope="session")
def editor_server() -> Iterator[str]:
    """One for all files: what it holds is reset when a test opens the editor."""
    command = [sys.executable, "-m", "uvicorn", "plain:app", "--port", "{port}", "--log-level", "warning"]
    with serving(command, cwd=APP) as url:
        yield url


@pytest.fixture(scope="session")
def streamlit_server() -> Iterator[str]:
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
        expect(self.page.locator(".text .block").first).to_be_visible(timeout=30_000)

    def change(self, **values: Any) -> None:
        self.post("/harness/change", values)

    def stored(self, note: str = "1") -> dict[str, Any]:
        return self.world()["notes"][note]

    def world(self) -> dict[str, Any]:
        return self.page.request.get(f"{self.url}/harness/state", max_retries=3).json()  # of resets

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
def editor(page: Page, editor_server: str) -> Editor:
    return Editor(page, editor_server)


@pytest.fixture
def streamlit_editor(page: Page, streamlit_server: str) -> Editor:
    return Editor(page, streamlit_server)
