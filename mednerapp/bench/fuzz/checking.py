"""Browser = database = replay of the event log; nothing lost, nothing invented."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mednerapp.bench.fuzz.traffic import Traffic
from mednerapp.bench.fuzz.window import units
from mednerapp.domain.annotations import BULK_CLIENT, PRODUCT_CLIENTS, Annotation, AnnotationEvent, replay
from mednerapp.domain.history import step_id, steps
from mednerapp.store import Store

_OPTIONAL: dict[str, Any] = {"fragments": [], "assertion": None, "assertion_by": None, "comment": "", "unsure": False}
_FIELDS = ("start", "end", "label", "state", *_OPTIONAL)


@dataclass(frozen=True)
class Verdict:
    """Faults in words. lost: acknowledged and not stored; invented: stored and never sent."""

    faults: list[str] = field(default_factory=list[str])
    lost: int = 0
    invented: int = 0


def stored(store: Store, *, user_id: int, notes: Iterable[int]) -> list[tuple[Annotation, list[AnnotationEvent], str]]:
    """The annotations of a person, their events and their texts, read in one transaction."""
    with store.read() as tx:
        found = [tx.annotations.of(note_id=note_id, user_id=user_id) for note_id in notes]
        return [
            (annotation, tx.annotations.events(annotation.id), tx.notes.get(annotation.note_id).text)
            for annotation in found
            if annotation
        ]


def check_log(annotation: Annotation, events: Sequence[AnnotationEvent], traffic: Traffic) -> Verdict:
    """The log against the current spans and against what the pages sent."""
    faults: list[str] = []
    current = {span.id: span for span in annotation.spans}
    if replay(events) != current:
        faults.append("The replay of the events is not what is stored.")
    if annotation.revision != len(events):
        faults.append(f"Revision {annotation.revision}, but {len(events)} events.")
    by_number = {(annotation.id, event.client, event.client_seq): event for event in events}
    if len(by_number) < len(events):
        faults.append("An edit is in the log twice.")
    lost = [number for number in traffic.acknowledged if number[0] == annotation.id and number not in by_number]
    invented = [event for number, event in by_number.items() if not _was_sent(number, event, traffic)]
    faults += [f"Acknowledged, but not in the log: {number}" for number in sorted(lost)]
    faults += [
        f"In the log, but not sent: revision {event.revision}, {event.client} {event.client_seq} {event.action}"
        for event in invented
    ]
    faults += [
        f"Sent and stored differ at revision {event.revision}: {traffic.sent[number]} / {event.after}"
        for number, event in by_number.items()
        if number in traffic.sent and not _same_edit(traffic.sent[number], event)
    ]
    return Verdict(faults, len(lost), len(invented))


def _was_sent(number: tuple[int, str, int], event: AnnotationEvent, traffic: Traffic) -> bool:
    if event.client in PRODUCT_CLIENTS:
        return True
    if event.client == BULK_CLIENT:
        return event.step in traffic.bulk
    return number in traffic.sent


def _same_edit(edit: dict[str, Any], event: AnnotationEvent) -> bool:
    after = content(event.after.as_dict()) if event.after else None
    given = edit["after"]
    if given is None or after is None:
        same = given is None and after is None
    else:  # what an edit leaves out stays as it was
        same = all(after[name] == content({**after, **given})[name] for name in _FIELDS)
    return same and (edit["action"], edit["span_id"]) == (event.action.value, event.span_id)


def content(span: dict[str, Any]) -> dict[str, Any]:
    """What a span says, without what is the same on both sides or told differently."""
    full = {**_OPTIONAL, **{name: value for name, value in span.items() if value is not None}}
    full["fragments"] = [list(piece) for piece in full["fragments"]]
    return {name: full[name] for name in _FIELDS}


def check_browser(shown: dict[str, Any], drawn: dict[str, Any], annotation: Annotation, text: str) -> list[str]:
    """The editor's state and what it has drawn against what is stored."""
    here = {span["id"]: content(_snake(span)) for span in shown["spans"]}
    there = {span.id: content(span.as_dict()) for span in annotation.spans}
    faults = [
        f"Span {span_id}: the browser has {here.get(span_id)}, the database {there.get(span_id)}"
        for span_id in sorted(here.keys() | there.keys())
        if here.get(span_id) != there.get(span_id)
    ]
    if shown["revision"] != annotation.revision:
        faults.append(f"The browser is at revision {shown['revision']}, the database at {annotation.revision}.")
    if drawn["text"] != text:
        faults.append("The browser shows another text than the note's.")
    return faults or _check_marks(drawn, annotation, text)


def check_history(shown: dict[str, Any], events: Sequence[AnnotationEvent]) -> list[str]:
    """What the editor can undo and redo against what the log says."""
    known = steps(events)
    faults = [
        f"{name} is {shown[name]}, by the log {value}"
        for name, value in {"canUndo": bool(known.done), "canRedo": bool(known.undone)}.items()
        if shown[name] != value
    ]
    for name, logged in (("done", known.done), ("undone", known.undone)):
        here, there = shown["steps"][name], [step.id for step in logged]
        if here != there:
            same = next((i for i, pair in enumerate(zip(here, there, strict=False)) if pair[0] != pair[1]), None)
            at = min(len(here), len(there)) if same is None else same
            first = f"{here[at : at + 4]}, {there[at : at + 4]}"
            faults.append(f"{name}: {len(here)} steps, by the log {len(there)}; from {at} on {first}")
            faults += [f"In the log: {_told(step, events)}" for step in {*here[at : at + 1], *there[at : at + 1]}]
    return faults


def _told(step: str, events: Sequence[AnnotationEvent]) -> str:
    """Where and by whom the log has a step."""
    rows = [
        f"{event.revision} {event.phase.value} {event.action.value} by {event.client[:8]}"
        for event in events
        if step_id(event) == step
    ]
    return f"step {step[:8]}: {', '.join(rows) or 'nothing'}; {len(events)} events in all"


def _check_marks(drawn: dict[str, Any], annotation: Annotation, text: str) -> list[str]:
    """Exactly the mentions are marked: what the browser shows as a span is `text[start:end]`."""
    marked: set[int] = set()
    for start, end in drawn["marks"]:
        marked.update(range(start, end))
    mentions: set[int] = set()
    for span in annotation.spans:
        for start, end in span.span.pieces:
            mentions.update(range(*units(text, start, end)))
    wrong = sorted(marked ^ mentions)
    return [f"Marked and mentioned differ at the UTF-16 units {wrong[:12]} ..."] if wrong else []


_SNAKE = {"assertionBy": "assertion_by", "adapterId": "adapter_id"}


def _snake(span: dict[str, Any]) -> dict[str, Any]:
    """The editor's own names as they are on the wire; snapshots from before and after both come through."""
    return {_SNAKE.get(name, name): value for name, value in span.items()}
