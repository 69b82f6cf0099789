"""What a person may do on the annotate page, as a table of weights: keys, mouse, mishaps."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator

from mednerapp.bench.fuzz.product import REPEATED, Ground, Product
from mednerapp.bench.fuzz.window import Window, units

OFFLINE = 5.0  # seconds
CONFLICTS = ("Load the saved version", "Keep mine")


@dataclass
class Session:
    """One run under way: the tab that is worked in, now and then a second one, and what has been done so far."""

    chance: random.Random
    product: Product
    context: BrowserContext
    ground: Ground
    text: str
    window: Window
    second: Window | None = None
    offline_until: float | None = None
    done: list[str] = field(default_factory=list[str])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    @property
    def page(self) -> Any:
        return self.window.page


Action = Callable[[Session], str]
"""Does something and says what."""


def keys(*choice: str) -> Action:
    """One of these keys."""

    def act(session: Session) -> str:
        key = session.chance.choice(choice)
        session.window.press(key)
        return key

    return act


def drag(session: Session) -> str:
    """Selects some words by mouse, or exact characters, and labels them mostly."""
    start, end = _range(session)
    alt = session.chance.random() < 0.3
    text = session.text
    session.window.drag(units(text, start, start + 1), units(text, end - 1, end), alt=alt)
    label = session.chance.choice(("1", "2", "3", "4", "5", ""))
    if label:
        session.window.press(label)
    return f"drag {start}-{end}{' exactly' if alt else ''} {label}"


def click(session: Session) -> str:
    """A click or a double click somewhere in the text."""
    words = [match.span() for match in re.finditer(r"\w+", session.text)]
    start, _ = session.chance.choice(words)
    times = session.chance.choice((1, 1, 2))
    session.window.click(units(session.text, start, start + 1), times=times)
    label = session.chance.choice(("", "1", "2", "4"))
    if label:
        session.window.press(label)
    return f"click {start} x{times} {label}"


def _range(session: Session) -> tuple[int, int]:
    words = [match.span() for match in re.finditer(r"\S+", session.text)]
    first = session.chance.randrange(len(words))
    last = min(len(words) - 1, first + session.chance.choice((0, 0, 1, 2)))
    return words[first][0], words[last][1]


def bar(session: Session) -> str:
    """One of the buttons beside the active span or the selection, or of the toolbar's legend."""
    return _press_one(session, ".floating button:visible, .legend button:visible", "button")


def comment(session: Session) -> str:
    """M, then some words; Enter or Escape."""
    session.window.press("m")
    fields = session.page.locator(".floating input:visible, .floating textarea:visible")
    if not fields.count():
        return "m (no span)"
    words = session.chance.choice(("look again 🔍", "déjà vu", "ask the ward", ""))
    if not _written(fields.first, words):
        return "m (the field went)"
    key = session.chance.choice(("Enter", "Enter", "Escape"))
    session.window.press(key)
    return f"comment {words!r} {key}"


def bulk(session: Session) -> str:
    """Identical mentions: opens the preview, does something in it."""
    session.window.press("b")
    return f"b {_in_panel(session)}"


def find(session: Session) -> str:
    """Looks for a word in note or project, does something with what is found."""
    session.window.press("/")
    field_ = _focused_field(session)
    if field_ is None:
        return "/ (no field)"
    words = session.chance.choice((REPEATED, "pain", "aspirin", "ألم", "patient"))
    if not _written(field_, words):
        return "/ (the field went)"
    if session.chance.random() < 0.6:
        session.window.press("Enter")
    return f"/ {words} {_in_panel(session)}"


def accept_by_score(session: Session) -> str:
    session.window.press("Shift+A")
    return f"Shift+A {_in_panel(session)}"


def panel(session: Session) -> str:
    """Guideline, outline, history, underlay: opens one, does something in it."""
    key = session.chance.choice(("g", "l", "t", "v", "i"))
    session.window.press(key)
    return f"{key} {_in_panel(session)}"


def _in_panel(session: Session) -> str:
    """Up to three things of those that the open panel offers."""
    said = [_press_one(session, _CONTROLS, "panel") for _ in range(session.chance.randrange(4))]
    if session.chance.random() < 0.7:
        session.window.press("Escape")
    session.window.focus()
    return ", ".join(said)


_CONTROLS = (
    ".side button:visible:enabled, .side input[type=checkbox]:visible:enabled, .side input[type=radio]:visible:enabled"
)


def _focused_field(session: Session) -> Locator | None:
    fields = session.page.locator(".side input:focus, .side textarea:focus")
    return fields.first if fields.count() else None


def _written(field_: Locator, words: str) -> bool:
    """False if the field lost the keyboard before: an answer of the server can ask for something else."""
    try:
        field_.fill(words, timeout=2000)
    except Error:
        return False
    return True


def _press_one(session: Session, selector: str, what: str) -> str:
    found = session.page.locator(selector)
    count = found.count()
    if not count:
        return f"no {what}"
    chosen = found.nth(session.chance.randrange(count))
    try:
        name = (chosen.text_content(timeout=500) or "").strip()
        chosen.click(timeout=500)
    except Error:  # it went away under the mouse
        return f"{what} (gone)"
    return f"{what} {name[:30]!r}"


