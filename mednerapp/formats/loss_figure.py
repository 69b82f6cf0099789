"""Loss against epoch as an SVG document that needs nothing else: no script, no font, no connection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float, float, float]  # epoch, mean, lowest, highest

# Okabe & Ito (2008), as in the app's figures; beyond seven encoders the colours repeat.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 62, 200, 24, 48  # margins; the legend is at the right
TICKS = 6


@dataclass(frozen=True, slots=True)
class Curve:
    """The curves of one encoder, each by epoch; `dev` is empty without dev notes."""

    name: str
    train: Sequence[Point]
    dev: Sequence[Point]


def draw(curves: Sequence[Curve]) -> str:
    """Train as lines, dev as dashes, a band from the lowest to the highest seed; one colour for each encoder."""
    points = [point for curve in curves for point in (*curve.train, *curve.dev)]
    last = max((point[0] for point in points), default=1)
    top = max((point[3] for point in points), default=1.0) * 1.05 or 1.0

    def at(epoch: float, loss: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * epoch / last
        return round(x, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * loss / top, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        '<g font-family="sans-serif" font-size="12" fill="#222222">',
        "<title>Loss against epoch</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for value in _ticks(top):
        x, y = at(0, value)
        parts.append(f'<line x1="{x}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>')
    for value in _ticks(last, whole=True):
        x, y = at(value, 0)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{value:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:g}" y="{HEIGHT - 10}" text-anchor="middle">Epoch</text>')
    parts.append(f'<text transform="translate(16 {HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">Loss</text>')
    for number, curve in enumerate(curves):
        color = PALETTE[number % len(PALETTE)]
        for series, dash in ((curve.train, ""), (curve.dev, ' stroke-dasharray="6 4"')):
            parts += _series([(at(e, mean), at(e, low), at(e, high)) for e, mean, low, high in series], color, dash)
    parts += _legend([curve.name for curve in curves], dev=any(curve.dev for curve in curves))
    return "\n".join([*parts, "</g></svg>"]) + "\n"


Place = tuple[float, float]


def _series(places: Sequence[tuple[Place, Place, Place]], color: str, dash: str) -> list[str]:
    """A band and a line; a single epoch is a dot."""
    if not places:
        return []
    if len(places) == 1:
        x, y = places[0][0]
        return [f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>']
    around = [low for _, low, _ in places] + [high for _, _, high in reversed(places)]
    line = _joined([mean for mean, _, _ in places])
    return [
        f'<polygon points="{_joined(around)}" fill="{color}" fill-opacity="0.15"/>',
        f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"{dash}/>',
    ]


def _joined(places: Sequence[Place]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def _legend(names: Sequence[str], *, dev: bool) -> list[str]:
    parts: list[str] = []
    x, y = WIDTH - RIGHT + 20, TOP + 8
    for number, name in enumerate(names):
        short = name if len(name) <= 20 else name[:19] + "\u2026"
        parts.append(f'<rect x="{x}" y="{y - 4}" width="22" height="4" fill="{PALETTE[number % len(PALETTE)]}"/>')
        parts.append(f'<text x="{x + 30}" y="{y + 3}">{escape(short)}</text>')
        y += 20
    for text, dash in (("train", ""), ("dev", ' stroke-dasharray="6 4"')) if dev else (("train", ""),):
        line = f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="#222222" stroke-width="2"{dash}/>'
        parts += [line, f'<text x="{x + 30}" y="{y + 4}">{text}</text>']
        y += 20
    return parts


def _ticks(top: float, *, whole: bool = False) -> list[float]:
    """From 0 in steps of 1, 2 or 5 times a power of ten; at most about TICKS of them."""
    rough = top / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    step = max(1.0, step) if whole else step
    return [round(i * step, 10) for i in range(int(top / step + 1e-9) + 1)]
