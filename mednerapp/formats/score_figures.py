"""Scores as SVG documents that need nothing else: models with intervals, and a learning curve with its forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM = 860, 26, 260, 90, 20, 40
HEIGHT = 360  # of the learning curve
INK, GRID, BLUE, ORANGE = "#14232b", "#dddddd", "#0072B2", "#D55E00"  # Okabe & Ito (2008)
MOST_NAME = 36  # characters


@dataclass(frozen=True, slots=True)
class Bar:
    """A score in [0, 1] with its interval, where it has one."""

    name: str
    value: float | None
    low: float | None
    high: float | None


def scores(bars: Sequence[Bar]) -> str:
    """One row for each: a dot at the score, a line over its interval, the figures beside it."""
    height = TOP + BOTTOM + ROW * max(1, len(bars))

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * value, 1)

    parts = [_begin("F1 of the models, with 95% intervals", height)]
    for tick in range(0, 101, 20):
        parts.append(_line(x(tick / 100), TOP, x(tick / 100), height - BOTTOM, GRID))
        parts.append(_text(x(tick / 100), height - BOTTOM + 16, f"{tick}%", "middle"))
    for number, bar in enumerate(bars):
        y = TOP + ROW * number + ROW / 2
        parts.append(_text(LEFT - 12, y + 4, _short(bar.name), "end"))
        if bar.value is None:
            continue
        if bar.low is not None and bar.high is not None:
            parts.append(_line(x(bar.low), y, x(bar.high), y, BLUE, width=3))
        parts.append(f'<circle cx="{x(bar.value)}" cy="{y}" r="5" fill="{BLUE}"/>')
        parts.append(_text(WIDTH - RIGHT + 12, y + 4, f"{100 * bar.value:.1f}%"))
    return "\n".join([*parts, "</g></svg>"]) + "\n"


Measured = tuple[float, float, float | None, float | None]  # notes, F1, low, high
Fitted = tuple[float, float, float, float]


def learning_curve(points: Sequence[Measured], line: Sequence[Fitted]) -> str:
    """F1 against training notes: measured points with intervals, the fitted line with its band, up to the forecast."""
    most = max([p[0] for p in points] + [f[0] for f in line], default=1)

    def at(notes: float, score: float) -> tuple[float, float]:
        x = 60 + (WIDTH - 60 - RIGHT) * notes / most
        return round(x, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * score, 1)

    parts = [_begin("F1 against training notes, with the forecast and its 95% band", HEIGHT)]
    for tick in range(0, 101, 20):
        x, y = at(0, tick / 100)
        parts += [_line(x, y, WIDTH - RIGHT, y, GRID), _text(x - 8, y + 4, f"{tick}%", "end")]
    around = [at(n, low) for n, _, low, _ in line] + [at(n, high) for n, _, _, high in reversed(line)]
    if line:
        joined = " ".join(f"{x},{y}" for x, y in around)
        parts.append(f'<polygon points="{joined}" fill="{ORANGE}" fill-opacity="0.15"/>')
        fitted = " ".join("{},{}".format(*at(n, value)) for n, value, _, _ in line)
        parts.append(f'<polyline points="{fitted}" fill="none" stroke="{ORANGE}" stroke-width="2"/>')
        x, y = at(line[-1][0], line[-1][1])
        parts.append(_text(x + 8, y + 4, f"{100 * line[-1][1]:.1f}%"))
    for notes, value, low, high in points:
        x, y = at(notes, value)
        if low is not None and high is not None:
            parts.append(_line(x, at(notes, low)[1], x, at(notes, high)[1], BLUE, width=2))
        parts.append(f'<circle cx="{x}" cy="{y}" r="5" fill="{BLUE}"/>')
    for notes in sorted({round(p[0]) for p in points} | {round(most)}):
        parts.append(_text(at(notes, 0)[0], HEIGHT - BOTTOM + 16, f"{notes}", "middle"))
    parts.append(_text(WIDTH / 2, HEIGHT - 6, "Training notes", "middle"))
    return "\n".join([*parts, "</g></svg>"]) + "\n"


def _begin(title: str, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img"><title>{escape(title)}</title><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<g font-family="sans-serif" font-size="12" fill="{INK}">'
    )


def _line(x1: float, y1: float, x2: float, y2: float, color: str, *, width: int = 1) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{color}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(name: str) -> str:
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "\u2026"
