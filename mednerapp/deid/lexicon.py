"""The word lists that ship with the recognisers, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def _lines(name: str) -> list[str]:
    text = (files("mednerapp.deid") / "words" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of a file that are neither empty nor remarks."""
    return tuple(_lines(name))


@cache
def words(name: str) -> frozenset[str]:
    """The words of a list, lower case; those marked `*` among them, without the mark."""
    return frozenset(word.rstrip("*") for line in _lines(name) for word in line.split())


@cache
def unmarked(name: str) -> frozenset[str]:
    """The words that mean what they are listed for wherever they stand."""
    return frozenset(word for line in _lines(name) for word in line.split() if not word.endswith("*"))


@cache
def phrases(name: str) -> tuple[tuple[str, bool], ...]:
    """(phrase in lower case, whether it needs something beside it), the longest first."""
    found = {phrase.strip() for line in _lines(name) for phrase in line.split(";") if phrase.strip()}
    return tuple(sorted(((p.rstrip("*"), p.endswith("*")) for p in found), key=lambda p: (-len(p[0]), p[0])))
