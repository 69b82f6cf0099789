"""What the harness of the span editor stores: notes with one annotation each, and the faults a test has asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from mednerapp.domain.annotations import (
    MODEL_CLIENT,
    AnnotatedSpan,
    Edit,
    EditAction,
    SpanState,
    span_from_dict,
)
from mednerapp.domain.editing import apply_edit
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue

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

    def as_dict(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "submitted": self.submitted,
            "spans": [span.as_dict() for span in self.spans.values()],
            "stored": self.stored,
        }


@dataclass
class World:
    """`answer`: status to refuse every save with, 0 to drop the answer after storing, None to work."""

    notes: dict[str, Note] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    shown: int = 0
    answer: int | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
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
        note = Note(id=given["id"], text=given["text"], spans=spans, suggested=suggested)
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
    if _changed_by_others(note, client, body["base_revision"]):
        return 409, {"error": "conflict", "message": "Changed elsewhere.", **note.as_dict()}
    try:
        after = _applied(note, client, body["edits"])
    except _InvalidEditError as refused:
        return 422, {"error": "invalid_edit", "message": str(refused), "seq": refused.seq}
    note.spans, new = after
    for edit in new:
        note.revision += 1
        note.stored.append({"client": client, **edit})
        note.seen[client] = edit["seq"]
    return 200, {"client": client, "ack": note.seen.get(client, 0), "revision": note.revision}


def _changed_by_others(note: Note, client: str, base_revision: int) -> bool:
    return any(edit["client"] not in (client, MODEL_CLIENT) for edit in note.stored[base_revision:])


def suggest(note: Note, spans: list[dict[str, Any]]) -> None:
    """Suggestions arrive, and the page makes the editor load them."""
    for given in spans:
        span = span_from_dict(given)
        note.spans[span.id] = note.suggested[span.id] = span
        note.revision += 1
        note.stored.append({"client": MODEL_CLIENT, "action": "suggest", "span_id": span.id})
    note.epoch += 1


class _InvalidEditError(Exception):
    def __init__(self, seq: int, message: str) -> None:
        super().__init__(message)
        self.seq = seq


def _applied(
    note: Note, client: str, edits: list[dict[str, Any]]
) -> tuple[dict[str, AnnotatedSpan], list[dict[str, Any]]]:
    spans = dict(note.spans)
    new = [edit for edit in edits if edit["seq"] > note.seen.get(client, 0)]
    for given in new:
        before = spans.get(given["span_id"])
        after = given["after"]
        try:
            span = Span(after["start"], after["end"], after["label"]) if after else None
            state = SpanState(after["state"]) if after else None
            edit = Edit(given["seq"], EditAction(given["action"]), given["span_id"], span, state)
            deleted = None if before else note.deleted.get(edit.span_id)
            result = apply_edit(before, edit, deleted=deleted, suggested=note.suggested.get(edit.span_id))
        except InvalidValue as error:
            raise _InvalidEditError(given["seq"], str(error)) from error
        _check_before(given, before)
        if span and (span.end > len(note.text) or span.label not in [label["name"] for label in note.labels]):
            raise _InvalidEditError(given["seq"], f"{span.label} cannot be set here.")
        if span and span.label == "Refused":
            raise _InvalidEditError(given["seq"], "Refused is not a label of this project.")
        if result is None:
            note.deleted[edit.span_id] = spans.pop(edit.span_id)
        else:
            spans[edit.span_id] = result
    return spans, new


def _check_before(given: dict[str, Any], before: AnnotatedSpan | None) -> None:
    """The client's idea of the past must be ours: a wrong `before` would mean that undo restores a wrong span."""
    known = {name: before.as_dict()[name] for name in ("start", "end", "label", "state")} if before else None
    if given["before"] != known:
        raise _InvalidEditError(given["seq"], f"before is {given['before']}, stored is {known}")
