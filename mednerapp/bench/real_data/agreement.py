"""Whether the dashboard says what the command line says: number by number, figure by figure, cell by cell.

`report --json` is read here as any other program would read it, without the code that draws the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mednerapp.bench.real_data.page import Seen

SAME = 1e-6  # percent points, or losses
IN_USE = " (in use)"
COUNTS = ("Gold", "Found", "Invented", "Missed")
Value = Mapping[str, Any]


@dataclass
class Place:
    """A figure, a table or the words of a view. numbers: that were compared; different: in words."""

    name: str
    numbers: int = 0
    different: list[str] = field(default_factory=list[str])

    def same(self, what: str, page: float | None, printed: float | None) -> None:
        self.numbers += 1
        equal = page == printed if page is None or printed is None else abs(page - printed) <= SAME
        if not equal:
            self.different.append(f"{what}: {page} on the page, {printed} printed")

    def alike(self, what: str, page: Sequence[str], printed: Sequence[str]) -> None:
        """Cells of one row; every cell with a digit counts as one number."""
        self.numbers += sum(any(c.isdigit() for c in cell) for cell in printed)
        if list(page) != list(printed):
            self.different.append(f"{what}: {' | '.join(page)} on the page, {' | '.join(printed)} printed")

    def there(self, what: str, *, found: bool) -> bool:
        if not found:
            self.different.append(f"{what}: not on the page")
        return found


def percent(value: Value) -> str:
    """An estimate as a cell shows it."""
    if value["value"] is None:
        return "\u2013"
    if value["low"] is None or value["high"] is None:
        return f"{100 * value['value']:.1f}% (no interval)"
    return f"{100 * value['value']:.1f}% ({100 * value['low']:.1f}\u2013{100 * value['high']:.1f})"


def number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def overview(seen: Seen, report: Value, table: Sequence[Sequence[str]]) -> list[Place]:
    """table: header and rows of `report --out x.csv`."""
    models = {one["name"]: one for one in report["models"]}
    dots, bars = Place("F1 of the models (figure)"), Place("Errors of the best (figure)")
    if dots.there("the figure", found=bool(seen.figures)):
        trace = seen.figures[0][0]
        shown = {name.removesuffix(IN_USE): place for place, name in enumerate(trace["y"])}
        for name, one in models.items():
            if dots.there(name, found=name in shown):
                _interval(dots, name, trace["x"], trace["error_x"], shown[name], one["micro"]["f1"])
    if bars.there("the figure", found=len(seen.figures) > 1):
        found = dict(zip(seen.figures[1][0]["y"], seen.figures[1][0]["x"], strict=True))
        for kind, count in report["detail"]["kinds"].items():
            bars.same(kind, found.get(kind), count)
    best = report["models"][0]["micro"]
    buttons = Place("Found, missed, invented (buttons)")
    for word, value in (("Found", best["found"]), ("Missed", best["missed"]), ("Invented", best["invented"])):
        said = re.search(rf"^{word} ([\d.]+)$", seen.words, re.MULTILINE)
        buttons.same(word, float(said[1]) if said else None, value)
    return [dots, bars, buttons, _table("Models (table)", seen.tables, 0, table), sentences(seen, report)]


def sentences(seen: Seen, report: Value) -> Place:
    """The first screen says all but those that it words otherwise: of notes left out, and of models to score."""
    place, words = Place("Sentences"), " ".join(seen.words.split())
    for sentence in report["sentences"]:
        if "are left out for all" in sentence or sentence.startswith(("Stale, ", "Not scored: ")):
            continue
        said = sentence.removeprefix(f"{report['model']}: ")
        place.numbers += len(re.findall(r"\d+(?:\.\d+)?", said))
        place.there(said, found=said in words)
    return place


def groups(seen: Seen, dimension: str, lines: Sequence[Value]) -> list[Place]:
    """The view "Where it fails" for one dimension."""
    bars = Place(f"F1 by {dimension} (figure)")
    if bars.there("the figure", found=bool(seen.figures)):
        trace = seen.figures[0][0]
        for place, line in enumerate(lines):
            _interval(bars, line["name"], trace["y"], trace["error_y"], place, line["f1"])
    header = [dimension.capitalize(), "F1 (95%)", "Precision (95%)", "Recall (95%)", *COUNTS]
    return [bars, _table(f"By {dimension} (table)", seen.tables, 0, [header, *map(cells, lines)])]


def details(seen: Seen, report: Value) -> list[Place]:
    """What stands below in every such view."""
    detail = report["detail"]
    macro = next(one["macro"] for one in report["models"] if one["name"] == report["model"])
    header = ["Matching", "F1 (95%)", "Precision (95%)", "Recall (95%)", *COUNTS]
    matching = _table("Ways of matching (table)", seen.tables, 1, [header, *map(cells, (*detail["schemas"], macro))])
    squares, dots = Place("Confusion (figure)"), Place("Calibration (figure)")
    if squares.there("the figure", found=len(seen.figures) > 1):
        trace = seen.figures[1][0]
        shown = {
            (gold, predicted): int(text)
            for gold, predicted, text in zip(trace["y"], trace["x"], trace["text"], strict=True)
        }
        for gold, predicted, count in detail["confusion"]:
            key = (gold or "nothing (invented)", predicted or "nothing (missed)")
            squares.same(f"gold {key[0]}, predicted {key[1]}", shown.pop(key, None), count)
        squares.there("other cells", found=not shown)
    if dots.there("the figure", found=len(seen.figures) > 2):
        trace = seen.figures[2][1]
        for place, one in enumerate(detail["calibration"]):
            dots.same(f"bin {place}, score", trace["x"][place], one["mean_score"])
            dots.same(f"bin {place}, right", trace["y"][place], one["share"])
            dots.same(f"bin {place}, above", trace["error_y"]["array"][place], one["to_share"] - one["share"])
            dots.same(f"bin {place}, below", trace["error_y"]["arrayminus"][place], one["share"] - one["from_share"])
    said = re.search(r"Expected calibration error: ([\d.]+)\.", seen.words)
    dots.alike("ECE", [said[1]] if said else [], [f"{detail['ece']:.3f}"])
    return [matching, squares, dots]


def learning(seen: Seen, report: Value) -> list[Place]:
    """The learning curves, and the mix of labels where notes came on more than one day."""
    curves = Place("Learning curve (figure)")
    traces = seen.figures[0] if seen.figures else []
    for curve in report["curves"]:
        points = next((t for t in traces if t["mode"] == "markers" and t["name"] == curve["name"]), None)
        if curves.there(curve["name"], found=points is not None) and points:
            for place, point in enumerate(curve["points"]):
                curves.same(f"{point['name']}, notes", points["x"][place], point["notes"])
                _interval(curves, point["name"], points["y"], points["error_y"], place, point["f1"])
        for part in (t for t in traces if curve["line"] and t["mode"] == "lines"):
            values = {round(a["notes"], 6): a for a in curve["line"]}
            for x, y in zip(part["x"], part["y"], strict=True):
                ahead = values.get(round(x, 6))
                if curves.there(f"{x} notes", found=ahead is not None) and ahead:
                    near = min((100 * ahead[key] for key in ("value", "low", "high")), key=lambda v: abs(v - y))
                    curves.same(f"at {x:.1f} notes", y, near)
    drift = Place("Label mix (figure)")
    for place, name in enumerate(("older half", "newer half")):
        for label, pair in (report["drift"] or {}).get("shares", {}).items():
            trace = next((t for f in seen.figures for t in f if t["name"] == name), None)
            shown = dict(zip(trace["x"], trace["y"], strict=True)) if trace else {}
            drift.same(f"{label}, {name}", shown.get(label), 100 * pair[place])
    return [curves, drift]


def training(seen: Seen, runs: Iterable[Value], published: Mapping[str, tuple[str, str]]) -> list[Place]:
    """runs: of `mednerapp runs --json`; published: encoder → precision and F1 as `report` writes them."""
    losses, scores, paper = Place("Losses (figure)"), Place("Dev F1 (figure)"), Place("Published (table)")
    drawn = [run for run in runs if run["epochs"]]
    for run in drawn:
        name = f"{run['name']} (run {run['run']})"
        of_splits = (("train", 0), ("dev", 0)) if len(drawn) == 1 else ((name, 0), (name, 1))
        for place, figure, (trace, number_), key, scale in (
            (losses, 0, of_splits[0], "train_loss", 1),
            (losses, 0, of_splits[1], "dev_loss", 1),
            (scores, 1, (name, 0), "dev_f1", 100),
        ):
            found = [t for t in (seen.figures[figure] if len(seen.figures) > figure else []) if t["name"] == trace]
            if place.there(f"{name}, {key}", found=len(found) > number_):
                shown = dict(zip(found[number_]["x"], found[number_]["y"], strict=True))
                for epoch in run["epochs"]:
                    value = None if epoch[key] is None else scale * epoch[key]
                    place.same(f"{name}, epoch {epoch['epoch']}, {key}", shown.get(epoch["epoch"]), value)
    rows = {row[0]: row[1:] for table in seen.tables for row in table[1:] if row[0] in published}
    for encoder, values in published.items():
        for at, value in enumerate(values):
            cell = rows.get(encoder, [])[at : at + 1]
            paper.same(f"{encoder}, column {at + 1}", float(cell[0]) if cell and cell[0] else None, float(value))
    return [losses, scores, paper]


def cells(line: Value) -> list[str]:
    """A line of `report --json` as a row of a table."""
    scores = (percent(line[key]) for key in ("f1", "precision", "recall"))
    return [line["name"], *scores, *(number(line[key]) for key in ("gold", "found", "invented", "missed"))]


def _interval(place: Place, name: str, values: Sequence[Any], bars: Value, at: int, estimate: Value) -> None:
    """A point in percent with the lengths of its error bar, against an estimate in [0, 1]."""
    point = values[at] if at < len(values) else None
    place.same(name, point, None if estimate["value"] is None else 100 * estimate["value"])
    if point is not None and estimate["low"] is not None:
        place.same(f"{name}, from", point - bars["arrayminus"][at], 100 * estimate["low"])
        place.same(f"{name}, to", point + bars["array"][at], 100 * estimate["high"])


def _table(name: str, tables: Sequence[Sequence[Sequence[str]]], at: int, printed: Sequence[Sequence[str]]) -> Place:
    place = Place(name)
    shown = tables[at] if at < len(tables) else []
    for row, expected in enumerate(printed):
        place.alike(f"row {row}", shown[row] if row < len(shown) else [], expected)
    place.there("as many rows", found=len(shown) == len(printed))
    return place
