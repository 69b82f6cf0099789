"""Gold into an immutable dataset."""

from __future__ import annotations

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Dataset, Split, dataset_hash
from mednerapp.errors import InvalidValue, NothingToTrainOn
from mednerapp.services.gold import by_split, frozen
from mednerapp.services.identifiers import require_passed
from mednerapp.store import Store

MAX_NAME = 200


def freeze(store: Store, *, user: User, project_id: int, name: str = "") -> Dataset:
    """Freeze the gold of the project. Gold that did not change gives the dataset that is there already.

    Which split a note is in was settled at its import (`split_of`), so freezing again later moves no note.

    Raises:
        NothingToTrainOn: if there would be no training or no test note.
        NotCleared: if a note has not passed the project's policy on identifiers.
        InvalidValue: if another dataset has the name, or it is too long.
    """
    user.require(Permission.TRAIN)
    with store.read() as tx:  # of one moment: an annotation that is reopened meanwhile is in it as it was submitted
        gold = frozen(tx, project_id)
        require_passed(tx, project_id=project_id, note_ids=[one.gold.note_id for one in gold])
    counts = {split: sum(one.gold.split is split for one in gold) for split in Split}
    if not counts[Split.TRAIN] or not counts[Split.TEST]:
        found = ", ".join(f"{count} {split.value}" for split, count in counts.items())
        raise NothingToTrainOn(
            f"A dataset needs at least one training and one test note; the notes that are gold are {found}. "
            "Submit more notes: each falls in a split of its own accord."
        )
    digest = dataset_hash([one.gold for one in gold])
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
    """How many gold notes would be in each split if the project were frozen now."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return by_split(tx, project_id)
