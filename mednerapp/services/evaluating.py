"""Scoring adapters on a frozen split."""

from __future__ import annotations

from collections.abc import Callable

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import NoteLabelCount
from mednerapp.errors import NothingToTrainOn
from mednerapp.scoring.strict import Counts, count_strict
from mednerapp.services.predicting import CHUNK, Predictor
from mednerapp.store import Fence, Store, Transaction


def queue_evaluations(tx: Transaction, *, dataset_id: int, user_id: int | None) -> int:
    """Queue an evaluation for each adapter that has no score on the dataset's test split; how many."""
    dataset = tx.datasets.get(dataset_id)
    scored = tx.evaluations.scored(dataset_id, Split.TEST)
    waiting = {(job.args.get("adapter_id"), job.args.get("dataset_id")) for job in tx.jobs.open([JobKind.EVALUATE])}
    labels = set(tx.projects.schema(dataset.schema_id).names)
    queued = 0
    for adapter in tx.models.adapters(dataset.project_id):
        comparable = labels & set(adapter.labels)
        if comparable and adapter.id not in scored and (adapter.id, dataset_id) not in waiting:
            args = {"adapter_id": adapter.id, "dataset_id": dataset_id}
            tx.jobs.add(kind=JobKind.EVALUATE, args=args, user_id=user_id)
            queued += 1
    return queued


def waiting(store: Store, *, user: User, dataset_id: int) -> int:
    """How many evaluations of the dataset are queued or running."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return sum(job.args.get("dataset_id") == dataset_id for job in tx.jobs.open([JobKind.EVALUATE]))


def request(store: Store, *, user: User, dataset_id: int) -> int:
    """Ask for the missing scores of a dataset; how many were queued."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        return queue_evaluations(tx, dataset_id=dataset_id, user_id=user.id)


def evaluate(
    store: Store,
    *,
    adapter_id: int,
    dataset_id: int,
    split: Split,
    predictor: Predictor,
    seen: frozenset[str],
    on_progress: Callable[[int, int], None],
    fence: Fence,
) -> None:
    """Predict the notes of the split, count strict matches per note and label, store the counts.

    seen: content hashes of the notes that the adapter or its base was trained or selected on; they are left out.
    Every note and label gets a row, zeros too: a note without spans is part of the bootstrap, and the rows say which
    notes were scored.

    Raises:
        NothingToTrainOn: if no note of the split is left.
    """
    with store.read() as tx:
        schema_id = tx.datasets.get(dataset_id).schema_id
        labels = tx.projects.schema(schema_id).names
        gold = tx.datasets.gold(dataset_id, split)
    fair = [note for note in gold if note.note_hash not in seen]
    if not fair:
        raise NothingToTrainOn(f"The model was trained on every {split.value} note of this dataset.")
    counts: list[NoteLabelCount] = []
    on_progress(0, len(fair))
    for first in range(0, len(fair), CHUNK):
        chunk = fair[first : first + CHUNK]
        for note, found in zip(chunk, predictor([note.text for note in chunk]), strict=True):
            predicted = [scored.span for scored in found if scored.span.label in labels]
            per_label = count_strict(note.spans, predicted)
            for label in labels:
                c = per_label.get(label, Counts())
                counts.append(NoteLabelCount(note.note_id, label, c.tp, c.fp, c.fn))
        on_progress(first + len(chunk), len(fair))
    with store.write() as tx:
        fence(tx)
        tx.evaluations.put(
            adapter_id=adapter_id,
            dataset_id=dataset_id,
            split=split,
            notes=len(fair),
            excluded=len(gold) - len(fair),
            counts=counts,
        )


def open_jobs(store: Store, *, user: User, dataset_id: int) -> list[int]:
    """Ids of the evaluations of the dataset that have not ended."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return [job.id for job in tx.jobs.open([JobKind.EVALUATE]) if job.args.get("dataset_id") == dataset_id]
