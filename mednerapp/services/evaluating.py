"""Scoring adapters on a frozen split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import Cost, NoteLabelCount
from mednerapp.errors import NothingToTrainOn
from mednerapp.scoring.outcomes import Outcome, describe, mention_key, outcomes
from mednerapp.scoring.strict import Counts, count_strict
from mednerapp.services import boards
from mednerapp.services.predicting import CHUNK, Predictor
from mednerapp.store import Fence, Store, Transaction


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of the model's files, the most memory that the process took, and on what it ran."""

    model_bytes: int = 0
    memory_bytes: int = 0
    device: str = ""


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


def queue_newest(tx: Transaction, *, project_id: int, user_id: int | None) -> int:
    """Queue what `queue_evaluations` would on the newest gold of the project; 0 before there is any."""
    newest = next((number for number, _ in tx.boards.names(project_id)), None)
    return 0 if newest is None else queue_evaluations(tx, dataset_id=newest, user_id=user_id)


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


def score_again(store: Store, *, user: User, adapter_id: int, dataset_id: int) -> None:
    """Ask for a new score in place of one that is there, unless one is on its way."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        tx.models.adapter(adapter_id)
        tx.projects.lock(tx.datasets.get(dataset_id).project_id)  # whoever asks at the same time comes after
        args: dict[str, int | str] = {"adapter_id": adapter_id, "dataset_id": dataset_id}
        if not any(job.args == args for job in tx.jobs.open([JobKind.EVALUATE])):
            tx.jobs.add(kind=JobKind.EVALUATE, args=args, user_id=user.id)


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
    footprint: Callable[[], Footprint] | None = None,
) -> None:
    """Predict the notes of the split, store strict counts per note and label, what became of every span, and the cost.

    seen: content hashes of the notes that the adapter or its base was trained or selected on; they are left out.
    Every note and label gets a row, zeros too: a note without spans is part of the bootstrap, and the rows say which
    notes were scored. The board of the dataset is made anew.

    footprint: asked at the end for what the model took.

    Raises:
        NothingToTrainOn: if no note of the split is left.
    """
    with store.read() as tx:
        schema_id = tx.datasets.get(dataset_id).schema_id
        labels = tx.projects.schema(schema_id).names
        gold = tx.datasets.gold(dataset_id, split)
        known = frozenset(map(mention_key, tx.outcomes.mentions(dataset_id, Split.TRAIN)))
        stated = tx.outcomes.stated(dataset_id, split)
    fair = [note for note in gold if note.note_hash not in seen]
    if not fair:
        raise NothingToTrainOn(f"The model was trained on every {split.value} note of this dataset.")
    counts: list[NoteLabelCount] = []
    became: list[Outcome] = []
    seconds = 0.0
    on_progress(0, len(fair))
    for first in range(0, len(fair), CHUNK):
        chunk = fair[first : first + CHUNK]
        began = perf_counter()
        predicted = predictor([note.text for note in chunk])
        seconds += perf_counter() - began
        for note, spans in zip(chunk, predicted, strict=True):
            found = [scored for scored in spans if scored.span.label in labels]
            per_label = count_strict(note.spans, [scored.span for scored in found])
            for label in labels:
                c = per_label.get(label, Counts())
                counts.append(NoteLabelCount(note.note_id, label, c.tp, c.fp, c.fn))
            traits = describe(note.text, stated=stated.get(note.note_id, {}), known=known)
            became += outcomes(note.note_id, note.spans, found, traits)
        on_progress(first + len(chunk), len(fair))
    took = footprint() if footprint else Footprint()
    cost = Cost(seconds, sum(len(note.text) for note in fair), took.model_bytes, took.memory_bytes, took.device)
    with store.write() as tx:
        fence(tx)
        tx.evaluations.put(
            adapter_id=adapter_id,
            dataset_id=dataset_id,
            split=split,
            notes=len(fair),
            excluded=len(gold) - len(fair),
            counts=counts,
            outcomes=became,
            cost=cost,
        )
    if split is Split.TEST:
        boards.refresh(store, dataset_id=dataset_id)


def open_jobs(store: Store, *, user: User, dataset_id: int) -> list[int]:
    """Ids of the evaluations of the dataset that have not ended."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return [job.id for job in tx.jobs.open([JobKind.EVALUATE]) if job.args.get("dataset_id") == dataset_id]
