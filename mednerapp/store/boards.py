"""The summaries that the dashboard reads: few and small rows, however many runs, notes and spans there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split
from mednerapp.domain.models import EvaluationHead
from mednerapp.errors import NotFound
from mednerapp.scoring.summaries import NoteFacts
from mednerapp.store.evaluations import head_of


@dataclass(frozen=True, slots=True)
class BoardRow:
    """See `db.tables.Board`."""

    dataset_id: int
    state: str
    basis: str
    models: int
    notes: int
    left_out: int
    detail: Mapping[str, Any]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """See `db.tables.EvaluationSummary`; without its detail."""

    evaluation_id: int
    f1: float | None
    head: Mapping[str, Any]
    versus: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DatasetHead:
    id: int
    project_id: int
    name: str
    schema_id: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that was scored. run_id, seed, trained_on (a dataset): None where no run made it."""

    adapter_id: int
    adapter: str
    encoder: str
    run_id: int | None
    seed: int | None
    trained_on: int | None
    head: EvaluationHead


@dataclass(frozen=True, slots=True)
class Trained:
    """How the adapter of an evaluation was trained. hyper: as stored with its run."""

    evaluation_id: int
    adapter: str
    encoder: str
    dataset_id: int
    hyper: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unscored:
    """An adapter without a score; `dataset` and what follows: of its newest score on another one, if there is one."""

    adapter_id: int
    adapter: str
    labels: Sequence[str]
    dataset: str | None
    notes: int | None
    scored_at: datetime | None
    head: Mapping[str, Any] | None


