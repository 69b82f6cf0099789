"""What became of every span of an evaluation, and the few of them that somebody asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import pieces
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.datasets import Split
from mednerapp.domain.spans import Span
from mednerapp.scoring.matching import ErrorKind
from mednerapp.scoring.outcomes import Outcome, Traits

RIGHT = "right"


@dataclass(frozen=True, slots=True)
class OutcomeFilter:
    """Which outcomes are asked for; what is None or empty does not matter.

    kinds: of errors, or RIGHT; without any, all errors. gold, predicted: the label, "" for nothing on that side.
    label: on either side. words: from, to. scores: from, below. The others are of the mention.
    notes: only in these.
    """

    kinds: tuple[str, ...] = ()
    gold: str | None = None
    predicted: str | None = None
    label: str | None = None
    section: str | None = None
    sections_not: tuple[str, ...] = ()
    assertion: str | None = None
    words: tuple[int, int] | None = None
    seen: bool | None = None
    scores: tuple[float, float] | None = None
    notes: frozenset[int] | None = None


class Outcomes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, evaluation_id: int, outcomes: Sequence[Outcome]) -> None:
        rows = [_row(evaluation_id, position, outcome) for position, outcome in enumerate(outcomes)]
        self._session.execute(insert(t.EvaluationSpan), rows)

    def all(self, evaluation_id: int) -> list[Outcome]:
        """In order of notes and places."""
        return self._read(t.EvaluationSpan.evaluation_id == evaluation_id)

    def find(
        self, evaluation_id: int, wanted: OutcomeFilter, *, offset: int = 0, limit: int = 20
    ) -> tuple[int, list[Outcome]]:
        """How many there are, and those from `offset` on, in order of notes and places."""
        where = and_(t.EvaluationSpan.evaluation_id == evaluation_id, *_conditions(wanted))
        total = self._session.scalar(select(func.count()).select_from(t.EvaluationSpan).where(where)) or 0
        return total, self._read(where, offset=offset, limit=limit)

    def stated(self, dataset_id: int, split: Split) -> dict[int, dict[tuple[int, int, str], Assertion]]:
        """By note: (start, end, label) → what people said of the span in the annotations that the note's gold rests on.

        Where a lead decided, these are all annotations behind the decision; a span of which they say different things
        is left out.
        """
        s, d, g = t.AnnotationSpan, t.DatasetNote, t.GoldSource
        spans = select(d.note_id, s.start_offset, s.end_offset, s.label, s.assertion).where(
            d.dataset_id == dataset_id, d.split == split.value, s.assertion_by == "person"
        )
        by_policy = spans.join(s, s.annotation_id == d.annotation_id).where(d.gold_id.is_(None))
        by_decision = spans.join(g, g.gold_id == d.gold_id).join(s, s.annotation_id == g.annotation_id)
        said: dict[int, dict[tuple[int, int, str], set[Assertion]]] = {}
        for query in (by_policy, by_decision):
            for note, start, end, label, assertion in self._session.execute(query):
                said.setdefault(note, {}).setdefault((start, end, label), set()).add(Assertion(assertion))
        return {
            note: {span: next(iter(things)) for span, things in spans.items() if len(things) == 1}
            for note, spans in said.items()
        }

    def mentions(self, dataset_id: int, split: Split) -> Iterator[str]:
        """The texts of the gold spans of the split, each once or more; of the notes nothing else is read."""
        s, d, n = t.DatasetSpan, t.DatasetNote, t.Note
        piece = func.substr(n.text, s.start_offset + 1, s.end_offset - s.start_offset)
        query = (
            select(piece)
            .select_from(s)
            .join(n, n.id == s.note_id)
            .join(d, (d.dataset_id == s.dataset_id) & (d.note_id == s.note_id))
            .where(s.dataset_id == dataset_id, d.split == split.value)
        )
        yield from self._session.scalars(query.where(s.fragments.is_(None)).distinct())
        rows = self._session.execute(query.add_columns(s.start_offset, s.fragments).where(s.fragments.is_not(None)))
        for text, start, fragments in rows:
            yield " \u2026 ".join(text[a - start : b - start] for a, b in fragments)

    def _read(
        self, where: ColumnElement[bool], *, offset: int | None = None, limit: int | None = None
    ) -> list[Outcome]:
        query = select(*t.EvaluationSpan.__table__.columns).where(where).order_by(t.EvaluationSpan.position)
        rows = self._session.execute(query.offset(offset).limit(limit)).mappings()
        return [_outcome(row) for row in rows]


def _row(evaluation_id: int, position: int, outcome: Outcome) -> dict[str, Any]:
    gold, predicted, traits = outcome.gold, outcome.predicted, outcome.traits
    return {
        "evaluation_id": evaluation_id,
        "position": position,
        "note_id": outcome.note_id,
        "kind": outcome.kind.value if outcome.kind else RIGHT,
        "gold_start": gold.start if gold else None,
        "gold_end": gold.end if gold else None,
        "gold_label": gold.label if gold else None,
        "gold_fragments": [list(piece) for piece in gold.fragments] or None if gold else None,
        "predicted_start": predicted.start if predicted else None,
        "predicted_end": predicted.end if predicted else None,
        "predicted_label": predicted.label if predicted else None,
        "score": outcome.score,
        "section": traits.section,
        "assertion": traits.assertion,
        "words": traits.words,
        "seen": traits.seen,
    }


def _outcome(row: Mapping[Any, Any]) -> Outcome:
    gold = predicted = None
    if row["gold_label"] is not None:
        gold = Span(row["gold_start"], row["gold_end"], row["gold_label"], pieces(row["gold_fragments"]))
    if row["predicted_label"] is not None:
        fragments = gold.fragments if gold and row["kind"] in (RIGHT, ErrorKind.TYPE) else ()  # the place is the same
        predicted = Span(row["predicted_start"], row["predicted_end"], row["predicted_label"], fragments)
    return Outcome(
        note_id=row["note_id"],
        kind=None if row["kind"] == RIGHT else ErrorKind(row["kind"]),
        gold=gold,
        predicted=predicted,
        score=row["score"],
        traits=Traits(row["section"], row["assertion"], row["words"], bool(row["seen"])),
    )


def _conditions(wanted: OutcomeFilter) -> list[ColumnElement[bool]]:
    s = t.EvaluationSpan
    found: list[ColumnElement[bool]] = []
    found.append(s.kind.in_(wanted.kinds) if wanted.kinds else s.kind != RIGHT)
    for column, label in ((s.gold_label, wanted.gold), (s.predicted_label, wanted.predicted)):
        if label is not None:
            found.append(column == label if label else column.is_(None))
    for column, value in ((s.section, wanted.section), (s.assertion, wanted.assertion), (s.seen, wanted.seen)):
        if value is not None:
            found.append(column == value)
    if wanted.label is not None:
        found.append((s.gold_label == wanted.label) | (s.predicted_label == wanted.label))
    return found + _ranges(wanted)


def _ranges(wanted: OutcomeFilter) -> list[ColumnElement[bool]]:
    s = t.EvaluationSpan
    found: list[ColumnElement[bool]] = []
    if wanted.sections_not:
        found.append(s.section.not_in(wanted.sections_not))
    if wanted.words is not None:
        found.append(s.words.between(*wanted.words))
    if wanted.scores is not None:
        found.append((s.score >= wanted.scores[0]) & (s.score < wanted.scores[1]))
    if wanted.notes is not None:
        found.append(s.note_id.in_(wanted.notes))
    return found
