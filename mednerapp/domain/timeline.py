"""The events of an annotation as a person tells them: what was done in one go, by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from mednerapp.domain.annotations import BULK_CLIENT, IMPORT_CLIENT, MODEL_CLIENT, REFRESH_CLIENT, EditAction, Phase

PAUSE = timedelta(minutes=1)
"""Between two events; after a longer one another entry begins."""
LONGEST = timedelta(minutes=5)

_DONE = {
    EditAction.CREATE: "marked",
    EditAction.RELABEL: "relabelled",
    EditAction.RESIZE: "resized",
    EditAction.ACCEPT: "accepted",
    EditAction.REJECT: "rejected",
    EditAction.DELETE: "deleted",
    EditAction.ASSERT: "assertion set",
    EditAction.COMMENT: "commented",
    EditAction.FLAG: "flagged",
    EditAction.RESTORE: "restored",
    EditAction.SUGGEST: "suggested",
}


class Kind(StrEnum):
    """What sort of entry it is."""

    DO = "do"
    UNDO = "undo"
    REDO = "redo"
    SUGGESTIONS = "suggestions"
    IMPORT = "import"
    BULK = "bulk"


class Event(Protocol):
    """What is told of an event. `who`: a name, '' for the product."""

    @property
    def revision(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def client(self) -> str: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def action(self) -> EditAction: ...
    @property
    def who(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """The events of the revisions `first` to `last`, both included; `at`: of the last one."""

    first: int
    last: int
    at: datetime
    who: str
    what: str
    kind: Kind


def timeline(events: Iterable[Event]) -> list[TimelineEntry]:
    """Newest first; `events` come oldest first.

    One entry holds what one person did in one window, of one kind, without a pause longer than PAUSE and not for longer
    than LONGEST.
    """
    groups: list[list[Event]] = []
    for event in events:
        if groups and _goes_on(groups[-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    return [_entry(group) for group in reversed(groups)]


def _goes_on(group: Sequence[Event], event: Event) -> bool:
    first, last = group[0], group[-1]
    same = (last.client, last.who, _kind(last)) == (event.client, event.who, _kind(event))
    return same and event.at - last.at <= PAUSE and event.at - first.at <= LONGEST


def _kind(event: Event) -> Kind:
    if event.client in (MODEL_CLIENT, REFRESH_CLIENT):
        return Kind.SUGGESTIONS
    if event.client == IMPORT_CLIENT:
        return Kind.IMPORT
    if event.phase is not Phase.DO:
        return Kind(event.phase.value)
    return Kind.BULK if event.client == BULK_CLIENT else Kind.DO


def _entry(group: Sequence[Event]) -> TimelineEntry:
    last, kind = group[-1], _kind(group[-1])
    return TimelineEntry(group[0].revision, last.revision, last.at, last.who, _what(group, kind), kind)


def _what(group: Sequence[Event], kind: Kind) -> str:
    count = len(group)
    plural = "" if count == 1 else "s"
    told = {
        Kind.SUGGESTIONS: f"{count} suggestion{plural}",
        Kind.IMPORT: f"imported {count} span{plural}",
        Kind.UNDO: f"took back {count} change{plural}",
        Kind.REDO: f"did {count} change{plural} again",
    }
    counts = Counter(event.action for event in group)
    return told.get(kind) or ", ".join(f"{word} {counts[action]}" for action, word in _DONE.items() if counts[action])
