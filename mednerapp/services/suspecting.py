"""Gold that is probably wrong: asked for by a lead, found out of fold in the worker, decided one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset, GoldNote, Split
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.notes import Note
from mednerapp.domain.spans import Span
from mednerapp.errors import ChangedSince, InvalidValue, NothingToTrainOn
from mednerapp.scoring.suspicious import OutOfFold, rank
from mednerapp.services import gold as golds
from mednerapp.services.correcting import correct_in
from mednerapp.services.predicting import CHUNK, Predictor
from mednerapp.store import Fence, Store, Transaction
from mednerapp.store.suspicions import Round, StoredSuspicion

FOLDS = 5
MOST = 1_000  # suspicions that are kept of a round; the ranking has put the others far behind
STALE = 50  # suspicions that are looked through at once for one that is still true


class FoldTrainer(Protocol):
    """Trains on these notes and predicts others. fold: which one it is, from 0."""

    def __call__(self, train: Sequence[GoldNote], *, fold: int) -> Predictor: ...


@dataclass(frozen=True, slots=True)
class OpenSuspicion:
    """A place where gold and model differ, and the note's gold as it is now."""

    suspicion: StoredSuspicion
    note: Note
    schema: LabelSchema
    gold: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """round: the newest, None before the first. running: a look through a dataset is queued or going on; `done` of
    `total` notes, or 0 of 0. datasets: that could be looked through, newest first.
    """

    round: Round | None
    running: bool
    done: int
    total: int
    datasets: tuple[Dataset, ...]


def queue(store: Store, *, user: User, project_id: int) -> Queue:
    user.require(Permission.REVIEW)
    with store.read() as tx:
        datasets = tuple(tx.datasets.all(project_id))
        ids = {dataset.id for dataset in datasets}
        jobs = [job for job in tx.jobs.open([JobKind.EVALUATE]) if job.args.get("suspect_dataset") in ids]
        done, total = (jobs[0].done, jobs[0].total) if jobs else (0, 0)
        return Queue(tx.suspicions.newest_round(project_id), bool(jobs), done, total, datasets)


def request(store: Store, *, user: User, dataset_id: int, folds: int = FOLDS) -> None:
    """Have the worker look through a dataset: `folds` trainings, each on all notes but those that it then predicts.

    Raises:
        InvalidValue: for fewer than two folds or more than ten, without a model in use, or if one is going on.
    """
    user.require(Permission.TRAIN)
    if not 2 <= folds <= 10:
        raise InvalidValue(f"There are 2 to 10 folds, not {folds}.")
    with store.write() as tx:
        dataset = tx.datasets.get(dataset_id)
        tx.projects.lock(dataset.project_id)
        adapter_id = tx.projects.get(dataset.project_id).active_adapter_id
        if adapter_id is None:
            raise InvalidValue("No model is in use in this project; its encoder would be trained. Promote one first.")
        if any(job.args.get("suspect_dataset") == dataset_id for job in tx.jobs.open([JobKind.EVALUATE])):
            raise InvalidValue("This dataset is being looked through already.")
        args: dict[str, int | str] = {"suspect_dataset": dataset_id, "folds": folds, "like_adapter": adapter_id}
        tx.jobs.add(kind=JobKind.EVALUATE, args=args, user_id=user.id)
        tx.audit.add(user=user, action="suspicious gold asked for", target=f"dataset:{dataset_id}", folds=folds)


def fold_of(patient_key: str | None, content_hash: str, *, folds: int) -> int:
    """Notes of one patient are in one fold."""
    key = f"fold:{patient_key or content_hash}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % folds


