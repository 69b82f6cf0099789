"""Annotations out."""

from __future__ import annotations

from collections.abc import Iterator

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotatedSpan, SpanState
from mednerapp.formats.jsonl import write_line
from mednerapp.store import Store


def export_jsonl(store: Store, *, user: User, project_id: int, only_confirmed: bool = True) -> Iterator[str]:
    """One line for each submitted note of the project, spans with their provenance; recorded in the audit log first.

    only_confirmed: leave out what a person rejected.
    """
    user.require(Permission.EXPORT)
    with store.write() as tx:
        annotations = tx.annotations.submitted(project_id)
        tx.audit.add(user=user, action="notes exported", target=f"project:{project_id}", notes=len(annotations))
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


def _span(span: AnnotatedSpan) -> dict[str, str | int | float | None]:
    return {
        "start": span.span.start,
        "end": span.span.end,
        "label": span.span.label,
        "state": span.state.value,
        "origin": span.origin.value,
        "score": span.score,
    }
