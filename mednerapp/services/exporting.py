"""Annotations out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotatedSpan, Annotation, SpanState
from mednerapp.domain.exchange import Document, ExchangeSpan, LossReport
from mednerapp.domain.notes import Note
from mednerapp.formats.table import FORMATS, Format, format_named
from mednerapp.services.identifiers import require_passed
from mednerapp.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made as it is read. name: under which it is saved."""

    name: str
    media_type: str
    content: Iterator[bytes]
    notes: int


@dataclass(frozen=True, slots=True)
class _Names:
    """What stands for the ids of this installation, which mean nothing elsewhere."""

    people: dict[int, str]
    models: dict[int, str]


def formats() -> list[Format]:
    """What there is to choose from."""
    return list(FORMATS.values())


def losses(store: Store, *, user: User, project_id: int, format_key: str, only_confirmed: bool = True) -> LossReport:
    """What the format cannot hold of what `export` would be given. Nothing leaves, so nothing is in the audit log."""
    user.require(Permission.EXPORT)
    row = format_named(format_key)
    annotations, names = _submitted(store, project_id)
    return row.losses(_documents(store, annotations, names, only_confirmed=only_confirmed))


def export(
    store: Store, *, user: User, project_id: int, format_key: str = "jsonl", only_confirmed: bool = True
) -> Export:
    """The submitted notes of the project in one of the formats, spans with their provenance.

    Permission is checked and the audit entry written by the call itself, before the first byte is asked for.
    only_confirmed: leave out what a person rejected or nobody looked at, the history and the ids of spans.

    Raises:
        NotFound: there is no such project or format.
        NotCleared: a note has not passed the project's policy on identifiers.
    """
    user.require(Permission.EXPORT)
    row = format_named(format_key)
    with store.read() as tx:
        tx.projects.get(project_id)
    annotations, names = _submitted(store, project_id)
    with store.read() as tx:
        require_passed(tx, project_id=project_id, note_ids=[annotation.note_id for annotation in annotations])
    spans = sum(len(_wanted(annotation, only_confirmed=only_confirmed)) for annotation in annotations)
    with store.write() as tx:
        told = {"notes": len(annotations), "spans": spans, "format": row.key, "only_confirmed": only_confirmed}
        tx.audit.add(user=user, action="notes exported", target=f"project:{project_id}", **told)
    content = row.export(lambda: _documents(store, annotations, names, only_confirmed=only_confirmed))
    return Export(f"medner-project-{project_id}-{row.key}.{row.ending}", row.media_type, content, len(annotations))


def export_jsonl(store: Store, *, user: User, project_id: int, only_confirmed: bool = True) -> Iterator[str]:
    """`export` in our own format, a line for each note."""
    made = export(store, user=user, project_id=project_id, only_confirmed=only_confirmed)
    return (line.decode() for line in made.content)


def _submitted(store: Store, project_id: int) -> tuple[list[Annotation], _Names]:
    """Of one moment: an annotation that is reopened meanwhile is in the export as it was submitted."""
    with store.read() as tx:
        annotations = tx.annotations.submitted(project_id)
        models = {span.adapter_id for annotation in annotations for span in annotation.spans} - {None}
        people = {person.id: person.name for person in tx.users.all()}
        return annotations, _Names(people, {i: tx.models.adapter(i).name for i in models if i is not None})


def _documents(
    store: Store, annotations: Sequence[Annotation], names: _Names, *, only_confirmed: bool
) -> Iterator[Document]:
    for annotation in annotations:
        with store.read() as tx:
            note = tx.notes.get(annotation.note_id)
            history = () if only_confirmed else _history(tx, annotation, names)
        spans = tuple(
            _span(span, names, named=not only_confirmed) for span in _wanted(annotation, only_confirmed=only_confirmed)
        )
        yield _document(note, spans, names.people.get(annotation.user_id, ""), history)


def _wanted(annotation: Annotation, *, only_confirmed: bool) -> list[AnnotatedSpan]:
    return [s for s in annotation.spans if not only_confirmed or s.state is SpanState.CONFIRMED]


def _document(
    note: Note, spans: tuple[ExchangeSpan, ...], annotator: str, history: tuple[dict[str, object], ...]
) -> Document:
    return Document(
        note.text,
        spans,
        id=note.foreign_id or f"note-{note.id}",
        title=note.title,
        source=note.source,
        patient_key=note.patient_key or "",
        note_type=note.note_type,
        written_on=note.written_on,
        annotator=annotator,
        history=history,
    )


def _span(span: AnnotatedSpan, names: _Names, *, named: bool) -> ExchangeSpan:
    return ExchangeSpan(
        span.span,
        id=span.id if named else "",
        state=span.state,
        origin=span.origin,
        score=span.score,
        model=names.models.get(span.adapter_id, "") if span.adapter_id is not None else "",
        assertion=span.assertion,
        assertion_by=span.assertion_by,
        comment=span.comment,
        unsure=span.unsure,
    )


def _history(tx: Transaction, annotation: Annotation, names: _Names) -> tuple[dict[str, object], ...]:
    """Every event up to the moment of the export, without the ids of this installation."""
    return tuple(
        {
            "revision": event.revision,
            "at": event.at.isoformat(),
            "who": names.people.get(event.user_id, "") if event.user_id is not None else "",
            "client": event.client,
            "action": event.action.value,
            "span_id": event.span_id,
            "before": _without_adapter(event.before),
            "after": _without_adapter(event.after),
            "step": event.step,
            "phase": event.phase.value,
        }
        for event in tx.annotations.events(annotation.id)[: annotation.revision]
    )


def _without_adapter(span: AnnotatedSpan | None) -> dict[str, object] | None:
    return span and {name: value for name, value in span.as_dict().items() if name != "adapter_id"}
