"""One person's spans on one note, and the edits that made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from mednerapp.domain.assertions import Assertion
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue


class SpanState(StrEnum):
    """What a person has said about a span. Only CONFIRMED spans can become gold."""

    SUGGESTED = "suggested"  # a model wrote it and nobody has looked at it
    CONFIRMED = "confirmed"  # a person made, changed or accepted it
    REJECTED = "rejected"  # a person looked at it and said no


class Origin(StrEnum):
    """Who made the span in the first place."""

    MODEL = "model"
    PERSON = "person"


class EditAction(StrEnum):
    CREATE = "create"
    RELABEL = "relabel"
    RESIZE = "resize"
    ACCEPT = "accept"
    REJECT = "reject"
    DELETE = "delete"
    ASSERT = "assert"  # says whether it is present, absent, ...; or takes that back
    COMMENT = "comment"
    FLAG = "flag"  # sets or takes away "unsure"
    RESTORE = "restore"  # undo and redo, and a person's own version put back after a conflict
    SUGGEST = "suggest"  # written by the product when a prediction is copied into an annotation


# What the product writes itself goes by these names in the event log; no page may take one.
MODEL_CLIENT = "model"
IMPORT_CLIENT = "import"
REFRESH_CLIENT = "refresh"  # old suggestions that nobody touched, replaced by those of a promoted adapter
PRODUCT_CLIENTS = (MODEL_CLIENT, IMPORT_CLIENT, REFRESH_CLIENT)
BULK_CLIENT = "bulk"  # what a person changed in many notes at once
RESERVED_CLIENTS = (*PRODUCT_CLIENTS, BULK_CLIENT)

MOST_COMMENT = 2_000  # characters


class Phase(StrEnum):
    """What an event is to the step that it belongs to (a step is what a person undoes at once)."""

    DO = "do"
    UNDO = "undo"
    REDO = "redo"


class AnnotationState(StrEnum):
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True)
class AnnotatedSpan:
    """A span inside an annotation. `id` is chosen by the client that made it and unique within the annotation.

    `score` and `adapter_id` are those of the model that suggested it, None for a span that a person made.
    `assertion_by`: MODEL for one that the rules suggest, PERSON for one that a person gave; None without an assertion.
    `unsure`: the person wants somebody to look at it again.
    """

    id: str
    span: Span
    state: SpanState
    origin: Origin
    score: float | None = None
    adapter_id: int | None = None
    assertion: Assertion | None = None
    assertion_by: Origin | None = None
    comment: str = ""
    unsure: bool = False

    def __post_init__(self) -> None:
        _check_remarks(self.assertion, self.assertion_by, self.comment)

    def as_dict(self) -> dict[str, Any]:
        """As it travels and as the event log keeps it. What a span does not have is left out of the optional part,
        so that events from before there was one keep their hash.
        """
        optional: dict[str, Any] = {
            "fragments": [list(piece) for piece in self.span.fragments],
            "assertion": self.assertion and self.assertion.value,
            "assertion_by": self.assertion_by and self.assertion_by.value,
            "comment": self.comment,
            "unsure": self.unsure,
        }
        return {
            "id": self.id,
            "start": self.span.start,
            "end": self.span.end,
            "label": self.span.label,
            "state": self.state.value,
            "origin": self.origin.value,
            "score": self.score,
            "adapter_id": self.adapter_id,
            **{name: value for name, value in optional.items() if value},
        }


def span_from_dict(value: dict[str, Any]) -> AnnotatedSpan:
    return AnnotatedSpan(
        id=value["id"],
        span=Span(value["start"], value["end"], value["label"], pieces(value.get("fragments"))),
        state=SpanState(value["state"]),
        origin=Origin(value["origin"]),
        score=value.get("score"),
        adapter_id=value.get("adapter_id"),
        assertion=Assertion(value["assertion"]) if value.get("assertion") else None,
        assertion_by=Origin(value["assertion_by"]) if value.get("assertion_by") else None,
        comment=value.get("comment", ""),
        unsure=value.get("unsure", False),
    )


def pieces(value: Iterable[Iterable[int]] | None) -> tuple[tuple[int, int], ...]:
    """Fragments from the lists that JSON has for them.

    Raises:
        ValueError: if one is not a pair.
    """
    return tuple((start, end) for start, end in value or ())


def _check_remarks(assertion: Assertion | None, assertion_by: Origin | None, comment: str) -> None:
    if (assertion is None) != (assertion_by is None):
        raise InvalidValue("An assertion has an author, and there is no author without one.")
    if len(comment) > MOST_COMMENT:
        raise InvalidValue(f"A comment has at most {MOST_COMMENT} characters, not {len(comment)}.")
    if any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in comment):
        raise InvalidValue("A comment holds no NUL and no unpaired surrogate.")


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one span as the client describes it. `span` and `state` are None when the span is deleted.

    `client_seq` counts from 1 for each client and makes a repeated delivery harmless.
    assertion, assertion_by, comment, unsure: as of `AnnotatedSpan`, after the edit; see `apply_edit` for which actions
        look at them.
    step: what one undo takes back, shared by all its edits; '' for an edit that is a step of its own.
    """

    client_seq: int
    action: EditAction
    span_id: str
    span: Span | None
    state: SpanState | None
    assertion: Assertion | None = None
    assertion_by: Origin | None = None
    comment: str = ""
    unsure: bool = False
    step: str = ""
    phase: Phase = Phase.DO

    def __post_init__(self) -> None:
        if self.step:
            check_id(self.step, "step")
        elif self.phase is not Phase.DO:
            raise InvalidValue(f"An edit of the phase {self.phase.value} names the step that it is about.")
        _check_remarks(self.assertion, self.assertion_by, self.comment)
        if self.client_seq < 1:
            raise InvalidValue(f"The edits of a client are numbered from 1, not {self.client_seq}.")
        check_id(self.span_id, "span id")
        if (self.action is EditAction.DELETE) != (self.span is None) or (self.span is None) != (self.state is None):
            raise InvalidValue("A delete carries no span; every other edit carries a span and its state.")


