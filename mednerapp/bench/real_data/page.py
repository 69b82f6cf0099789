"""What stands on the dashboard in Chromium: the data of its figures, the cells of its tables, its words."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PARTS = ("Overview", "Where it fails", "More notes and drift", "Training")
VIEWPORT = {"width": 1280, "height": 2600}  # high: Streamlit scrolls inside the page
WIDE = {"width": 4200, "height": 3400}  # a table holds the cells in the page that can be seen
LIMIT = 60.0  # seconds until the page must have drawn a part
_BUSY = "() => !!document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')"
_FIGURES = """() => [...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot.data.map((trace) => ({
  name: trace.name ?? null, kind: trace.type, x: [...(trace.x ?? [])], y: [...(trace.y ?? [])],
  text: trace.text ?? null, error_x: trace.error_x ?? null, error_y: trace.error_y ?? null, mode: trace.mode ?? null,
})))"""
_TABLES = """() => [...document.querySelectorAll('[data-testid=stDataFrame] canvas table')].map((table) =>
  [...table.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim())))"""
_WORDS = """() => { const main = document.querySelector('[data-testid=stMain]').cloneNode(true);
  main.querySelectorAll('.js-plotly-plot, [data-testid=stDataFrame], style, script').forEach((n) => n.remove());
  const kept = document.createElement('div'); kept.append(main); document.body.append(kept);
  const said = main.innerText; kept.remove(); return said; }"""
_BOTTOM = """() => Math.max(...[...document.querySelectorAll('[data-testid=stElementContainer]')].map(
  (one) => one.getBoundingClientRect().bottom))"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One view of the page. figures: for each its traces; tables: header and rows of cells; words: the rest."""

    figures: list[list[dict[str, Any]]]
    tables: list[list[list[str]]]
    words: str


@contextmanager
def opened(browser: Browser, url: str, project: str, *, dark: bool = False, wide: bool = False) -> Generator[Page]:
    """The dashboard of a project, seen by the demo's lead."""
    context = browser.new_context(
        viewport=WIDE if wide else VIEWPORT,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    page.goto(f"{url}/dashboard")
    page.get_by_role("button", name="Lead").click()
    heading = page.get_by_role("heading", name="Dashboard")
    heading.wait_for(timeout=LIMIT * 1000)
    settle(page)
    choice = page.get_by_test_id("stSidebar").get_by_role("combobox", name=re.compile("Project"))
    if choice.count():  # with one project there is nothing to choose
        choice.fill(project)
        choice.press("Enter")
        settle(page)
    page.get_by_text("has the highest F1").wait_for(timeout=LIMIT * 1000)
    try:
        yield page
    finally:
        context.close()


def part(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    settle(page)


def settle(page: Page) -> None:
    """Until nothing runs and nothing has been drawn for half a second."""
    deadline, still, before = time.monotonic() + LIMIT, 0, ""
    while still < 2:
        if time.monotonic() > deadline:
            raise TimeoutError("The dashboard was not drawn within a minute.")
        page.wait_for_timeout(250)
        now = str(page.evaluate(_FIGURES)) + page.evaluate(_WORDS)
        still = still + 1 if now == before and not page.evaluate(_BUSY) else 0
        before = now


def seen(page: Page) -> Seen:
    return Seen(page.evaluate(_FIGURES), page.evaluate(_TABLES), page.evaluate(_WORDS))


def screenshots(browser: Browser, url: str, project: str, folder: Path) -> list[Path]:
    """One of each part in the light and in the dark."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for dark in (False, True):
        with opened(browser, url, project, dark=dark) as page:
            for name in PARTS:
                part(page, name)
                file = folder / f"{name.lower().replace(' ', '-')}{'-dark' if dark else ''}.png"
                bottom = page.evaluate(_BOTTOM)
                page.screenshot(path=file, clip={"x": 0, "y": 0, "width": VIEWPORT["width"], "height": bottom + 40})
                written.append(file)
    return written
