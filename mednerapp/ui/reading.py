"""A piece of a note with spans marked in it, as HTML: every character of the note is escaped."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from itertools import pairwise

from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.spans import Span

AROUND = 180  # characters of context on either side of a place
_BOX = (
    "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9;padding:.6rem .8rem;border-radius:.5rem;"
    "border:1px solid color-mix(in srgb, currentColor 18%, transparent)"
)
_FAINT = "background:color-mix(in srgb,{color} 14%,transparent);border-radius:.2rem"
_STRONG = (
    "background:color-mix(in srgb,{color} 34%,transparent);border-bottom:2px solid {color};border-radius:.2rem;"
    "font-weight:600"
)
_LABEL = "font-size:.68em;font-weight:600;opacity:.85;vertical-align:super;padding:0 .15em"


def around(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch to show about a place: whole words, up to `AROUND` characters on either side."""
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    while first and not text[first - 1].isspace() and start - first < AROUND + 40:
        first -= 1
    while last < len(text) and not text[last].isspace() and last - end < AROUND + 40:
        last += 1
    return first, last


def marked(
    text: str, spans: Sequence[Span], *, schema: LabelSchema, strong: Collection[Span] = (), start: int, end: int
) -> str:
    """`text[start:end]` with the spans that lie in it; `strong`: those that it is about, the others are faint."""
    colors = {label.name: label.color for label in schema.labels}
    shown = sorted({s for s in (*spans, *strong) if s.start < end and s.end > start}, key=lambda s: (s.start, -s.end))
    edges = sorted({start, end, *(e for s in shown for piece in s.pieces for e in piece if start < e < end)})
    parts: list[str] = []
    for left, right in pairwise(edges):
        over = [s for s in shown if any(a <= left and right <= b for a, b in s.pieces)]
        piece = html.escape(text[left:right])
        if not over:
            parts.append(piece)
            continue
        top = next((s for s in over if s in strong), over[-1])
        style = _STRONG if top in strong else _FAINT
        color = html.escape(colors.get(top.label, "#888888"), quote=True)
        ending = [s for s in over if s.end == right]
        names = "".join(f'<span style="{_LABEL}">{html.escape(s.label)}</span>' for s in ending)
        parts.append(f'<mark style="color:inherit;{style.format(color=color)}">{piece}</mark>{names}')
    before, after = "… " * (start > 0), " …" * (end < len(text))
    return f'<div style="{_BOX}">{before}{"".join(parts)}{after}</div>'


def said(spans: Sequence[Span], text: str, *, most: int = 60) -> str:
    """What a reading says, in words: `Drug “aspirin”`, or that there is nothing."""
    if not spans:
        return "nothing here"
    return ", ".join(f"{span.label} \u201c{_short(span.mention(text), most)}\u201d" for span in spans)


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
