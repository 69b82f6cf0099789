"""Highlights: asking for them, and (in the worker) writing them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import ScoredSpan
from mednerapp.errors import MedNerError, NotHighlighted
from mednerapp.services.workers import ALIVE_WITHIN
from mednerapp.store import Fence, Store, Transaction

RECENT = 200  # jobs among which the reason for missing highlights is looked for
_log = logging.getLogger(__name__)
CHUNK = 8  # notes that are predicted and committed together: small, so that the first note is ready soon

WORTH_A_JOB = 4 * CHUNK  # notes; fewer are not worth another worker's opening the model


class Predictor(Protocol):
    """Texts in, spans with scores out, in the same order."""

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]: ...


def queue_predictions(tx: Transaction, *, project_id: int, user_id: int | None) -> None:
    """Ask for predictions of the notes that lack one, unless a job that has not started yet will do it anyway."""
    tx.projects.lock(project_id)  # a promotion, or another import, comes before this one or after it
    adapter_id = tx.projects.get(project_id).active_adapter_id
    if adapter_id is None:
        return
    jobs = [job for job in tx.jobs.open([JobKind.PREDICT]) if _is_for(job, project_id, adapter_id)]
    for args in _parts(tx, project_id, adapter_id):
        covers = (job for job in jobs if job.state is JobState.QUEUED and (job.args == args or "part" not in job.args))
        # Locked, it starts after this transaction and so sees its notes; what has started since we looked may not.
        if not any(tx.jobs.lock(job.id).state is JobState.QUEUED for job in covers):
            tx.jobs.add(kind=JobKind.PREDICT, args=args, user_id=user_id)


def _parts(tx: Transaction, project_id: int, adapter_id: int) -> list[dict[str, int | str]]:
    """The arguments of one job, or where there is much to do of one for each worker: note ids by their remainder."""
    args: dict[str, int | str] = {"project_id": project_id, "adapter_id": adapter_id}
    workers = len(tx.workers.alive(within=ALIVE_WITHIN))
    if workers < 2:
        return [args]
    missing = len(tx.notes.without_prediction(project_id=project_id, adapter_id=adapter_id))
    parts = min(workers, missing // WORTH_A_JOB)
    return [args] if parts < 2 else [{**args, "part": part, "parts": parts} for part in range(parts)]


def _is_for(job: Job, project_id: int, adapter_id: int | None) -> bool:
    return (job.args.get("project_id"), job.args.get("adapter_id")) == (project_id, adapter_id)


def under_way(tx: Transaction, project: Project) -> bool:
    """Whether a job that predicts the project's notes with its adapter in force is queued or running."""
    return any(_is_for(job, project.id, project.active_adapter_id) for job in tx.jobs.open([JobKind.PREDICT]))


def why_missing(tx: Transaction, project: Project) -> str:
    """Why a note has no prediction and no job will make one: a sentence for the page."""
    jobs = (job for job in tx.jobs.recent(RECENT) if job.kind is JobKind.PREDICT)
    last = next((job for job in jobs if _is_for(job, project.id, project.active_adapter_id)), None)
    if last is not None and last.state is JobState.FAILED:
        return f"Highlights are missing: {last.message}"
    return "This note has not been highlighted."


def waiting(store: Store, *, user: User, project_id: int) -> bool:
    """Whether highlights of the project's notes are being made or will be."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return under_way(tx, tx.projects.get(project_id))


def try_again(store: Store, *, user: User, project_id: int) -> None:
    """Ask for the highlights that are missing."""
    user.require(Permission.IMPORT)
    with store.write() as tx:
        queue_predictions(tx, project_id=project_id, user_id=user.id)


def predict_missing(
    store: Store,
    *,
    project_id: int,
    adapter_id: int,
    predictor: Predictor,
    on_progress: Callable[[int, int], None],
    fence: Fence,
    part: int = 0,
    parts: int = 1,
) -> int:
    """Predict every note of the project that the adapter has not seen; the number of notes.

    part, parts: only notes whose id leaves that remainder, so that several workers share a project.

    A note on which the predictor fails is left out, so that the others get theirs.

    on_progress: (notes done, notes in all).

    Raises:
        NotHighlighted: some notes were left out; the others are done.
    """
    with store.read() as tx:
        every = tx.notes.without_prediction(project_id=project_id, adapter_id=adapter_id)
        labels = tx.projects.get(project_id).schema.names
    missing = [note_id for note_id in every if note_id % parts == part]
    on_progress(0, len(missing))
    failed: list[int] = []
    for first in range(0, len(missing), CHUNK):
        with store.read() as tx:
            notes = tx.notes.texts(missing[first : first + CHUNK])
        found = _predicted(predictor, notes)
        with store.write() as tx:
            fence(tx)
            for note_id, spans in found.items():
                tx.predictions.put(note_id=note_id, adapter_id=adapter_id, spans=spans, labels=labels)
        failed += [note_id for note_id, _ in notes if note_id not in found]
        on_progress(min(first + CHUNK, len(missing)), len(missing))
    if failed:
        raise NotHighlighted(failed)
    return len(missing)


def _predicted(predictor: Predictor, notes: Sequence[tuple[int, str]]) -> dict[int, Sequence[ScoredSpan]]:
    """The spans by note id, without the notes on which the predictor fails."""
    try:
        return dict(zip((note_id for note_id, _ in notes), predictor([text for _, text in notes]), strict=True))
    except MedNerError:  # it says what is wrong, and that is not the note
        raise
    except Exception as error:  # noqa: BLE001 -- a model may fail in any way
        if len(notes) > 1:
            return {note_id: spans for note in notes for note_id, spans in _predicted(predictor, [note]).items()}
        _log.warning("Note %d cannot be highlighted (%s).", notes[0][0], type(error).__name__)  # its text may say more
        return {}
