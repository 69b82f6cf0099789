"""Changing every place where the same words stand, in all notes that a person has open: look, do, undo, redo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import (
    BULK_CLIENT,
    AnnotationEvent,
    AnnotationState,
    EditAction,
    Phase,
    check_id,
)
from mednerapp.domain.bulk import BulkChange, Done, Place, done_to, net, places
from mednerapp.domain.clock import now
from mednerapp.domain.context import find_scopes
from mednerapp.domain.mentions import find_mentions
from mednerapp.errors import ChangedSince, NotFound
from mednerapp.services import annotating
from mednerapp.services.events import Change, record
from mednerapp.store import Store, Transaction
from mednerapp.store.annotations import AnnotationHead
from mednerapp.store.bulk import BulkOperation, OpenText

MOST_NOTES = 500
MOST_PLACES = 5_000
MOST_LOOKED_AT = 20_000  # notes, when the full text search cannot tell which ones hold the mention
_AT_ONCE = 200  # notes read together


@dataclass(frozen=True, slots=True)
class NotePlaces:
    """The places of one note. revision: of the annotation when it was looked at, 0 where there is none yet."""

    note: OpenText
    revision: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """truncated: there is more than is done at once (`MOST_NOTES`, `MOST_PLACES`)."""

    notes: tuple[NotePlaces, ...]
    truncated: bool

    @property
    def places(self) -> int:
        return sum(len(note.places) for note in self.notes)


@dataclass(frozen=True, slots=True)
class Applied:
    """skipped: note id → why nothing was done there."""

    operation_id: int
    notes: int
    places: int
    skipped: dict[int, str]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """notes: in how many the step was taken back or done again. kept: (id, title) of those changed since."""

    notes: int
    kept: tuple[tuple[int, str], ...]


def preview(
    store: Store, *, user: User, project_id: int, change: BulkChange, except_annotation: int | None = None
) -> Preview:
    """Where in the notes that are open to `user` there is something to do, in order of notes.

    Open: the person's own annotations in progress, and notes that nobody has submitted and nobody else has in hand. A
    note that the person has not opened yet counts with the suggestions that it would open with.

    except_annotation: the one that the editor shows; it looks after that one itself.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return _look(tx, user=user, project_id=project_id, change=change, except_annotation=except_annotation)


def apply(
    store: Store,
    *,
    user: User,
    project_id: int,
    change: BulkChange,
    step: str,
    expected: int,
    excluded: Collection[tuple[int, int, int]] = (),
    except_annotation: int | None = None,
) -> Applied:
    """Do what `preview` showed, in one transaction, as one step that can be undone as a whole.

    A step that was stored already answers as it did and changes nothing.

    expected: the number of places that the preview showed. excluded: (note id, start, end) of those to leave alone.

    Raises:
        ChangedSince: there are other places now than the person has seen; nothing was stored.
    """
    user.require(Permission.ANNOTATE)
    check_id(step, "step")
    with store.write() as tx:
        tx.bulk.take_turns(user.id)
        known = tx.bulk.by_step(step)
        if known:
            _own(known, user)
            return Applied(known.id, known.notes, known.places, {})
        found = _look(tx, user=user, project_id=project_id, change=change, except_annotation=except_annotation)
        if found.places != expected:
            raise ChangedSince(f"There are {found.places} places now, not {expected}. Look at them again.")
        at = now()
        chosen = [_without(note, excluded) for note in found.notes]
        done, skipped = _do(tx, user=user, change=change, step=step, notes=[n for n in chosen if n.places])
        operation_id = tx.bulk.add(
            step=step,
            project_id=project_id,
            user_id=user.id,
            kind=change.kind.value,
            label=change.label,
            new_label=change.new_label,
            notes=len(done),
            places=sum(done),
            at=at,
        )
        tx.audit.add(
            user=user,
            action="mentions changed",
            target=f"bulk:{operation_id}",
            project_id=project_id,
            kind=change.kind.value,
            notes=len(done),
            places=sum(done),
        )
        return Applied(operation_id, len(done), sum(done), skipped)


def undo(store: Store, *, user: User, step: str, except_annotation: int | None = None) -> TakenBack:
    """Take the step back in every annotation where its spans are still as it left them."""
    return _move(store, user=user, step=step, except_annotation=except_annotation, phase=Phase.UNDO)


def redo(store: Store, *, user: User, step: str, except_annotation: int | None = None) -> TakenBack:
    """Do the step again in every annotation where its spans are still as taking it back left them."""
    return _move(store, user=user, step=step, except_annotation=except_annotation, phase=Phase.REDO)


def _look(
    tx: Transaction, *, user: User, project_id: int, change: BulkChange, except_annotation: int | None
) -> Preview:
    change.check(tx.projects.get(project_id).schema)
    notes: list[NotePlaces] = []
    count = 0
    candidates = _candidates(tx, user=user, project_id=project_id, change=change, except_annotation=except_annotation)
    for looked_at, note in enumerate(candidates, start=1):
        found = _places(tx, user=user, change=change, note=note)
        full = bool(found.places) and (len(notes) == MOST_NOTES or count + len(found.places) > MOST_PLACES)
        if full or looked_at > MOST_LOOKED_AT:
            return Preview(tuple(notes), truncated=True)
        if found.places:
            notes.append(found)
            count += len(found.places)
    return Preview(tuple(notes), truncated=False)


