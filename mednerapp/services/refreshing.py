"""After a promotion: old suggestions that nobody touched give way to those of the adapter in force; touched ones stay.

It happens when a person opens the note, never under an editor that is open. Another tab that still shows the old ones
has a conflict when it saves, which the person resolves.
"""

from __future__ import annotations

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import (
    REFRESH_CLIENT,
    Annotation,
    AnnotationState,
    EditAction,
    Origin,
    SpanState,
    suggestion_id,
)
from mednerapp.domain.context import assertion_at, find_scopes
from mednerapp.services.events import Change, record
from mednerapp.store import Store, Transaction


def refresh(store: Store, *, user: User, note_id: int) -> bool:
    """Bring the untouched suggestions in `user`'s annotation of the note up to date; whether anything changed.

    Nothing changes in a submitted annotation, in a blind one, and before the adapter in force has looked at the note.
    What a person has said about a place is not questioned: a new suggestion that overlaps it is left out.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
        if annotation is None or not _changes(tx, annotation):
            return False
    with store.write() as tx:
        head = tx.annotations.lock(annotation.id)
        changes = _changes(tx, tx.annotations.get(annotation.id))
        if changes:
            record(tx, head=head, client=REFRESH_CLIENT, user_id=None, changes=changes)
    return bool(changes)


def _changes(tx: Transaction, annotation: Annotation) -> list[Change]:
    if annotation.state is not AnnotationState.IN_PROGRESS or annotation.blind:
        return []
    note = tx.notes.get(annotation.note_id)
    project = tx.projects.get(note.project_id)
    suggested = [s for s in annotation.spans if s.state is SpanState.SUGGESTED and s.origin is Origin.MODEL]
    if project.active_adapter_id is None or all(s.adapter_id == project.active_adapter_id for s in suggested):
        return []
    found = tx.predictions.get(note_id=note.id, adapter_id=project.active_adapter_id)
    if found is None:
        return []
    events = tx.annotations.events(annotation.id)
    touched = {event.span_id for event in events if event.user_id is not None}
    old = [s for s in suggested if s.adapter_id != project.active_adapter_id and s.id not in touched]
    if not old:
        return []
    gone = {span.id for span in old}
    kept = [span.span for span in annotation.spans if span.id not in gone]
    sides = (side for event in events if event.span_id in touched for side in (event.before, event.after))
    decided = {*kept, *(side.span for side in sides if side)}
    scopes = find_scopes(note.text)
    number = 1 + max((int(e.span_id[1:]) for e in events if _is_suggestion(e.span_id)), default=-1)
    changes = [Change(EditAction.DELETE, span.id, span, None) for span in old]
    for scored in found:
        span = scored.span
        if span.label not in project.schema.names or any(span.overlaps(other) for other in decided):
            continue
        assertion = assertion_at(scopes, span.start, span.end)
        changes.append(
            Change.new(
                suggestion_id(number),
                span,
                state=SpanState.SUGGESTED,
                origin=Origin.MODEL,
                action=EditAction.SUGGEST,
                score=scored.score,
                adapter_id=project.active_adapter_id,
                assertion=assertion,
            )
        )
        number += 1
    return changes


def _is_suggestion(span_id: str) -> bool:
    return span_id[:1] == "m" and span_id[1:].isdecimal()
