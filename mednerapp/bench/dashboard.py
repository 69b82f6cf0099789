"""How fast the dashboard opens with many runs, notes and spans, against the app's empty page and a tenth of the data.

    mednerapp bench dashboard [--notes 50000] [--runs 200] [--database URL --tenth URL] [--no-browser] [--json]

Two databases are filled: in a temporary folder on SQLite, or (empty ones) at the two URLs. The board is made as the
worker makes it after an evaluation. Then the services that the page calls are timed one by one, with their queries,
and the page is opened in Chromium in turn with the same page on an installation without any note. Needs Playwright
(requirements-dev.txt) and a Chromium: MEDNER_TEST_CHROMIUM, else /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from db import big
from db.timing import statements
from mednerapp.bench.fuzz.product import Product
from mednerapp.bench.fuzz.run import sign_in
from mednerapp.domain.models import HyperParameters
from mednerapp.services import boards, dashboards, projects
from mednerapp.store.evaluations import basis_of

REPEATS = 9
EMPTY_TARGET, TENTH_TARGET = 3.0, 1.3  # times
DRAWN = (
    "() => [...document.querySelectorAll('.js-plotly-plot')].filter((p) => p.querySelector('.main-svg')).length >= 2"
)
NOTHING = "() => document.body.innerText.includes('No model has been scored yet')"
QUIET = "() => !document.querySelector('[data-testid=stStatusWidget]')"


@dataclass(frozen=True, slots=True)
class Query:
    """Median milliseconds with a tenth of the data and with all of it."""

    statement: str
    tenth: float
    full: float


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds, medians. reads: all that the page reads. page_*: in Chromium, None where it was not asked for."""

    rows: dict[str, int]
    fill_seconds: float
    board_seconds: float
    reads_tenth: float
    reads_full: float
    queries: list[Query]
    page_empty: float | None
    page_tenth: float | None
    page_full: float | None


class World:
    """An installation with a filled database."""

    def __init__(self, folder: Path, url: str, sizes: big.Sizes) -> None:
        self.product = Product(folder, database_url=url)
        store = self.product.store
        with store.read() as tx:
            adapter = tx.models.adapters(-1)[0]
        project = projects.create(store, by=None, name="Big")
        owner = big.Owner(
            project.id, project.schema.id or 0, self.product.user.id, adapter.encoder_id, HyperParameters().as_json()
        )
        began = time.perf_counter()
        with self.product.app.database.write() as session:
            self.dataset_id = big.fill(session, sizes, owner, basis=basis_of)
        with self.product.app.database.write() as session:
            big.analyse(session)
            self.rows = big.rows(session)
        self.fill_seconds = time.perf_counter() - began
        began = time.perf_counter()
        boards.refresh(store, dataset_id=self.dataset_id, on_progress=_say)
        self.board_seconds = time.perf_counter() - began
        self.project_id = project.id

    def read(self) -> list[tuple[str, float]]:
        """What the page reads when it is opened; (statement, seconds) of each query."""
        with statements(self.product.app.database) as found:
            dashboards.datasets(self.product.store, user=self.product.user, project_id=self.project_id)
            board = dashboards.board(self.product.store, user=self.product.user, dataset_id=self.dataset_id)
            best = board.models[0].evaluation_id
            dashboards.summary(self.product.store, user=self.product.user, evaluation_id=best)
        return found


def _say(done: int, total: int) -> None:
    if done % 20 == 0 or done == total:
        sys.stderr.write(f"board: {done} of {total} models\n")


def measure_reads(tenth: World, full: World, repeats: int) -> tuple[float, float, list[Query]]:
    """Both in turn; milliseconds of everything, and of each query."""
    whole: dict[str, list[float]] = {"tenth": [], "full": []}
    single: dict[str, list[list[tuple[str, float]]]] = {"tenth": [], "full": []}
    for number in range(repeats + 1):
        for name, world in (("tenth", tenth), ("full", full)):
            began = time.perf_counter()
            found = world.read()
            if number:  # the first one warms up
                whole[name].append(1000 * (time.perf_counter() - began))
                single[name].append(found)
    queries = [
        Query(
            statement,
            round(statistics.median(1000 * one[i][1] for one in single["tenth"]), 3),
            round(statistics.median(1000 * one[i][1] for one in single["full"]), 3),
        )
        for i, (statement, _) in enumerate(single["full"][0])
    ]
    return statistics.median(whole["tenth"]), statistics.median(whole["full"]), queries


