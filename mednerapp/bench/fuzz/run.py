"""Runs of random actions, and what they come to.

    mednerapp bench fuzz-editor [--runs 20] [--actions 500] [--seed 1] [--headed] [--json]

Needs Playwright (requirements-dev.txt) and a Chromium: MEDNER_TEST_CHROMIUM, else /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from mednerapp.bench.fuzz import actions
from mednerapp.bench.fuzz.actions import ACTIONS, Session, settled
from mednerapp.bench.fuzz.checking import check_browser, check_history, check_log, stored
from mednerapp.bench.fuzz.product import EMAIL, PASSWORD, Product
from mednerapp.bench.fuzz.traffic import Traffic
from mednerapp.bench.fuzz.window import Window

CHECK_EVERY = 100  # actions
SHOWN = 25  # last actions that are printed with a fault
DRAWING = 20.0  # seconds until what is stored must be drawn, the history of undo included
COLUMNS = (
    *("seed", "actions", "edits", "acknowledged", "events", "checks", "conflicts", "refused", "reloads", "kills"),
    *("channel", "offline", "cuts", "switches", "lost", "invented", "seconds"),
)


@dataclass
class Result:
    """One run. edits: sent by pages. events: in the log at the end. channel: answers that came over the websocket;
    cuts: how often it broke off. faults: in words, empty when all is well.
    """

    seed: int
    actions: int = 0
    edits: int = 0
    acknowledged: int = 0
    events: int = 0
    checks: int = 0
    conflicts: int = 0
    refused: int = 0
    reloads: int = 0
    kills: int = 0
    channel: int = 0
    offline: int = 0
    cuts: int = 0
    switches: int = 0
    lost: int = 0
    invented: int = 0
    seconds: float = 0
    faults: list[str] = field(default_factory=list[str])
    last: list[str] = field(default_factory=list[str])


class Run:
    """One run on a project of its own."""

    def __init__(self, product: Product, context: BrowserContext, *, seed: int, number: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - actions, not secrets
        self.traffic = Traffic()
        self.traffic.watch(context)
        if number % 3 == 2:  # as behind a proxy that lets no websocket through but Streamlit's
            context.route_web_socket("**/api/saves", lambda socket: socket.close())
        ground = product.add_ground(number, chance)
        with product.store.read() as tx:
            text = tx.notes.get(ground.notes[0]).text
        window = Window(context, product.url)
        window.open(ground.notes[0])
        self.session = Session(chance, product, context, ground, text, window)
        self.result = Result(seed)

    def play(self, count: int) -> Result:
        began = time.monotonic()
        session = self.session
        weights = [weight for weight, _ in ACTIONS]
        session.window.focus()
        for number in range(1, count + 1):
            _, action = session.chance.choices(ACTIONS, weights)[0]
            session.done.append(action(session))
            actions.back_online(session)
            if number % 7 == 0:
                self._look()
            if number % CHECK_EVERY == 0 or number == count:
                self._check()
                if self.result.faults:
                    break
        self.result.seconds = round(time.monotonic() - began, 1)
        return self._finish()

    def _look(self) -> None:
        """A person sees a banner after a while, and puts the hands back on the text."""
        now = self.session.window.snapshot()
        if now and now["problem"] in ("conflict", "submitted"):
            actions.resolve(self.session, self.session.window)
        elif now and now["docId"] and not now["leaving"]:
            self.session.window.focus()

    def _check(self) -> None:
        """Everything is saved, and the same everywhere; a reload changes nothing, the history of undo included."""
        session, result = self.session, self.result
        window = session.window
        if session.offline_until is not None:
            session.context.set_offline(False)
            session.offline_until = None
        session.product.wait_until_healthy()
        for _ in range(3):  # a panel, a bar, the help
            window.press("Escape")
        for tab in filter(None, (session.second, window)):
            if not settled(session, tab):
                result.faults.append(f"Not settled: {tab.snapshot()}")
                return
        before = self._compare(allow_stale=True)
        if result.faults:
            return
        window.reload()
        after = self._compare(allow_stale=False)
        if before and after and not result.faults:
            result.faults += _other_history(before, after)
        window.focus()
        result.checks += 1

    def _compare(self, *, allow_stale: bool) -> dict[str, Any] | None:
        """The browser and all that is stored; the snapshot. A tab that the other one has overtaken is not compared."""
        session, result = self.session, self.result
        deadline = time.monotonic() + DRAWING
        while True:
            now = session.window.snapshot()
            records = stored(session.product.store, user_id=session.product.user.id, notes=session.ground.notes)
            annotation, events, text = next(r for r in records if r[0].note_id == session.ground.notes[0])
            if now and allow_stale and now["revision"] < annotation.revision:
                now = None
                break
            faults = ["No editor on the page."]
            if now:
                faults = check_browser(now, session.window.drawn(), annotation, text) + check_history(now, events)
            if not faults or time.monotonic() > deadline:
                result.faults += faults
                break
            session.page.wait_for_timeout(50)
        result.lost = result.invented = result.events = 0
        for annotation, events, _ in records:
            verdict = check_log(annotation, events, self.traffic)
            result.faults += verdict.faults
            result.lost += verdict.lost
            result.invented += verdict.invented
            result.events += len(events)
        return now

    def _finish(self) -> Result:
        result, traffic, session = self.result, self.traffic, self.session
        result.actions = len([line for line in session.done if not line.startswith("conflict:")])
        result.edits, result.acknowledged = len(traffic.sent), len(traffic.acknowledged)
        result.channel = traffic.over_channel
        result.conflicts, result.refused = traffic.conflicts, len(traffic.refused)
        for name, value in session.counts.items():
            if hasattr(result, name):
                setattr(result, name, value)
        result.faults += [f"The server refused: {words}" for words in traffic.refused]
        result.faults += [f"Two edits under one number: {number}" for number in traffic.altered]
        for tab in filter(None, (session.window, session.second)):
            result.faults += [f"An error in the page: {error}" for error in tab.errors]
            tab.page.close()
        if result.faults:
            result.last = session.done[-SHOWN:]
        return result


def _other_history(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = [name for name in ("canUndo", "canRedo", "steps") if name in before and name in after]
    return [
        f"After a reload {name} is {str(after[name])[-300:]}, was {str(before[name])[-300:]}"
        for name in names
        if before[name] != after[name]
    ]


def sign_in(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda address: "/sign-in" not in address)
    page.close()


def play_all(browser: Browser, folder: Path, *, runs: int, count: int, seed: int, quiet: bool = False) -> list[Result]:
    """All runs on one installation. Each has a browser context of its own: cookies, tabs, being offline."""
    product = Product(folder)
    results: list[Result] = []
    try:
        product.start()
        product.wait_until_healthy()
        for number in range(runs):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            sign_in(context, product.url)
            results.append(Run(product, context, seed=seed + number, number=number).play(count))
            context.close()
            if not quiet:
                _print_row(results[-1])
    finally:
        product.close()
    return results


def _print_row(result: Result) -> None:
    values = asdict(result)
    sys.stdout.write("  ".join(f"{values[name]:>{max(len(name), 5)}}" for name in COLUMNS) + "\n")
    for fault in result.faults:
        sys.stdout.write(f"    {fault}\n")
    if result.faults:
        sys.stdout.write(f"    Seed {result.seed}; the last actions: " + " | ".join(result.last) + "\n")
    sys.stdout.flush()


def totals(results: Sequence[Result]) -> Result:
    total = Result(seed=results[0].seed)
    for name in COLUMNS[1:]:
        setattr(total, name, round(sum(getattr(result, name) for result in results), 1))
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="mednerapp bench fuzz-editor", description="Random work on the annotate page, with mishaps."
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--actions", type=int, default=500, help="of each run")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each next one has the next number")
    parser.add_argument("--headed", action="store_true", help="show the browser")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    chromium = os.environ.get("MEDNER_TEST_CHROMIUM", "/usr/bin/chromium")
    if not given.json:
        sys.stdout.write("  ".join(f"{name:>5}" for name in COLUMNS) + "\n")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, headless=not given.headed, args=["--no-sandbox", "--disable-gpu"]
        )
        results = play_all(
            browser, Path(folder) / "data", runs=given.runs, count=given.actions, seed=given.seed, quiet=given.json
        )
        browser.close()
    if given.json:
        sys.stdout.write(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    else:
        _print_row(totals(results))
        bad = sum(bool(result.faults) for result in results)
        sys.stdout.write(f"{len(results)} runs, {bad} with a fault.\n")
    if any(result.faults for result in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
