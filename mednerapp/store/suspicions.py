"""Gold that is probably wrong, as the last look through a dataset ranked it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.spans import Span
from mednerapp.errors import NotFound
from mednerapp.store.gold import span_dict, span_of_dict


@dataclass(frozen=True, slots=True)
class Round:
    """One look through a dataset. open, fixed, kept: how many of its suspicions are in that state."""

    id: int
    dataset_id: int
    folds: int
    notes: int
    at: datetime
    open: int
    fixed: int
    kept: int


@dataclass(frozen=True, slots=True)
class StoredSuspicion:
    """A gold span (None: there is none) and what the model says instead (None: nothing). margin: see `suspicious`."""

    id: int
    round_id: int
    note_id: int
    kind: str
    gold: Span | None
    predicted: Span | None
    margin: float
    state: str


class Suspicions:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add_round(
        self,
        *,
        dataset_id: int,
        folds: int,
        notes: int,
        user_id: int | None,
        found: Sequence[tuple[int, str, Span | None, Span | None, float]],
    ) -> int:
        """`found`: (note, kind, gold, predicted, margin); the id of the round."""
        row = t.SuspicionRound(
            dataset_id=dataset_id, adapter_id=None, folds=folds, notes=notes, created_by=user_id, created_at=now()
        )
        self._session.add(row)
        self._session.flush()
        values = [
            {
                "round_id": row.id,
                "note_id": note_id,
                "kind": kind,
                "gold": span_dict(gold) if gold else None,
                "predicted": span_dict(predicted) if predicted else None,
                "margin": margin,
            }
            for note_id, kind, gold, predicted, margin in found
        ]
        if values:
            self._session.execute(insert(t.Suspicion), values)
        return row.id

    def newest_round(self, project_id: int) -> Round | None:
        row = self._session.scalar(
            select(t.SuspicionRound)
            .join(t.Dataset, t.Dataset.id == t.SuspicionRound.dataset_id)
            .where(t.Dataset.project_id == project_id)
            .order_by(t.SuspicionRound.id.desc())
            .limit(1)
        )
        if row is None:
            return None
        rows = self._session.execute(
            select(t.Suspicion.state, func.count()).where(t.Suspicion.round_id == row.id).group_by(t.Suspicion.state)
        )
        counts = {"open": 0, "fixed": 0, "kept": 0} | {one[0]: one[1] for one in rows}
        return Round(row.id, row.dataset_id, row.folds, row.notes, row.created_at, **counts)

    def open(self, round_id: int, *, limit: int) -> list[StoredSuspicion]:
        """Those that nobody has decided about, the most suspicious first; of notes that are not in the bin."""
        s = t.Suspicion
        rows = self._session.scalars(
            select(s)
            .join(t.Note, t.Note.id == s.note_id)
            .where(s.round_id == round_id, s.state == "open", t.Note.deleted_at.is_(None))
            .order_by(s.margin.desc(), s.id)
            .limit(limit)
        )
        return [_stored(row) for row in rows]

    def get(self, suspicion_id: int) -> StoredSuspicion:
        row = self._session.scalar(select(t.Suspicion).where(t.Suspicion.id == suspicion_id).with_for_update())
        if row is None:
            raise NotFound(f"There is no suspicion {suspicion_id}.")
        return _stored(row)

    def last_decided(self, round_id: int) -> StoredSuspicion | None:
        s = t.Suspicion
        row = self._session.scalar(
            select(s)
            .where(s.round_id == round_id, s.state != "open")
            .order_by(s.decided_at.desc(), s.id.desc())
            .limit(1)
        )
        return _stored(row) if row else None

    def decide(self, suspicion_id: int, *, state: str, user_id: int | None) -> None:
        """`state`: fixed or kept; open takes the decision back."""
        at = None if state == "open" else now()
        by = None if state == "open" else user_id
        self._session.execute(
            update(t.Suspicion).where(t.Suspicion.id == suspicion_id).values(state=state, decided_by=by, decided_at=at)
        )


def _stored(row: t.Suspicion) -> StoredSuspicion:
    return StoredSuspicion(
        row.id,
        row.round_id,
        row.note_id,
        row.kind,
        span_of_dict(row.gold) if row.gold else None,
        span_of_dict(row.predicted) if row.predicted else None,
        row.margin,
        row.state,
    )