def measure_pages(browser: Browser, products: Sequence[tuple[Product, str]], repeats: int) -> list[float]:
    """Milliseconds until the page of each installation has all it draws at first; in turn, medians."""
    pages: list[Page] = []
    for product, _ in products:
        product.start()
        product.wait_until_healthy()
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        sign_in(context, product.url)
        pages.append(context.new_page())
    found: list[list[float]] = [[] for _ in products]
    for number in range(repeats + 1):
        for i, (product, drawn) in enumerate(products):
            began = time.perf_counter()
            pages[i].goto(f"{product.url}/dashboard", wait_until="commit")
            _until(pages[i], drawn)
            if number:
                found[i].append(1000 * (time.perf_counter() - began))
            _until(pages[i], QUIET)
    return [statistics.median(one) for one in found]


def _until(page: Page, condition: str) -> None:
    """wait_for_function is against the page's content security policy."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            raise TimeoutError("The page did not draw what it should within a minute.")
        page.wait_for_timeout(5)


def measure(folder: Path, given: argparse.Namespace) -> Result:
    sizes, small = big.Sizes(given.notes, given.runs), big.Sizes(max(1, given.notes // 10), max(2, given.runs // 10))
    tenth = World(folder / "tenth", given.tenth, small)
    full = World(folder / "full", given.database, sizes)
    products = [tenth.product, full.product]
    try:
        reads_tenth, reads_full, queries = measure_reads(tenth, full, given.repeats)
        pages: Sequence[float | None] = (None, None, None)
        if not given.no_browser:
            empty = Product(folder / "empty")
            products.append(empty)
            projects.create(empty.store, by=None, name="Empty")
            chromium = os.environ.get("MEDNER_TEST_CHROMIUM", "/usr/bin/chromium")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                order = [(empty, NOTHING), (tenth.product, DRAWN), (full.product, DRAWN)]
                pages = measure_pages(browser, order, given.repeats)
                browser.close()
    finally:
        for product in products:
            product.close()
    seconds = full.fill_seconds, full.board_seconds
    return Result(full.rows, *seconds, reads_tenth, reads_full, queries, pages[0], pages[1], pages[2])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mednerapp bench dashboard", description="How fast the dashboard opens.")
    parser.add_argument("--notes", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--database", default="", help="URL of an empty database for all of it; default: SQLite")
    parser.add_argument("--tenth", default="", help="URL of an empty database for a tenth; default: SQLite")
    parser.add_argument("--no-browser", action="store_true", help="time the queries only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), given)
    if given.json:
        sys.stdout.write(json.dumps(asdict(result), indent=2) + "\n")
        return
    sys.stdout.write("\n".join(_lines(result)) + "\n")


def _lines(result: Result) -> list[str]:
    counted = ", ".join(f"{number:,} {name}" for name, number in result.rows.items())
    lines = [
        counted,
        f"filled in {result.fill_seconds:.0f} s; board of all models made in {result.board_seconds:.0f} s",
    ]
    lines += ["", f"{'tenth':>9} {'full':>9} {'ratio':>6}  milliseconds, medians"]
    lines += [_row(query.tenth, query.full, query.statement[:150]) for query in result.queries]
    lines.append(_row(result.reads_tenth, result.reads_full, "all that the page reads"))
    if result.page_empty and result.page_tenth and result.page_full:
        lines.append(_row(result.page_tenth, result.page_full, f"the page in Chromium (target {TENTH_TARGET})"))
        lines += ["", f"{'empty':>9} {'full':>9} {'ratio':>6}"]
        lines.append(_row(result.page_empty, result.page_full, f"the page in Chromium (target {EMPTY_TARGET})"))
    return lines


def _row(one: float, other: float, name: str) -> str:
    return f"{one:9.2f} {other:9.2f} {other / max(one, 0.001):6.2f}  {name}"


if __name__ == "__main__":
    main()