# ---- mishaps


def reload(session: Session) -> str:
    _online(session)
    session.count("reloads")
    session.window.reload()
    session.window.focus()
    return "reload"


def offline(session: Session) -> str:
    """The connection is gone for a while; work goes on."""
    if session.offline_until is None:
        session.offline_until = time.monotonic() + OFFLINE
        session.context.set_offline(True)
        session.count("offline")
    return "offline"


def back_online(session: Session) -> None:
    if session.offline_until is not None and time.monotonic() > session.offline_until:
        _online(session)


def _online(session: Session) -> None:
    if session.offline_until is not None:
        session.context.set_offline(False)
        session.offline_until = None


def kill(session: Session) -> str:
    """The server dies in the middle of it and comes back; nobody waits for it."""
    session.product.kill()
    session.product.start()
    session.count("kills")
    return "kill -9"


def cut(session: Session) -> str:
    """The websocket for saves breaks off: now, with the answers that are on their way, or under the next save."""
    under = session.chance.random() < 0.5
    if session.page.evaluate("(under) => window.__fuzzCut?.(under)", under):
        session.count("cuts")
    return "cut under the next save" if under else "cut"


def second_tab(session: Session) -> str:
    """Somebody goes on in another tab, on what that tab knows."""
    _online(session)
    session.product.wait_until_healthy()
    if session.second is None:
        session.second = Window(session.context, session.product.url)
        session.second.open(session.ground.notes[0])
    tab = session.second
    tab.page.bring_to_front()
    tab.focus()
    pressed = [session.chance.choice(("Tab", "a", "r", "2", "Delete", "n")) for _ in range(4)]
    for key in pressed:
        tab.press(key)
    settled(session, tab)
    session.page.bring_to_front()
    session.window.focus()
    return f"second tab {' '.join(pressed)}"


def next_note(session: Session) -> str:
    """On to another note before anybody could be sure that all was saved, an edit there, and back."""
    _online(session)
    if session.chance.random() < 0.5:
        session.window.press("Escape")
        button = session.page.locator(".toolbar button", has_text=re.compile("Skip|Next"))
        if button.count() and button.first.is_enabled():
            button.first.click()
            session.window.until(lambda now: now is None or not now["leaving"], limit=5)
    else:
        session.window.open(session.chance.choice(session.ground.notes[1:]))
    session.window.focus()
    for key in ("n", "a", "Tab", "3"):
        session.window.press(key)
    session.window.open(session.ground.notes[0])
    session.window.focus()
    session.count("switches")
    return "another note and back"


ACTIONS: tuple[tuple[float, Action], ...] = (
    (14, keys("Tab", "Shift+Tab", "ArrowRight", "ArrowLeft", "n")),
    (16, keys("Control+ArrowRight", "Control+ArrowLeft", "ArrowDown", "ArrowUp", "Control+ArrowDown", "Home", "End")),
    (6, keys("Control+Shift+ArrowRight", "Control+Shift+ArrowLeft", "Shift+ArrowDown", "Shift+End", "Shift+Home")),
    (14, keys("1", "2", "3", "4", "5")),
    (8, keys("j", "k", "Shift+J", "Shift+K", "Alt+j", "Alt+k", "Alt+Shift+J", "Alt+Shift+K")),
    (8, keys("a", "r", "Enter")),
    (4, keys("Delete", "Backspace")),
    (6, keys("p", "x", "o", "c", "h", "f")),
    (3, keys("u")),
    (10, keys("Control+z", "Control+z", "Control+y", "Control+Shift+z")),
    (3, keys("Escape", "s", "i", "+", "-", "0", "w", "y", "d", "Shift+D")),
    (6, drag),
    (6, click),
    (5, bar),
    (2, comment),
    (3, bulk),
    (1.5, find),
    (1, accept_by_score),
    (2, panel),
    (1, reload),
    (0.25, offline),
    (0.25, kill),
    (0.5, cut),
    (1, second_tab),
    (0.5, next_note),
)


def settled(session: Session, window: Window) -> bool:
    """Waits until the tab has nothing to save; where it asks whose version is to be kept, either is."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = window.snapshot()
        if now is None:
            window.page.wait_for_timeout(30)
            continue
        if now["problem"] in ("conflict", "submitted"):
            resolve(session, window)
        elif not now["pending"] and not now["problem"] and not now["leaving"]:
            return True
        window.page.wait_for_timeout(30)
    return False


def resolve(session: Session, window: Window) -> None:
    """Takes one of the ways out that the banner offers."""
    choices = window.page.locator(".banner button:visible")
    names = [name.strip() for name in choices.all_text_contents()]
    known = [name for name in names if any(name.startswith(one) for one in CONFLICTS)] or names
    if not known:
        return
    chosen = session.chance.choice(known)
    try:
        choices.nth(names.index(chosen)).click(timeout=1000)
    except Error:  # it has just gone by itself
        return
    session.count("resolved")
    session.done.append(f"conflict: {chosen}")
    window.focus()
