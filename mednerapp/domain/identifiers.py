"""What can tell who a note is about, where it stands in the text, and what a project does about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mednerapp.errors import InvalidValue


class IdentifierType(StrEnum):
    """The identifiers of the HIPAA safe-harbour list (45 CFR 164.514(b)(2)) that a text can hold.

    AGE: of 90 and above only. DATE: anything more exact than a year. LOCATION: anything smaller than a state.
    FACILITY: a hospital, ward or practice, which the list counts among the places.
    """

    NAME = "name"
    DATE = "date"
    AGE = "age"
    PHONE = "phone"
    FAX = "fax"
    EMAIL = "email"
    URL = "url"
    IP = "ip"
    SSN = "ssn"
    MRN = "mrn"
    HEALTH_PLAN = "health plan"
    ACCOUNT = "account"
    LICENSE = "license"
    VEHICLE = "vehicle"
    DEVICE = "device"
    LOCATION = "location"
    FACILITY = "facility"
    OTHER = "other id"


class IdentifierPolicy(StrEnum):
    """What a project does on import with a note in which identifiers are found.

    OFF: nothing is looked for. KEEP: the note is kept where only few may see it, until a person has confirmed what is
    replaced. REPLACE: it comes in with surrogates instead. TAG: with `[NAME]` and the like. REFUSE: it stays out.
    """

    OFF = "off"
    KEEP = "keep"
    REPLACE = "replace"
    TAG = "tag"
    REFUSE = "refuse"


class Verdict(StrEnum):
    """How a note stands with the policy of its project; one without a verdict has not been looked at.

    HELD: identifiers stand in it that the policy does not let pass.
    FOUND_NONE: the recognisers found none. REPLACED: what they found was replaced. CLEARED: a person has looked at it
    and said that it may go on.
    """

    HELD = "held"
    FOUND_NONE = "found none"
    REPLACED = "replaced"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """`[start, end)` in code points of the note. score: in (0, 1]; source: the recogniser that found it."""

    start: int
    end: int
    type: IdentifierType
    score: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InvalidValue(f"An identifier cannot reach from {self.start} to {self.end}.")


PASSED = (Verdict.FOUND_NONE, Verdict.REPLACED, Verdict.CLEARED)


@dataclass(frozen=True, slots=True)
class HeldNote:
    """A note with its identifiers that waits for a person. spans: the identifiers, as the span editor keeps them."""

    id: int
    project_id: int
    text: str
    title: str
    source: str
    patient_key: str | None
    note_type: str
    spans: tuple[dict[str, Any], ...]
    revision: int
    clients: dict[str, int]
    last_client: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Notes of a project by verdict. unchecked: nothing has looked at them. waiting: held, outside the project."""

    verdicts: dict[Verdict, int]
    unchecked: int
    waiting: int
