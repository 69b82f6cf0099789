"""Evaluations: strict counts per note and label of one adapter on one split."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split
from mednerapp.domain.models import Evaluation, NoteLabelCount


class Evaluations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self,
        *,
        adapter_id: int,
        dataset_id: int,
        split: Split,
        notes: int,
        excluded: int,
        counts: Sequence[NoteLabelCount],
    ) -> None:
        """Write the evaluation; an earlier one of the same adapter on the same split is replaced.

        Two workers that score the same adapter write one after the other: the adapter's row is locked.
        """
        self._session.execute(select(t.Adapter.id).where(t.Adapter.id == adapter_id).with_for_update(key_share=True))
        self._session.execute(
            delete(t.Evaluation).where(
                t.Evaluation.adapter_id == adapter_id,
                t.Evaluation.dataset_id == dataset_id,
                t.Evaluation.split == split.value,
            )
        )
        row = t.Evaluation(
            adapter_id=adapter_id,
            dataset_id=dataset_id,
            split=split.value,
            notes=notes,
            excluded=excluded,
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        if counts:
            self._session.execute(
                insert(t.EvaluationCount),
                [
                    {
                        "evaluation_id": row.id,
                        "note_id": count.note_id,
                        "label": count.label,
                        "tp": count.tp,
                        "fp": count.fp,
                        "fn": count.fn,
                    }
                    for count in counts
                ],
            )

    def scored(self, dataset_id: int, split: Split) -> set[int]:
        """Ids of the adapters that were scored on the split."""
        query = select(t.Evaluation.adapter_id)
        return set(
            self._session.scalars(query.where(t.Evaluation.dataset_id == dataset_id, t.Evaluation.split == split.value))
        )

    def of_dataset(self, dataset_id: int, split: Split, *, adapters: Collection[int] | None = None) -> list[Evaluation]:
        """All adapters (or of these) that were scored on the split, in order of adapters."""
        query = select(t.Evaluation).where(t.Evaluation.dataset_id == dataset_id, t.Evaluation.split == split.value)
        if adapters is not None:
            query = query.where(t.Evaluation.adapter_id.in_(adapters))
        rows = self._session.scalars(query.order_by(t.Evaluation.adapter_id)).all()
        counts: dict[int, list[NoteLabelCount]] = {row.id: [] for row in rows}
        for c in self._session.scalars(
            select(t.EvaluationCount)
            .where(t.EvaluationCount.evaluation_id.in_(list(counts)))
            .order_by(t.EvaluationCount.note_id, t.EvaluationCount.label)
        ):
            counts[c.evaluation_id].append(NoteLabelCount(c.note_id, c.label, c.tp, c.fp, c.fn))
        return [
            Evaluation(
                id=row.id,
                adapter_id=row.adapter_id,
                dataset_id=row.dataset_id,
                split=Split(row.split),
                notes=row.notes,
                excluded=row.excluded,
                counts=tuple(counts[row.id]),
                created_at=row.created_at,
            )
            for row in rows
        ]
