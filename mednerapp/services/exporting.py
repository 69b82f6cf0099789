"""Annotations out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotatedSpan, Annotation, SpanState
from mednerapp.formats.jsonl import write_line
from mednerapp.services.identifiers import require_passed
from mednerapp.store import Store


def export_jsonl(store: Store, *, user: User, project_id: int, only_confirmed: bool = True) -> Iterator[str]:
    """One line for each submitted note of the project, spans with their provenance.

    Permission is checked and the audit entry written by the call itself, before the first line is asked for.
    only_confirmed: leave out what a person rejected.

    Raises:
        NotCleared: if a note has not passed the project's policy on identifiers.
    """
    user.require(Permission.EXPORT)
    with store.read() as tx:  # of one moment: an annotation that is reopened meanwhile is in it as it was submitted
        annotations = tx.annotations.submitted(project_id)
        require_passed(tx, project_id=project_id, note_ids=[annotation.note_id for annotation in annotations])
    with store.write() as tx:
        tx.audit.add(user=user, action="notes exported", target=f"project:{project_id}", notes=len(annotations))
    return _lines(store, annotations, only_confirmed=only_confirmed)


def _lines(store: Store, annotations: Sequence[Annotation], *, only_confirmed: bool) -> Iterator[str]:
    for annotation in annotations:
        with store.read() as tx:
            note = tx.notes.get(annotation.note_id)
        spans = [s for s in annotation.spans if not only_confirmed or s.state is SpanState.CONFIRMED]
        yield write_line(
            title=note.title,
            text=note.text,
            spans=[_span(span) for span in spans],
            patient_key=note.patient_key,
            note_type=note.note_type,
            state=annotation.state.value,
        )


def _span(span: AnnotatedSpan) -> dict[str, Any]:
    """Without the ids of this installation; fragments, assertion, comment and doubt only where there are some."""
    return {name: value for name, value in span.as_dict().items() if name not in ("id", "adapter_id")}
