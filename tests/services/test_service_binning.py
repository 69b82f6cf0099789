"""Deleted notes: gone from everywhere, back at once, and really gone when their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.makers import (
    ASPIRIN,
    FEVER,
    TEXT,
    add_note,
    create,
    import_gold,
    make_adapter,
    make_dataset,
    make_project,
    make_user,
    predict,
    promote,
)

from db import tables as t
from db.engine import Database
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.clock import now
from mednerapp.domain.notes import NewNote
from mednerapp.domain.projects import Project
from mednerapp.errors import NotFound, NothingToTrainOn
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services import annotating, binning, exporting, freezing, importing, projects, queueing
from mednerapp.services.binning import Purged
from mednerapp.services.importing import Outcome, look_at_text
from mednerapp.settings import Settings
from mednerapp.store import Store

SETTINGS = Settings()
SECRET = "Xylophagia after Quetzal syrup"


@pytest.fixture
def lead(store: Store) -> User:
    return make_user(store, Role.LEAD)


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


def work_on(store: Store, user: User, note_id: int) -> int:
    """Mark something; the annotation."""
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    annotating.save_edits(
        store,
        user=user,
        annotation_id=annotation.id,
        client="tab",
        base_revision=annotation.revision,
        edits=[create(1, "a", FEVER)],
    )
    return annotation.id


def submit(store: Store, user: User, note_id: int) -> int:
    annotation_id = work_on(store, user, note_id)
    annotating.submit(store, user=user, annotation_id=annotation_id, revision=1)
    return annotation_id


def delete(store: Store, user: User, project: Project, *note_ids: int) -> Sequence[int]:
    return binning.delete(store, user=user, project_id=project.id, note_ids=note_ids).note_ids


def actions(store: Store) -> list[str]:
    with store.read() as tx:
        return [event.action for event, _ in tx.audit.recent()]


def test_a_deleted_note_is_nowhere_to_be_found(store: Store, project: Project, lead: User) -> None:
    adapter = make_adapter(store)
    kept, gone = add_note(store, project, f"{TEXT} kept"), add_note(store, project, f"{TEXT} gone")
    submit(store, lead, gone)
    assert delete(store, lead, project, gone) == (gone,)
    with store.read() as tx:
        assert tx.search.matching(project.id, "gone", 9) == []
        assert tx.notes.without_prediction(project_id=project.id, adapter_id=adapter.id) == [kept]
        assert tx.annotations.submitted(project.id) == []
        with pytest.raises(NotFound, match="in the bin"):
            tx.notes.get(gone)
    assert [note.id for note in projects.notes(store, user=lead, project_id=project.id)] == [kept]
    assert projects.notes(store, user=lead, project_id=project.id, search="gone") == []
    done = projects.progress(store, user=lead, project_id=project.id)
    assert (done.notes, done.submitted) == (1, 0)
    assert queueing.next_note(store, user=lead, project_id=project.id, settings=SETTINGS) == kept
    assert list(exporting.export_jsonl(store, user=lead, project_id=project.id)) == []
    with pytest.raises(NothingToTrainOn):
        freezing.freeze(store, user=lead, project_id=project.id)
    with pytest.raises(NotFound):
        annotating.open_note(store, user=lead, note_id=gone)


def test_a_restored_note_is_as_it_was(store: Store, project: Project, lead: User) -> None:
    note_id = add_note(store, project)
    annotation_id = submit(store, lead, note_id)
    before = annotating.current(store, user=lead, annotation_id=annotation_id)
    delete(store, lead, project, note_id)
    assert binning.restore(store, user=lead, project_id=project.id, note_ids=[note_id]) == 1
    assert annotating.current(store, user=lead, annotation_id=annotation_id) == before
    assert [note.id for note in projects.notes(store, user=lead, project_id=project.id, search="warfarin")] == [note_id]
    assert actions(store)[:2] == ["notes restored", "notes deleted"]
    assert binning.restore(store, user=lead, project_id=project.id, note_ids=[note_id]) == 0


def test_a_note_that_nobody_began_is_handed_out_again_after_it_was_restored(
    store: Store, project: Project, lead: User
) -> None:
    note_id = add_note(store, project)
    delete(store, lead, project, note_id)
    assert queueing.next_note(store, user=lead, project_id=project.id, settings=SETTINGS) is None
    binning.restore(store, user=lead, project_id=project.id, note_ids=[note_id])
    assert queueing.next_note(store, user=lead, project_id=project.id, settings=SETTINGS) == note_id


def test_a_note_in_somebodys_hands_is_not_deleted(store: Store, project: Project, lead: User) -> None:
    ann = make_user(store, Role.ANNOTATOR)
    note_id = add_note(store, project, title="Letter")
    assert queueing.next_note(store, user=ann, project_id=project.id, settings=SETTINGS) == note_id
    found = binning.delete(store, user=lead, project_id=project.id, note_ids=[note_id])
    assert (found.note_ids, found.held) == ((), ("Letter",))
    assert len(projects.notes(store, user=lead, project_id=project.id)) == 1


def test_only_notes_of_the_project_are_deleted_and_restored(store: Store, project: Project, lead: User) -> None:
    other = make_project(store, "Other")
    note_id = add_note(store, other)
    assert delete(store, lead, project, note_id) == ()
    delete(store, lead, other, note_id)
    assert binning.restore(store, user=lead, project_id=project.id, note_ids=[note_id]) == 0


def test_the_bin_says_by_whom_and_how_long_there_is(store: Store, project: Project, lead: User) -> None:
    note_id = add_note(store, project, title="Letter")
    delete(store, lead, project, note_id)
    (found,) = binning.contents(store, user=lead, project_id=project.id)
    assert (found.id, found.title, found.deleted_by, found.submitted, found.frozen) == (
        note_id,
        "Letter",
        lead.name,
        False,
        False,
    )
    assert SETTINGS.retention_days - 1 < binning.days_left(found, settings=SETTINGS) <= SETTINGS.retention_days
    assert binning.days_left(found, settings=SETTINGS.model_copy(update={"retention_days": 0})) == 0


def test_importing_the_same_text_again_takes_it_out_of_the_bin_and_says_so(
    store: Store, project: Project, lead: User
) -> None:
    first, second = add_note(store, project), add_note(store, project, "Gold.")
    submit(store, lead, first)
    delete(store, lead, project, first, second)
    (result,) = importing.import_uploads(
        store, user=lead, project_id=project.id, uploads=[look_at_text(text=TEXT, title="Again")]
    )
    assert (result.outcome, result.note_id) == (Outcome.RESTORED, first)
    assert "was in the bin" in result.reason
    tally = importing.import_gold(
        store, user=lead, project_id=project.id, records=[NoteWithSpans(NewNote("Gold.", "Gold"), ())]
    )
    assert tally[Outcome.RESTORED] == 1
    done = projects.progress(store, user=lead, project_id=project.id)
    assert (done.notes, done.submitted) == (2, 1)


# --- purging ---


def purge_later(store: Store) -> Purged:
    """When the time of everything in the bin is over."""
    return binning.purge(store, settings=SETTINGS, at=now() + timedelta(days=SETTINGS.retention_days + 1))


def test_purging_removes_what_is_over_and_nothing_else(
    database: Database, store: Store, project: Project, lead: User
) -> None:
    adapter = make_adapter(store)
    promote(store, project, adapter)
    gone, kept = add_note(store, project, f"{SECRET} {TEXT}"), add_note(store, project)
    predict(store, gone, adapter, [(ASPIRIN, 0.5)])
    work_on(store, lead, gone)
    delete(store, lead, project, gone)
    assert binning.purge(store, settings=SETTINGS).notes == 0
    assert purge_later(store).notes == 1
    with database.read() as session:
        for table in (t.Annotation, t.AnnotationSpan, t.AnnotationEvent, t.Prediction, t.PredictionSpan, t.NoteLease):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table
        assert list(session.scalars(sa.select(t.Note.id))) == [kept]
        assert list(session.scalars(sa.select(t.NoteQueue.note_id))) == [kept]
    with store.read() as tx:
        assert tx.search.matching(project.id, "aspirin", 9) == [kept]
    assert actions(store)[0] == "notes purged"
    assert purge_later(store).notes == 0


def test_a_note_that_a_frozen_dataset_needs_is_never_purged(store: Store, project: Project, lead: User) -> None:
    dataset = make_dataset(store, lead, project)
    (spare,) = import_gold(store, lead, project, [("Spare.", [])])
    notes = [note.id for note in projects.notes(store, user=lead, project_id=project.id)]
    delete(store, lead, project, *notes)
    assert {note.frozen for note in binning.contents(store, user=lead, project_id=project.id) if note.id != spare} == {
        True
    }
    found = purge_later(store)
    assert found.notes == 1
    assert found.kept == tuple((note_id, (dataset.name,)) for note_id in notes if note_id != spare)


def test_a_note_that_comes_back_while_it_is_purged_stays(store: Store, project: Project, lead: User) -> None:
    note_id = add_note(store, project)
    delete(store, lead, project, note_id)
    binning.restore(store, user=lead, project_id=project.id, note_ids=[note_id])
    with store.write() as tx:
        tx.notes.purge([note_id], before=now() + timedelta(days=1))
        assert tx.notes.get(note_id).text == TEXT


def test_nothing_of_a_purged_text_is_left_in_the_files_of_the_database(sqlite_store: Store, sqlite_url: str) -> None:
    store = sqlite_store
    lead, project = make_user(store, Role.LEAD), make_project(store)
    database = Path(sqlite_url.removeprefix("sqlite:///"))
    gone = add_note(store, project, f"{SECRET}. " * 400, title="Zwieback")
    for number in range(20):
        add_note(store, project, f"{TEXT} {number}")
    words = [word.encode() for word in ("Xylophagia", "xylophagia", "Quetzal", "quetzal", "Zwieback", "zwieback")]

    def there() -> set[bytes]:
        files = [file.read_bytes() for file in database.parent.glob("medner.sqlite*")]
        return {word for word in words if any(word in content for content in files)}

    assert {b"Xylophagia", b"Zwieback"} <= there()
    delete(store, lead, project, gone)
    assert purge_later(store).notes == 1
    assert there() == set()
    with store.read() as tx:
        assert len(tx.search.matching(project.id, "aspirin", 99)) == 20
