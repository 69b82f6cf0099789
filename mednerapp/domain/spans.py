"""A labelled piece of text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open `[start, end)` in Unicode code points of the note text, with a label.

    `end` is the offset after the last character, so `text[span.start:span.end]` is the mention.

    fragments: of a discontinuous span ("left ... arm pain") its pieces, each half-open, in order, with a gap between
        them; the first starts at `start`, the last ends at `end`. Empty for a span in one piece.

    Raises:
        InvalidValue: if the span is empty, starts before the text, has no label, or its fragments are not as above.
    """

    start: int
    end: int
    label: str
    fragments: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.start < 0 or self.end <= self.start:
            raise InvalidValue(f"A span must satisfy 0 <= start < end, not start={self.start}, end={self.end}.")
        if not self.label:
            raise InvalidValue("A span needs a label.")
        if self.fragments:
            self._check_fragments()

    def _check_fragments(self) -> None:
        edges = [edge for fragment in self.fragments for edge in fragment]
        ascending = all(a < b for a, b in pairwise(edges))
        if len(self.fragments) < 2 or not ascending or (edges[0], edges[-1]) != (self.start, self.end):
            raise InvalidValue(
                f"The fragments of a span have to be at least two, in order and apart, from {self.start} to "
                f"{self.end}, not {self.fragments}."
            )

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """The ranges of text that belong to the span: its fragments, or all of it."""
        return self.fragments or ((self.start, self.end),)

    def mention(self, text: str) -> str:
        """The text of the span; the pieces of a discontinuous one with an ellipsis between them."""
        return " … ".join(text[start:end] for start, end in self.pieces)

    def overlaps(self, other: Span) -> bool:
        """Touching spans (one ends where the other starts) do not overlap."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A span that a model found. `score`: mean probability of its tags, in [0, 1]."""

    span: Span
    score: float


def check_within(span: Span, text_length: int) -> None:
    """Raises InvalidValue when the span ends after the text."""
    if span.end > text_length:
        raise InvalidValue(f"The span [{span.start}, {span.end}) ends after the note ({text_length} characters).")


def without_overlaps(spans: list[Span]) -> list[Span]:
    """The spans that a flat BIO tagging can hold: of overlapping ones the longest, then the first, in text order.

    It cannot hold discontinuous spans.
    """
    kept: list[Span] = []
    whole = (span for span in set(spans) if not span.fragments)
    for span in sorted(whole, key=lambda s: (s.start - s.end, s.start, s.label)):
        if not any(span.overlaps(other) for other in kept):
            kept.append(span)
    return sorted(kept)
