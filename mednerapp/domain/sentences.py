"""Where the sentences of a clinical note begin and end, with its bullets, tables, abbreviations and wrapped lines."""

from __future__ import annotations

import re
from collections.abc import Iterator


def _words(table: str) -> frozenset[str]:
    return frozenset(table.split())


# After these a full stop does not end a sentence. Lower case, without the last stop.
_ABBREVIATIONS = _words(
    """
    dr mr mrs ms miss prof sr st no nos approx ca e.g i.e eg ie cf vs v viz al i.v i.m s.c p.o p.r p.r.n b.d o.d
    t.d.s  q.d.s q.d b.i.d t.i.d q.i.d o.m o.n a.m p.m inc incl esp resp hosp dept tel ext fig max min temp wt ht hx
    dx rx tx  fx sx pt pts yr yrs mth mths wk wks hr hrs jan feb mar apr jun jul aug sept sep oct nov dec est
    """
)
_LABELLED = re.compile(r"[\w /-]{1,40}:")
_LINE = re.compile(r"[^\n]*\n?")
_BULLET = re.compile(r"\s*(?:[-*+•·\u2013\u2014>▪◦‣]|\(?\d{1,2}[.)]|\(?[a-z][.)]|\[[ x]\])\s", re.IGNORECASE)
_STOP = re.compile(r"[.!?;]+[\"')\]”\u2019]*(?=\s|$)")
_LAST_WORD = re.compile(r"[\w.]*$")
_WIDTHS = range(50, 131)  # characters of the longest line of a text whose lines were broken because they were full


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Half-open ranges of the sentences in text order, without blanks around them; in code points.

    A sentence ends at a full stop, an exclamation or question mark or a semicolon with a blank behind it, unless the
    word before is an abbreviation or a number that counts list items; and at the end of a line, unless the next line
    goes on with it (it starts in lower case, or the line was broken because it was full). "?PE", "i.v." and "3.5 mg"
    end nothing. Takes time linear in the length of the text.
    """
    start = 0
    for block_start, block_end in _blocks(text):
        start = block_start
        for stop in _STOP.finditer(text, block_start, block_end):
            if _ends(text, start, stop):
                yield from _trimmed(text, start, stop.end())
                start = stop.end()
        yield from _trimmed(text, start, block_end)


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that belong together."""
    width = max(map(len, text.split("\n")))
    start = 0
    previous = ""
    for match in _LINE.finditer(text):
        line = match.group()
        if match.start() > start and not _goes_on(previous, line, width):
            yield start, match.start()
            start = match.start()
        previous = line
    yield start, len(text)


def _goes_on(line: str, following: str, width: int) -> bool:
    """Whether a sentence may run from `line` into `following`. `width`: of the longest line."""
    line, rest = line.rstrip(), following.lstrip()
    if not line.strip() or not rest or line[-1] in ".!?;:" or _BULLET.match(following):
        return False
    if "\t" in line.strip() or "\t" in rest.rstrip():
        return False  # a table
    if rest[0].islower() or line[-1] == ",":
        return True
    full = len(line) + 1 + len(rest.split(maxsplit=1)[0]) > width
    return full and width in _WIDTHS and not _LABELLED.match(rest)


def _ends(text: str, start: int, stop: re.Match[str]) -> bool:
    mark = stop.group()
    if mark[0] == "?" and stop.start() > start and text[stop.start() - 1].isspace():
        return False  # "? PE"
    if mark[0] == "?" and stop.start() == start:
        return False
    if mark != ".":
        return True
    found = _LAST_WORD.search(text, max(start, stop.start() - 12), stop.start())
    word = found.group().lower() if found else ""
    if word in _ABBREVIATIONS:
        return False
    counts = word.isdecimal() and len(word) <= 2 and not text[start : stop.start() - len(word)].strip()
    return not counts


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
