"""Small makers, all by the product's own code: people by role, a project, notes on a given side, gold, models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import Edit, EditAction, SpanState
from mednerapp.domain.datasets import Dataset, Split, split_of
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import Adapter, AdapterKind, HyperParameters
from mednerapp.domain.notes import NewNote, content_hash
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services import freezing, importing
from mednerapp.store import Store

TEXT = "Fever since Monday. Started aspirin for chest pain; 😀 naïve to warfarin."
FEVER = Span(0, 5, "Symptom")
ASPIRIN = Span(28, 35, "Drug")
CHEST_PAIN = Span(40, 50, "Symptom")
WARFARIN = Span(63, 71, "Drug")
HYPER = HyperParameters()


def make_user(store: Store, role: Role = Role.LEAD, name: str = "") -> User:
    """A person whose password nobody knows (no hash takes time here)."""
    email = f"{name or role.value}@example.org"
    with store.write() as tx:
        return tx.users.add(email=email, name=name or role.value, password_hash="!", role=role)


def make_users(store: Store) -> dict[Role, User]:
    return {role: make_user(store, role) for role in Role}


def make_project(store: Store, name: str = "Ward 3") -> Project:
    with store.write() as tx:
        return tx.projects.add(name=name, schema=MEDICAL_SCHEMA)


def add_note(
    store: Store, project: Project, text: str = TEXT, *, title: str = "Note", patient: str | None = None
) -> int:
    with store.write() as tx:
        note = NewNote(text=text, title=title, patient_key=patient)
        return tx.notes.add(project_id=project.id, note=note, user_id=None)


def text_on(split: Split, text: str = TEXT, *, number: int = 0) -> str:
    """`text` with a line after it that makes its hash fall on `split`; another `number`, another text."""
    found = (
        candidate
        for i in count()
        if split_of(patient_key=None, content_hash=content_hash(candidate := f"{text}\n{number}.{i}")) is split
    )
    return next(found)


def import_gold(store: Store, user: User, project: Project, notes: Iterable[tuple[str, Sequence[Span]]]) -> list[int]:
    """Submitted annotations of `user`; the ids of the notes."""
    records = [NoteWithSpans(NewNote(text=text, title="Gold"), tuple(spans)) for text, spans in notes]
    importing.import_gold(store, user=user, project_id=project.id, records=records)
    with store.read() as tx:
        found = [tx.notes.by_hash(project_id=project.id, content_hash=r.note.content_hash) for r in records]
    return [note_id for note_id in found if note_id is not None]


def make_dataset(store: Store, user: User, project: Project, *, train: int = 2, dev: int = 1, test: int = 3) -> Dataset:
    """A frozen dataset of that many notes, each with two spans."""
    notes = [
        (text_on(split, number=number), (FEVER, ASPIRIN))
        for split, wanted in ((Split.TRAIN, train), (Split.DEV, dev), (Split.TEST, test))
        for number in range(wanted)
    ]
    import_gold(store, user, project, notes)
    return freezing.freeze(store, user=user, project_id=project.id)


def make_adapter(
    store: Store,
    name: str = "Starter",
    *,
    project: Project | None = None,
    labels: tuple[str, ...] = MEDICAL_SCHEMA.names,
) -> Adapter:
    """A starter, or an adapter of the project, over an encoder of its own."""
    with store.write() as tx:
        encoder = tx.models.add_encoder(name=name, source="test", revision="1", folder=name, weights_hash="0" * 64)
        return tx.models.add_adapter(
            name=name,
            kind=AdapterKind.LORA if project else AdapterKind.STARTER,
            encoder_id=encoder.id,
            folder=name,
            weights_hash="0" * 64,
            labels=labels,
            project_id=project.id if project else None,
        )


def promote(store: Store, project: Project, adapter: Adapter) -> None:
    with store.write() as tx:
        tx.projects.promote(project_id=project.id, adapter_id=adapter.id, user_id=None)


def predict(store: Store, note_id: int, adapter: Adapter, spans: Iterable[tuple[Span, float]]) -> None:
    with store.write() as tx:
        scored = [ScoredSpan(span, score) for span, score in spans]
        tx.predictions.put(note_id=note_id, adapter_id=adapter.id, spans=scored)


def create(seq: int, span_id: str, span: Span, state: SpanState = SpanState.CONFIRMED) -> Edit:
    return Edit(seq, EditAction.CREATE, span_id, span, state)


def change(seq: int, action: EditAction, span_id: str, span: Span, state: SpanState = SpanState.CONFIRMED) -> Edit:
    return Edit(seq, action, span_id, span, state)


def delete(seq: int, span_id: str) -> Edit:
    return Edit(seq, EditAction.DELETE, span_id, None, None)
