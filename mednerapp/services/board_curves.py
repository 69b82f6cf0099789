"""What a dataset's models say together: where more notes would lead, and whether the labels drift."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mednerapp.domain.datasets import Split
from mednerapp.scoring import curves
from mednerapp.scoring.drift import label_drift
from mednerapp.scoring.resampling import Estimate
from mednerapp.scoring.summaries import line_from
from mednerapp.store import Transaction

MOST_CURVES = 6
MOST_POINTS = 60  # of one curve; the newest
STEPS = 25  # points of the drawn line
AHEAD = 2.0  # times the largest number of notes
_NOT_THE_SAME = ("seed", "train_share")  # settings in which runs of one curve may differ


@dataclass(frozen=True, slots=True)
class Point:
    """A model: its training notes and its F1. evaluation_id: where its errors are."""

    evaluation_id: int
    name: str
    notes: int
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Ahead:
    """The fitted F1 at so many training notes, with the 95% band of what would be measured."""

    notes: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CurveOf:
    """Models of one encoder and the same settings. line: fitted, up to twice the notes; empty below three sizes."""

    name: str
    points: tuple[Point, ...]
    line: tuple[Ahead, ...]

    @property
    def most(self) -> int:
        return max(point.notes for point in self.points)

    @property
    def ahead(self) -> Ahead | None:
        """The forecast at twice the notes."""
        return self.line[-1] if self.line else None

    @property
    def now(self) -> Ahead | None:
        """The fitted F1 at the notes there are."""
        return next((a for a in self.line if a.notes == self.most), None)


@dataclass(frozen=True, slots=True)
class DriftOf:
    """The label mix of the older half of the dataset's notes against the newer half, by time of import.

    divergence: Jensen-Shannon, in bits; p: of the permutation test; shares: label → older, newer. days: distinct days
    of import; with one there is nothing to say, and the rest is None and empty.
    """

    divergence: float | None
    p: float | None
    shares: Mapping[str, tuple[float, float]]
    notes: int
    days: int
    since: str


def together(tx: Transaction, dataset_id: int) -> dict[str, Any]:
    """As plain values; see `curves_from` and `drift_from`."""
    counts = tx.boards.label_counts(dataset_id)
    gold = sum(sum(labels.values()) for _, labels in counts)
    return {"curves": _curves(tx, dataset_id), "drift": _drift(counts), "gold": gold, "all_notes": len(counts)}


def curves_from(value: Mapping[str, Any]) -> tuple[CurveOf, ...]:
    return tuple(
        CurveOf(
            c["name"],
            tuple(Point(number, name, notes, Estimate(*f1)) for number, name, notes, f1 in c["points"]),
            tuple(Ahead(*a) for a in c["line"]),
        )
        for c in value.get("curves", ())
    )


def drift_from(value: Mapping[str, Any]) -> DriftOf | None:
    found = value.get("drift")
    if not found:
        return None
    shares = {label: (older, newer) for label, (older, newer) in found["shares"].items()}
    return DriftOf(found["divergence"], found["p"], shares, found["notes"], found["days"], found["since"])


def _curves(tx: Transaction, dataset_id: int) -> list[dict[str, Any]]:
    lines = {row.evaluation_id: line_from(row.head["micro"]) for row in tx.boards.ranked(dataset_id)}
    trained = [one for one in tx.boards.trained(dataset_id, Split.TEST) if one.evaluation_id in lines]
    sizes = tx.boards.notes_on(Split.TRAIN, {one.dataset_id for one in trained})
    groups: dict[str, list[list[Any]]] = defaultdict(list)
    encoders: dict[str, str] = {}
    for one in trained:
        settings = {key: value for key, value in one.hyper.items() if key not in _NOT_THE_SAME}
        key = f"{one.encoder} {sorted(settings.items(), key=str)}"
        encoders[key] = one.encoder
        share = float(one.hyper.get("train_share", 1.0))
        f1 = lines[one.evaluation_id].f1
        if f1.value is not None:
            notes = max(1, round(sizes.get(one.dataset_id, 0) * share))
            groups[key].append([one.evaluation_id, one.adapter, notes, [f1.value, f1.low, f1.high]])
    found = [
        {"name": encoders[key], "points": points[-MOST_POINTS:], "line": _line(points[-MOST_POINTS:])}
        for key, points in groups.items()
    ]
    found.sort(key=lambda c: (-len({point[2] for point in c["points"]}), -len(c["points"])))
    return found[:MOST_CURVES]


def _line(points: Sequence[Sequence[Any]]) -> list[list[float]]:
    sizes = [float(point[2]) for point in points]
    errors = [max(0.005, (high - low) / 4) if low is not None else 0.02 for _, _, _, (_, low, high) in points]
    fitted = curves.fit(sizes, [point[3][0] for point in points], errors)
    if fitted is None:
        return []
    grid = sorted({*np.geomspace(min(sizes), AHEAD * max(sizes), STEPS).tolist()[1:-1], *sizes, AHEAD * max(sizes)})
    return [[f.notes, f.value, f.low, f.high] for f in map(fitted.forecast, grid)]


def _drift(counts: Sequence[tuple[Any, Mapping[str, int]]]) -> dict[str, Any]:
    days = len({at.date() for at, _ in counts})
    nothing = {"divergence": None, "p": None, "shares": {}, "notes": len(counts), "days": days, "since": ""}
    if days < 2:
        return nothing
    half = len(counts) // 2
    found = label_drift([labels for _, labels in counts[:half]], [labels for _, labels in counts[half:]])
    return {
        **nothing,
        "divergence": found.divergence,
        "p": found.p,
        "shares": {label: list(pair) for label, pair in found.shares.items()},
        "since": f"{counts[half][0]:%Y-%m-%d}",
    }