def _candidates(
    tx: Transaction, *, user: User, project_id: int, change: BulkChange, except_annotation: int | None
) -> Iterator[OpenText]:
    """The open notes in order of id. For whole words in plain letters only those that the full text search finds: it
    takes an ss for something else than the letter that folds into one.
    """
    searches = change.whole_words and change.mention.isascii() and any(c.isalnum() for c in change.mention)
    after = 0
    while True:
        among = tx.search.matching(project_id, change.mention, _AT_ONCE, after, titles=False) if searches else None
        batch = tx.bulk.open_texts(
            project_id=project_id,
            user_id=user.id,
            after=after,
            limit=_AT_ONCE,
            among=among,
            without_annotation=except_annotation,
        )
        yield from batch
        if len(batch if among is None else among) < _AT_ONCE:
            return
        after = batch[-1].note_id if among is None else among[-1]


def _places(tx: Transaction, *, user: User, change: BulkChange, note: OpenText) -> NotePlaces:
    if not find_mentions(note.text, change.mention, whole_words=change.whole_words):
        return NotePlaces(note, 0, ())  # without a look at its spans
    if note.annotation_id is None:
        spans = annotating.to_be_seeded(tx, user=user, note_id=note.note_id)
        return NotePlaces(note, 0, tuple(places(change, note.text, spans)))
    annotation = tx.annotations.get(note.annotation_id)
    return NotePlaces(note, annotation.revision, tuple(places(change, note.text, annotation.spans)))


def _without(found: NotePlaces, excluded: Collection[tuple[int, int, int]]) -> NotePlaces:
    kept = (place for place in found.places if (found.note.note_id, place.start, place.end) not in excluded)
    return replace(found, places=tuple(kept))


def _do(
    tx: Transaction, *, user: User, change: BulkChange, step: str, notes: Sequence[NotePlaces]
) -> tuple[list[int], dict[int, str]]:
    """How many places were changed in each note where some were; the others with the reason."""
    done: list[int] = []
    skipped: dict[int, str] = {}
    # Annotations that exist are locked in order of id, then the others made in order of notes.
    for found in sorted(notes, key=lambda n: (n.note.annotation_id or 2**63, n.note.note_id)):
        head = _locked(tx, user=user, note=found.note)
        if head.state is AnnotationState.SUBMITTED:
            skipped[found.note.note_id] = "It was submitted meanwhile."
        elif found.note.annotation_id is not None and head.revision != found.revision:
            skipped[found.note.note_id] = "It was changed at the same moment."
        else:
            scopes = find_scopes(found.note.text) if any(place.span is None for place in found.places) else ()
            changes = [done_to(change, place, step=step, scopes=scopes) for place in found.places]
            _write(tx, head=head, user=user, step=step, phase=Phase.DO, changes=changes)
            done.append(len(changes))
    return done, skipped


def _locked(tx: Transaction, *, user: User, note: OpenText) -> AnnotationHead:
    if note.annotation_id is not None:
        return tx.annotations.lock(note.annotation_id)
    return annotating.seeded(tx, user=user, note_id=note.note_id)


def _write(
    tx: Transaction, *, head: AnnotationHead, user: User, step: str, phase: Phase, changes: Sequence[Done]
) -> None:
    rows = [Change(c.action, c.span_id, c.before, c.after, step=step, phase=phase) for c in changes]
    record(tx, head=head, client=BULK_CLIENT, user_id=user.id, changes=rows)


def _own(operation: BulkOperation, user: User) -> None:
    if operation.user_id != user.id:
        raise NotFound(f"There is no change of many notes {operation.step!r}.")  # do not tell whose it is


def _move(store: Store, *, user: User, step: str, except_annotation: int | None, phase: Phase) -> TakenBack:
    user.require(Permission.ANNOTATE)
    with store.write() as tx:
        tx.bulk.take_turns(user.id)
        operation = tx.bulk.by_step(step)
        if operation is None:
            raise NotFound(f"There is no change of many notes {step!r}.")
        _own(operation, user)
        moved = 0
        kept: list[tuple[int, str]] = []
        for annotation_id in tx.bulk.annotations_of(operation):
            if annotation_id == except_annotation:
                continue
            head = tx.annotations.lock(annotation_id)
            changes = _mirrored(tx, head=head, step=step, phase=phase)
            if changes is None:
                kept.append((head.note_id, tx.notes.get(head.note_id).title))
            elif changes:
                _write(tx, head=head, user=user, step=step, phase=phase, changes=changes)
                moved += 1
        tx.bulk.set_undone(operation.id, undone=phase is Phase.UNDO, kept=len(kept))
        tx.audit.add(
            user=user,
            action="mentions changed back" if phase is Phase.UNDO else "mentions changed again",
            target=f"bulk:{operation.id}",
            notes=moved,
            kept=len(kept),
        )
        return TakenBack(moved, tuple(kept))


def _mirrored(tx: Transaction, *, head: AnnotationHead, step: str, phase: Phase) -> list[Done] | None:
    """What takes the step back in the annotation, or does it again; empty where that is so already, None where its
    spans are not as the step left them, or the note was submitted.
    """
    events = tx.annotations.of_step(head.id, step)
    is_done = events[-1].phase is not Phase.UNDO
    if is_done is (phase is Phase.REDO):
        return []
    if head.state is AnnotationState.SUBMITTED:
        return None
    changes = _of(event for event in events if event.phase is Phase.DO)
    spans = tx.annotations.spans(head.id, {change.span_id for change in changes})
    if phase is Phase.UNDO:
        changes = [replace(c, before=c.after, after=c.before) for c in reversed(changes)]
    if any(spans.get(change.span_id) != change.before for change in changes):
        return None
    return [replace(c, action=EditAction.RESTORE if c.after else EditAction.DELETE) for c in changes]


def _of(events: Iterable[AnnotationEvent]) -> list[Done]:
    return net(Done(event.action, event.span_id, event.before, event.after) for event in events)
