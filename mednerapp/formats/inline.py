"""Text with its spans written inside it, `⟦mention|Label⟧`: so a person can write and review gold by hand."""

from __future__ import annotations

import re

from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue

_MARK = re.compile(r"⟦([^⟦⟧|]+)\|([^⟦⟧|]+)⟧")


def parse(marked: str) -> tuple[str, tuple[Span, ...]]:
    """The text without the marks, and its spans.

    Raises:
        InvalidValue: if a bracket is left over, which is a mark that was not closed or not well formed.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    length = position = 0
    for match in _MARK.finditer(marked):
        before, mention = marked[position : match.start()], match[1]
        start = length + len(before)
        length = start + len(mention)
        spans.append(Span(start, length, match[2]))
        pieces += [before, mention]
        position = match.end()
    pieces.append(marked[position:])
    text = "".join(pieces)
    if "⟦" in text or "⟧" in text:
        place = text.index("⟦" if "⟦" in text else "⟧")
        raise InvalidValue(f"A mark is not closed or not well formed near character {place}.")
    return text, tuple(spans)
