"""Words for the formats that know no characters: letters and digits in a row, single signs, cut at edges of spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mednerapp.domain.spans import Span

_WORD = re.compile(r"\w+|[^\w\s]")
Place = tuple[int, int]


def places(text: str, spans: Iterable[Span]) -> list[Place]:
    """Half-open ranges of the words, code points; every edge of a span that is not beside a blank is an edge of one."""
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    found: list[Place] = []
    at = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        while at < len(edges) and edges[at] <= start:
            at += 1
        while at < len(edges) and edges[at] < end:
            found.append((start, edges[at]))
            start = edges[at]
            at += 1
        found.append((start, end))
    return found


def tags(words: Sequence[Place], spans: Iterable[Span], *, bioes: bool = False) -> list[str]:
    """BIO or BIOES tags. The spans are in one piece, do not overlap, and begin and end with a word."""
    found = ["O"] * len(words)
    ordered, at = sorted(spans), 0
    for span in ordered:
        while words[at][0] < span.start:
            at += 1
        first = at
        while at < len(words) and words[at][1] <= span.end:
            found[at] = f"{'B' if at == first else 'I'}-{span.label}"
            at += 1
        if bioes and at > first:
            found[at - 1] = f"{'S' if at - first == 1 else 'E'}-{span.label}"
    return found


def spans_of(words: Sequence[Place], given: Sequence[str]) -> list[Span]:
    """The spans of BIO, BIOES or BILOU tags; a tag that continues nothing begins a span."""
    found: list[Span] = []
    start, last, label = -1, -1, ""

    def close() -> None:
        nonlocal start
        if start >= 0:
            found.append(Span(start, last, label))
        start = -1

    for (first, end), tag in zip(words, given, strict=True):
        kind, _, name = tag.partition("-")
        if kind == "O" or not name:
            close()
            continue
        if kind in ("B", "S", "U") or start < 0 or name != label:
            close()
            start, label = first, name
        last = end
        if kind in ("E", "L", "S", "U"):
            close()
    close()
    return found
