"""Opening a note, storing every edit the moment it is made, submitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import (
    MODEL_CLIENT,
    RESERVED_CLIENTS,
    AnnotatedSpan,
    Annotation,
    AnnotationState,
    Edit,
    EditAction,
    Origin,
    SpanState,
    check_id,
    suggestion_id,
)
from mednerapp.domain.clock import now
from mednerapp.domain.context import Scope, assertion_at, find_scopes
from mednerapp.domain.editing import apply_edit
from mednerapp.domain.guidelines import by_label
from mednerapp.domain.notes import Note
from mednerapp.domain.projects import Project
from mednerapp.domain.sections import Section, find_sections
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import AnnotationSubmitted, InvalidEdit, InvalidValue, NotFound, RevisionConflict, UnknownLabel
from mednerapp.services.events import Change, record
from mednerapp.services.predicting import under_way, why_missing
from mednerapp.services.queueing import is_blind
from mednerapp.store import Store, Transaction
from mednerapp.store.annotations import AnnotationHead, Standing

MAX_EDITS = 500  # in one request; the editor sends at most 200


@dataclass(frozen=True, slots=True)
class OpenNote:
    """Everything that the annotate page shows.

    seeded: the product has put suggestions (or imported gold) into the annotation.
    waiting: suggestions are missing, and a job that will bring them is queued or running.
    missing: they are missing and no job will bring them: why, in a sentence; else empty.
    scopes: where the rules read something else than that a thing is present. outline: the sections in text order.
    guidelines: Markdown by label, for those labels that the project's guideline has a part about.
    submitted_by: names of others who have submitted the note.
    """

    note: Note
    project: Project
    annotation: Annotation
    suggested_by: str
    seeded: bool
    waiting: bool
    missing: str
    scopes: tuple[Scope, ...] = ()
    outline: tuple[Section, ...] = ()
    guidelines: Mapping[str, str] = field(default_factory=dict[str, str])
    submitted_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """`ack`: the client's highest edit that is stored; `revision`: that of the annotation up to which the client knows
    everything but suggestions, now that these edits are in it.
    """

    ack: int
    revision: int


def open_note(store: Store, *, user: User, note_id: int) -> OpenNote:
    """The note with `user`'s own annotation of it, made on the first visit.

    It gets the model's suggestions once: now, or on the first visit after they were made, whatever the person has done
    by hand until then. A blind one gets none.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        opened = _opened(tx, user=user, note_id=note_id)
        if opened and not _suggestions(tx, opened.annotation):
            return opened
    with store.write() as tx:
        seeded(tx, user=user, note_id=note_id)
        opened = _opened(tx, user=user, note_id=note_id)
    if opened is None:
        raise NotFound(f"There is no annotation of note {note_id}.")
    return opened


def seeded(tx: Transaction, *, user: User, note_id: int) -> AnnotationHead:
    """`user`'s annotation of the note, made if there is none, with the suggestions that it is to get; locked."""
    note = tx.notes.get(note_id)
    blind = is_blind(tx.projects.get(note.project_id), note)
    head = tx.annotations.lock_or_add(note_id=note_id, user_id=user.id, blind=blind)
    suggestions = _suggestions(tx, tx.annotations.get(head.id))
    if not suggestions:
        return head
    record(tx, head=head, client=MODEL_CLIENT, user_id=None, changes=suggestions)
    return tx.annotations.lock(head.id)


def to_be_seeded(tx: Transaction, *, user: User, note_id: int) -> tuple[AnnotatedSpan, ...]:
    """The spans that `seeded` would put into `user`'s annotation of a note that has none yet."""
    note = tx.notes.get(note_id)
    none_yet = Annotation(
        id=0,
        note_id=note_id,
        user_id=user.id,
        state=AnnotationState.IN_PROGRESS,
        revision=0,
        spans=(),
        updated_at=now(),
        submitted_at=None,
        blind=is_blind(tx.projects.get(note.project_id), note),
    )
    return tuple(change.after for change in _suggestions(tx, none_yet) if change.after)


def _opened(tx: Transaction, *, user: User, note_id: int) -> OpenNote | None:
    note = tx.notes.get(note_id)
    annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
    if annotation is None:
        return None
    project = tx.projects.get(note.project_id)
    sources = {span.adapter_id for span in annotation.spans if span.adapter_id}
    names = sorted(tx.models.adapter(source).name for source in sources)
    has_some = tx.annotations.written_by_product(annotation.id)
    waiting, missing = False, ""
    if _unpredicted(tx, annotation):
        waiting = under_way(tx, project)
        missing = "" if waiting else why_missing(tx, project)
    scopes, outline = _read(note.text)
    guidelines = by_label(project.guideline, project.schema.names)
    others = tuple(tx.past.submitted_by(note_id, but=user.id))
    return OpenNote(
        note, project, annotation, ", ".join(names), has_some, waiting, missing, scopes, outline, guidelines, others
    )


