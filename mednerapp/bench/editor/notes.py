"""Long synthetic notes with as many spans as are asked for, nested ones among them; the same for a seed everywhere."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from mednerapp.bench.notes import synthetic_note, terms
from mednerapp.domain.spans import ScoredSpan, Span

NESTED = 0.1  # share of the spans that lie in another one, as far as mentions have several words


@dataclass(frozen=True, slots=True)
class Size:
    """How long a note is. `name` as in the table: words/spans."""

    words: int
    spans: int

    @property
    def name(self) -> str:
        return f"{self.words}/{self.spans}" if self.words < 1_000 else f"{self.words // 1_000}k/{self.spans:,}"


SIZES = (Size(1_000, 50), Size(5_000, 500), Size(20_000, 2_000))


@dataclass(frozen=True, slots=True)
class LongNote:
    """Offsets are code points; the spans are in reading order, outer ones first."""

    size: Size
    text: str
    spans: tuple[ScoredSpan, ...]


def long_note(size: Size, *, seed: int = 0) -> LongNote:
    """A note with exactly `size.spans` different spans, spread evenly over the text.

    Raises:
        ValueError: if the text does not hold so many mentions.
    """
    text = synthetic_note(size.words, seed=seed)
    draw = random.Random(seed)  # noqa: S311  texts, not secrets
    mentions = _mentions(text)
    nested = [
        Span(span.start, span.start + len(first), "Disease" if span.label != "Disease" else "Symptom")
        for span in mentions
        if len(first := text[span.start : span.end].split()[0]) < span.end - span.start
    ]
    inner = min(round(size.spans * NESTED), len(nested))
    outer = size.spans - inner
    if outer > len(mentions):
        raise ValueError(f"A note of {size.words} words has {len(mentions)} mentions, too few for {size.spans} spans.")
    chosen = {*_spread(mentions, outer), *_spread(nested, inner)}
    ordered = sorted(chosen, key=lambda span: (span.start, -span.end, span.label))
    return LongNote(size, text, tuple(ScoredSpan(span, round(draw.uniform(0.5, 0.99), 2)) for span in ordered))


def _mentions(text: str) -> list[Span]:
    labels = {term: kind.capitalize() for kind, found in terms().items() for term in found}
    longest_first = sorted(labels, key=len, reverse=True)
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    return [Span(found.start(), found.end(), labels[found.group()]) for found in pattern.finditer(text)]


def _spread(spans: list[Span], count: int) -> list[Span]:
    return [spans[i * len(spans) // count] for i in range(count)]
