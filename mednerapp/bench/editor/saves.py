"""Edit to durable acknowledgement: a key in the editor against one bare POST and one committed row, turn by turn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

WARM_UP = 5
_DELAY = "() => new Promise((done) => setTimeout(done, 30 + 30 * Math.random()))"
# As long as the body of an edit.
_BODY = json.dumps(
    {"client": "0" * 36, "base_revision": 1000, "edits": [{"seq": 1, "span_id": "0" * 36, "x": "x" * 300}]}
)


@dataclass(slots=True)
class Saves:
    """Milliseconds from keydown to the moment at which the page has read the answer."""

    floor: list[float] = field(default_factory=list[float])
    saves: list[float] = field(default_factory=list[float])


def measure_saves(page: Page, count: int) -> Saves:
    """Labels of the active span, changed so many times, each after a bare POST from the same page.

    Raises:
        RuntimeError: if the server refused one.
    """
    found = Saves()
    for turn in range(WARM_UP + count):
        bare = _timed(page, "F9")
        save = _timed(page, "1" if turn % 2 else "2")
        if turn >= WARM_UP:
            found.floor.append(bare)
            found.saves.append(save)
    return found


def _timed(page: Page, key: str) -> float:
    page.evaluate(_DELAY)
    page.evaluate("(body) => __bench.armSave(body)", _BODY)
    page.keyboard.press(key)
    answer = page.evaluate("() => __bench.save()")
    if answer["status"] != 200:
        raise RuntimeError(f"The server answered a save by {key} with {answer['status']}.")
    return answer["acknowledged"]
