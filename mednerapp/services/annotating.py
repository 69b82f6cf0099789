"""Opening a note, storing every edit the moment it is made, submitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import (
    AnnotatedSpan,
    Annotation,
    AnnotationState,
    Edit,
    EditAction,
    Origin,
    SpanState,
    apply_edit,
    check_id,
)
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.notes import Note
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import check_within
from mednerapp.errors import AnnotationSubmitted, InvalidEdit, InvalidValue, NotFound, RevisionConflict
from mednerapp.services.events import Change, record
from mednerapp.store import Store, Transaction
from mednerapp.store.annotations import AnnotationHead

MAX_EDITS = 500  # in one request; the editor sends at most 200


@dataclass(frozen=True, slots=True)
class OpenNote:
    """Everything that the annotate page shows. `waiting`: the note has not been predicted yet."""

    note: Note
    project: Project
    annotation: Annotation
    suggested_by: str
    waiting: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """`ack`: the client's highest edit that is stored; `revision`: that of the annotation now."""

    ack: int
    revision: int


def open_note(store: Store, *, user: User, note_id: int) -> OpenNote:
    """The note with `user`'s own annotation of it, made on the first visit and seeded with the model's suggestions."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        opened = _opened(tx, user=user, note_id=note_id)
        seeded = opened and (opened.annotation.revision > 0 or opened.waiting)
    if opened and seeded:
        return opened
    with store.write() as tx:
        note = tx.notes.get(note_id)
        head = tx.annotations.lock_or_add(note_id=note_id, user_id=user.id)
        if head.revision == 0 and head.state is AnnotationState.IN_PROGRESS:
            _seed(tx, note=note, head=head)
        opened = _opened(tx, user=user, note_id=note_id)
    if opened is None:
        raise NotFound(f"There is no annotation of note {note_id}.")
    return opened


def _opened(tx: Transaction, *, user: User, note_id: int) -> OpenNote | None:
    note = tx.notes.get(note_id)
    annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
    if annotation is None:
        return None
    project = tx.projects.get(note.project_id)
    adapter_id = project.active_adapter_id
    waiting = (
        adapter_id is not None
        and annotation.revision == 0
        and tx.predictions.get(note_id=note_id, adapter_id=adapter_id) is None
    )
    sources = {span.adapter_id for span in annotation.spans if span.adapter_id}
    names = sorted(tx.models.adapter(source).name for source in sources)
    return OpenNote(note, project, annotation, ", ".join(names), waiting)


def _seed(tx: Transaction, *, note: Note, head: AnnotationHead) -> None:
    project = tx.projects.get(note.project_id)
    adapter_id = project.active_adapter_id
    found = tx.predictions.get(note_id=note.id, adapter_id=adapter_id) if adapter_id else None
    changes = [
        Change.new(
            f"m{number}",
            scored.span,
            state=SpanState.SUGGESTED,
            origin=Origin.MODEL,
            action=EditAction.SUGGEST,
            score=scored.score,
            adapter_id=adapter_id,
        )
        for number, scored in enumerate(found or [])
        if scored.span.label in project.schema.names
    ]
    if changes:
        record(tx, head=head, client="model", user_id=None, changes=changes)


def save_edits(
    store: Store, *, user: User, annotation_id: int, client: str, base_revision: int, edits: Sequence[Edit]
) -> Saved:
    """Store a client's edits in one transaction; a repeated delivery changes nothing.

    base_revision: the newest revision that the client knows. Events that the client itself wrote after it are no
        conflict (their acknowledgement was lost), those of anybody else are.

    Raises:
        RevisionConflict: somebody else wrote after `base_revision`, or it is none of this annotation's; nothing was
            stored.
        AnnotationSubmitted: it has to be reopened first; nothing was stored.
        InvalidEdit: one edit cannot be applied; the ones before it were stored.
        PermissionDenied: it is another person's annotation.
    """
    user.require(Permission.ANNOTATE)
    check_id(client, "client id")
    if len(edits) > MAX_EDITS:
        raise InvalidValue(f"At most {MAX_EDITS} edits at a time, not {len(edits)}.")
    if len({edit.client_seq for edit in edits}) < len(edits):
        raise InvalidValue("Two edits of a batch have the same number.")
    with store.write() as tx:
        head, schema, length = _own(tx, user=user, annotation_id=annotation_id)
        last_seq = tx.annotations.last_client_seq(annotation_id, client)
        fresh = [edit for edit in sorted(edits, key=lambda e: e.client_seq) if edit.client_seq > last_seq]
        if not fresh:
            return Saved(last_seq, head.revision)
        if head.state is AnnotationState.SUBMITTED:
            raise AnnotationSubmitted("The note was submitted. Reopen it to go on editing.")
        # A client that is ahead of the database knew edits that a restored backup does not hold.
        ahead = base_revision > head.revision
        if ahead or tx.annotations.written_by_others(annotation_id, client=client, after_revision=base_revision):
            raise RevisionConflict(expected=base_revision, actual=head.revision)
        changes, problem = _changes(tx, annotation_id=annotation_id, edits=fresh, schema=schema, length=length)
        revision = record(tx, head=head, client=client, user_id=user.id, changes=changes)
    if problem:
        raise problem
    return Saved(fresh[-1].client_seq, revision)


def _own(tx: Transaction, *, user: User, annotation_id: int) -> tuple[AnnotationHead, LabelSchema, int]:
    head = tx.annotations.lock(annotation_id)
    if head.user_id != user.id:
        raise NotFound(f"There is no annotation {annotation_id}.")  # do not tell whose it is
    note = tx.notes.get(head.note_id)
    return head, tx.projects.get(note.project_id).schema, note.length


def _changes(
    tx: Transaction, *, annotation_id: int, edits: Sequence[Edit], schema: LabelSchema, length: int
) -> tuple[list[Change], InvalidEdit | None]:
    current: dict[str, AnnotatedSpan] = tx.annotations.spans(annotation_id, {edit.span_id for edit in edits})
    changes: list[Change] = []
    for edit in edits:
        before = current.get(edit.span_id)
        try:
            _check(edit, schema=schema, length=length)
            deleted = tx.annotations.last_known(annotation_id, edit.span_id) if before is None else None
            after = apply_edit(before, edit, deleted=deleted or _deleted_in(changes, edit.span_id))
        except InvalidValue as error:
            return changes, InvalidEdit(str(error), client_seq=edit.client_seq)
        changes.append(Change(edit.action, edit.span_id, before, after, edit.client_seq))
        if after:
            current[edit.span_id] = after
        else:
            current.pop(edit.span_id, None)
    return changes, None


def _check(edit: Edit, *, schema: LabelSchema, length: int) -> None:
    if edit.action is EditAction.SUGGEST:
        raise InvalidValue("Only the product writes suggestions.")
    if edit.span:
        check_within(edit.span, length)
        schema.check(edit.span.label)


def _deleted_in(changes: Sequence[Change], span_id: str) -> AnnotatedSpan | None:
    return next((c.before for c in reversed(changes) if c.span_id == span_id and c.after is None), None)


def current(store: Store, *, user: User, annotation_id: int) -> Annotation:
    """`user`'s annotation as it is stored now."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        annotation = tx.annotations.get(annotation_id)
    if annotation.user_id != user.id:
        raise NotFound(f"There is no annotation {annotation_id}.")
    return annotation


