"""One change of every place where the same words stand: what it does to the spans of one note."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mednerapp.domain.annotations import AnnotatedSpan, EditAction, Origin, SpanState
from mednerapp.domain.context import Scope, assertion_at
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.mentions import MOST_MENTION, find_mentions
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue


class BulkKind(StrEnum):
    CREATE = "create"
    RELABEL = "relabel"
    DELETE = "delete"
    REJECT = "reject"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What is to be done at every place that holds the same as `mention`.

    new_label: only to relabel, the label that spans with `label` get.

    Raises:
        InvalidValue: for a mention that is empty or longer than any term, or a label too many or too few.
    """

    kind: BulkKind
    mention: str
    label: str
    new_label: str = ""
    whole_words: bool = True

    def __post_init__(self) -> None:
        if not self.mention.strip() or len(self.mention) > MOST_MENTION:
            raise InvalidValue(f"A mention has 1 to {MOST_MENTION} characters, not {len(self.mention)}.")
        if (self.kind is BulkKind.RELABEL) != bool(self.new_label):
            raise InvalidValue("To relabel takes a new label; nothing else does.")
        if self.new_label == self.label:
            raise InvalidValue(f"The new label is the old one: {self.label!r}.")

    def check(self, schema: LabelSchema) -> None:
        """Raises UnknownLabel. A label that spans have may be one that the schema no longer has; one they get, not."""
        gets = self.new_label or (self.label if self.kind in (BulkKind.CREATE, BulkKind.ACCEPT) else "")
        if gets:
            schema.check(gets)


@dataclass(frozen=True, slots=True)
class Place:
    """Half-open `[start, end)` of a note. span: the span there that changes; None where one is made."""

    start: int
    end: int
    span: AnnotatedSpan | None

    @property
    def key(self) -> tuple[int, int, str]:
        """What the place is, whatever revision the annotation has."""
        return self.start, self.end, self.span.id if self.span else ""


@dataclass(frozen=True, slots=True)
class Done:
    """One span before and after."""

    action: EditAction
    span_id: str
    before: AnnotatedSpan | None
    after: AnnotatedSpan | None


def net(changes: Iterable[Done]) -> list[Done]:
    """The first before and the last after of each span; what came back to where it was is left out."""
    first: dict[str, Done] = {}
    for change in changes:
        known = first.get(change.span_id)
        first[change.span_id] = replace(known, after=change.after) if known else change
    return [change for change in first.values() if change.before != change.after]


def places(change: BulkChange, text: str, spans: Iterable[AnnotatedSpan]) -> list[Place]:
    """Where in a note with these spans there is something to do, in text order.

    * create: where no span with the label stands that a person confirmed or rejected; a suggestion is accepted.
    * relabel, delete: every span with the label that was not rejected; none is relabelled to what is there already.
    * reject, accept: every suggestion with the label.
    Spans count where they hold the mention exactly; discontinuous ones never do.
    """
    at: dict[tuple[int, int], list[AnnotatedSpan]] = {}
    for span in spans:
        if not span.span.fragments:
            at.setdefault((span.span.start, span.span.end), []).append(span)
    found: list[Place] = []
    for start, end in find_mentions(text, change.mention, whole_words=change.whole_words):
        here = at.get((start, end), [])
        same = [span for span in here if span.span.label == change.label]
        if change.kind is BulkKind.CREATE:
            open_ = all(span.state is SpanState.SUGGESTED for span in same)
            found += [Place(start, end, same[0] if same else None)] if open_ else []
        else:
            taken = any(s.span.label == change.new_label and s.state is SpanState.CONFIRMED for s in here)
            found += [Place(start, end, span) for span in same if not taken and _concerns(change.kind, span)]
    return found


def _concerns(kind: BulkKind, span: AnnotatedSpan) -> bool:
    if kind in (BulkKind.RELABEL, BulkKind.DELETE):
        return span.state is not SpanState.REJECTED
    return span.state is SpanState.SUGGESTED


def new_span_id(step: str, start: int, end: int) -> str:
    """The id of a span that the step makes: the same when it is made again."""
    return "b" + hashlib.sha256(f"{step}:{start}:{end}".encode()).hexdigest()[:24]


def done_to(change: BulkChange, place: Place, *, step: str, scopes: Sequence[Scope]) -> Done:
    """What the change does there. `scopes`: those of the note, from which a new span gets its assertion."""
    span = place.span
    if span is None:
        made = _new(change, place, step=step, scopes=scopes)
        return Done(EditAction.CREATE, made.id, None, made)
    if change.kind is BulkKind.DELETE:
        return Done(EditAction.DELETE, span.id, span, None)
    if change.kind is BulkKind.REJECT:
        return Done(EditAction.REJECT, span.id, span, replace(span, state=SpanState.REJECTED))
    confirmed = replace(span, state=SpanState.CONFIRMED)
    if change.kind is BulkKind.RELABEL:
        relabelled = replace(confirmed, span=Span(place.start, place.end, change.new_label))
        return Done(EditAction.RELABEL, span.id, span, relabelled)
    return Done(EditAction.ACCEPT, span.id, span, confirmed)


def _new(change: BulkChange, place: Place, *, step: str, scopes: Sequence[Scope]) -> AnnotatedSpan:
    assertion = assertion_at(scopes, place.start, place.end)
    return AnnotatedSpan(
        id=new_span_id(step, place.start, place.end),
        span=Span(place.start, place.end, change.label),
        state=SpanState.CONFIRMED,
        origin=Origin.PERSON,
        assertion=assertion,
        assertion_by=Origin.MODEL if assertion else None,
    )
