"""Gold into an immutable dataset."""

from __future__ import annotations

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Dataset, GoldNote, Split, dataset_hash
from mednerapp.errors import InvalidValue, NothingToTrainOn
from mednerapp.services.identifiers import require_passed
from mednerapp.store import Store, Transaction

MAX_NAME = 200


def freeze(store: Store, *, user: User, project_id: int, name: str = "") -> Dataset:
    """Freeze the submitted notes of the project. Gold that did not change gives the dataset that is there already.

    Which split a note is in was settled at its import (`split_of`), so freezing again later moves no note.

    Raises:
        NothingToTrainOn: if there would be no training or no test note.
        NotCleared: if a note has not passed the project's policy on identifiers.
        InvalidValue: if another dataset has the name, or it is too long.
    """
    user.require(Permission.TRAIN)
    with store.read() as tx:  # of one moment: an annotation that is reopened meanwhile is in it as it was submitted
        gold = _gold(tx, project_id)
        require_passed(tx, project_id=project_id, note_ids=[note.note_id for note, _, _ in gold])
    counts = {split: sum(g.split is split for g, _, _ in gold) for split in Split}
    if not counts[Split.TRAIN] or not counts[Split.TEST]:
        found = ", ".join(f"{count} {split.value}" for split, count in counts.items())
        raise NothingToTrainOn(
            f"A dataset needs at least one training and one test note; the submitted notes are {found}. "
            "Submit more notes: each falls in a split of its own accord."
        )
    digest = dataset_hash([g for g, _, _ in gold])
    with store.write() as tx:
        tx.projects.lock(project_id)  # whoever freezes the same at the same moment gets the same dataset
        there = tx.datasets.by_hash(project_id=project_id, content_hash=digest)
        if there:
            return there
        name = name.strip()
        if len(name) > MAX_NAME:
            raise InvalidValue(f"The name of a dataset has at most {MAX_NAME} characters, not {len(name)}.")
        name = name or f"{now():%Y-%m-%d %H:%M:%S}, {len(gold)} notes"
        if tx.datasets.by_name(project_id=project_id, name=name):
            raise InvalidValue(f"There is a dataset {name!r} already.")
        schema_id = tx.projects.get(project_id).schema.id
        if schema_id is None:
            raise InvalidValue("The label schema of the project is not stored.")
        dataset = tx.datasets.add(
            project_id=project_id,
            name=name,
            schema_id=schema_id,
            content_hash=digest,
            notes=gold,
            user_id=user.id,
        )
        tx.audit.add(user=user, action="dataset frozen", target=f"dataset:{dataset.id}", notes=len(gold), hash=digest)
    return dataset


def preview(store: Store, *, user: User, project_id: int) -> dict[Split, int]:
    """How many submitted notes would be in each split if the project were frozen now."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return tx.notes.submitted_by_split(project_id)


def _gold(tx: Transaction, project_id: int) -> list[tuple[GoldNote, int, int]]:
    """(gold note, annotation id, revision). Policy: the annotation of a note that was submitted last is its gold."""
    gold: list[tuple[GoldNote, int, int]] = []
    for annotation in tx.annotations.submitted(project_id):
        note = tx.notes.get(annotation.note_id)
        value = GoldNote(note.id, note.content_hash, note.text, tuple(sorted(set(annotation.confirmed()))), note.split)
        gold.append((value, annotation.id, annotation.revision))
    return gold
