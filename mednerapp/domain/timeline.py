"""The events of an annotation as a person tells them: what was done in one go, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from mednerapp.domain.annotations import BULK_CLIENT, IMPORT_CLIENT, MODEL_CLIENT, REFRESH_CLIENT, EditAction, Phase
from mednerapp.domain.spans import Span

PAUSE = timedelta(minutes=1)
"""Between two events; after a longer one another entry begins."""
LONGEST = timedelta(minutes=5)
NAMED = 3
"""Spans of one entry and action that are named; of more the first ones."""
_SHOWN = 40  # characters of a mention

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
    """What is told of an event. `who`: a name, '' for the product; `span`: that it was about."""

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
    @property
    def span(self) -> Span: ...


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """The events of the revisions `first` to `last`, both included; `at`: of the last one."""

    first: int
    last: int
    at: datetime
    who: str
    what: str
    kind: Kind


def timeline(events: Iterable[Event], text: str) -> list[TimelineEntry]:
    """Newest first; `events` come oldest first, `text` is that of the note.

    One entry holds what one person did in one window, of one kind, without a pause longer than PAUSE and not for longer
    than LONGEST.
    """
    groups: list[list[Event]] = []
    for event in events:
        if groups and _goes_on(groups[-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    return [_entry(group, text) for group in reversed(groups)]


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


def _entry(group: Sequence[Event], text: str) -> TimelineEntry:
    last, kind = group[-1], _kind(group[-1])
    return TimelineEntry(group[0].revision, last.revision, last.at, last.who, _what(group, kind, text), kind)


def _what(group: Sequence[Event], kind: Kind, text: str) -> str:
    count = len(group)
    plural = "" if count == 1 else "s"
    if kind is Kind.SUGGESTIONS:
        return f"{count} suggestion{plural}"
    if kind is Kind.IMPORT:
        return f"imported {count} span{plural}"
    if kind is Kind.UNDO:
        return f"took back {count} change{plural}: {_named(group, text)}"
    if kind is Kind.REDO:
        return f"did {count} change{plural} again: {_named(group, text)}"
    by_action = {word: [event for event in group if event.action is action] for action, word in _DONE.items()}
    return "; ".join(_told(word, done, text) for word, done in by_action.items() if done)


def _told(word: str, done: Sequence[Event], text: str) -> str:
    named = _named(done, text)
    return f"{word} {named}" if len(done) == len(_places(done)) <= NAMED else f"{word} {len(done)}: {named}"


def _named(done: Sequence[Event], text: str) -> str:
    """The words of the spans, each place once."""
    places = _places(done)
    shown = ", ".join(f"“{_mention(span, text)}”" for span in places[:NAMED])
    return f"{shown} …" if len(places) > NAMED else shown


def _places(done: Sequence[Event]) -> list[Span]:
    """A span for each place, in the order in which they were first touched."""
    return list({event.span.pieces: event.span for event in done}.values())


def _mention(span: Span, text: str) -> str:
    words = " ".join(span.mention(text).split())
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1].rstrip() + "…"
