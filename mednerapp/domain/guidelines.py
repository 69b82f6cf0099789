"""The parts of a project's guideline that are about one label."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_WORD = re.compile(r"[^\W_]+")
_FENCE = ("```", "~~~")


def by_label(markdown: str, names: Iterable[str]) -> dict[str, str]:
    """What stands under a heading that names a label, without the heading, by label; labels without one are left out.

    A heading names a label when its words are those of the name, in any case, also in the plural ("## Drugs"), or when
    it lists several ("## Tests and procedures"). A part goes up to the next heading of the same or a higher level;
    deeper headings belong to it. Of several headings that name a label, all parts are joined.
    """
    wanted = {name: _words(name) for name in names}
    lines = markdown.splitlines()
    headings = list(_headings(lines))
    found: dict[str, list[str]] = {}
    for at, (line, level, title) in enumerate(headings):
        end = next((start for start, other, _ in headings[at + 1 :] if other <= level), len(lines))
        part = "\n".join(lines[line + 1 : end]).strip()
        for name, words in wanted.items():
            if part and _names(title, words):
                found.setdefault(name, []).append(part)
    return {name: "\n\n".join(parts) for name, parts in found.items()}


def _headings(lines: list[str]) -> Iterable[tuple[int, int, str]]:
    fenced = False
    for number, line in enumerate(lines):
        if line.lstrip().startswith(_FENCE):
            fenced = not fenced
        match = None if fenced else _HEADING.match(line)
        if match:
            yield number, len(match.group(1)), match.group(2)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_singular(word.casefold()) for word in _WORD.findall(text))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _names(title: str, words: tuple[str, ...]) -> bool:
    """Whether a heading is about a label: it is the name, or a list ("A and B", "A, B / C") with the name in it."""
    items = re.split(r",|/|;|&|\band\b|\bor\b|:|\(|\)|\u2013|\u2014", title, flags=re.IGNORECASE)
    return any(_words(item) == words for item in (title, *items)) and bool(words)