def suggestion_id(number: int) -> str:
    """The id of a model's suggestion in an annotation; see `check_new_id`."""
    return f"m{number}"


def imported_id(number: int) -> str:
    """The id of a span that came with an imported note; see `check_new_id`."""
    return f"i{number}"


def check_new_id(span_id: str) -> None:
    """Raises InvalidValue for an id that only the product gives, so that a person's span never has a suggestion's."""
    if span_id[:1] in ("m", "i") and span_id[1:].isdecimal():
        raise InvalidValue(f"The span id {span_id!r} is one of those that the product gives: m or i and a number.")


def check_id(value: str, what: str) -> None:
    """Raises InvalidValue for an id that no column holds: empty, over 64 characters, or with unprintable ones in it."""
    if not 1 <= len(value) <= 64 or not value.isprintable():
        raise InvalidValue(f"A {what} has 1 to 64 printable characters, not {len(value)}: {value[:64]!r}.")


@dataclass(frozen=True, slots=True)
class AnnotationEvent:
    """One stored edit: append-only, chained by hash. `revision` is that of the annotation after the event."""

    annotation_id: int
    revision: int
    client: str
    client_seq: int
    user_id: int | None
    at: datetime
    action: EditAction
    span_id: str
    before: AnnotatedSpan | None
    after: AnnotatedSpan | None
    previous_hash: str
    hash: str = ""
    step: str = ""
    phase: Phase = Phase.DO

    def expected_hash(self) -> str:
        """Hex SHA-256 over the previous hash and the whole event, so that a changed or missing event shows.

        Step and phase are in it where there are some: events from before there were any keep their hash.
        """
        body: list[Any] = [
            self.previous_hash,
            self.annotation_id,
            self.revision,
            self.client,
            self.client_seq,
            self.user_id,
            self.at.isoformat(),
            self.action.value,
            self.span_id,
            self.before.as_dict() if self.before else None,
            self.after.as_dict() if self.after else None,
        ]
        if self.step or self.phase is not Phase.DO:
            body += [self.step, self.phase.value]
        return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def sealed(self) -> AnnotationEvent:
        """The event with its own hash."""
        return replace(self, hash=self.expected_hash())


@dataclass(frozen=True, slots=True)
class Annotation:
    """One person's spans on one note. `revision` counts its events; spans come in text order.

    blind: it gets no suggestions, so that what suggestions do to people can be measured.
    """

    id: int
    note_id: int
    user_id: int
    state: AnnotationState
    revision: int
    spans: tuple[AnnotatedSpan, ...]
    updated_at: datetime
    submitted_at: datetime | None
    blind: bool = False

    def confirmed(self) -> tuple[Span, ...]:
        return tuple(s.span for s in self.spans if s.state is SpanState.CONFIRMED)


def replay(events: Iterable[AnnotationEvent]) -> dict[str, AnnotatedSpan]:
    """The spans that the events lead to, by id. Always equal to the stored current state.

    That events are missing at the end does not show here, but in the annotation's revision, which counts them.

    Raises:
        InvalidValue: if an event was changed or one before the last is missing, which the chain of hashes shows.
    """
    spans: dict[str, AnnotatedSpan] = {}
    previous_hash = ""
    for revision, event in enumerate(events, start=1):
        intact = event.hash == event.expected_hash()
        linked = event.revision == revision and event.previous_hash == previous_hash
        if not (intact and linked) or event.before != spans.get(event.span_id):
            raise InvalidValue(f"Annotation {event.annotation_id}: the event log is broken at revision {revision}.")
        if event.after:
            spans[event.span_id] = event.after
        else:
            spans.pop(event.span_id, None)
        previous_hash = event.hash
    return spans
