"""A note with spans on its way in or out: what the exchange formats read and write, whatever of it each can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class ExchangeSpan:
    """A span with what is known of it.

    id: its name where it comes from, '' when it has none. model: name of the model that suggested it, '' for none.
    concepts: codes of a terminology, as given ("MESH:D003000").
    """

    span: Span
    id: str = ""
    state: SpanState = SpanState.CONFIRMED
    origin: Origin = Origin.PERSON
    score: float | None = None
    model: str = ""
    assertion: Assertion | None = None
    assertion_by: Origin | None = None
    comment: str = ""
    unsure: bool = False
    concepts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.assertion is None) != (self.assertion_by is None):
            raise InvalidValue("An assertion has an author, and there is no author without one.")
        if self.score is not None and not 0 <= self.score <= 1:
            raise InvalidValue(f"A score is between 0 and 1, not {self.score}.")
        if any(not concept or concept.split() != [concept] for concept in self.concepts):
            raise InvalidValue("A code of a terminology is one word.")


@dataclass(frozen=True, slots=True)
class Document:
    """A note with one person's or model's spans. Offsets are code points of `text`.

    id: the name of the note where it comes from, '' when it has none. submitted: the person was done with it.
    annotator: who. history: the events that led here, oldest first, as plain records; only our own format has them.
    """

    text: str
    spans: tuple[ExchangeSpan, ...] = ()
    id: str = ""
    title: str = ""
    source: str = ""
    patient_key: str = ""
    note_type: str = ""
    written_on: date | None = None
    annotator: str = ""
    submitted: bool = True
    history: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        for item in self.spans:
            check_within(item.span, len(self.text))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A piece of a file that is no document. place: "line 3", "document 2", a name inside an archive."""

    place: str
    reason: str


class Trait(StrEnum):
    """What a document or a span may have and a format may not. The value completes "left out: ..."."""

    ID = "names of notes"
    TITLE = "titles of notes"
    SOURCE = "sources of notes"
    PATIENT = "patient keys"
    NOTE_TYPE = "note types"
    WRITTEN_ON = "dates of notes"
    ANNOTATOR = "names of annotators"
    SUBMITTED = "that a note is not submitted"
    HISTORY = "events of the history"
    SPAN_ID = "ids of spans"
    STATE = "suggested and rejected spans"
    FRAGMENTS = "discontinuous spans"
    OVERLAPS = "overlapping spans"
    ORIGIN = "who made a span first (model or person)"
    SCORE = "scores"
    MODEL = "names of models"
    ASSERTION = "assertions"
    COMMENT = "comments"
    UNSURE = "marks of doubt"
    CONCEPTS = "codes of a terminology"


EVERYTHING = frozenset(Trait)


@dataclass(slots=True)
class LossReport:
    """What a format cannot hold of the documents that it was shown. Counts are of notes or spans, by what was lost."""

    notes: int = 0
    spans: int = 0
    spans_left_out: int = 0
    notes_left_out: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])

    def count(self, what: str, number: int = 1) -> None:
        if number:
            self.lost[str(what)] += number
