"""Counts and scores under the four schemas of SemEval-2013 task 9.1 (Segura-Bedmar, Martínez & Herrero-Zazo 2013).

| schema | a pair is correct when | otherwise |
|---|---|---|
| strict | place and label are equal | incorrect |
| exact | the place is equal | incorrect |
| partial | the place is equal | partial: it counts one half |
| type | the label is equal | incorrect |

A gold span without a pair is missing, a predicted one spurious. With possible = gold spans, actual = predicted spans:
precision = (correct + partial / 2) / actual, recall = (correct + partial / 2) / possible. The strict matches are those
of `strict.count_strict`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mednerapp.scoring.matching import Alignment, Pair
from mednerapp.scoring.strict import PRF


class Schema(StrEnum):
    """How a prediction has to fit the gold span."""

    STRICT = "strict"
    EXACT = "exact"
    PARTIAL = "partial"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class Side:
    """The spans of one side (gold or predicted). `alone`: without a pair, so missing or spurious."""

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    alone: int = 0

    def __add__(self, other: Side) -> Side:
        return Side(
            self.correct + other.correct,
            self.incorrect + other.incorrect,
            self.partial + other.partial,
            self.alone + other.alone,
        )

    @property
    def spans(self) -> int:
        return self.correct + self.incorrect + self.partial + self.alone

    @property
    def share(self) -> float:
        """Correct and half of the partial ones, of all; 0 without spans."""
        return (self.correct + self.partial / 2) / self.spans if self.spans else 0.0


@dataclass(frozen=True, slots=True)
class SchemaCounts:
    """What became of the gold spans and of the predicted ones.

    Over all labels, the two sides agree but for `alone`. For one label they need not: a symptom taken for a drug at
    the right place is exact, on the gold side for Symptom and on the predicted side for Drug.
    """

    gold: Side = field(default_factory=Side)
    predicted: Side = field(default_factory=Side)

    def __add__(self, other: SchemaCounts) -> SchemaCounts:
        return SchemaCounts(self.gold + other.gold, self.predicted + other.predicted)

    @property
    def missing(self) -> int:
        return self.gold.alone

    @property
    def spurious(self) -> int:
        return self.predicted.alone

    @property
    def prf(self) -> PRF:
        """Precision, recall and their harmonic mean; 0 where a denominator is 0."""
        p, r = self.predicted.share, self.gold.share
        return PRF(p, r, 2 * p * r / (p + r) if p + r else 0.0)


def count(alignments: Iterable[Alignment]) -> dict[Schema, dict[str, SchemaCounts]]:
    """Counts per schema and label. Labels that occur nowhere are left out."""
    gold: Counter[tuple[Schema, str, str]] = Counter()
    predicted: Counter[tuple[Schema, str, str]] = Counter()
    for alignment in alignments:
        for schema in Schema:
            for pair in alignment.pairs:
                outcome = _outcome(pair, schema)
                gold[schema, pair.gold.label, outcome] += 1
                predicted[schema, pair.predicted.label, outcome] += 1
            gold.update((schema, span.label, "alone") for span in alignment.missed)
            predicted.update((schema, span.label, "alone") for span in alignment.invented)
    labels = sorted({label for _, label, _ in (*gold, *predicted)})
    return {
        schema: {label: SchemaCounts(_side(gold, schema, label), _side(predicted, schema, label)) for label in labels}
        for schema in Schema
    }


def micro(per_label: Mapping[str, SchemaCounts]) -> SchemaCounts:
    """The sum over labels: every span counts the same."""
    return sum(per_label.values(), SchemaCounts())


def macro(per_label: Mapping[str, SchemaCounts]) -> PRF:
    """The mean of precision, of recall and of F1 over labels: every label counts the same (Sebastiani 2002, 7.1).

    A label without gold or predicted spans counts with 0, as in scikit-learn and seqeval.
    """
    scores = [counts.prf for counts in per_label.values()]
    if not scores:
        return PRF(0.0, 0.0, 0.0)
    n = len(scores)
    return PRF(sum(s.precision for s in scores) / n, sum(s.recall for s in scores) / n, sum(s.f1 for s in scores) / n)


def _outcome(pair: Pair, schema: Schema) -> str:
    if schema is Schema.PARTIAL:
        return "correct" if pair.same_place else "partial"
    right = {
        Schema.STRICT: pair.same_place and pair.same_label,
        Schema.EXACT: pair.same_place,
        Schema.TYPE: pair.same_label,
    }[schema]
    return "correct" if right else "incorrect"


def _side(cells: Counter[tuple[Schema, str, str]], schema: Schema, label: str) -> Side:
    return Side(*(cells[schema, label, outcome] for outcome in ("correct", "incorrect", "partial", "alone")))
