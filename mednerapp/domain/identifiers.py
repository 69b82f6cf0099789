"""What can tell who a note is about, where it stands in the text, and what a project does about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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

    KEEP: it comes in as it is and is kept from training and export until a person has looked at it.
    REPLACE: it comes in with surrogates instead. TAG: with `[NAME]` and the like instead. REFUSE: it does not come in.
    """

    KEEP = "keep"
    REPLACE = "replace"
    TAG = "tag"
    REFUSE = "refuse"


class Verdict(StrEnum):
    """How a note stands with the policy of its project, in the order of a note's life.

    UNCHECKED: nobody and nothing has looked. HELD: identifiers stand in it that the policy does not let pass.
    FOUND_NONE: the recognisers found none. REPLACED: what they found was replaced. CLEARED: a person has looked at it
    and said that it may go on.
    """

    UNCHECKED = "unchecked"
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
