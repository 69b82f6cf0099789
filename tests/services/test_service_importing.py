from __future__ import annotations

import pytest
from support.makers import ASPIRIN, FEVER, TEXT, add_note, make_adapter, make_project, make_user, promote

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import AnnotationState, Origin, SpanState, replay
from mednerapp.domain.datasets import split_of
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.notes import NewNote, content_hash
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue, NotFound, UnknownLabel
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services import importing
from mednerapp.services.importing import Outcome, Upload, look_at_file, look_at_text
from mednerapp.settings import Settings
from mednerapp.store import Store


@pytest.fixture
def user(store: Store) -> User:
    return make_user(store, Role.CLINICIAN)


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


def audit(store: Store, action: str) -> list[dict[str, object]]:
    with store.read() as tx:
        return [event.detail for event, _ in tx.audit.recent() if event.action == action]


def uploads(*texts: str) -> list[Upload]:
    return [look_at_file(name=f"{i}.txt", data=t.encode(), settings=Settings()) for i, t in enumerate(texts)]


def test_each_file_is_answered_with_what_became_of_it(store: Store, user: User, project: Project) -> None:
    given = [*uploads("Fever.", "Cough.", "Fever.\n", "Fever.", ""), look_at_text(text="Rash.", title=" ")]
    results = importing.import_uploads(store, user=user, project_id=project.id, uploads=given)
    assert [(r.name, r.outcome) for r in results] == [
        ("0.txt", Outcome.IMPORTED),
        ("1.txt", Outcome.IMPORTED),
        ("2.txt", Outcome.DUPLICATE),  # a line end at the end is nothing that anybody sees
        ("3.txt", Outcome.DUPLICATE),
        ("4.txt", Outcome.REJECTED),
        ("Pasted note", Outcome.IMPORTED),
    ]
    assert results[3].note_id == results[0].note_id
    assert results[4].reason == "The note is empty."
    assert audit(store, "notes imported") == [{"imported": 3, "restored": 0, "duplicate": 2, "rejected": 1}]
    with store.read() as tx:
        assert tx.notes.get(results[0].note_id or 0).text == "Fever."


def test_a_file_name_with_folders_and_markup_becomes_a_plain_title() -> None:
    upload = look_at_file(name="../../<b>x</b>.txt", data=b"Fever.", settings=Settings())
    assert (upload.name, upload.note and upload.note.title) == ("b>.txt", "b>")


def test_a_pasted_note_keeps_the_title_that_was_typed() -> None:
    assert look_at_text(text="Fever.", title="Review 12/03").name == "Review 12/03"


def test_the_notes_of_one_patient_are_in_one_split(store: Store, user: User, project: Project) -> None:
    texts = [f"Fever, day {day}." for day in range(12)]
    assert len({split_of(patient_key=None, content_hash=content_hash(text)) for text in texts}) > 1
    given = [
        *(look_at_file(name="a.txt", data=t.encode(), settings=Settings(), patient_key=" P-17 ") for t in texts[:6]),
        *(look_at_text(text=t, title="", patient_key="P-17") for t in texts[6:]),
    ]
    results = importing.import_uploads(store, user=user, project_id=project.id, uploads=given)
    with store.read() as tx:
        notes = [tx.notes.get(r.note_id or 0) for r in results]
    assert len(notes) == 12
    assert {note.patient_key for note in notes} == {"P-17"}
    assert {note.split for note in notes} == {split_of(patient_key="P-17", content_hash="")}


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_without_a_patient_the_text_settles_the_split(blank: str | None) -> None:
    for upload in (
        look_at_text(text="Fever.", title="", patient_key=blank),
        look_at_file(name="a.txt", data=b"Fever.", settings=Settings(), patient_key=blank),
    ):
        assert upload.note
        assert upload.note.patient_key is None


@pytest.mark.parametrize("patient", ["x" * 201, "P\x0017", "P\n17"])
def test_a_patient_that_cannot_be_kept_whole_is_refused_and_never_cut(patient: str) -> None:
    for upload in (
        look_at_text(text="Fever.", title="", patient_key=patient),
        look_at_file(name="a.txt", data=b"Fever.", settings=Settings(), patient_key=patient),
    ):
        assert (upload.note, upload.reason) == (None, "The patient has to be at most 200 printable characters.")


def test_the_same_text_may_be_in_two_projects(store: Store, user: User, project: Project) -> None:
    other = make_project(store, "Ward 4")
    for target in (project, other):
        results = importing.import_uploads(store, user=user, project_id=target.id, uploads=uploads("Fever."))
        assert results[0].outcome is Outcome.IMPORTED


