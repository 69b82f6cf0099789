"""Looking at an annotation from the side: its past, and what other models and people say of its note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotatedSpan, AnnotationState, Origin, SpanState
from mednerapp.domain.history import History, steps
from mednerapp.domain.remarks import may_see_others
from mednerapp.domain.timeline import TimelineEntry, timeline
from mednerapp.errors import NotFound
from mednerapp.store import Store, Transaction
from mednerapp.store.annotations import AnnotationHead

NEW_SUGGESTIONS = "the model in use, with new suggestions"  # instead of a person's name


@dataclass(frozen=True, slots=True)
class Source:
    """Whose spans can be laid under one's own. `id`: `adapter:3` or `person:7`; `spans`: how many there are."""

    id: str
    name: str
    spans: int


@dataclass(frozen=True, slots=True)
class Underlay:
    """The spans of a source, in text order. Those of a person are what they confirmed, and what they are unsure of or
    have commented, in whatever state.
    """

    source: Source
    spans: tuple[AnnotatedSpan, ...]


@dataclass(frozen=True, slots=True)
class LastWriter:
    """Who wrote last besides this window, as said to the person in front of it, and when."""

    name: str
    at: datetime


def revision(store: Store, *, user: User, annotation_id: int) -> AnnotationHead:
    """Where `user`'s annotation stands; cheap."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return _own(tx, user, annotation_id)


def history(store: Store, *, user: User, annotation_id: int) -> tuple[int, History]:
    """The revision, and what can be undone and redone at it."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        head = _own(tx, user, annotation_id)
        return head.revision, steps(tx.past.by_people(annotation_id))


def past(store: Store, *, user: User, annotation_id: int) -> tuple[int, list[TimelineEntry]]:
    """The revision, and what was done up to it, newest first."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        head = _own(tx, user, annotation_id)
        return head.revision, timeline(tx.past.entries(annotation_id), tx.notes.get(head.note_id).text)


def at_revision(store: Store, *, user: User, annotation_id: int, revision: int) -> Sequence[AnnotatedSpan]:
    """The spans as they were at that revision, in text order.

    Raises:
        NotFound: the annotation has not come so far.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        head = _own(tx, user, annotation_id)
        if revision > head.revision:
            raise NotFound(f"Annotation {annotation_id} is at revision {head.revision}; there is no {revision} yet.")
        return tx.past.state_at(annotation_id, revision)


def sources(store: Store, *, user: User, annotation_id: int) -> list[Source]:
    """What can be laid under the annotation: adapters first, then people for those who may see them.

    None at all while it is blind and in progress: what others found would be a suggestion.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return _sources(tx, user, _own(tx, user, annotation_id))


def underlay(store: Store, *, user: User, annotation_id: int, source: str) -> Underlay:
    """The spans of one of `sources`.

    Raises:
        NotFound: it is none of them.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        head = _own(tx, user, annotation_id)
        found = next((s for s in _sources(tx, user, head) if s.id == source), None)
        if found is None:
            raise NotFound("There are no such spans to lay under this note.")
        kind, _, number = source.partition(":")
        spans = _adapters(tx, head, int(number)) if kind == "adapter" else _persons(tx, head, int(number))
    return Underlay(found, tuple(sorted(spans, key=lambda s: (s.span.start, -s.span.end, s.id))))


def last_writer(store: Store, *, user: User, annotation_id: int, client: str, after_revision: int) -> LastWriter | None:
    """Who changed `user`'s annotation since the revision that the client knows; None if nobody did."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        _own(tx, user, annotation_id)
        found = tx.past.last_by_others(annotation_id, client=client, after_revision=after_revision)
    if found is None:
        return None
    return LastWriter("another window of yours" if found.user_id == user.id else found.who or NEW_SUGGESTIONS, found.at)


def _own(tx: Transaction, user: User, annotation_id: int) -> AnnotationHead:
    head = tx.annotations.head(annotation_id)
    if head.user_id != user.id:
        raise NotFound(f"There is no annotation {annotation_id}.")  # do not tell whose it is
    return head


def _sources(tx: Transaction, user: User, head: AnnotationHead) -> list[Source]:
    if head.blind and head.state is AnnotationState.IN_PROGRESS:
        return []
    labels = _labels(tx, head)
    found = [Source(f"adapter:{i}", name, spans) for i, name, spans in tx.past.predicted_by(head.note_id, labels)]
    shown = may_see_others(own=head.state, blind=head.blind, double=tx.doubles.has(head.note_id), submitted=0)
    if user.may(Permission.REVIEW) and shown:
        people = tx.past.annotated_by(head.note_id, but=user.id)
        found += [Source(f"person:{i}", name, spans) for i, name, spans in people]
    return found


def _adapters(tx: Transaction, head: AnnotationHead, adapter_id: int) -> list[AnnotatedSpan]:
    found = tx.predictions.get(note_id=head.note_id, adapter_id=adapter_id) or []
    labels = _labels(tx, head)
    return [
        AnnotatedSpan(f"u{number}", scored.span, SpanState.SUGGESTED, Origin.MODEL, scored.score, adapter_id)
        for number, scored in enumerate(found)
        if scored.span.label in labels
    ]


def _labels(tx: Transaction, head: AnnotationHead) -> tuple[str, ...]:
    return tx.projects.get(tx.notes.get(head.note_id).project_id).schema.names


def _persons(tx: Transaction, head: AnnotationHead, user_id: int) -> list[AnnotatedSpan]:
    annotation = tx.annotations.of(note_id=head.note_id, user_id=user_id)
    said = annotation.spans if annotation else ()
    return [span for span in said if span.state is SpanState.CONFIRMED or span.unsure or span.comment]
