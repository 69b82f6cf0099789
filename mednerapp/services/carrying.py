"""Datasets out of this installation and into another, unchanged: the same content has the same hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import IMPORT_CLIENT, AnnotationState, EditAction, Origin, SpanState, imported_id
from mednerapp.domain.datasets import Dataset, FrozenNote, GoldNote, Split
from mednerapp.domain.notes import NewNote
from mednerapp.errors import InvalidValue, UnknownLabel
from mednerapp.formats import dataset as files
from mednerapp.formats.dataset import Carried, DatasetFile
from mednerapp.services.events import Change, record
from mednerapp.services.identifiers import require_passed
from mednerapp.services.predicting import queue_predictions
from mednerapp.store import Store, Transaction


def export(store: Store, *, user: User, dataset_id: int) -> Iterator[str]:
    """The lines of the dataset's file. It holds patient text and patient keys: who took it is in the audit log.

    Permission is checked and the audit entry written by the call itself, before the first line is asked for.

    Raises:
        NotCleared: a note has not passed the project's policy on identifiers.
    """
    user.require(Permission.EXPORT)
    with store.write() as tx:
        dataset = tx.datasets.get(dataset_id)
        labels = tx.projects.schema(dataset.schema_id).names
        members = {member.note_id: member for member in tx.datasets.members(dataset_id)}
        require_passed(tx, project_id=dataset.project_id, note_ids=list(members))
        notes = [
            Carried(
                NewNote(
                    text=gold.text,
                    title=members[gold.note_id].title,
                    source=members[gold.note_id].source,
                    patient_key=members[gold.note_id].patient_key,
                    note_type=members[gold.note_id].note_type,
                ),
                gold.spans,
                gold.split,
            )
            for split in Split
            for gold in tx.datasets.gold(dataset_id, split)
        ]
        tx.audit.add(user=user, action="dataset exported", target=f"dataset:{dataset_id}", notes=len(notes))
    return files.write(DatasetFile(dataset.name, dataset.content_hash, labels, tuple(notes)))


def import_dataset(store: Store, *, user: User, project_id: int, lines: Iterable[bytes]) -> Dataset:
    """Bring a dataset in. Its notes become notes of the project, with their spans as submitted annotations of `user`
    where nobody has annotated them here; what is here stays as it is. The dataset itself is as it was frozen.

    Raises:
        RejectedNote: the file is damaged.
        UnknownLabel: the project does not have one of its labels.
        InvalidValue: a note is here with another patient or other blanks, so that the dataset would be another one.
    """
    user.require(Permission.TRAIN)
    user.require(Permission.IMPORT)
    file = files.read(lines)
    with store.write() as tx:
        tx.projects.lock(project_id)
        schema = tx.projects.get(project_id).schema
        for label in sorted({span.label for one in file.notes for span in one.spans}):
            if label not in schema.names:
                raise UnknownLabel(label, schema.names)
        there = tx.datasets.by_hash(project_id=project_id, content_hash=file.content_hash)
        if there:
            return there
        frozen = [_bring(tx, user=user, project_id=project_id, one=one) for one in file.notes]
        if schema.id is None:
            raise InvalidValue("The label schema of the project is not stored.")
        dataset = tx.datasets.add(
            project_id=project_id,
            name=_free_name(tx, project_id, file.name),
            schema_id=schema.id,
            content_hash=file.content_hash,
            notes=frozen,
            user_id=user.id,
        )
        queue_predictions(tx, project_id=project_id, user_id=user.id)
        tx.audit.add(
            user=user,
            action="dataset imported",
            target=f"dataset:{dataset.id}",
            notes=len(frozen),
            hash=file.content_hash,
        )
    return dataset


def _free_name(tx: Transaction, project_id: int, name: str) -> str:
    wanted = name.strip()[:180] or "Imported dataset"
    names = (wanted, *(f"{wanted} ({number})" for number in range(2, 1000)))
    return next(one for one in names if not tx.datasets.by_name(project_id=project_id, name=one))


def _bring(tx: Transaction, *, user: User, project_id: int, one: Carried) -> FrozenNote:
    note_id, _ = tx.notes.find_or_add(project_id=project_id, note=one.note, user_id=user.id)
    tx.notes.restore([note_id], project_id=project_id)
    note = tx.notes.get(note_id)
    if note.text != one.note.text or note.split is not one.split:
        raise InvalidValue(
            f"Note {note_id} is in this project with another patient key or other blanks than in the file. Bring the "
            "dataset into a project of its own."
        )
    gold = GoldNote(note_id, note.content_hash, note.text, one.spans, note.split)
    found = [annotation for _, annotation in tx.golds.submitted(project_id, note_id=note_id)]
    if found:
        return FrozenNote(gold, found[0].annotation_id, found[0].revision)
    head = tx.annotations.lock_or_add(note_id=note_id, user_id=user.id)
    if head.revision == 0:  # else the person has begun it: the dataset leaves their work alone
        changes = [
            Change.new(imported_id(n), span, state=SpanState.CONFIRMED, origin=Origin.PERSON, action=EditAction.CREATE)
            for n, span in enumerate(one.spans)
        ]
        record(tx, head=head, client=IMPORT_CLIENT, user_id=user.id, changes=changes)
        tx.annotations.set_state(head.id, AnnotationState.SUBMITTED)
    return FrozenNote(gold, head.id, len(one.spans) if head.revision == 0 else head.revision)
