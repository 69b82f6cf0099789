"""Editors that a package registry offers, on the same notes: what each action costs in them, and what they leave out.

They lie in a folder that is named on the command line; nothing of them is part of the product.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mednerapp.bench.editor.driving import Keys, frame, new_context, rest
from mednerapp.bench.editor.notes import LongNote
from mednerapp.bench.editor.product import PAGES, running
from mednerapp.domain.labels import MEDICAL_SCHEMA

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

RECOGITO = "@recogito/text-annotator"
NLP = "streamlit-nlp-annotator"
RENDERERS = ("SPANS", "CSS_HIGHLIGHTS")
WARM_UP = 3
_UNDO_PAUSE = 350  # ms; @recogito/text-annotator takes changes that follow more quickly as one step


@dataclass(slots=True)
class Peer:
    """Milliseconds by action, those of the plain page just before, and how many of the note's spans it shows."""

    name: str
    version: str
    times: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    floors: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    shown: int = 0
    spans: int = 0
    how: str = ""

    def add(self, action: str, milliseconds: float, floor: float | None = None) -> None:
        self.times.setdefault(action, []).append(milliseconds)
        if floor is not None:
            self.floors.setdefault(action, []).append(floor)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every peer is measured with.

    url: of the static server. plain: the floor's page. starts: offsets of the spans that are acted on.
    first_paints: how many. folder: where the peers lie.
    """

    browser: Browser
    url: str
    plain: Keys
    note: LongNote
    starts: list[int]
    first_paints: int
    folder: Path

    def peer(self, name: str, package: str, how: str) -> Peer:
        return Peer(name, installed_version(self.folder, package), spans=len(self.note.spans), how=how)


def modules_of(folder: Path) -> Path:
    return folder / "node_modules"


def import_map(modules: Path) -> dict[str, str]:
    """Where a browser finds each installed package, by the `exports` of its package.json."""
    found: dict[str, str] = {}
    for file in sorted([*modules.glob("*/package.json"), *modules.glob("@*/*/package.json")]):
        about = json.loads(file.read_text(encoding="utf-8"))
        name, base = about["name"], f"/modules/{file.parent.relative_to(modules).as_posix()}"
        exports = about.get("exports", about.get("module", about.get("main", "index.js")))
        entries = (
            exports if isinstance(exports, dict) and any(key.startswith(".") for key in exports) else {".": exports}
        )
        for path, entry in entries.items():
            target = _for_browsers(entry)
            if target and "*" not in path:
                found[name + path.removeprefix(".")] = f"{base}/{target.removeprefix('./')}"
    return found


def _for_browsers(entry: Any) -> str | None:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, dict):
        for condition in ("browser", "import", "default"):
            if condition in entry and (target := _for_browsers(entry[condition])):
                return target
    return None


def frontend_of(folder: Path) -> Path:
    """Where streamlit-nlp-annotator keeps its script and its style sheet."""
    return folder / "python" / "streamlit_nlp_annotator" / "frontend" / "build"


def assets_of(folder: Path) -> list[str]:
    return [
        f"/nlp/{file.name}" for file in sorted(frontend_of(folder).glob("index-*")) if file.suffix in (".js", ".css")
    ]


def nlp_data(note: LongNote) -> dict[str, Any]:
    """What its Python side sends."""
    annotations = [
        {
            "id": f"m{i}",
            "start": s.span.start,
            "end": s.span.end,
            "label": s.span.label,
            "text": s.span.mention(note.text),
        }
        for i, s in enumerate(note.spans)
    ]
    labels = list(MEDICAL_SCHEMA.names)
    return {"text": note.text, "labels": labels, "annotations": annotations, "readonly": False, "themeMode": "light"}


def installed_version(folder: Path, name: str) -> str:
    """'' when it is not there."""
    if name == RECOGITO:
        file = modules_of(folder) / RECOGITO / "package.json"
        return json.loads(file.read_text(encoding="utf-8"))["version"] if file.is_file() else ""
    about = next((folder / "python").glob("streamlit_nlp_annotator-*.dist-info"), None)
    return about.name.split("-")[1].removesuffix(".dist") if about else ""


def _first_paints(context: BrowserContext, url: str, peer: Peer, count: int) -> Page:
    """Shows the note on fresh pages, to the frame that has its spans; one warms up, the last is left open."""
    page = _shown(context, url, None)
    for _ in range(count):
        page.close()
        page = _shown(context, url, peer)
    return page


def _shown(context: BrowserContext, url: str, peer: Peer | None) -> Page:
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("() => window.peer")
    page.evaluate("() => __bench.idle()")
    shown = frame(page.evaluate("() => __bench.call(() => peer.show(), () => peer.isShown())"))
    if peer:
        peer.add("first paint", shown.painted)
    return page


# ---- @recogito/text-annotator: keys that call its methods


def measure_recogito(bench: Bench) -> list[Peer]:
    """One for each of its renderers."""
    return [_recogito(bench, renderer) for renderer in RENDERERS]


def _recogito(bench: Bench, renderer: str) -> Peer:
    how = "a key calls the one method of its interface that does it; it has no suggestions to accept"
    peer = bench.peer(f"{RECOGITO} ({renderer})", RECOGITO, how)
    plain = bench.plain
    context = new_context(bench.browser)
    page = _first_paints(context, f"{bench.url}/pages/recogito.html?renderer={renderer}", peer, bench.first_paints)
    page.locator("#pane").focus()
    peer.shown = page.evaluate("() => peer.state().count")
    keys = Keys(page, random.Random(0))  # noqa: S311  moments, not secrets
    steps = (
        ("next", "ArrowRight", ""),
        ("relabel", "1", ""),
        ("undo", "Control+z", ""),
        ("resize", "k", "Control+z"),
        ("delete", "Delete", "Control+z"),
        ("create", "5", "Control+z"),
    )
    for turn, start in enumerate([*bench.starts[:WARM_UP], *bench.starts]):
        page.evaluate("(start) => peer.goTo(start)", start)
        for action, key, after in steps:
            before = page.evaluate("() => peer.state()")
            pressed = "2" if key == "1" and "Disease" in before["hash"] else key
            floor = plain.timed("x").painted
            taken = keys.timed(pressed, "peer.drawing()").painted
            if page.evaluate("() => peer.state()") != before and turn >= WARM_UP:
                peer.add(action, taken, floor)
            if action != "next":
                page.wait_for_timeout(_UNDO_PAUSE)
            if after:
                keys.press(after)
    context.close()
    return peer


# ---- streamlit-nlp-annotator: a mouse, since it has no keys for these


@contextmanager
def nlp_server(folder: Path, note: LongNote, scratch: Path) -> Generator[str]:
    file = scratch / f"{note.size.words}.json"
    file.write_text(json.dumps(nlp_data(note)), encoding="utf-8")
    env = {"PYTHONPATH": str(folder / "python"), "MEDNER_BENCH_NOTE": str(file)}
    with running(PAGES / "nlp_annotator.py", health="/_stcore/health", env=env) as url:
        yield url


_SHOWN = """() => new Set([...[...document.querySelectorAll('*')].find((node) => node.shadowRoot).shadowRoot
  .querySelectorAll('[data-annotation-id]')].map((node) => node.dataset.annotationId)).size"""
_CHIP = ".nlp-annotator__menu-chip"
_DELETE = ".nlp-annotator__delete-button"


def measure_nlp(bench: Bench, url: str) -> Peer:
    """Select, delete and create with the mouse: from the button coming up to the painted frame.

    url: of the app of `nlp_server`.
    """
    how = "mouse: next is a click on a span, delete its cross, create a label in its menu; it has no more"
    peer = bench.peer(NLP, NLP, how)
    plain, count = bench.plain, len(bench.starts)
    context = new_context(bench.browser)
    _first_paints(context, f"{bench.url}/pages/nlp_first_paint.html", peer, bench.first_paints).close()
    page = context.new_page()
    page.goto(url)
    page.locator("[data-annotation-id]").first.wait_for()
    page.wait_for_timeout(2_000)
    peer.shown = page.evaluate(_SHOWN)
    draw = random.Random(0)  # noqa: S311
    for turn in range(WARM_UP + count):
        marks = page.locator("[data-annotation-id]")
        index = min(marks.count() - 1, int((turn % count + 0.5) * marks.count() / count))
        x, y = _middle(page, marks.nth(index).element_handle())
        floors = [plain.timed("x").painted]
        selected = _released(page, draw, x, y)
        cross = page.locator(_DELETE)
        cross.wait_for()
        x, y = _middle(page, cross.element_handle(), scroll=False)
        floors.append(plain.timed("x").painted)
        deleted = _changed(page, -1, lambda x=x, y=y: _released(page, draw, x, y))
        floors.append(plain.timed("x").painted)
        created = _changed(page, 1, lambda index=index: _create(page, draw, index))
        if turn >= WARM_UP:
            taken_by = {"next": selected, "delete": deleted, "create": created}
            for (action, taken), floor in zip(taken_by.items(), floors, strict=True):
                if taken is not None:
                    peer.add(action, taken, floor)
    context.close()
    return peer


_SELECT = """(nodes, index) => {
  const node = nodes.slice(index).find((one) => /\\S[^\\n]{10}/.test(one.textContent)) ?? nodes[0];
  node.scrollIntoView({ block: 'center' });
  const from = node.textContent.search(/\\S[^\\n]{10}/);
  const range = document.createRange();
  range.setStart(node.firstChild, from);
  range.setEnd(node.firstChild, from + 6);
  const { left, right, top, height } = range.getClientRects()[0];
  return [left + 1, right, top + height / 2];
}"""


def _create(page: Page, draw: random.Random, index: int) -> float | None:
    """Some plain text, selected by dragging, gets the first label of the menu; None where the menu does not open."""
    left, right, y = page.locator("[data-segment-type=plain]").evaluate_all(_SELECT, index)
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move(right, y, steps=3)
    page.mouse.up()
    page.wait_for_timeout(100)
    chip = page.locator(_CHIP).first
    if not chip.count():
        return None
    return _released(page, draw, *_middle(page, chip.element_handle()))  # the menu opens far from the selected text


def _changed(page: Page, by: int, act: Callable[[], float | None]) -> float | None:
    """What `act` took, None if there are not so many spans more after it."""
    before: int = page.evaluate(_SHOWN)
    taken = act()
    page.wait_for_timeout(150)
    return taken if page.evaluate(_SHOWN) == before + by else None


def _middle(page: Page, handle: Any, *, scroll: bool = True) -> tuple[float, float]:
    x, y = page.evaluate(
        """([node, scroll]) => {
          if (scroll) node.scrollIntoView({ block: 'center' });
          const { left, top, width, height } = node.getClientRects()[0];
          return [left + width / 2, top + height / 2];
        }""",
        [handle, scroll],
    )
    return x, y


def _released(page: Page, draw: random.Random, x: float, y: float) -> float:
    """A click there, timed from the button coming up."""
    page.mouse.move(x, y)
    rest(page, draw)
    page.mouse.down()
    rest(page, draw)
    page.evaluate("() => __bench.arm()")
    page.mouse.up()
    return frame(page.evaluate("() => __bench.sample()")).painted