def find(
    store: Store,
    *,
    dataset_id: int,
    folds: int,
    trainer: FoldTrainer,
    on_progress: Callable[[int, int], None],
    fence: Fence,
    user_id: int | None,
) -> int:
    """Predict every note of the dataset, of whatever side, by a model that was trained without its fold, and rank where
    it differs from gold; how many places were kept.

    on_progress: (notes predicted, notes in all).

    Raises:
        NothingToTrainOn: the notes fall into fewer than two folds.
    """
    with store.read() as tx:
        patients = {member.note_id: member.patient_key for member in tx.datasets.members(dataset_id)}
        notes = [note for split in Split for note in tx.datasets.gold(dataset_id, split)]
    parts: list[list[GoldNote]] = [[] for _ in range(folds)]
    for note in notes:
        parts[fold_of(patients[note.note_id], note.note_hash, folds=folds)].append(note)
    if sum(bool(part) for part in parts) < 2:
        raise NothingToTrainOn("Too few notes: all of them fall into one fold. Freeze more gold.")
    seen: list[OutOfFold] = []
    on_progress(0, len(notes))
    for fold, part in enumerate(parts):
        if not part:
            continue
        predictor = trainer([note for other in parts if other is not part for note in other], fold=fold)
        for first in range(0, len(part), CHUNK):
            chunk = part[first : first + CHUNK]
            for note, predicted in zip(chunk, predictor([note.text for note in chunk]), strict=True):
                seen.append(OutOfFold(note.note_id, note.spans, predicted))
            on_progress(len(seen), len(notes))
    found = rank(seen)[:MOST]
    with store.write() as tx:
        fence(tx)
        tx.suspicions.add_round(
            dataset_id=dataset_id,
            folds=folds,
            notes=len(notes),
            user_id=user_id,
            found=[(s.note_id, s.kind.value, s.gold, s.predicted, s.margin) for s in found],
        )
    return len(found)


def next_one(store: Store, *, user: User, round_id: int, skip: int = 0) -> OpenSuspicion | None:
    """The most suspicious place that is still as it was found, after the first `skip`; None when none is left."""
    user.require(Permission.REVIEW)
    with store.read() as tx:
        for one in tx.suspicions.open(round_id, limit=STALE + skip)[skip:]:
            standing, spans = golds.of_note(tx, one.note_id)
            if standing and standing.origin and _is_so(one, spans):
                note = tx.notes.get(one.note_id)
                return OpenSuspicion(one, note, tx.projects.get(note.project_id).schema, spans)
    return None


def _is_so(one: StoredSuspicion, spans: tuple[Span, ...]) -> bool:
    return (one.gold is None or one.gold in spans) and (one.predicted is None or one.predicted not in spans)


def decide(store: Store, *, user: User, suspicion_id: int, spans: Sequence[Span]) -> None:
    """Say what is right there: the gold span as it is (nothing changes), the model's, none, or others.

    Raises:
        ChangedSince: the gold was changed meanwhile, or somebody has decided about it.
    """
    user.require(Permission.REVIEW)
    with store.write() as tx:
        one = _open(tx, suspicion_id)
        was = (one.gold,) if one.gold else ()
        kept = set(spans) == set(was)
        if not kept:
            correct_in(tx, user=user, note_id=one.note_id, remove=was, add=spans, reason=f"suspicion:{suspicion_id}")
        tx.suspicions.decide(suspicion_id, state="kept" if kept else "fixed", user_id=user.id)
        if kept:
            tx.audit.add(user=user, action="suspicious gold kept", target=f"suspicion:{suspicion_id}")


def undo(store: Store, *, user: User, round_id: int) -> bool:
    """Take the last decision of the round back; False where there is none.

    Raises:
        ChangedSince: what it put in was changed by somebody since.
    """
    user.require(Permission.REVIEW)
    with store.write() as tx:
        one = tx.suspicions.last_decided(round_id)
        if one is None:
            return False
        if one.state == "fixed":
            _take_back(tx, user, one)
        tx.suspicions.decide(one.id, state="open", user_id=user.id)
        tx.audit.add(user=user, action="decision about suspicious gold undone", target=f"suspicion:{one.id}")
    return True


def _take_back(tx: Transaction, user: User, one: StoredSuspicion) -> None:
    gold = tx.golds.of(one.note_id)
    events = tx.golds.events(gold.id) if gold else []
    reason = f"suspicion:{one.id}"
    event = next((e for e in reversed(events) if e.place == reason), None)
    if event is None or event.before is None or event.after is None:
        return
    before, after = set(event.before), set(event.after)
    correct_in(tx, user=user, note_id=one.note_id, remove=after - before, add=before - after, reason=f"undo {reason}")


def _open(tx: Transaction, suspicion_id: int) -> StoredSuspicion:
    one = tx.suspicions.get(suspicion_id)
    if one.state != "open":
        raise ChangedSince("Somebody has decided about this one meanwhile.")
    return one
