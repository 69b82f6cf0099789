"""Highlights: asking for them, and (in the worker) writing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.spans import ScoredSpan
from mednerapp.store import Store, Transaction

CHUNK = 8  # notes that are predicted and committed together: small, so that the first note is ready soon


class Predictor(Protocol):
    """Texts in, spans with scores out, in the same order."""

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]: ...


def queue_predictions(tx: Transaction, *, project_id: int, user_id: int | None) -> None:
    """Ask for predictions of the notes that lack one, unless a job that has not started yet will do it anyway."""
    adapter_id = tx.projects.get(project_id).active_adapter_id
    if adapter_id is None:
        return
    args = {"project_id": project_id, "adapter_id": adapter_id}
    waiting = tx.jobs.open([JobKind.PREDICT])
    if not any(job.state is JobState.QUEUED and job.args == args for job in waiting):
        tx.jobs.add(kind=JobKind.PREDICT, args=args, user_id=user_id)


def predict_missing(
    store: Store,
    *,
    project_id: int,
    adapter_id: int,
    predictor: Predictor,
    on_progress: Callable[[int, int], None],
) -> int:
    """Predict every note of the project that the adapter has not seen; the number of notes.

    on_progress: (notes done, notes in all).
    """
    with store.read() as tx:
        missing = tx.notes.without_prediction(project_id=project_id, adapter_id=adapter_id)
    on_progress(0, len(missing))
    for first in range(0, len(missing), CHUNK):
        with store.read() as tx:
            notes = tx.notes.texts(missing[first : first + CHUNK])
        found = predictor([text for _, text in notes])
        with store.write() as tx:
            for (note_id, _), spans in zip(notes, found, strict=True):
                tx.predictions.put(note_id=note_id, adapter_id=adapter_id, spans=spans)
        on_progress(min(first + CHUNK, len(missing)), len(missing))
    return len(missing)
