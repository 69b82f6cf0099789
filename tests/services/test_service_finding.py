"""Searching the notes of a project: what is found stands in the note where it is said to."""

from __future__ import annotations

import pytest
from support.makers import add_note, make_project, make_user

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.notes import NoteStatus
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.services import annotating, finding
from mednerapp.store import Store


@pytest.fixture
def user(store: Store) -> User:
    return make_user(store, Role.ANNOTATOR)


def test_words_are_found_whatever_their_case_accents_and_what_is_between_them(store: Store, user: User) -> None:
    project = make_project(store)
    first = add_note(store, project, "😀 Naïve to chest-pain.\nNo CHEST\tpain today.", title="First")
    add_note(store, project, "Pain in the chest", title="Second")
    add_note(store, make_project(store, "Other"), "chest pain", title="Elsewhere")
    found = finding.find(store, user=user, project_id=project.id, query="chest pain")
    (note,) = found.notes
    assert (note.note_id, note.title, note.status, found.next) == (first, "First", NoteStatus.NEW, None)
    assert [(p.before, p.mention, p.after) for p in note.places] == [
        ("😀 Naïve to ", "chest-pain", ". No CHEST pain today."),
        ("😀 Naïve to chest-pain. No ", "CHEST\tpain", " today."),
    ]
    assert [p.start for p in note.places] == [11, 26]
    (accents,) = finding.find(store, user=user, project_id=project.id, query="naive").notes
    assert [(p.start, p.end) for p in accents.places] == [(2, 7)]


def test_results_come_in_pages_with_the_persons_own_status(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "NOTES_PER_PAGE", 2)
    project = make_project(store)
    notes = [add_note(store, project, f"fever {number}") for number in range(5)]
    annotating.open_note(store, user=user, note_id=notes[1])
    seen: list[tuple[int, str]] = []
    after: int | None = 0
    while after is not None:
        page = finding.find(store, user=user, project_id=project.id, query="FEVER", after=after)
        seen += [(note.note_id, note.status.value) for note in page.notes]
        after = page.next
    assert seen == [(n, "in_progress" if n == notes[1] else "new") for n in notes]


def test_nothing_and_too_much(store: Store, user: User) -> None:
    project = make_project(store)
    add_note(store, project, "fever")
    assert finding.find(store, user=user, project_id=project.id, query=" ?! ").notes == ()
    with pytest.raises(InvalidValue):
        finding.find(store, user=user, project_id=project.id, query="x" * 201)
    with pytest.raises(NotFound):
        finding.find(store, user=user, project_id=project.id + 99, query="fever")
