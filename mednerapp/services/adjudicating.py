"""Adjudicating: a person settles the places where annotations differ; each decision is stored the moment it is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.adjudication import BEFORE, Place, differences
from mednerapp.domain.annotations import SpanState
from mednerapp.domain.gold import (
    Gold,
    GoldAction,
    GoldEvent,
    GoldOrigin,
    GoldSpan,
    Standing,
    Waiting,
    decisions,
    settled,
)
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.notes import Note
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import ChangedSince, InvalidValue, NotFound
from mednerapp.services import gold as golds
from mednerapp.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Side:
    """One of those who are compared: an annotation, or (id 0) the gold that there was before."""

    id: int
    name: str
    own: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided at a place, by whom and when."""

    spans: tuple[Span, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OpenAdjudication:
    """Everything that the page shows.

    revision: what a decision is checked against. agreed: spans that all sides have. decided: by the keys of the places
    that are decided. newer: an annotation was submitted anew since, or another has come; `begin` again takes it in.
    final: it is gold; `reopen` it first.
    """

    note: Note
    schema: LabelSchema
    gold_id: int
    revision: int
    final: bool
    sides: tuple[Side, ...]
    agreed: tuple[Span, ...]
    places: tuple[Place, ...]
    decided: dict[str, Decided]
    can_undo: bool
    can_redo: bool
    newer: bool

    @property
    def left(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.key not in self.decided)


def next_note(store: Store, *, user: User, project_id: int, after: int = 0) -> int | None:
    """The next note above `after` that waits for adjudication, else the first of all; None when none does."""
    user.require(Permission.REVIEW)
    with store.read() as tx:
        waiting = [s.note_id for s in golds.standings(tx, project_id) if s.waiting is Waiting.ADJUDICATION]
    return next((note for note in waiting if note > after), waiting[0] if waiting else None)


def begin(store: Store, *, user: User, note_id: int) -> OpenAdjudication:
    """Compare the submitted annotations of the note, or go on where somebody left off.

    Raises:
        NotFound: fewer than two people have submitted the note, and nobody has adjudicated it.
    """
    user.require(Permission.REVIEW)
    with store.read() as tx:  # a page that is only drawn again keeps nobody from writing
        gold = tx.golds.of(note_id)
        events = tx.golds.events(gold.id) if gold else []
        if any(event.action is GoldAction.OPEN for event in events):
            return _seen(tx, user, note_id, events)
    with store.write() as tx:
        gold = _open(tx, user=user, note_id=note_id)
        return _seen(tx, user, note_id, tx.golds.events(gold.id))


def begin_again(store: Store, *, user: User, note_id: int) -> OpenAdjudication:
    """Take in what was submitted since; decisions about places that read the same as before stay."""
    user.require(Permission.REVIEW)
    with store.write() as tx:
        gold = _open(tx, user=user, note_id=note_id)
        return _seen(tx, user, note_id, tx.golds.events(gold.id))


def look(store: Store, *, user: User, note_id: int) -> OpenAdjudication:
    """The adjudication as it is stored now. Raises NotFound where nobody has begun one."""
    user.require(Permission.REVIEW)
    with store.read() as tx:
        gold = tx.golds.of(note_id)
        if gold is None:
            raise NotFound(f"Nobody has begun to adjudicate note {note_id}.")
        return _seen(tx, user, note_id, tx.golds.events(gold.id))


def decide(store: Store, *, user: User, note_id: int, revision: int, place: str, spans: Sequence[Span]) -> int:
    """Say what is right at a place: one side's spans, none, or others; the new revision.

    Raises:
        ChangedSince: somebody else decided something since `revision`; nothing was written.
        NotFound: there is no such place.
        UnknownLabel, InvalidValue: a span does not fit the project or the note, or it lies elsewhere.
    """
    user.require(Permission.REVIEW)
    with store.write() as tx:
        gold = _being_adjudicated(tx, note_id, revision)
        note = tx.notes.get(note_id)
        _, places = differences(_sides(tx, tx.golds.events(gold.id)))
        there = next((p for p in places if p.key == place), None)
        if there is None:
            raise NotFound("There is no such place in this note.")
        schema = tx.projects.get(note.project_id).schema
        for span in spans:
            check_within(span, note.length)
            if not any(span in reading.spans for reading in there.readings):
                schema.check(span.label)
            if span.end <= there.start or span.start >= there.end:
                raise InvalidValue("A decision is about its own place: the span has to overlap it.")
        tx.golds.append(gold, user_id=user.id, action=GoldAction.DECIDE, place=place, after=sorted(set(spans)))
    return revision + 1


def undo(store: Store, *, user: User, note_id: int, revision: int, redo: bool = False) -> int:
    """Take the last decision back, or (`redo`) make it again; the new revision. Does nothing where there is none."""
    user.require(Permission.REVIEW)
    with store.write() as tx:
        gold = _being_adjudicated(tx, note_id, revision)
        _, can_undo, can_redo = decisions(tx.golds.events(gold.id))
        if not (can_redo if redo else can_undo):
            return revision
        tx.golds.append(gold, user_id=user.id, action=GoldAction.REDO if redo else GoldAction.UNDO)
    return revision + 1


def finish(store: Store, *, user: User, note_id: int, revision: int) -> tuple[GoldSpan, ...]:
    """Make gold of it: what all sides agree on and what was decided at each place.

    Raises:
        InvalidValue: places are left.
        ChangedSince: somebody else decided something since `revision`.
    """
    user.require(Permission.REVIEW)
    with store.write() as tx:
        gold = _being_adjudicated(tx, note_id, revision)
        events = tx.golds.events(gold.id)
        sides = _sides(tx, events)
        made, _, _ = decisions(events)
        left = [place for place in differences(sides)[1] if place.key not in made]
        if left:
            raise InvalidValue(f"{len(left)} places are not decided yet.")
        spans = settled(sides, made)
        tx.golds.append(gold, user_id=user.id, action=GoldAction.FINISH, after=[s.span for s in spans])
        tx.golds.settle(
            gold.id,
            origin=GoldOrigin.ADJUDICATED,
            final=True,
            user_id=user.id,
            spans=spans,
            sources=dict(_opened(events).sources),
        )
        tx.audit.add(
            user=user,
            action="note adjudicated",
            target=f"note:{note_id}",
            annotations=[annotation_id for annotation_id, _ in _opened(events).sources],
            decided=len(made),
            spans=len(spans),
        )
    return spans


def reopen(store: Store, *, user: User, note_id: int) -> None:
    """Take an adjudication back to decide differently. The note is no gold until it is finished again; datasets that
    were frozen from it stay as they are.
    """
    user.require(Permission.REVIEW)
    with store.write() as tx:
        gold = tx.golds.of(note_id)
        if gold is None or not gold.final:
            return
        gold = tx.golds.lock_or_add(note_id=note_id, origin=gold.origin, user_id=None)
        events = tx.golds.events(gold.id)
        if not any(event.action is GoldAction.OPEN for event in events):
            raise InvalidValue("This note was not adjudicated; there is nothing to reopen.")
        corrected = False
        for event in events:
            corrected = event.action is GoldAction.CORRECT or (corrected and event.action is not GoldAction.FINISH)
        # What was corrected since is a side of its own, or finishing would undo it.
        before = [s.span for s in gold.spans] if corrected else None
        action = GoldAction.OPEN if corrected else GoldAction.REOPEN
        sources = gold.sources if corrected else None
        tx.golds.append(gold, user_id=user.id, action=action, before=before, sources=sources)
        tx.golds.settle(gold.id, origin=GoldOrigin.ADJUDICATED, final=False, user_id=user.id)
        tx.audit.add(user=user, action="adjudication reopened", target=f"note:{note_id}")


def approve(store: Store, *, user: User, note_ids: Collection[int]) -> list[int]:
    """Make the annotations of these notes gold as they are; those of the notes that waited for it."""
    user.require(Permission.REVIEW)
    approved: list[int] = []
    with store.write() as tx:
        for note_id in sorted(set(note_ids)):
            found, _ = golds.of_note(tx, note_id)
            if found is None or found.waiting is not Waiting.APPROVAL:
                continue
            source = found.annotations[0]
            gold = tx.golds.lock_or_add(note_id=note_id, origin=GoldOrigin.APPROVED, user_id=user.id)
            confirmed = sorted(tx.golds.confirmed([source.annotation_id])[source.annotation_id])
            sources = {source.annotation_id: source.revision}
            tx.golds.append(gold, user_id=user.id, action=GoldAction.APPROVE, after=confirmed, sources=sources)
            spans = [GoldSpan(span, (source.annotation_id,)) for span in confirmed]
            tx.golds.settle(
                gold.id, origin=GoldOrigin.APPROVED, final=True, user_id=user.id, spans=spans, sources=sources
            )
            approved.append(note_id)
        if approved:
            tx.audit.add(user=user, action="gold approved", target="notes", notes=approved)
    return approved


def withdraw(store: Store, *, user: User, note_ids: Collection[int]) -> None:
    """Take approvals back; the notes wait for approval again."""
    user.require(Permission.REVIEW)
    with store.write() as tx:
        withdrawn: list[int] = []
        for note_id in sorted(set(note_ids)):
            gold = tx.golds.of(note_id)
            if gold and gold.final and gold.origin is GoldOrigin.APPROVED:
                tx.golds.append(gold, user_id=user.id, action=GoldAction.WITHDRAW)
                tx.golds.settle(gold.id, origin=GoldOrigin.APPROVED, final=False, user_id=user.id)
                withdrawn.append(note_id)
        tx.audit.add(user=user, action="approval withdrawn", target="notes", notes=withdrawn)


@dataclass(frozen=True, slots=True)
class Provenance:
    """A gold span, who had it exactly so, and who decided where not all did."""

    span: Span
    annotators: tuple[str, ...]
    decided_by: str
    decided_at: datetime | None


def provenance(store: Store, *, user: User, note_id: int) -> list[Provenance]:
    """The gold spans of a note that somebody decided about, in text order."""
    user.require(Permission.REVIEW)
    with store.read() as tx:
        gold = tx.golds.of(note_id)
        if gold is None or not gold.final:
            return []
        names = {person.id: person.name for person in tx.users.all()}
        whose = {side: _side(tx, user, side, names).name for one in gold.spans for side in one.sources}
        return [
            Provenance(
                one.span,
                tuple(whose[side] for side in one.sources),
                names.get(one.decided_by or 0, ""),
                one.decided_at,
            )
            for one in gold.spans
        ]


def _open(tx: Transaction, *, user: User, note_id: int) -> Gold:
    """Begin with the annotations that are submitted now, and with the gold that there is, if there is some."""
    found, spans = golds.of_note(tx, note_id)
    several = found is not None and len(found.annotations) > 1
    if found is None or not (several or found.gold_id):
        raise NotFound("Adjudication needs two submitted annotations of the note; this one has fewer.")
    before = spans if found.origin in (GoldOrigin.CORRECTED, GoldOrigin.ADJUDICATED) else None
    gold = tx.golds.lock_or_add(note_id=note_id, origin=GoldOrigin.ADJUDICATED, user_id=user.id)
    if gold.origin is GoldOrigin.ADJUDICATED and not gold.final and gold.sources == _sources(found):
        return gold
    sources = _sources(found)
    tx.golds.append(gold, user_id=user.id, action=GoldAction.OPEN, before=before, sources=sources)
    tx.golds.settle(gold.id, origin=GoldOrigin.ADJUDICATED, final=False, user_id=user.id, sources=sources)
    return tx.golds.lock_or_add(note_id=note_id, origin=GoldOrigin.ADJUDICATED, user_id=user.id)


def _sources(found: Standing) -> dict[int, int]:
    return {annotation.annotation_id: annotation.revision for annotation in found.annotations}


def _opened(events: Sequence[GoldEvent]) -> GoldEvent:
    return next(event for event in reversed(events) if event.action is GoldAction.OPEN)


def _sides(tx: Transaction, events: Sequence[GoldEvent]) -> dict[int, frozenset[Span]]:
    """The confirmed spans of each side at the revision that is compared, whatever became of the annotation since."""
    opened = _opened(events)
    sides = {
        annotation_id: frozenset(
            s.span for s in tx.past.state_at(annotation_id, revision) if s.state is SpanState.CONFIRMED
        )
        for annotation_id, revision in opened.sources
    }
    return sides if opened.before is None else {**sides, BEFORE: frozenset(opened.before)}


def _being_adjudicated(tx: Transaction, note_id: int, revision: int) -> Gold:
    gold = tx.golds.of(note_id)
    if gold is None:
        raise NotFound(f"Nobody has begun to adjudicate note {note_id}.")
    gold = tx.golds.lock_or_add(note_id=note_id, origin=gold.origin, user_id=None)
    if gold.revision != revision:
        raise ChangedSince("Somebody else decided something about this note meanwhile. Look again.")
    if gold.final:
        raise ChangedSince("This note is gold already. Reopen it to decide differently.")
    return gold


def _seen(tx: Transaction, user: User, note_id: int, events: Sequence[GoldEvent]) -> OpenAdjudication:
    gold = tx.golds.of(note_id)
    if gold is None or not any(event.action is GoldAction.OPEN for event in events):
        raise NotFound(f"Nobody has begun to adjudicate note {note_id}.")
    note = tx.notes.get(note_id)
    names = {person.id: person.name for person in tx.users.all()}
    sides = _sides(tx, events)
    agreed, places = differences(sides)
    made, can_undo, can_redo = decisions(events)
    now_there = golds.standings(tx, note.project_id, note_id=note_id)
    compared = dict(_opened(events).sources)
    return OpenAdjudication(
        note=note,
        schema=tx.projects.get(note.project_id).schema,
        gold_id=gold.id,
        revision=gold.revision,
        final=gold.final,
        sides=tuple(_side(tx, user, side, names) for side in sides),
        agreed=agreed,
        places=places,
        decided={
            key: Decided(event.after or (), names.get(event.user_id or 0, ""), event.at) for key, event in made.items()
        },
        can_undo=can_undo,
        can_redo=can_redo,
        newer=any(compared.get(a.annotation_id) != a.revision for one in now_there for a in one.annotations),
    )


def _side(tx: Transaction, user: User, side: int, names: dict[int, str]) -> Side:
    if side == BEFORE:
        return Side(side, "Gold before", own=False)
    user_id = tx.annotations.head(side).user_id
    return Side(side, names[user_id], own=user_id == user.id)
