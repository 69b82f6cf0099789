"""Which gold labels are probably wrong: the model, trained without the note, is sure of something else.

After "confident learning" (Northcutt, Jiang & Chuang, JAIR 70 (2021)): what counts as sure is settled for each label by
itself, as the mean score of the label's predictions that gold agrees with, and candidates are ranked by their
normalised margin. There it is items with a probability for each class; here it is spans with one score, so the places
where gold and model differ are the candidates (`matching`):

| gold | model | margin |
|---|---|---|
| a span | another label there, score s | s - sure(its label) |
| a span | other edges, score s | s - sure(its label), less 0.1: edges are often a matter of taste |
| nothing | a span, score s | s - sure(its label) |
| a span | nothing | found(label) - 1: found is the share of the label's gold that the model overlaps |

The scores must come from a model that has not been trained on the note (out of fold); else it has learnt the errors.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.scoring.matching import ErrorKind, align

_EDGES = 0.1  # an edge that is off by a word is seldom what a lead looks for
_PRIOR = 2  # right spans with score 0.5 (and as many found and missed) that a label starts with; few say little


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """A note with its gold, and what a model that has not seen the note finds in it."""

    note_id: int
    gold: Sequence[Span]
    predicted: Sequence[ScoredSpan]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A gold span, or a place without one (`gold` None), that is probably wrong, and what the model says instead.

    margin: at least -1, at most 1; above 0 the model is surer than it is of spans that are right.
    """

    note_id: int
    kind: ErrorKind
    gold: Span | None
    predicted: Span | None
    margin: float


def rank(notes: Sequence[OutOfFold]) -> list[Suspicion]:
    """All candidates, the most suspicious first."""
    aligned = [align(note.gold, [scored.span for scored in note.predicted]) for note in notes]
    best = [_scores(note.predicted) for note in notes]
    right: dict[str, list[float]] = defaultdict(list)
    gold: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for alignment, scores in zip(aligned, best, strict=True):
        for pair in alignment.pairs:
            gold[pair.gold.label] += 1
            met[pair.gold.label] += 1
            if pair.error is None:
                right[pair.gold.label].append(scores[pair.predicted])
        gold.update(span.label for span in alignment.missed)
    found: list[Suspicion] = []
    for note, alignment, scores in zip(notes, aligned, best, strict=True):
        for error in alignment.errors():
            if error.predicted is not None:
                own = right[error.predicted.label]
                sure = (sum(own) + _PRIOR / 2) / (len(own) + _PRIOR)
                margin = scores[error.predicted] - sure - (_EDGES if error.kind is ErrorKind.BOUNDARY else 0)
            else:
                label = error.gold.label if error.gold else ""
                margin = (met[label] + _PRIOR / 2) / (gold[label] + _PRIOR) - 1
            found.append(Suspicion(note.note_id, error.kind, error.gold, error.predicted, margin))
    return sorted(found, key=lambda s: (-s.margin, s.note_id, s.gold or s.predicted, s.kind))


def _scores(predicted: Sequence[ScoredSpan]) -> dict[Span, float]:
    """The highest score of each span."""
    scores: dict[Span, float] = {}
    for scored in predicted:
        scores[scored.span] = max(scored.score, scores.get(scored.span, 0.0))
    return scores
