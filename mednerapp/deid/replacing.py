"""A note with its identifiers replaced, and the way back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mednerapp.domain.identifiers import Identifier, IdentifierType
from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Segment:
    """One replaced place. `start`: in the new text; `original` stood where `replacement` stands now.

    Holds what the note must not: a list of segments is kept apart from the notes, under a stricter permission.
    """

    start: int
    original: str
    replacement: str
    type: IdentifierType

    @property
    def end(self) -> int:
        """Offset after the last character of the replacement, in the new text."""
        return self.start + len(self.replacement)


@dataclass(frozen=True, slots=True)
class Replaced:
    """text: the note without its identifiers. segments: the offset map, in text order, without overlap."""

    text: str
    segments: tuple[Segment, ...]


def replace_all(text: str, found: Iterable[Identifier], substitute: Callable[[Identifier, str], str]) -> Replaced:
    """Every identifier's characters give way to `substitute(identifier, value)`; no other character changes.

    Raises:
        InvalidValue: if identifiers overlap or reach beyond the text.
    """
    pieces: list[str] = []
    segments: list[Segment] = []
    done = length = 0
    for one in sorted(found):
        if one.start < done or one.end > len(text):
            raise InvalidValue(f"The identifier {one.start}-{one.end} overlaps another or reaches beyond the note.")
        value = text[one.start : one.end]
        new = substitute(one, value)
        kept = text[done : one.start]
        length += len(kept)
        segments.append(Segment(length, value, new, one.type))
        pieces += (kept, new)
        length += len(new)
        done = one.end
    pieces.append(text[done:])
    return Replaced("".join(pieces), tuple(segments))


def restore(text: str, segments: Sequence[Segment]) -> str:
    """The note as it was before.

    Raises:
        InvalidValue: if the text is not the one that the segments belong to.
    """
    pieces: list[str] = []
    done = 0
    for segment in segments:
        if segment.start < done or text[segment.start : segment.end] != segment.replacement:
            raise InvalidValue("These segments do not belong to this text.")
        pieces += (text[done : segment.start], segment.original)
        done = segment.end
    pieces.append(text[done:])
    return "".join(pieces)


def to_original(offset: int, segments: Sequence[Segment], *, end: bool = False) -> int:
    """An offset in the new text as one in the original. Inside a replacement: the original's start, or its end with
    `end`, so that a span over part of a replacement becomes one over the whole of what it stood for.
    """
    return _shifted(offset, [(s.start, len(s.replacement), len(s.original)) for s in segments], end=end)


def to_replaced(offset: int, segments: Sequence[Segment], *, end: bool = False) -> int:
    """An offset in the original as one in the new text; as `to_original` the other way."""
    places: list[tuple[int, int, int]] = []
    grown = 0
    for s in segments:
        places.append((s.start - grown, len(s.original), len(s.replacement)))
        grown += len(s.replacement) - len(s.original)
    return _shifted(offset, places, end=end)


def _shifted(offset: int, places: Sequence[tuple[int, int, int]], *, end: bool) -> int:
    """places: (start, length here, length there) of each segment."""
    count = bisect_right([start for start, _, _ in places], offset - (1 if end else 0))
    moved = sum(there - here for _, here, there in places[:count])
    if count:
        start, here, there = places[count - 1]
        if offset < start + here and (offset > start or end):
            began = start + moved - (there - here)
            return began + (there if end else 0)
        if offset == start and not end:
            return start + moved - (there - here)
    return offset + moved
