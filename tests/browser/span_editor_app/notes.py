"""What the harness of the span editor stores: notes with one annotation each, and the faults a test has asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mednerapp.domain import history
from mednerapp.domain.annotations import (
    MODEL_CLIENT,
    AnnotatedSpan,
    AnnotationEvent,
    Edit,
    EditAction,
    SpanState,
    span_from_dict,
)
from mednerapp.domain.editing import apply_edit
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.errors import InvalidEdit, InvalidValue
from mednerapp.http import bodies

LABELS = [
    {"name": label.name, "key": label.key, "color": label.color, "description": label.description}
    for label in MEDICAL_SCHEMA.labels
]


@dataclass
class Note:
    id: str
    text: str
    spans: dict[str, AnnotatedSpan]
    labels: list[dict[str, Any]] = field(default_factory=lambda: LABELS)
    read_only: bool = False
    epoch: int = 0
    revision: int = 0
    submitted: bool = False
    seen: dict[str, int] = field(default_factory=dict)  # client -> last stored seq
    stored: list[dict[str, Any]] = field(default_factory=list)  # every stored edit, in order
    deleted: dict[str, AnnotatedSpan] = field(default_factory=dict)
    suggested: dict[str, AnnotatedSpan] = field(default_factory=dict)
    first: dict[str, AnnotatedSpan] = field(default_factory=dict)  # the spans at revision 0
    events: list[AnnotationEvent] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)  # what else the editor is given

    def as_dict(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "submitted": self.submitted,
            "spans": [span.as_dict() for span in self.spans.values()],
            "stored": self.stored,
        }


@dataclass
class World:
    """What every test starts with.

    answer: status to refuse every save with, 0 to drop the answer after storing, None to work.
    channel: what the websocket for saves does: "open", "closed" (not there), "deaf" (takes and does nothing), "mute"
        (stores and breaks off). channels, over_channel: how many were opened, how many saves came over them.
    """

    notes: dict[str, Note] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    shown: int = 0
    answer: int | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    channel: str = "open"
    requests: int = 0
    channels: int = 0
    over_channel: int = 0
    bulk: list[dict[str, Any]] = field(default_factory=list)  # what was asked of the bulk routes
    kept: list[dict[str, Any]] = field(default_factory=list)  # what they answer was kept
    height: int = 420


world = World()
lock = threading.Lock()


def reset(payload: dict[str, Any]) -> None:
    """Starts a test: `notes` is a list of {id, text, spans, labels?, read_only?}."""
    world.__init__()
    for given in payload["notes"]:
        spans = {
            span["id"]: span_from_dict({"origin": "model", "state": "suggested", **span}) for span in given["spans"]
        }
        suggested = {span.id: span for span in spans.values() if span.state is SpanState.SUGGESTED}
        note = Note(id=given["id"], text=given["text"], spans=spans, suggested=suggested, first=dict(spans))
        note.more = given.get("more", {})
        note.labels = given.get("labels", LABELS)
        note.read_only = given.get("read_only", False)
        world.notes[note.id] = note
        world.order.append(note.id)


def shown() -> Note:
    return world.notes[world.order[world.shown % len(world.order)]]


def save(note: Note, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The save protocol on one note. A span of the note whose label is "Refused" is always an invalid edit."""
    client = body["client"]
    if note.submitted:
        return 409, {"error": "submitted", "message": "This note is submitted.", **note.as_dict()}
    given = [edit for edit in body["edits"] if edit["seq"] > note.seen.get(client, 0)]
    others = _others(note, client, body["base_revision"])
    if not given:
        return 200, {"client": client, "ack": note.seen[client], "revision": others - 1 if others else note.revision}
    if others:
        return 409, {"error": "conflict", "message": "Changed elsewhere.", **note.as_dict()}
    try:
        spans = _applied(note, client, given)
    except InvalidEdit as refused:
        return 422, {"error": "invalid_edit", "message": str(refused), "seq": refused.client_seq}
    note.spans = spans
    for edit in given:
        note.stored.append({"client": client, **edit})
        note.seen[client] = edit["seq"]
    return 200, {"client": client, "ack": note.seen.get(client, 0), "revision": note.revision}


