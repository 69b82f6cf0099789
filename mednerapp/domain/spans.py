"""A labelled piece of text."""

from __future__ import annotations

from dataclasses import dataclass

from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open `[start, end)` in Unicode code points of the note text, with a label.

    `end` is the offset after the last character, so `text[span.start:span.end]` is the mention.

    Raises:
        InvalidValue: if the span is empty, starts before the text, or has no label.
    """

    start: int
    end: int
    label: str

    def __post_init__(self) -> None:
        if self.start < 0 or self.end <= self.start:
            raise InvalidValue(f"A span must satisfy 0 <= start < end, not start={self.start}, end={self.end}.")
        if not self.label:
            raise InvalidValue("A span needs a label.")

    def mention(self, text: str) -> str:
        return text[self.start : self.end]

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
    """The spans that a flat BIO tagging can hold: of overlapping ones the longest, then the first, in text order."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda s: (s.start - s.end, s.start, s.label)):
        if not any(span.overlaps(other) for other in kept):
            kept.append(span)
    return sorted(kept)
