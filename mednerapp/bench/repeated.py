"""Fifty equal mentions under a wrong label: put right all at once, and one by one.

    mednerapp bench repeated-mentions [--mentions 50] [--pace 0.2] [--json]

Keys are pressed as somebody presses them, so many seconds apart; what the page takes comes on top. Needs Playwright
(requirements-dev.txt) and a Chromium: MEDNER_TEST_CHROMIUM, else /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from mednerapp.bench.fuzz.product import Product
from mednerapp.bench.fuzz.run import sign_in
from mednerapp.bench.fuzz.window import Window
from mednerapp.domain.spans import ScoredSpan, Span

MENTION, WRONG, RIGHT, KEY = "metformin", "Symptom", "Drug", "3"
_LINE = "Takes metformin with breakfast; dose as before. "


@dataclass(frozen=True, slots=True)
class Way:
    """keys: pressed in all. seconds: from the first key until everything is saved. right: mentions put right."""

    name: str
    keys: int
    seconds: float
    right: int


def all_at_once(mentions: int) -> list[str]:  # noqa: ARG001 - the same keys however many there are
    """To the first mention; its label; all the others, seen in a preview; yes."""
    return ["Tab", KEY, "b", "Enter"]


def one_by_one(mentions: int) -> list[str]:
    return ["Tab", KEY] * mentions


def measure(browser: Browser, folder: Path, *, mentions: int, pace: float) -> list[Way]:
    """Both ways, each on a note of its own."""
    product = Product(folder)
    try:
        product.start()
        product.wait_until_healthy()
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        sign_in(context, product.url)
        ways = (("all at once", all_at_once(mentions)), ("one by one", one_by_one(mentions)))
        return [_measured(product, Window(context, product.url), name, keys, mentions, pace) for name, keys in ways]
    finally:
        product.close()


def _measured(product: Product, window: Window, name: str, keys: Sequence[str], mentions: int, pace: float) -> Way:
    text = f"{name.capitalize()}.\n" + _LINE * mentions
    starts = [len(name) + 2 + i * len(_LINE) + _LINE.index(MENTION) for i in range(mentions)]
    spans = [ScoredSpan(Span(start, start + len(MENTION), WRONG), 0.9) for start in starts]
    note_id = product.add_note(name, text, spans)
    window.open(note_id)
    window.focus()
    began = time.perf_counter()
    for key in keys:
        due = time.perf_counter() + pace
        window.press(key)
        if key == "b":  # nobody says yes to a preview that is not there
            window.page.locator(".bulk button.primary:enabled:focus").wait_for()
        window.page.wait_for_timeout(max(0.0, due - time.perf_counter()) * 1000)
    if not window.until(lambda now: now is not None and not now["pending"]):
        raise TimeoutError(f"{name}: not saved.")
    seconds = time.perf_counter() - began
    with product.store.read() as tx:
        annotation = tx.annotations.of(note_id=note_id, user_id=product.user.id)
    right = sum(span.span.label == RIGHT for span in annotation.spans) if annotation else 0
    return Way(name, len(keys), round(seconds, 2), right)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mednerapp bench repeated-mentions", description="All at once or one by one.")
    parser.add_argument("--mentions", type=int, default=50)
    parser.add_argument("--pace", type=float, default=0.2, help="seconds from key to key")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    chromium = os.environ.get("MEDNER_TEST_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        ways = measure(browser, Path(folder) / "data", mentions=given.mentions, pace=given.pace)
        browser.close()
    if given.json:
        sys.stdout.write(json.dumps([asdict(way) for way in ways], indent=2) + "\n")
        return
    sys.stdout.write(f"{given.mentions} mentions, a key every {given.pace} s\n")
    for way in ways:
        sys.stdout.write(f"{way.name:12} {way.keys:4} keys  {way.seconds:7.2f} s  {way.right} right\n")


if __name__ == "__main__":
    main()
