"""What became of every span of a scored note: enough to answer where a model fails without the model.

An outcome is a gold span with the predicted one that answers it, or either of them alone (the assignment is that of
`matching`), together with what is known of the mention. The mention is the gold span where there is one, else the
predicted one, so that a span with wrong edges counts once, where the gold is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mednerapp.domain.assertions import Assertion
from mednerapp.domain.context import assertion_at, find_scopes
from mednerapp.domain.sections import find_sections
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.scoring.matching import ErrorKind, align

NO_SECTION = "No section"
MOST_SECTION = 60  # characters of a section's name
MOST_WORDS = 999  # a longer mention counts as this long


@dataclass(frozen=True, slots=True)
class Traits:
    """Of a mention: the section it stands in, what the note says of it, its words, whether training knew it.

    seen: its text (without case and double blanks) is that of a gold mention of the dataset's training notes.
    """

    section: str
    assertion: str
    words: int
    seen: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """kind: None where nothing is wrong. score: of the predicted span, None without one."""

    note_id: int
    kind: ErrorKind | None
    gold: Span | None
    predicted: Span | None
    score: float | None
    traits: Traits

    @property
    def mention(self) -> Span:
        """The span that the outcome is about."""
        span = self.gold or self.predicted
        if span is None:
            raise ValueError("An outcome has a gold span, a predicted one, or both.")
        return span


def mention_key(text: str) -> str:
    """What two mentions have in common that are the same but for case and blanks."""
    return " ".join(text.casefold().split())


def describe(
    text: str, *, stated: Mapping[tuple[int, int, str], Assertion], known: Collection[str]
) -> Callable[[Span], Traits]:
    """Traits of the spans of one note.

    stated: (start, end, label) → what a person said of the gold span; elsewhere the rules of `domain.context` decide.
    known: the keys of the mentions of the training notes.
    """
    sections, scopes = find_sections(text), find_scopes(text)

    def traits(span: Span) -> Traits:
        inside = (s.title for s in sections if s.start <= span.start < s.end)
        title = " ".join(next(inside, NO_SECTION).split())[:MOST_SECTION]
        said = stated.get((span.start, span.end, span.label)) or assertion_at(scopes, span.start, span.end)
        mention = span.mention(text)
        words = min(MOST_WORDS, max(1, len(mention.replace("\u2026", " ").split())))
        section = title[:1].upper() + title[1:].lower()
        return Traits(section, (said or Assertion.PRESENT).value, words, mention_key(mention) in known)

    return traits


def outcomes(
    note_id: int, gold: Iterable[Span], found: Sequence[ScoredSpan], traits: Callable[[Span], Traits]
) -> list[Outcome]:
    """Of one note, in text order; what is right as well. Of equal predicted spans the highest score comes first."""
    scores: dict[Span, list[float]] = defaultdict(list)
    for scored in sorted(found, key=lambda s: s.score):
        scores[scored.span].append(scored.score)
    alignment = align(gold, [scored.span for scored in found])
    result = [
        Outcome(note_id, p.error, p.gold, p.predicted, scores[p.predicted].pop(), traits(p.gold))
        for p in alignment.pairs
    ]
    result += [Outcome(note_id, ErrorKind.MISSED, span, None, None, traits(span)) for span in alignment.missed]
    result += [
        Outcome(note_id, ErrorKind.INVENTED, None, span, scores[span].pop(), traits(span))
        for span in alignment.invented
    ]
    return sorted(result, key=lambda o: (o.mention, o.kind or ""))