class Boards:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, dataset_id: int) -> BoardRow | None:
        row = self._session.get(t.Board, dataset_id)
        if row is None:
            return None
        return BoardRow(
            row.dataset_id, row.state, row.basis, row.models, row.notes, row.left_out, row.detail, row.made_at
        )

    def put(
        self,
        dataset_id: int,
        *,
        state: str,
        basis: str,
        models: int,
        notes: int,
        left_out: int,
        detail: Mapping[str, Any],
    ) -> None:
        """Write it; two that made it at the same moment write one after the other."""
        self._session.execute(select(t.Dataset.id).where(t.Dataset.id == dataset_id).with_for_update(key_share=True))
        self._session.execute(delete(t.Board).where(t.Board.dataset_id == dataset_id))
        self._session.add(
            t.Board(
                dataset_id=dataset_id,
                state=state,
                basis=basis,
                models=models,
                notes=notes,
                left_out=left_out,
                detail=dict(detail),
                made_at=now(),
            )
        )
        self._session.flush()

    def summed_up(self, dataset_id: int, basis: str) -> set[int]:
        """Ids of the evaluations that have a summary over these notes."""
        s = t.EvaluationSummary
        return set(self._session.scalars(select(s.evaluation_id).where(s.dataset_id == dataset_id, s.basis == basis)))

    def put_summary(
        self,
        evaluation_id: int,
        *,
        dataset_id: int,
        basis: str,
        f1: float | None,
        head: Mapping[str, Any],
        detail: Mapping[str, Any],
    ) -> None:
        """Write it, unless the evaluation is gone; two that made it at the same moment write one after the other."""
        there = select(t.Evaluation.id).where(t.Evaluation.id == evaluation_id).with_for_update(key_share=True)
        if self._session.scalar(there) is None:
            return
        self._session.execute(delete(t.EvaluationSummary).where(t.EvaluationSummary.evaluation_id == evaluation_id))
        self._session.add(
            t.EvaluationSummary(
                evaluation_id=evaluation_id,
                dataset_id=dataset_id,
                basis=basis,
                f1=f1,
                head=dict(head),
                detail=dict(detail),
                versus={},
            )
        )
        self._session.flush()

    def drop_others(self, dataset_id: int, basis: str) -> None:
        """Forget the summaries over other notes."""
        s = t.EvaluationSummary
        self._session.execute(delete(s).where(s.dataset_id == dataset_id, s.basis != basis))

    def set_versus(self, found: Mapping[int, Mapping[str, Any]]) -> None:
        """By evaluation; in order of them, so that two who do it at once do not wait for each other in a ring."""
        for evaluation_id, value in sorted(found.items()):
            self._session.execute(
                update(t.EvaluationSummary)
                .where(t.EvaluationSummary.evaluation_id == evaluation_id)
                .values(versus=dict(value))
            )

    def ranked(self, dataset_id: int, *, limit: int | None = None, also: Collection[int] = ()) -> list[SummaryRow]:
        """The best by F1 first, those without one last. also: of these adapters, too, whatever their rank."""
        s = t.EvaluationSummary
        columns = select(s.evaluation_id, s.f1, s.head, s.versus)
        best = (
            columns.where(s.dataset_id == dataset_id).order_by(s.f1.desc().nulls_last(), s.evaluation_id).limit(limit)
        )
        rows = [SummaryRow(*row) for row in self._session.execute(best)]
        if also:
            there = {row.evaluation_id for row in rows}
            more = self._session.execute(
                columns.join(t.Evaluation, t.Evaluation.id == s.evaluation_id).where(
                    s.dataset_id == dataset_id, t.Evaluation.adapter_id.in_(also)
                )
            )
            rows += [SummaryRow(*row) for row in more if row[0] not in there]
        return rows

    def entries(self, evaluation_ids: Collection[int]) -> dict[int, Entry]:
        """By evaluation: which model it is of, and what it took."""
        e, a, r = t.Evaluation, t.Adapter, t.Run
        rows = self._session.execute(
            select(e, a.name, t.Encoder.name, r.id, r.hyper, r.dataset_id)
            .select_from(e)
            .join(a, a.id == e.adapter_id)
            .join(t.Encoder, t.Encoder.id == a.encoder_id)
            .outerjoin(r, r.id == a.run_id)
            .where(e.id.in_(evaluation_ids))
        )
        return {
            row.id: Entry(row.adapter_id, adapter, encoder, run, (hyper or {}).get("seed"), trained_on, head_of(row))
            for row, adapter, encoder, run, hyper, trained_on in rows
        }

    def detail(self, evaluation_id: int) -> Mapping[str, Any] | None:
        return self._session.scalar(
            select(t.EvaluationSummary.detail).where(t.EvaluationSummary.evaluation_id == evaluation_id)
        )

    def facts(self, dataset_id: int, split: Split) -> list[NoteFacts]:
        """Of the notes of the split, in order of note id."""
        n, d = t.Note, t.DatasetNote
        rows = self._session.execute(
            select(n.id, n.note_type, func.length(n.text), n.created_at)
            .join(d, d.note_id == n.id)
            .where(d.dataset_id == dataset_id, d.split == split.value)
            .order_by(n.id)
        )
        return [NoteFacts(note, kind, length, f"{at:%Y-%m}") for note, kind, length, at in rows]

    def label_counts(self, dataset_id: int) -> list[tuple[datetime, dict[str, int]]]:
        """(time of import, label → gold spans) of every note of the dataset, the oldest first; zeros are left out."""
        d, s, n = t.DatasetNote, t.DatasetSpan, t.Note
        notes = self._session.execute(
            select(n.id, n.created_at)
            .join(d, d.note_id == n.id)
            .where(d.dataset_id == dataset_id)
            .order_by(n.created_at, n.id)
        )
        found: dict[int, tuple[datetime, dict[str, int]]] = {note: (at, {}) for note, at in notes}
        rows = self._session.execute(
            select(s.note_id, s.label, func.count()).where(s.dataset_id == dataset_id).group_by(s.note_id, s.label)
        )
        for note, label, number in rows:
            found[note][1][label] = number
        return list(found.values())

    def names(self, project_id: int) -> list[tuple[int, str]]:
        """(id, name) of the project's datasets, newest first; nothing is counted."""
        d = t.Dataset
        rows = self._session.execute(select(d.id, d.name).where(d.project_id == project_id).order_by(d.id.desc()))
        return [(number, name) for number, name in rows]

    def dataset(self, dataset_id: int) -> DatasetHead:
        """A dataset without its counts, which take reading all of it."""
        row = self._session.get(t.Dataset, dataset_id)
        if row is None:
            raise NotFound(f"There is no dataset {dataset_id}.")
        return DatasetHead(row.id, row.project_id, row.name, row.schema_id, row.content_hash)

    def trained(self, dataset_id: int, split: Split) -> list[Trained]:
        """How the adapters that were scored on the split, and that a run made, were trained."""
        e, a, r = t.Evaluation, t.Adapter, t.Run
        rows = self._session.execute(
            select(e.id, a.name, t.Encoder.name, r.dataset_id, r.hyper)
            .select_from(e)
            .join(a, a.id == e.adapter_id)
            .join(r, r.id == a.run_id)
            .join(t.Encoder, t.Encoder.id == a.encoder_id)
            .where(e.dataset_id == dataset_id, e.split == split.value)
            .order_by(e.id)
        )
        return [Trained(*row) for row in rows]

    def notes_on(self, split: Split, dataset_ids: Collection[int]) -> dict[int, int]:
        """Dataset → its notes on that side."""
        d = t.DatasetNote
        rows = self._session.execute(
            select(d.dataset_id, func.count())
            .where(d.dataset_id.in_(dataset_ids), d.split == split.value)
            .group_by(d.dataset_id)
        )
        return {int(dataset): int(number) for dataset, number in rows}

    def unscored(self, *, project_id: int, dataset_id: int, split: Split) -> list[Unscored]:
        """Adapters of the project (and the starters) without a score on the split, with their newest one on another."""
        e, a, d = t.Evaluation, t.Adapter, t.Dataset
        other, its, own = aliased(e), aliased(d), aliased(e)
        here = exists().where(own.adapter_id == a.id, own.dataset_id == dataset_id, own.split == split.value)
        newest = (
            select(func.max(other.id))
            .join(its, its.id == other.dataset_id)
            .where(other.adapter_id == a.id, other.split == split.value, its.project_id == project_id)
            .correlate(a)
            .scalar_subquery()
        )
        rows = self._session.execute(
            select(a.id, a.name, a.labels, d.name, e.notes, e.created_at, t.EvaluationSummary.head)
            .select_from(a)
            .outerjoin(e, e.id == newest)
            .outerjoin(d, d.id == e.dataset_id)
            .outerjoin(t.EvaluationSummary, t.EvaluationSummary.evaluation_id == e.id)
            .where(or_(a.project_id == project_id, a.project_id.is_(None)), ~here)
            .order_by(a.id)
        )
        return [Unscored(*row) for row in rows]

    def runs(self, dataset_id: int) -> list[tuple[int, str]]:
        """(id, name) of the runs on the dataset that got as far as an epoch, newest first."""
        r = t.Run
        begun = exists().where(t.RunEpoch.run_id == r.id)
        rows = self._session.execute(
            select(r.id, r.name).where(r.dataset_id == dataset_id, begun).order_by(r.id.desc())
        )
        return [(number, name) for number, name in rows]

    def titles(self, note_ids: Collection[int]) -> dict[int, str]:
        """Note → its title; no text is read."""
        rows = self._session.execute(select(t.Note.id, t.Note.title).where(t.Note.id.in_(note_ids)))
        return {int(note): str(title) for note, title in rows}

    def changed_gold(self, dataset_id: int, split: Split) -> int:
        """Notes of the split that were submitted (again) or decided about since the dataset was frozen."""
        d, a, g = t.DatasetNote, t.Annotation, t.Gold
        frozen = select(t.Dataset.created_at).where(t.Dataset.id == dataset_id).scalar_subquery()
        submitted = exists().where(a.note_id == d.note_id, a.state == "submitted", a.submitted_at > frozen)
        decided = exists().where(g.note_id == d.note_id, g.decided_at > frozen)
        query = (
            select(func.count())
            .select_from(d)
            .where(d.dataset_id == dataset_id, d.split == split.value, or_(submitted, decided))
        )
        return self._session.scalar(query) or 0