@lru_cache(maxsize=32)  # the page asks again with every run and while it waits for highlights
def _read(text: str) -> tuple[tuple[Scope, ...], tuple[Section, ...]]:
    return find_scopes(text), find_sections(text)


def _takes_suggestions(tx: Transaction, annotation: Annotation) -> bool:
    """Once: one that has some, was imported as gold or is submitted gets none (any more). A blind one never does."""
    open_ = annotation.state is AnnotationState.IN_PROGRESS and not annotation.blind
    return open_ and not tx.annotations.written_by_product(annotation.id)


def _unpredicted(tx: Transaction, annotation: Annotation) -> bool:
    """Whether the annotation would get suggestions if the adapter in force had looked at its note."""
    adapter_id = tx.projects.get(tx.notes.get(annotation.note_id).project_id).active_adapter_id
    if adapter_id is None or not _takes_suggestions(tx, annotation):
        return False
    return tx.predictions.get(note_id=annotation.note_id, adapter_id=adapter_id) is None


def _suggestions(tx: Transaction, annotation: Annotation) -> list[Change]:
    """What the adapter in force found and the annotation is to get: not what the person has decided on already."""
    note = tx.notes.get(annotation.note_id)
    project = tx.projects.get(note.project_id)
    adapter_id = project.active_adapter_id
    if adapter_id is None or not _takes_suggestions(tx, annotation):
        return []
    found = tx.predictions.get(note_id=note.id, adapter_id=adapter_id) or []
    if not found:
        return []
    decided = _decided(tx, annotation)
    scopes, _ = _read(note.text)
    return [
        Change.new(
            suggestion_id(number),
            scored.span,
            state=SpanState.SUGGESTED,
            origin=Origin.MODEL,
            action=EditAction.SUGGEST,
            score=scored.score,
            adapter_id=adapter_id,
            assertion=assertion_at(scopes, scored.span.start, scored.span.end),
        )
        for number, scored in enumerate(found)
        if scored.span.label in project.schema.names and scored.span not in decided
    ]


def _decided(tx: Transaction, annotation: Annotation) -> set[Span]:
    """Every span that is or ever was in the annotation: made, changed, rejected or deleted."""
    if annotation.revision == 0:
        return set()
    events = tx.annotations.events(annotation.id)
    return {side.span for event in events for side in (event.before, event.after) if side}


def save_edits(
    store: Store, *, user: User, annotation_id: int, client: str, base_revision: int, edits: Sequence[Edit]
) -> Saved:
    """Store a client's edits in one transaction; a repeated delivery changes nothing.

    base_revision: the newest revision that the client knows. Events that the client itself wrote after it are no
        conflict (their acknowledgement was lost), nor are suggestions; those of anybody else are.

    Raises:
        RevisionConflict: somebody else wrote after `base_revision`, or it is none of this annotation's, or an edit is
            among them that was refused before others of the client; nothing was stored.
        AnnotationSubmitted: it has to be reopened first; nothing was stored.
        InvalidEdit: one edit cannot be applied; the ones before it were stored.
        PermissionDenied: it is another person's annotation.
    """
    user.require(Permission.ANNOTATE)
    check_id(client, "client id")
    if client in RESERVED_CLIENTS:
        raise InvalidValue(f"The client id {client!r} is one of the product's own: {', '.join(RESERVED_CLIENTS)}.")
    if len(edits) > MAX_EDITS:
        raise InvalidValue(f"At most {MAX_EDITS} edits at a time, not {len(edits)}.")
    if len({edit.client_seq for edit in edits}) < len(edits):
        raise InvalidValue("Two edits of a batch have the same number.")
    with store.write() as tx:
        head, standing = tx.annotations.lock_for(annotation_id, client=client, known=base_revision)
        _check_own(head, user)
        last_seq = standing.last_seq
        fresh = [edit for edit in sorted(edits, key=lambda e: e.client_seq) if edit.client_seq > last_seq]
        if not fresh:  # what others wrote since is not confirmed with it: the client has to be told of that
            return Saved(last_seq, standing.first_other - 1 if standing.first_other else head.revision)
        if head.state is AnnotationState.SUBMITTED:
            raise AnnotationSubmitted("The note was submitted. Reopen it to go on editing.")
        # A client that is ahead of the database knew edits that a restored backup does not hold. One that comes with
        # edits that were refused is from before it heard so: what follows them builds on what is not there.
        ahead = base_revision > head.revision
        if ahead or standing.first_other or _refused(tx, annotation_id, client, edits, last_seq):
            raise RevisionConflict(expected=base_revision, actual=head.revision)
        changes, problem = _changes(tx, annotation_id=annotation_id, edits=fresh, standing=standing)
        revision = record(tx, head=head, client=client, user_id=user.id, changes=changes)
    if problem:
        raise problem
    return Saved(fresh[-1].client_seq, revision)


