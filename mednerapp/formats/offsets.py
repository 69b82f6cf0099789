"""Code points ⇄ UTF-16 units, for the formats of JavaScript and Java tools."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate

from mednerapp.errors import InvalidValue

Convert = Callable[[int], int]


def to_utf16(text: str) -> Convert:
    """From an offset in code points to the one in UTF-16 units (0 to the length included)."""
    if text.isascii() or max(text) <= "\uffff":
        return int
    return list(accumulate((1 + (c > "\uffff") for c in text), initial=0)).__getitem__


def from_utf16(text: str) -> Convert:
    """From an offset in UTF-16 units to the one in code points.

    Raises (the function that is returned):
        InvalidValue: for an offset inside a surrogate pair or outside the text.
    """
    units = list(accumulate((1 + (c > "\uffff") for c in text), initial=0))

    def convert(offset: int) -> int:
        place = bisect_left(units, offset)
        if offset < 0 or place == len(units) or units[place] != offset:
            raise InvalidValue(f"Offset {offset} is not one between two characters of the text (UTF-16 units).")
        return place

    return convert
