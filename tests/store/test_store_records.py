from __future__ import annotations

from collections.abc import Callable

import pytest
from support.makers import TEXT, make_project, make_user, text_on

from db import tables
from db.engine import connect
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import AnnotationState
from mednerapp.domain.datasets import Split, split_of
from mednerapp.domain.notes import NewNote
from mednerapp.errors import NotFound
from mednerapp.store import Store, Transaction


def add(store: Store, note: NewNote) -> int:
    project = next(iter(all_projects(store)), None) or make_project(store)
    with store.write() as tx:
        return tx.notes.add(project_id=project.id, note=note, user_id=None)


def all_projects(store: Store) -> list[object]:
    with store.read() as tx:
        return list(tx.projects.all())


@pytest.mark.parametrize(
    "text",
    [TEXT, "e\u0301 🩺 אש\u200d\u2028\n\t", "x" * 1_000_000],
    ids=["plain", "every kind of character", "longest"],
)
def test_a_note_comes_back_as_it_went_in(store: Store, text: str) -> None:
    given = NewNote(text, "Title 😀", source="upload", patient_key="P1", note_type="Letter")
    note_id = add(store, given)
    with store.read() as tx:
        note = tx.notes.get(note_id)
        assert tx.notes.texts([99, note_id]) == [(note_id, text)]
        assert tx.notes.by_hash(project_id=note.project_id, content_hash=given.content_hash) == note_id
    assert (note.text, note.title, note.source, note.patient_key, note.note_type) == (
        given.text,
        given.title,
        given.source,
        given.patient_key,
        given.note_type,
    )
    assert note.length == len(text)


def test_the_side_of_a_note_is_written_at_its_import(store: Store) -> None:
    by_patient = add(store, NewNote(text_on(Split.TEST), "", patient_key="P1"))
    by_text = add(store, NewNote(text_on(Split.TEST, number=1), ""))
    with store.read() as tx:
        assert tx.notes.get(by_patient).split is split_of(patient_key="P1", content_hash="")
        assert tx.notes.get(by_text).split is Split.TEST


def test_a_lock_shows_the_annotation_as_it_is_and_not_as_it_was_read_before(emptied_postgres_url: str) -> None:
    """On PostgreSQL; on SQLite nobody else writes between the two."""
    database = connect(emptied_postgres_url)
    store = Store(database)
    user, project = make_user(store), make_project(store)
    with store.write() as tx:
        note_id = tx.notes.add(project_id=project.id, note=NewNote(TEXT, ""), user_id=None)
        annotation_id = tx.annotations.add(note_id=note_id, user_id=user.id).id
    with store.write() as tx:
        kept = tx.annotations._session.get(tables.Annotation, annotation_id)
        with store.write() as other:
            other.annotations.set_state(annotation_id, AnnotationState.SUBMITTED)
        assert kept is not None
        assert tx.annotations.lock(annotation_id).state is AnnotationState.SUBMITTED
    database.dispose()


LOOK_UPS: list[Callable[[Transaction], object]] = [
    lambda tx: tx.users.get(9),
    lambda tx: tx.projects.get(9),
    lambda tx: tx.projects.schema(9),
    lambda tx: tx.notes.get(9),
    lambda tx: tx.annotations.get(9),
    lambda tx: tx.datasets.get(9),
    lambda tx: tx.models.encoder(9),
    lambda tx: tx.models.adapter(9),
    lambda tx: tx.runs.get(9),
    lambda tx: tx.jobs.get(9),
]


def test_what_is_not_there_is_named_in_the_answer(store: Store) -> None:
    for look_up in LOOK_UPS:
        with store.read() as tx, pytest.raises(NotFound, match=r"There is no .* 9"):
            look_up(tx)


def test_the_store_says_whether_its_database_answers(store: Store) -> None:
    store.ping()


def test_an_error_takes_back_everything_of_its_transaction(store: Store) -> None:
    def fail() -> None:
        with store.write() as tx:
            user = tx.users.add(email="a@b.c", name="a", password_hash="", role=Role.LEAD)
            tx.audit.add(user=user, action="user created", target="user")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as tx:
        assert (tx.users.all(), tx.audit.recent()) == ([], [])


def test_an_e_mail_is_the_same_in_any_case(store: Store) -> None:
    user = make_user(store, name="Ann")
    with store.read() as tx:
        found = tx.users.by_email("ANN@Example.org")
    assert found
    assert found[0] == user
    assert user.email == "ann@example.org"