def _others(note: Note, client: str, base_revision: int) -> int:
    """The lowest revision above the one that the client knows that others wrote, 0 if there is none."""
    later = enumerate(note.events[base_revision:], start=base_revision + 1)
    return next((revision for revision, event in later if event.client not in (client, MODEL_CLIENT)), 0)


def suggest(note: Note, spans: list[dict[str, Any]]) -> None:
    """Suggestions arrive, and the page makes the editor load them."""
    for given in spans:
        span = span_from_dict(given)
        note.spans[span.id] = note.suggested[span.id] = span
        record(note, MODEL_CLIENT, Edit(1, EditAction.SUGGEST, span.id, span.span, span.state), None, span)
        note.stored.append({"client": MODEL_CLIENT, "action": "suggest", "span_id": span.id})
    note.epoch += 1


def _applied(note: Note, client: str, given: list[dict[str, Any]]) -> dict[str, AnnotatedSpan]:
    spans, deleted, events = dict(note.spans), dict(note.deleted), list(note.events)
    for value, edit in zip(given, bodies.edits({"edits": given}), strict=True):
        before = spans.get(edit.span_id)
        _check_before(value, before)
        if edit.span and (
            edit.span.end > len(note.text) or edit.span.label not in {one["name"] for one in note.labels}
        ):
            raise InvalidEdit(f"{edit.span.label} cannot be set here.", client_seq=edit.client_seq)
        if edit.span and edit.span.label == "Refused":
            raise InvalidEdit("Refused is not a label of this project.", client_seq=edit.client_seq)
        try:
            gone = None if before else deleted.get(edit.span_id)
            after = apply_edit(before, edit, deleted=gone, suggested=note.suggested.get(edit.span_id))
        except InvalidValue as error:
            raise InvalidEdit(str(error), client_seq=edit.client_seq) from error
        if after is None:
            deleted[edit.span_id] = spans.pop(edit.span_id)
        else:
            spans[edit.span_id] = after
        events.append(_event(len(events) + 1, client, edit, before, after))
    note.deleted, note.events, note.revision = deleted, events, len(events)
    return spans


def record(note: Note, client: str, edit: Edit, before: AnnotatedSpan | None, after: AnnotatedSpan | None) -> None:
    note.events.append(_event(len(note.events) + 1, client, edit, before, after))
    note.revision = len(note.events)


def _event(
    revision: int, client: str, edit: Edit, before: AnnotatedSpan | None, after: AnnotatedSpan | None
) -> AnnotationEvent:
    return AnnotationEvent(
        annotation_id=1,
        revision=revision,
        client=client,
        client_seq=edit.client_seq,
        user_id=1,
        at=datetime.now(UTC),
        action=edit.action,
        span_id=edit.span_id,
        before=before,
        after=after,
        previous_hash="",
        step=edit.step,
        phase=edit.phase,
    )


def _check_before(given: dict[str, Any], before: AnnotatedSpan | None) -> None:
    """The client's idea of the past must be ours: a wrong `before` would mean that undo restores a wrong span."""
    known = before.as_dict() if before else None
    for name in ("id", "origin", "score", "adapter_id"):
        if known:
            known.pop(name)
    if given["before"] != known:
        raise InvalidEdit(f"before is {given['before']}, stored is {known}", client_seq=given["seq"])


def steps(note: Note) -> dict[str, Any]:
    """What can be undone and redone, as the history route says it."""
    found = history.steps(note.events)

    def wire(step: history.Step) -> dict[str, Any]:
        changes = [
            {"before": before and before.as_dict(), "after": after and after.as_dict()}
            for before, after in step.changes
        ]
        return {"step": step.id, "bulk": step.bulk, "changes": changes}

    return {
        "revision": note.revision,
        "done": [wire(step) for step in found.done],
        "undone": [wire(step) for step in found.undone],
    }


def at(note: Note, revision: int) -> dict[str, Any]:
    """The spans as they were."""
    spans = dict(note.first)
    for event in note.events[:revision]:
        if event.after:
            spans[event.span_id] = event.after
        else:
            spans.pop(event.span_id, None)
    return {"revision": revision, "spans": [span.as_dict() for span in spans.values()]}