def test_new_notes_ask_once_for_highlights(store: Store, user: User, project: Project) -> None:
    importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads("No model yet."))
    promote(store, project, make_adapter(store))
    importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads("Fever.", "Cough."))
    importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads("Rash."))
    with store.read() as tx:
        assert [job.kind for job in tx.jobs.open()] == [JobKind.PREDICT]


def test_gold_asks_for_highlights_for_the_others_who_annotate_its_notes(
    store: Store, user: User, project: Project
) -> None:
    promote(store, project, make_adapter(store))
    importing.import_gold(store, user=user, project_id=project.id, records=[record(TEXT, FEVER), record("Rash.")])
    with store.read() as tx:
        assert [job.kind for job in tx.jobs.open()] == [JobKind.PREDICT]


def test_notes_that_arrive_while_highlights_are_made_are_asked_for_again(
    store: Store, user: User, project: Project
) -> None:
    promote(store, project, make_adapter(store))
    importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads("Fever."))
    with store.write() as tx:
        (job,) = tx.jobs.open()
        tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)
    importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads("Cough."))
    with store.read() as tx:
        assert len(tx.jobs.open()) == 2


def test_a_project_that_does_not_exist_takes_no_note(store: Store, user: User) -> None:
    with pytest.raises(NotFound):
        importing.import_uploads(store, user=user, project_id=99, uploads=uploads("Fever."))


def test_an_import_that_is_left_half_way_is_in_the_audit_log(store: Store, user: User, project: Project) -> None:
    """Streamlit ends a script by an exception from any of its calls, the one that shows progress included."""

    def leave(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing.import_uploads(
            store, user=user, project_id=project.id, uploads=uploads("a", "b", "c"), on_progress=leave
        )
    assert audit(store, "notes imported") == [{"imported": 2, "restored": 0, "duplicate": 0, "rejected": 0}]


# --- gold ---


def record(text: str = TEXT, *spans: Span, patient: str | None = None) -> NoteWithSpans:
    return NoteWithSpans(NewNote(text, "Gold", patient_key=patient), spans)


def test_gold_comes_in_as_the_submitted_annotation_of_who_imports_it(
    store: Store, user: User, project: Project
) -> None:
    seen: list[int] = []
    tally = importing.import_gold(
        store,
        user=user,
        project_id=project.id,
        records=[record(TEXT, ASPIRIN, FEVER), record("No entity."), record(TEXT)],
        on_progress=seen.append,
    )
    assert tally == {Outcome.IMPORTED: 2, Outcome.RESTORED: 0, Outcome.DUPLICATE: 1, Outcome.REJECTED: 0}
    assert seen == [1, 2, 3]
    assert audit(store, "gold imported") == [{"imported": 2, "restored": 0, "duplicate": 1, "rejected": 0}]
    with store.read() as tx:
        first, second = tx.annotations.submitted(project.id)
        events = tx.annotations.events(first.id)
    assert first.confirmed() == (FEVER, ASPIRIN)
    assert {(s.state, s.origin) for s in first.spans} == {(SpanState.CONFIRMED, Origin.PERSON)}
    assert (first.user_id, first.state, first.revision) == (user.id, AnnotationState.SUBMITTED, 2)
    assert first.submitted_at is not None
    assert replay(events) == {s.id: s for s in first.spans}
    assert (second.revision, second.spans) == (0, ())


@pytest.mark.parametrize(
    ("span", "error"), [(Span(0, 5, "Gene"), UnknownLabel), (Span(0, len(TEXT) + 1, "Drug"), InvalidValue)]
)
def test_gold_that_does_not_fit_is_refused_and_what_came_before_it_is_logged(
    store: Store, user: User, project: Project, span: Span, error: type[Exception]
) -> None:
    with pytest.raises(error):
        importing.import_gold(store, user=user, project_id=project.id, records=[record("ok"), record(TEXT, span)])
    assert audit(store, "gold imported") == [{"imported": 1, "restored": 0, "duplicate": 0, "rejected": 0}]
    with store.read() as tx:
        assert tx.notes.progress(project.id).notes == 1


def test_gold_leaves_a_note_alone_that_is_there_already(store: Store, user: User, project: Project) -> None:
    note_id = add_note(store, project)
    tally = importing.import_gold(store, user=user, project_id=project.id, records=[record(TEXT, FEVER)])
    assert tally[Outcome.DUPLICATE] == 1
    with store.read() as tx:
        assert tx.annotations.of(note_id=note_id, user_id=user.id) is None