def _refused(tx: Transaction, annotation_id: int, client: str, edits: Sequence[Edit], last_seq: int) -> bool:
    """Whether edits with numbers up to the last one that is stored are among them that are not stored."""
    known = {edit.client_seq for edit in edits if edit.client_seq <= last_seq}
    return bool(known) and known != tx.annotations.stored(annotation_id, client=client, numbers=known)


def _check_own(head: AnnotationHead, user: User) -> None:
    if head.user_id != user.id:
        raise NotFound(f"There is no annotation {head.id}.")  # do not tell whose it is


def _own(tx: Transaction, *, user: User, annotation_id: int) -> AnnotationHead:
    head = tx.annotations.lock(annotation_id)
    _check_own(head, user)
    return head


def _changes(
    tx: Transaction, *, annotation_id: int, edits: Sequence[Edit], standing: Standing
) -> tuple[list[Change], InvalidEdit | None]:
    current = tx.annotations.spans(annotation_id, {edit.span_id for edit in edits})
    absent = {edit.span_id for edit in edits if edit.span_id not in current}
    deleted = tx.annotations.last_known(annotation_id, absent) if absent else {}
    back = {edit.span_id for edit in edits if _restores(edit)}
    suggested = tx.annotations.suggested(annotation_id, back) if back else {}
    changes: list[Change] = []
    for edit in edits:
        name = edit.span_id
        before = current.get(name)
        try:
            _check(edit, standing)
            after = apply_edit(before, edit, deleted=deleted.get(name), suggested=suggested.get(name))
        except InvalidValue as error:
            return changes, InvalidEdit(str(error), client_seq=edit.client_seq)
        changes.append(Change(edit.action, name, before, after, edit.client_seq, edit.step, edit.phase))
        if after:
            current[name] = after
        elif before:
            deleted[name] = current.pop(name)
    return changes, None


def _check(edit: Edit, standing: Standing) -> None:
    if edit.action is EditAction.SUGGEST:
        raise InvalidValue("Only the product writes suggestions.")
    if edit.span:
        check_within(edit.span, standing.length)
        if edit.span.label not in standing.labels:
            raise UnknownLabel(edit.span.label, standing.labels)


def _restores(edit: Edit) -> bool:
    return edit.action is EditAction.RESTORE and edit.state is SpanState.SUGGESTED


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
        InvalidValue: suggestions are left that nobody has looked at, or are still on their way to an untouched note.
    """
    user.require(Permission.ANNOTATE)
    with store.write() as tx:
        head = _own(tx, user=user, annotation_id=annotation_id)
        annotation = tx.annotations.get(annotation_id)
        if head.state is AnnotationState.SUBMITTED:
            return annotation
        if head.revision != revision:
            raise RevisionConflict(expected=revision, actual=head.revision)
        untouched = sum(span.state is SpanState.SUGGESTED for span in annotation.spans)
        if untouched:
            raise InvalidValue(f"{untouched} suggestions have not been looked at. Accept or reject them first.")
        if annotation.revision == 0 and _on_their_way(tx, annotation):
            raise InvalidValue(
                "The highlights of this note are still on their way. Wait for them or mark a span by hand."
            )
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


def _on_their_way(tx: Transaction, annotation: Annotation) -> bool:
    """Whether a job is making suggestions, or has made some that no page has fetched yet."""
    if _unpredicted(tx, annotation):
        return under_way(tx, tx.projects.get(tx.notes.get(annotation.note_id).project_id))
    return bool(_suggestions(tx, annotation))


def reopen(store: Store, *, user: User, annotation_id: int) -> None:
    """Take a submitted annotation back to edit it; datasets that were frozen from it keep what they hold."""
    user.require(Permission.ANNOTATE)
    with store.write() as tx:
        head = _own(tx, user=user, annotation_id=annotation_id)
        if head.state is not AnnotationState.SUBMITTED:
            return
        tx.annotations.set_state(annotation_id, AnnotationState.IN_PROGRESS)
        tx.audit.add(user=user, action="annotation reopened", target=f"annotation:{annotation_id}")
