"""Words of a note: the units that a span begins and ends on, the same for every tokenizer."""

from __future__ import annotations

import numpy as np
import regex
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A run of letters, combining marks and digits, or one other visible character. Soft hyphens and joiners hold a word
# together; a zero-width space, like any other space or control character, separates words and belongs to none.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[\u00ad\u200c\u200d\u2060]+[\p{L}\p{M}\p{N}]+)*|[^\s\p{Z}\p{Cc}\p{Cf}]")


def split_words(text: str) -> IntArray:
    """Half-open [start, end) of every word in code points, in text order; shape (words, 2)."""
    bounds = [match.span() for match in _WORD.finditer(text)]
    return np.asarray(bounds, dtype=np.int64).reshape(-1, 2)


WRAPPED_FROM = 60  # characters; a shorter line was ended by its writer, not by the width of a page

_LINE_END = r"(?>\r\n|[\n\r\x0b\x85\u2028])"
_SPACE = r"[^\S\r\n\x0b\x0c\x85\u2028\u2029]"
_BULLET = r"(?:[-\u2010-\u2015\u2212*+>#\u2022\u2023\u2043\u25a0-\u25ff\u00b7]|\(?(?:\d{1,3}|[A-Za-z])[.)])(?=\s)"
# Where a note ends one thing and begins another, as far as its layout says so: a blank line, a new page, the next
# column, a line that begins with a bullet, a number of a list or a header ("Past medical history:"), what follows the
# bullet. Any other end of a long line may only wrap.
_BREAK = regex.compile(
    rf"[\x0c\u2029]|{_LINE_END}{_SPACE}*(?:"
    rf"(?={_LINE_END})"
    rf"|(?={_BULLET})"
    r"|(?=\p{Lu}[\p{L}\p{N}/&()'\u2019 .-]{0,50}:(?:\s|$))"
    r")"
    rf"|(?<=\S)(?:[ ]{{3,}}|{_SPACE}*\t{_SPACE}*)(?=\S)"
)
_LINE_ENDS = regex.compile(_LINE_END)
_ITEM = regex.compile(rf"(?:\A|(?<=[\r\n\x0b\x85\u2028])){_SPACE}*({_BULLET})")


def hard_breaks(text: str, starts: IntArray) -> BoolArray:
    """Which words no span reaches across from the word before: a paragraph, an item of a list or a section begins.

    `starts`: (words,) first characters of the words; the answer has the same shape. The first word begins nothing.
    """
    layout = [match.start() for match in _BREAK.finditer(text)]
    ends = [match.span() for match in _LINE_ENDS.finditer(text)]
    lines = zip([0, *(stop for _, stop in ends)], ends, strict=False)
    short = [stop - 1 for begin, (end, stop) in lines if len(text[begin:end].strip()) < WRAPPED_FROM]
    items = [match.end() for match in _ITEM.finditer(text)]
    places = np.asarray(sorted([*layout, *short, *items]), dtype=np.int64)
    passed = np.searchsorted(places, starts, side="right")
    return np.diff(passed, prepend=passed[:1]) > 0


def bullets(text: str, starts: IntArray) -> BoolArray:
    """Which words are (part of) the bullet or the number of a list item; shapes as in `hard_breaks`."""
    found = np.asarray([match.span(1) for match in _ITEM.finditer(text)], dtype=np.int64).reshape(-1, 2)
    at = np.searchsorted(found[:, 0], starts, side="right") - 1
    return (at >= 0) & (starts < found[at, 1]) if len(found) else np.zeros(starts.shape, dtype=np.bool_)
