"""Notes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import (
    IMPORT_CLIENT,
    AnnotationState,
    EditAction,
    Origin,
    SpanState,
    imported_id,
)
from mednerapp.domain.identifiers import IdentifierPolicy, IdentifierType
from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.domain.spans import check_within
from mednerapp.errors import RejectedNote
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.formats.text import clean_title, read_note, safe_title
from mednerapp.services import holding, identifiers
from mednerapp.services.events import Change, record
from mednerapp.services.identifiers import Prepared, moved
from mednerapp.services.predicting import queue_predictions
from mednerapp.settings import Settings
from mednerapp.store import Store, Transaction

MAX_PATIENT = 200  # characters, what the column holds


class Outcome(StrEnum):
    IMPORTED = "imported"
    RESTORED = "restored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file or pasted text that was looked at but not yet imported: a note, or the reason why it cannot be one.

    known: what came with the note and tells who it is about (name, numbers, address), so that it is found in the text.
    """

    name: str
    note: NewNote | None
    reason: str = ""
    known: Mapping[IdentifierType, Sequence[str]] = field(default_factory=dict[IdentifierType, Sequence[str]])


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one upload. `note_id` is that of the new note, or of the one that was there already."""

    name: str
    outcome: Outcome
    reason: str = ""
    note_id: int | None = None


def look_at_file(*, name: str, data: bytes, settings: Settings, patient_key: str | None = None) -> Upload:
    """Decode and check a file; nothing is stored. `patient_key`: see `look_at_text`."""
    title = safe_title(name)
    try:
        note = read_note(name=name, data=data, max_bytes=settings.max_upload_mb * 2**20)
        return Upload(title, replace(note, patient_key=patient(patient_key)))
    except RejectedNote as error:
        return Upload(title, None, str(error))


def look_at_text(*, text: str, title: str, patient_key: str | None = None) -> Upload:
    """Check pasted text; nothing is stored.

    patient_key: what the notes of one patient share, and only they, so that all of them are in the same split; at most
        MAX_PATIENT printable characters. None or blank: not known.
    """
    name = clean_title(title) if title.strip() else "Pasted note"
    try:
        key = patient(patient_key)
        return Upload(name, NewNote(text=normalise_text(text), title=name, source="pasted", patient_key=key))
    except RejectedNote as error:
        return Upload(name, None, str(error))


def patient(key: str | None) -> str | None:
    """Never cut: a key that lost its end could be that of another patient."""
    key = (key or "").strip()
    if len(key) > MAX_PATIENT or not key.isprintable():
        raise RejectedNote(f"The patient has to be at most {MAX_PATIENT} printable characters.")
    return key or None


def import_uploads(
    store: Store,
    *,
    user: User,
    project_id: int,
    uploads: Sequence[Upload],
    on_progress: Callable[[int], None] | None = None,
) -> list[ImportResult]:
    """Store what can be stored, each note in a transaction of its own, and ask for highlights.

    on_progress: called with the number of uploads done.
    """
    user.require(Permission.IMPORT)
    with store.read() as tx:
        tx.projects.get(project_id)
        policy, key = tx.privacy.policy(project_id)
    results: list[ImportResult] = []
    try:
        for upload in uploads:
            results.append(_import_one(store, user=user, project_id=project_id, upload=upload, policy=policy, key=key))
            if on_progress:
                on_progress(len(results))
    finally:  # what is in the project is in the audit log, too, when the page that shows progress is left half-way
        with store.write() as tx:
            tally = {outcome.value: sum(r.outcome is outcome for r in results) for outcome in Outcome}
            if not tally[Outcome.HELD.value]:
                del tally[Outcome.HELD.value]  # most projects hold nothing
            tx.audit.add(user=user, action="notes imported", target=f"project:{project_id}", **tally)
    return results


def _import_one(
    store: Store, *, user: User, project_id: int, upload: Upload, policy: IdentifierPolicy, key: bytes
) -> ImportResult:
    if upload.note is None:
        return ImportResult(upload.name, Outcome.REJECTED, upload.reason)
    prepared = identifiers.prepare(upload.note, policy=policy, key=key, known=upload.known)
    if policy is IdentifierPolicy.REFUSE and prepared.found:
        reason = f"Identifiers were found ({prepared.said}), and this project refuses such notes."
        return ImportResult(upload.name, Outcome.REJECTED, reason)
    if policy is IdentifierPolicy.KEEP and prepared.found:
        with store.write() as tx:
            _, new = holding.hold(tx, prepared, project_id=project_id, user=user)
        reason = f"Identifiers were found ({prepared.said}): it waits on the page Identifiers."
        return ImportResult(upload.name, Outcome.HELD if new else Outcome.DUPLICATE, reason)
    with store.write() as tx:
        note_id, new = tx.notes.find_or_add(project_id=project_id, note=prepared.note, user_id=user.id)
        if new:
            identifiers.stored(tx, prepared, note_id=note_id, user=user)
        if not new and not _restore(tx, note_id, project_id, user):
            return ImportResult(upload.name, Outcome.DUPLICATE, "This text is in the project already.", note_id)
        if not new:
            queue_predictions(tx, project_id=project_id, user_id=user.id)
            reason = "This text was in the bin; it is back, with what had been done to it."
            return ImportResult(upload.name, Outcome.RESTORED, reason, note_id)
        queue_predictions(tx, project_id=project_id, user_id=user.id)
    return ImportResult(upload.name, Outcome.IMPORTED, note_id=note_id)


def _restore(tx: Transaction, note_id: int, project_id: int, user: User) -> bool:
    """Take the note out of the bin; False when it was not in it."""
    restored = tx.notes.restore([note_id], project_id=project_id)
    if restored:
        tx.audit.add(user=user, action="note restored", target=f"note:{note_id}", by_import=True)
    return bool(restored)


def import_gold(
    store: Store,
    *,
    user: User,
    project_id: int,
    records: Iterable[NoteWithSpans],
    on_progress: Callable[[int], None] | None = None,
) -> dict[Outcome, int]:
    """Notes whose spans a person has confirmed elsewhere: they come in as `user`'s submitted annotations.

    A note that is there already is left as it is and counted as a duplicate, or as restored if it was in the bin.
    Highlights are asked for, because others annotate these notes, too; they never get into an annotation that was
    imported. A note with identifiers is refused where the project refuses or holds such notes; where it replaces them,
    the spans move with the text.

    Raises:
        UnknownLabel, InvalidValue: a span does not fit the project or its note; the notes before it are imported.
    """
    user.require(Permission.IMPORT)
    tally = {outcome: 0 for outcome in Outcome if outcome is not Outcome.HELD}
    with store.read() as tx:
        policy, key = tx.privacy.policy(project_id)
    try:
        for done, record_ in enumerate(records, start=1):
            prepared = identifiers.prepare(record_.note, policy=policy, key=key)
            outcome = Outcome.REJECTED
            if not prepared.found or prepared.replaced:
                with store.write() as tx:
                    outcome = _import_gold_note(tx, user=user, project_id=project_id, value=record_, prepared=prepared)
            tally[outcome] += 1
            if on_progress:
                on_progress(done)
    finally:
        with store.write() as tx:
            counts = {outcome.value: count for outcome, count in tally.items()}
            tx.audit.add(user=user, action="gold imported", target=f"project:{project_id}", **counts)
    return tally


def _import_gold_note(
    tx: Transaction, *, user: User, project_id: int, value: NoteWithSpans, prepared: Prepared
) -> Outcome:
    schema = tx.projects.get(project_id).schema
    for span in value.spans:
        schema.check(span.label)
        check_within(span, len(value.note.text))
    note_id, new = tx.notes.find_or_add(project_id=project_id, note=prepared.note, user_id=user.id)
    if not new:
        return Outcome.RESTORED if _restore(tx, note_id, project_id, user) else Outcome.DUPLICATE
    identifiers.stored(tx, prepared, note_id=note_id, user=user)
    head = tx.annotations.add(note_id=note_id, user_id=user.id)
    changes = [
        Change.new(
            imported_id(number),
            moved(span, prepared),
            state=SpanState.CONFIRMED,
            origin=Origin.PERSON,
            action=EditAction.CREATE,
        )
        for number, span in enumerate(value.spans)
    ]
    record(tx, head=head, client=IMPORT_CLIENT, user_id=user.id, changes=changes)
    tx.annotations.set_state(head.id, AnnotationState.SUBMITTED)
    queue_predictions(tx, project_id=project_id, user_id=user.id)
    return Outcome.IMPORTED
