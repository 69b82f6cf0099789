"""Predictions: one per note and adapter, replaced as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.queue import uncertainty
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.store.queue import Queue


class Predictions:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self, *, note_id: int, adapter_id: int, spans: Sequence[ScoredSpan], labels: Collection[str] | None = None
    ) -> None:
        """Write the prediction, and tell the queue how sure it is; one that is there already is replaced, so that a
        repeated job does no harm.

        labels: of the project; what people do not see as a suggestion does not count as one. None: all count.

        Two workers that predict the same notes write one after the other: the note's row is locked.
        """
        self._session.execute(select(t.Note.id).where(t.Note.id == note_id).with_for_update(key_share=True))
        self._session.execute(
            delete(t.Prediction).where(t.Prediction.note_id == note_id, t.Prediction.adapter_id == adapter_id)
        )
        unsure = uncertainty([scored.score for scored in spans if labels is None or scored.span.label in labels])
        row = t.Prediction(note_id=note_id, adapter_id=adapter_id, created_at=now(), uncertainty=unsure)
        self._session.add(row)
        self._session.flush()
        if spans:
            self._session.execute(
                insert(t.PredictionSpan),
                [
                    {
                        "prediction_id": row.id,
                        "position": position,
                        "start_offset": scored.span.start,
                        "end_offset": scored.span.end,
                        "label": scored.span.label,
                        "score": scored.score,
                    }
                    for position, scored in enumerate(spans)
                ],
            )
        Queue(self._session).predicted(note_id=note_id, adapter_id=adapter_id, uncertainty=unsure)

    def get(self, *, note_id: int, adapter_id: int) -> list[ScoredSpan] | None:
        """None when the adapter has not looked at the note; an empty list when it found nothing."""
        prediction_id = self._session.scalar(
            select(t.Prediction.id).where(t.Prediction.note_id == note_id, t.Prediction.adapter_id == adapter_id)
        )
        if prediction_id is None:
            return None
        rows = self._session.scalars(
            select(t.PredictionSpan)
            .where(t.PredictionSpan.prediction_id == prediction_id)
            .order_by(t.PredictionSpan.position)
        )
        return [ScoredSpan(Span(row.start_offset, row.end_offset, row.label), row.score) for row in rows]
