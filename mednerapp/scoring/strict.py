"""Strict span matching: a prediction counts when start, end and label all equal those of a gold span.

This is the "strict" scheme of SemEval-2013 task 9.1 and the entity-level F1 of CoNLL-2003.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mednerapp.domain.spans import Span


@dataclass(frozen=True, slots=True)
class Counts:
    """tp: found; fp: invented; fn: missed."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def gold(self) -> int:
        return self.tp + self.fn

    @property
    def predicted(self) -> int:
        return self.tp + self.fp


@dataclass(frozen=True, slots=True)
class PRF:
    """Precision, recall and their harmonic mean, each in [0, 1]; 0 where the denominator is 0."""

    precision: float
    recall: float
    f1: float


def count_strict(gold: Iterable[Span], predicted: Iterable[Span]) -> dict[str, Counts]:
    """Counts per label over one note. Spans are compared as multisets, so their order does not matter.

    A span that is predicted twice but is gold once counts as one tp and one fp.
    """
    wanted, found = Counter(gold), Counter(predicted)
    matched = wanted & found
    result: dict[str, Counts] = defaultdict(Counts)
    for span, times in matched.items():
        result[span.label] += Counts(tp=times)
    for span, times in (found - matched).items():
        result[span.label] += Counts(fp=times)
    for span, times in (wanted - matched).items():
        result[span.label] += Counts(fn=times)
    return dict(result)


def micro(counts: Mapping[str, Counts]) -> Counts:
    """The sum over labels."""
    return sum(counts.values(), Counts())


def precision_recall_f1(counts: Counts) -> PRF:
    """F1 = 2 tp / (2 tp + fp + fn) (van Rijsbergen 1979)."""
    tp, fp, fn = counts.tp, counts.fp, counts.fn
    return PRF(
        precision=tp / (tp + fp) if tp + fp else 0.0,
        recall=tp / (tp + fn) if tp + fn else 0.0,
        f1=2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0,
    )
