"""A headless Chromium through Playwright, and single keys in it that are timed from keydown to the painted frame."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mednerapp.bench.editor.product import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWPORT = {"width": 1280, "height": 900}
FRAME = 17.0  # ms at 60 Hz; keys come at any time within one
_REST = 4 * FRAME
PATIENCE = 60_000  # ms until something has to be there


class PlaywrightMissingError(Exception):
    """Playwright is a tool of development and no dependency of the product."""


@contextmanager
def chromium(path: Path) -> Generator[Browser]:
    """Raises PlaywrightMissingError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise PlaywrightMissingError(
            "`mednerapp bench editor` drives Chromium with Playwright, which is not installed: "
            "`pip install -r requirements-dev.txt`."
        ) from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=list(CHROMIUM_ARGS))
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser) -> BrowserContext:
    """Somebody's browser: own cookies, the probe in every page, no policy that would keep the probe out."""
    context = browser.new_context(viewport=VIEWPORT, bypass_csp=True)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.add_init_script(path=str(PAGES / "probe.js"))
    return context


def rest(page: Page, draw: random.Random) -> None:
    """Until the page has had nothing to do for four frames, and from there to a random moment within a frame.

    Chromium goes on waiting for the screen's refreshes for some time after a page has drawn (two more of them in traces
    of the editor); what comes then is drawn at the next one, up to a frame later, and what comes later at once. Without
    a rest, what was pressed before decided on which of the two a key got.
    """
    page.evaluate("() => __bench.idle()")
    page.wait_for_timeout(_REST + draw.uniform(0, FRAME))


@dataclass(frozen=True, slots=True)
class Frame:
    """One timed key or call, in ms. at: on the page's clock; waited: of `painted`, until the page's first handler.

    completed: until the next frame is drawn, with what the page did after the first one; only if it was asked for.
    """

    at: float
    waited: float
    painted: float
    completed: float | None = None


class Keys:
    """Presses keys on one page."""

    def __init__(self, page: Page, draw: random.Random) -> None:
        self.page = page
        self._draw = draw

    def timed(self, key: str, until: str = "null", *, whole: bool = False) -> Frame:
        """One key, after a `rest`.

        until: script of a function that says whether the key's effect has been drawn; by default the next frame counts.
        whole: the second frame, too.
        """
        rest(self.page, self._draw)
        self.page.evaluate(f"() => __bench.arm({until}, {str(whole).lower()})")
        self.page.keyboard.press(key)
        return frame(self.page.evaluate("() => __bench.sample()"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def event_timings(self, frames: list[Frame]) -> list[float]:
        """What the browser itself says of the same keys, in steps of 8 ms; those under 16 ms are missing."""
        durations: list[float] = self.page.evaluate("(times) => __bench.timings(times)", [one.at for one in frames])
        return [duration for duration in durations if duration]


def frame(sample: dict[str, Any]) -> Frame:
    return Frame(sample["at"], sample["waited"], sample["painted"], sample.get("completed"))


def counted(page: Page) -> dict[str, float]:
    """Nodes and megabytes of the page's script heap, after a collection."""
    session = page.context.new_cdp_session(page)
    try:
        session.send("Performance.enable")
        session.send("HeapProfiler.collectGarbage")
        figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    finally:
        session.detach()
    return {"nodes": figures["Nodes"], "heap_mb": figures["JSHeapUsedSize"] / 1e6}
