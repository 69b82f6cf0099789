"""Finding every place where a note holds the same words as a given mention, however they are written."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator

MOST_MENTION = 200  # characters

# The blanks of ECMAScript without the byte order mark, so that Python and JavaScript find the same.
_BLANK = r"[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_BLANKS = re.compile(f"{_BLANK}+")


def find_mentions(text: str, mention: str, *, whole_words: bool = True) -> list[tuple[int, int]]:
    """Half-open ranges of `text`, in code points, that hold the same as `mention`; in order, without overlaps.

    The same: equal after Unicode normalisation (NFC) and full case folding, where a run of blanks counts as one and
    those at the ends of the mention not at all. A range never cuts a letter from its combining marks, nor a letter that
    folds into several ("ß" is "ss"). whole_words: where the mention begins with a letter, digit, mark or underscore, no
    such character stands directly before the range; likewise at its end.
    Takes time linear in the length of the text, for a mention of a given length.
    """
    wanted = "".join(part for part, _ in _units(_BLANKS.sub(" ", mention).strip(" ")))
    if not wanted:
        return []
    if text.isascii() and not wanted.isascii():
        return []
    places = _in_ascii(text, wanted) if text.isascii() else _in_any(text, wanted)
    found: list[tuple[int, int]] = []
    for start, end in places:
        free = not found or start >= found[-1][1]
        if free and not (whole_words and _inside_word(text, start, end)):
            found.append((start, end))
    return found


def find_words(text: str, query: str) -> list[tuple[int, int]]:
    """Where the words of `query` stand beside each other in `text`: case, accents and what is between words do not
    count. Ranges as those of `find_mentions`. It is the rule of the full text search.
    """
    wanted = [word for word, _, _ in _words(query)]
    words = list(_words(text))
    found: list[tuple[int, int]] = []
    at = 0
    while wanted and at + len(wanted) <= len(words):
        if all(words[at + i][0] == word for i, word in enumerate(wanted)):
            found.append((words[at][1], words[at + len(wanted) - 1][2]))
            at += len(wanted)
        else:
            at += 1
    return found


_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text):
        word = match.group()
        if not word.isascii():
            parts = unicodedata.normalize("NFD", word.casefold())
            word = "".join(c for c in parts if not unicodedata.combining(c))
        yield word.lower(), *match.span()


def _in_ascii(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    """Every place in a text where a character is a unit of its own, overlapping ones included."""
    pattern = re.compile(f"(?=({f'{_BLANK}+'.join(map(re.escape, wanted.split(' ')))}))", re.ASCII | re.IGNORECASE)
    for match in pattern.finditer(text):
        yield match.span(1)


def _in_any(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    parts, places = zip(*_units(text), strict=True)
    folded = "".join(parts)
    starts = [0]  # index in the folded text where each unit starts, and where the last one ends
    for part in parts:
        starts.append(starts[-1] + len(part))
    ends = [*places[1:], len(text)]
    at = folded.find(wanted)
    while at >= 0:
        first, after = bisect_left(starts, at), bisect_left(starts, at + len(wanted))
        if starts[first] == at and starts[after] == at + len(wanted):
            yield places[first], ends[after - 1]
        at = folded.find(wanted, at + 1)


def _units(text: str) -> Iterator[tuple[str, int]]:
    """What is compared as a whole, in its folded form, with its place: a character with all that combines with it, or
    a run of blanks.
    """
    marks = "".join(re.escape(c) for c in sorted(set(text)) if _combines(c))
    pattern = f"{_BLANK}+(?![{marks}])|.[{marks}]*" if marks else f"{_BLANK}+|."
    for match in re.finditer(pattern, text, re.DOTALL):
        unit = match.group()
        yield " " if _BLANKS.fullmatch(unit) else _fold(unit), match.start()


def _combines(character: str) -> bool:
    """Marks, and the vowels and finals that complete a Korean syllable."""
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def _fold(unit: str) -> str:
    if unit.isascii():
        return unit.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", unit).casefold())


def _inside_word(text: str, start: int, end: int) -> bool:
    before = start > 0 and _in_word(text[start - 1]) and _in_word(text[start])
    return before or (end < len(text) and _in_word(text[end]) and _in_word(text[end - 1]))


def _in_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LNM"