def submit(store: Store, *, user: User, annotation_id: int, revision: int) -> Annotation:
    """Say that the note is done; its confirmed spans can become gold. Submitting twice is harmless.

    Raises:
        RevisionConflict: the annotation is not at the revision that the person saw.
        InvalidValue: suggestions are left that nobody has looked at.
    """
    user.require(Permission.ANNOTATE)
    with store.write() as tx:
        head, _, _ = _own(tx, user=user, annotation_id=annotation_id)
        annotation = tx.annotations.get(annotation_id)
        if head.state is AnnotationState.SUBMITTED:
            return annotation
        if head.revision != revision:
            raise RevisionConflict(expected=revision, actual=head.revision)
        untouched = sum(span.state is SpanState.SUGGESTED for span in annotation.spans)
        if untouched:
            raise InvalidValue(f"{untouched} suggestions have not been looked at. Accept or reject them first.")
        tx.annotations.set_state(annotation_id, AnnotationState.SUBMITTED)
        tx.audit.add(
            user=user,
            action="annotation submitted",
            target=f"annotation:{annotation_id}",
            note_id=head.note_id,
            revision=revision,
            confirmed=len(annotation.confirmed()),
        )
        return tx.annotations.get(annotation_id)


def reopen(store: Store, *, user: User, annotation_id: int) -> None:
    """Take a submitted annotation back to edit it; datasets that were frozen from it keep what they hold."""
    user.require(Permission.ANNOTATE)
    with store.write() as tx:
        head, _, _ = _own(tx, user=user, annotation_id=annotation_id)
        if head.state is not AnnotationState.SUBMITTED:
            return
        tx.annotations.set_state(annotation_id, AnnotationState.IN_PROGRESS)
        tx.audit.add(user=user, action="annotation reopened", target=f"annotation:{annotation_id}")


def next_note(store: Store, *, user: User, project_id: int, after: int = 0) -> int | None:
    """The next note that nobody has submitted, None when everything is done."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return tx.notes.next_unsubmitted(project_id=project_id, after=after)
