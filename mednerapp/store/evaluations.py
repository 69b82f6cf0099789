"""Evaluations: one adapter on one split, with its strict counts per note and label."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split
from mednerapp.domain.models import Cost, Evaluation, EvaluationHead, NoteLabelCount
from mednerapp.scoring.outcomes import Outcome
from mednerapp.store.outcomes import Outcomes

NOTHING = Cost()


def basis_of(note_ids: Iterable[int]) -> str:
    """A hash of a set of notes: equal for equal sets."""
    return hashlib.sha256(",".join(map(str, sorted(note_ids))).encode()).hexdigest()


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
        outcomes: Sequence[Outcome] | None = None,
        cost: Cost = NOTHING,
    ) -> None:
        """Write the evaluation; an earlier one of the same adapter on the same split is replaced.

        outcomes: what became of every span; None where that is not known.

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
            basis=basis_of({count.note_id for count in counts}),
            detailed=outcomes is not None,
            seconds=cost.seconds,
            characters=cost.characters,
            model_bytes=cost.model_bytes,
            memory_bytes=cost.memory_bytes,
            device=cost.device,
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

        if outcomes:
            Outcomes(self._session).add(row.id, outcomes)

    def heads(self, dataset_id: int, split: Split) -> list[EvaluationHead]:
        """All adapters that were scored on the split, in order of adapters; no counts are read."""
        rows = self._session.scalars(
            select(t.Evaluation)
            .where(t.Evaluation.dataset_id == dataset_id, t.Evaluation.split == split.value)
            .order_by(t.Evaluation.adapter_id)
        )
        return [head_of(row) for row in rows]

    def head(self, evaluation_id: int) -> EvaluationHead | None:
        row = self._session.get(t.Evaluation, evaluation_id)
        return head_of(row) if row else None

    def state(self, dataset_id: int, split: Split) -> str:
        """Changes with every evaluation that comes or goes; cheap."""
        e = t.Evaluation
        found = self._session.execute(
            select(func.count(), func.max(e.id), func.max(e.created_at)).where(
                e.dataset_id == dataset_id, e.split == split.value
            )
        ).one()
        return " ".join(str(value) for value in found)

    def notes_of(self, evaluation_id: int) -> frozenset[int]:
        """Ids of the notes that were scored."""
        query = select(t.EvaluationCount.note_id).where(t.EvaluationCount.evaluation_id == evaluation_id).distinct()
        return frozenset(self._session.scalars(query))

    def counts_of(self, evaluation_id: int) -> dict[tuple[int, str], tuple[int, int, int]]:
        """(note, label) → tp, fp, fn."""
        c = t.EvaluationCount
        rows = self._session.execute(
            select(c.note_id, c.label, c.tp, c.fp, c.fn).where(c.evaluation_id == evaluation_id)
        )
        return {(note, label): (tp, fp, fn) for note, label, tp, fp, fn in rows}

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


def head_of(row: t.Evaluation) -> EvaluationHead:
    """A row as a value."""
    return EvaluationHead(
        id=row.id,
        adapter_id=row.adapter_id,
        dataset_id=row.dataset_id,
        split=Split(row.split),
        notes=row.notes,
        excluded=row.excluded,
        created_at=row.created_at,
        basis=row.basis,
        detailed=row.detailed,
        cost=Cost(row.seconds, row.characters, row.model_bytes, row.memory_bytes, row.device),
    )
