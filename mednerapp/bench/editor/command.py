"""`mednerapp bench editor`: the editor against its floors and its peers, in one run on this machine.

    mednerapp bench editor [--sizes 1000/50,5000/500,20000/2000] [--samples 40] [--first-paints 15] [--peers FOLDER]
                           [--chromium PATH] [--json]

Needs Playwright and a Chromium; the database is a temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mednerapp.bench.editor import peers, product, report
from mednerapp.bench.editor.driving import CHROMIUM, Keys, PlaywrightMissingError, chromium, counted, new_context
from mednerapp.bench.editor.first_paint import editor_data, measure_first_paint
from mednerapp.bench.editor.keyboard import ONE_CLASS, Typist, spread
from mednerapp.bench.editor.notes import SIZES, LongNote, Size, long_note
from mednerapp.bench.editor.saves import measure_saves
from mednerapp.bench.editor.statics import static_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SLOW_HANDLER = """() => addEventListener('keydown', (event) => {{
  if (__bench.modifiers.includes(event.key)) return;
  const until = performance.now() + {ms};
  while (performance.now() < until);
}}, true)"""
_FEWER = 20  # samples at most of what needs fewer: second frames, peers
_SETTLE = 2_500  # ms after a page has opened: what it loads and draws when there is time


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. slow_handler: ms that a planted key handler takes, to see that the bench notices."""

    sizes: Sequence[Size]
    samples: int
    first_paints: int
    peers: Path | None
    chromium: Path
    slow_handler: float


def run(plan: Plan, *, scratch: Path) -> dict[str, Any]:
    """Raises PlaywrightMissingError."""
    notes = [long_note(size) for size in plan.sizes]
    load_before = os.getloadavg()[0]
    with chromium(plan.chromium) as browser:
        settings, ids = product.prepare(scratch / "data", notes)
        sizes: dict[str, Any] = {}
        with product.product_server(settings) as url:
            context = _signed_in(browser, url)
            for note, note_id in zip(notes, ids, strict=True):
                _say(f"{note.size.name} ...")
                with _open(context, f"{url}/annotate?note={note_id}", plan) as page:
                    sizes[note.size.name] = _measure(browser, page, note, plan, scratch)
        version = browser.version
    return {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_before": load_before,
            "load_after": os.getloadavg()[0],
            "chromium": version,
        },
        "samples": plan.samples,
        "second_frames": min(plan.samples, _FEWER),
        "slow_handler_ms": plan.slow_handler,
        "sizes": sizes,
    }


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _signed_in(browser: Browser, url: str) -> BrowserContext:
    context = new_context(browser)
    answer = context.request.post(
        f"{url}/sign-in/demo", form={"role": "annotator"}, headers={"origin": url}, max_redirects=0
    )
    if answer.status != 303:
        raise RuntimeError(f"The product's sign-in answered with {answer.status}.")
    return context


@contextmanager
def _open(context: BrowserContext, address: str, plan: Plan) -> Generator[Page]:
    page = context.new_page()
    page.goto(address)
    page.locator(".text .block").first.wait_for()
    page.wait_for_timeout(_SETTLE)
    if plan.slow_handler:
        page.evaluate(SLOW_HANDLER.format(ms=plan.slow_handler))
    try:
        yield page
    finally:
        page.close(run_before_unload=False)


def _measure(browser: Browser, page: Page, note: LongNote, plan: Plan, scratch: Path) -> dict[str, Any]:
    folder = plan.peers
    values: dict[str, Any] = {"note": editor_data(note)}
    folders = {"pages": product.PAGES, "frontend": product.FRONTEND}
    if folder:
        folders |= {"modules": peers.modules_of(folder), "nlp": peers.frontend_of(folder)}
        values |= {
            "imports": peers.import_map(peers.modules_of(folder)),
            "nlp_assets": peers.assets_of(folder),
            "nlp_note": peers.nlp_data(note),
        }
    places = [scored.span.start for scored in note.spans]
    starts = spread(places, plan.samples)
    with static_server(folders, values) as base:
        context = new_context(browser)  # of its own: a tab behind another one draws no frames
        plain_page = context.new_page()
        plain_page.goto(f"{base}/pages/plain.html")
        plain = Keys(plain_page, random.Random(0))  # noqa: S311  moments, not secrets
        typist = Typist(page, plain)
        actions = typist.work(starts)
        fewer = spread(places, min(plan.samples, _FEWER))
        completed = typist.complete(fewer)
        page_itself = report.frames(actions.pop(ONE_CLASS), completed[ONE_CLASS])
        typist.go_to(starts[len(starts) // 2])
        saves = measure_saves(page, plan.samples)
        in_product = counted(page)
        first = measure_first_paint(new_context(browser), base, plan.first_paints)
        beside: list[peers.Peer] = []
        if folder:
            beside = _peers(peers.Bench(browser, base, plain, note, fewer, plan.first_paints, folder), scratch)
        return {
            "words": note.size.words,
            "spans": len(note.spans),
            "actions": {name: report.action(timed, completed[name], note.size) for name, timed in actions.items()},
            "one_class": page_itself,
            "save": report.save(saves),
            "first_paint": report.first_paint(first, note.size),
            "page": in_product,
            "peers": [report.peer(one) for one in beside],
        }


def _peers(bench: peers.Bench, scratch: Path) -> list[peers.Peer]:
    found: list[peers.Peer] = []
    if peers.installed_version(bench.folder, peers.RECOGITO):
        found += peers.measure_recogito(bench)
    if peers.installed_version(bench.folder, peers.NLP):
        with peers.nlp_server(bench.folder, bench.note, scratch) as url:
            found.append(peers.measure_nlp(bench, url))
    return found


def _sizes(text: str) -> tuple[Size, ...]:
    try:
        pairs = [part.split("/") for part in text.split(",")]
        sizes = tuple(Size(int(words), int(spans)) for words, spans in pairs)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list like 1000/50,5000/500 (words/spans)") from None
    if any(size.words < 1 or size.spans < 2 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r}: a note has at least one word and two spans")
    return sizes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mednerapp bench editor", description="The span editor against its floors.")
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="words/spans of each note, with commas between")
    parser.add_argument("--samples", type=int, default=40, help="of each action and size, all over the note")
    parser.add_argument("--first-paints", type=int, default=15)
    parser.add_argument(
        "--peers", type=Path, help="folder with node_modules and python, see docs/editor-performance.md"
    )
    parser.add_argument("--chromium", type=Path, default=CHROMIUM)
    parser.add_argument(
        "--slow-handler", type=float, default=0, metavar="MS", help="plant a slow key handler: a check of the bench"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if given.samples < 1 or given.first_paints < 1:
        parser.error("--samples and --first-paints are at least 1")
    if not given.chromium.is_file():
        parser.error(f"--chromium {str(given.chromium)!r} is no file")
    if given.peers and not given.peers.is_dir():
        parser.error(f"--peers {str(given.peers)!r} is no folder")
    plan = Plan(given.sizes, given.samples, given.first_paints, given.peers, given.chromium, given.slow_handler)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = run(plan, scratch=Path(folder))
        except PlaywrightMissingError as error:
            parser.exit(1, f"{error}\n")
    sys.stdout.write((json.dumps(result, indent=2) if given.json else report.table(result)) + "\n")


if __name__ == "__main__":
    main()
