"""One tab with the annotate page, as somebody uses it, and its state."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Dialog, Error, Page

PATIENCE = 120  # seconds for what must happen; a killed server needs some to start again

_EDITOR = """const host = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
    .find((node) => node.__mednerSpanEditor && node.shadowRoot?.querySelector('.text .block'));"""
SNAPSHOT = f"() => {{ {_EDITOR} return host ? host.__mednerSpanEditor.snapshot() : null; }}"
# The note as it is drawn: its text, and [start, end) in UTF-16 units of every piece that is marked.
DRAWN = f"""() => {{ {_EDITOR}
  const text = host.shadowRoot.querySelector('.text');
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const marks = [];
  let whole = '';
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {{
    if (node.parentElement.closest('mark')) marks.push([whole.length, whole.length + node.length]);
    whole += node.data;
  }}
  return {{ text: whole, marks }};
}}"""
# Where [start, end) UTF-16 units of the note are in the window, after it was scrolled there.
PLACE = f"""([start, end]) => {{ {_EDITOR}
  const walker = document.createTreeWalker(host.shadowRoot.querySelector('.text'), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let passed = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {{
    if (passed <= start && start < passed + node.length) {{
      range.setStart(node, start - passed);
      node.parentElement.scrollIntoView({{ block: 'nearest' }});
    }}
    if (passed < end && end <= passed + node.length) range.setEnd(node, end - passed);
    passed += node.length;
  }}
  const {{ x, y, width, height }} = range.getBoundingClientRect();
  return {{ x, y, width, height }};
}}"""
FOCUS = f"() => {{ {_EDITOR} host?.shadowRoot.querySelector('.text').focus(); }}"


class Window:
    """A tab on the annotate page. Leaving with edits that wait is answered with yes, as an impatient person would."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.errors: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("dialog", _leave)
        self.page.on("pageerror", lambda error: self.errors.append(" ".join((error.stack or str(error)).split())))

    def open(self, note_id: int) -> None:
        self._go(lambda: self.page.goto(f"{self.url}/annotate?note={note_id}", wait_until="commit"))

    def reload(self) -> None:
        self._go(lambda: self.page.reload(wait_until="commit"))

    def _go(self, go: Callable[[], object]) -> None:
        """Again and again while the server is away, as one reloads a page that did not come."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                go()
                if self.until(lambda now: now is not None, limit=20):
                    return
            except Error:
                self.page.wait_for_timeout(200)
            if time.monotonic() > deadline:
                raise TimeoutError(f"The note was not shown within {PATIENCE} seconds: {self.page.url}")

    def snapshot(self) -> dict[str, Any] | None:
        """The editor's state; None while no note is shown."""
        try:
            return self.page.evaluate(SNAPSHOT)
        except Error:  # the page is on its way to another
            return None

    def until(self, condition: Callable[[dict[str, Any] | None], bool], *, limit: float = PATIENCE) -> bool:
        """Looks again and again; false if it did not come true in so many seconds."""
        deadline = time.monotonic() + limit
        while not condition(self.snapshot()):
            if time.monotonic() > deadline:
                return False
            self.page.wait_for_timeout(30)
        return True

    def drawn(self) -> dict[str, Any]:
        return self.page.evaluate(DRAWN)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def focus(self) -> None:
        self.page.evaluate(FOCUS)

    def drag(self, first: tuple[int, int], last: tuple[int, int], *, alt: bool = False) -> None:
        """Selects by mouse from the left of `first` to the right of `last`, UTF-16 ranges of one character each."""
        begin, end = self.page.evaluate(PLACE, list(first)), self.page.evaluate(PLACE, list(last))
        mouse = self.page.mouse
        mouse.move(begin["x"] + 1, begin["y"] + begin["height"] / 2)
        mouse.down()
        mouse.move(end["x"] + end["width"] - 1, end["y"] + end["height"] / 2, steps=3)
        if alt:
            self.page.keyboard.down("Alt")
        mouse.up()
        if alt:
            self.page.keyboard.up("Alt")

    def click(self, place: tuple[int, int], *, times: int = 1) -> None:
        box = self.page.evaluate(PLACE, list(place))
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, click_count=times)


def _leave(dialog: Dialog) -> None:
    dialog.accept()


def units(text: str, start: int, end: int) -> tuple[int, int]:
    """Code points to UTF-16 units."""
    return len(text[:start].encode("utf-16-le")) // 2, len(text[:end].encode("utf-16-le")) // 2
