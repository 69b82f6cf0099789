"""Keydown to painted frame: every action of the editor, all over a note, each beside a press on the plain page."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mednerapp.bench.editor.driving import Frame, Keys

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACTIONS = ("next", "relabel", "undo", "accept", "resize", "delete", "create")
ONE_CLASS = "one class, in this page"  # what the page itself costs: its floor, had it one of its own
WARM_UP = 4  # rounds at most that are not counted
_SETTLED = """async () => {
  const until = performance.now() + 20000;
  while (__bench.hook().snapshot().pending && performance.now() < until) {
    await new Promise((done) => setTimeout(done, 5));
  }
  return __bench.state();
}"""
# Scrolls a place of the text into view and answers where on the screen its first character is.
_PLACE = """(start) => {
  const walker = document.createTreeWalker(__bench.root().querySelector('.text'), NodeFilter.SHOW_TEXT);
  let left = start;
  while (walker.nextNode() && left >= walker.currentNode.length) left -= walker.currentNode.length;
  walker.currentNode.parentElement.scrollIntoView({ block: 'center' });
  const range = document.createRange();
  range.setStart(walker.currentNode, left);
  range.setEnd(walker.currentNode, left + 1);
  const { left: x, top, width, height } = range.getBoundingClientRect();
  return [x + width / 2, top + height / 2];
}"""
State = dict[str, Any]


@dataclass(slots=True)
class Timed:
    """The frames of one action, and those of the plain page just before each. failed: keys that did not do it."""

    floor: list[Frame] = field(default_factory=list[Frame])
    frames: list[Frame] = field(default_factory=list[Frame])
    event_timing: list[float] = field(default_factory=list[float])
    failed: int = 0


def is_next(before: State, after: State) -> bool:
    return bool(after["active"] and before["active"] and after["active"]["id"] != before["active"]["id"])


def is_relabel(before: State, after: State) -> bool:
    return bool(after["active"] and after["active"]["label"] != before["active"]["label"])


def is_edit(before: State, after: State) -> bool:
    return bool(after["hash"] != before["hash"])


def is_accept(before: State, after: State) -> bool:
    return is_edit(before, after) and bool(after["count"] == before["count"])


def is_resize(before: State, after: State) -> bool:
    a, b = before["active"], after["active"]
    return bool(a and b and a["id"] == b["id"] and (a["start"], a["end"]) != (b["start"], b["end"]))


def is_delete(before: State, after: State) -> bool:
    return bool(after["count"] == before["count"] - 1)


def is_create(before: State, after: State) -> bool:
    return bool(after["count"] == before["count"] + 1)


def is_nothing(before: State, after: State) -> bool:
    return before == after


class Typist:
    """Works on the open note of one page."""

    def __init__(self, page: Page, plain: Keys, *, seed: int = 0) -> None:
        draw = random.Random(seed)  # noqa: S311  moments, not secrets
        self.page = page
        self.keys = Keys(page, draw)
        self.plain = plain
        self.found: dict[str, Timed] = {}
        self._whole = False

    def work(self, targets: Sequence[int]) -> dict[str, Timed]:
        """One round of all actions at each place, after uncounted ones at the first places.

        targets: where suggestions start, UTF-16 offsets.
        """
        self._rounds(targets[:WARM_UP])
        self._rounds(targets)
        for timed in self.found.values():
            timed.event_timing = self.keys.event_timings(timed.frames)
        return self.found

    def complete(self, targets: Sequence[int]) -> dict[str, Timed]:
        """The same once more, to the second frame, which shows what follows right after the key's own."""
        self._whole = True
        self._rounds(targets)
        self._whole = False
        return self.found

    def _rounds(self, targets: Sequence[int]) -> None:
        self.found = {action: Timed() for action in (*ACTIONS, ONE_CLASS)}
        for start in targets:
            self._round(start)

    def _round(self, start: int) -> None:
        self.go_to(start)
        self._timed("next", "ArrowRight", is_next)
        label = self._settled()["active"]["label"]
        self._timed("relabel", "2" if label == "Disease" else "1", is_relabel)
        self._timed("undo", "Control+z", is_edit)
        if self._timed("accept", "a", is_accept):
            self._take_back()
        if self._timed("resize", "k", is_resize):
            self._take_back()
        if self._timed("delete", "Delete", is_delete):
            self._timed("undo", "Control+z", is_edit)
        self.keys.press("Control+ArrowRight", "Control+ArrowRight")
        if self._timed("create", "5", is_create):
            self._take_back()
        # Last, since the key that comes after these is a little slower.
        self.go_to(start)
        self.page.evaluate("() => __bench.idle().then(() => __bench.choose())")
        for _ in range(2):  # off and on again
            self._timed(ONE_CLASS, "F8", is_nothing)

    def go_to(self, start: int) -> None:
        """The span before the place is active; nothing floats over the text, and the pane is scrolled there."""
        x, y = self.page.evaluate(_PLACE, start)
        self.page.mouse.click(x, y)
        self.keys.press("ArrowRight", "ArrowLeft", "ArrowLeft")
        self._settled()

    def _timed(self, action: str, key: str, done: Callable[[State, State], bool]) -> bool:
        timed = self.found[action]
        before = self._settled()
        # Each is first in every other turn: after a pause the machine may take longer to wake than either key takes.
        floors = [self.plain.timed("x", whole=self._whole)] if len(timed.frames) % 2 else []
        frame = self.keys.timed(key, whole=self._whole)
        after = self._settled()
        [floor] = floors or [self.plain.timed("x", whole=self._whole)]
        if not done(before, after):
            timed.failed += 1
            if is_edit(before, after):
                self._take_back()
            return False
        timed.floor.append(floor)
        timed.frames.append(frame)
        return True

    def _take_back(self) -> None:
        self.keys.press("Control+z")
        self._settled()

    def _settled(self) -> State:
        """The editor's state once everything is saved."""
        return self.page.evaluate(_SETTLED)


def spread(starts: Sequence[int], count: int) -> list[int]:
    """So many of them, evenly from the beginning to the end."""
    return [starts[min(len(starts) - 1, round((i + 0.5) * len(starts) / count))] for i in range(count)]
