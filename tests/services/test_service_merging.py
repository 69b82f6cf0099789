from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from support.makers import ASPIRIN, FEVER, TEXT, add_note, make_adapter, make_project, make_user, promote

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import AnnotationState, Origin, SpanState, replay
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan, Unreadable
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.services import merging
from mednerapp.services.merging import Merged, MergeReport
from mednerapp.store import Store


@pytest.fixture
def user(store: Store) -> User:
    return make_user(store, Role.LEAD)


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


FULL = Document(
    TEXT,
    (
        ExchangeSpan(FEVER, id="T1", assertion=Assertion.ABSENT, assertion_by=Origin.PERSON, comment="sure?"),
        ExchangeSpan(ASPIRIN, id="m1", concepts=("RX:1191",)),
        ExchangeSpan(Span(40, 50, "Finding")),
        ExchangeSpan(
            Span(0, 50, "Symptom", ((0, 5), (40, 50))), state=SpanState.REJECTED, origin=Origin.MODEL, score=0.4
        ),
    ),
    id="16/7",
    patient_key="P1",
    note_type="Nursing",
    written_on=date(2130, 4, 14),
    annotator="Ann",
)


def merge(store: Store, user: User, project: Project, *documents: Document | Unreadable, **more: object) -> MergeReport:
    named = {"annotated": True, **more}
    return merging.import_documents(store, user=user, project_id=project.id, documents=documents, **named)  # type: ignore[arg-type]


def test_what_is_known_of_a_note_and_its_spans_is_kept_and_the_rest_is_counted(
    store: Store, user: User, project: Project
) -> None:
    report = merge(store, user, project, FULL)
    assert dict(report.outcomes) == {Merged.IMPORTED: 1}
    assert (report.spans, dict(report.dropped_labels), report.discontinuous) == (3, {"Finding": 1}, 1)
    assert dict(report.not_kept) == {"codes of a terminology": 1, "ids of spans": 1, "names of annotators": 1}
    with store.read() as tx:
        (annotation,) = tx.annotations.submitted(project.id)
        note = tx.notes.get(annotation.note_id)
        assert replay(tx.annotations.events(annotation.id)) == {span.id: span for span in annotation.spans}
    assert (note.foreign_id, note.written_on, note.patient_key, note.note_type) == (
        "16/7", date(2130, 4, 14), "P1", "Nursing",
    )  # fmt: skip
    spans = {span.id: span for span in annotation.spans}
    assert set(spans) == {"T1", "i1", "i3"}  # a name that only the product gives is not taken over
    assert (spans["T1"].assertion, spans["T1"].comment) == (Assertion.ABSENT, "sure?")
    assert (spans["i3"].state, spans["i3"].origin, spans["i3"].score) == (SpanState.REJECTED, Origin.MODEL, 0.4)


def test_spans_come_to_a_note_that_is_there_unless_the_person_has_some_on_it(
    store: Store, user: User, project: Project
) -> None:
    note_id = add_note(store, project, TEXT + "\n\n")  # the same note: nobody sees the lines at its end
    assert dict(merge(store, user, project, FULL).outcomes) == {Merged.MERGED: 1}
    again = merge(store, user, project, replace(FULL, spans=()), FULL)
    assert (dict(again.outcomes), again.spans) == ({Merged.DUPLICATE: 2}, 0)
    other = make_user(store, Role.CLINICIAN)
    assert dict(merge(store, other, project, FULL).outcomes) == {Merged.MERGED: 1}
    with store.read() as tx:
        found = [tx.annotations.of(note_id=note_id, user_id=person.id) for person in (user, other)]
    assert [annotation and len(annotation.spans) for annotation in found] == [3, 3]


def test_without_the_word_that_people_made_them_spans_stay_out(store: Store, user: User, project: Project) -> None:
    report = merge(store, user, project, FULL, annotated=False)
    assert (report.spans, report.dropped_labels.total()) == (0, 4)
    with store.read() as tx:
        assert tx.annotations.submitted(project.id) == []
        assert tx.notes.count(project.id) == 1


def test_suggestions_of_a_model_are_nobodys_finished_work(store: Store, user: User, project: Project) -> None:
    suggested = ExchangeSpan(FEVER, state=SpanState.SUGGESTED, origin=Origin.MODEL, score=0.9)
    merge(store, user, project, Document(TEXT, (suggested,)))
    with store.read() as tx:
        (note_id,) = (tx.notes.by_hash(project_id=project.id, content_hash=merging.NewNote(TEXT, "").content_hash),)
        annotation = tx.annotations.of(note_id=note_id or 0, user_id=user.id)
    assert annotation
    assert annotation.state is AnnotationState.IN_PROGRESS


def test_a_document_that_does_not_fit_is_named_and_the_others_come_in(
    store: Store, user: User, project: Project
) -> None:
    promote(store, project, make_adapter(store))
    report = merge(
        store,
        user,
        project,
        Unreadable("line 1", "Not a record."),
        Document("Fever.", patient_key="x" * 201),
        Document("Cough."),
    )
    assert dict(report.outcomes) == {Merged.REJECTED: 2, Merged.IMPORTED: 1}
    assert [(r.place, r.reason) for r in report.rejected] == [
        ("line 1", "Not a record."),
        ("note 2", "patient_key has to be a text of at most 200 printable characters."),
    ]
    with store.read() as tx:
        assert len(tx.jobs.open()) == 1
        ((event, _),) = [pair for pair in tx.audit.recent() if pair[0].action == "documents imported"]
    assert event.detail["imported"] == 1


def test_a_dry_run_says_what_would_happen_and_stores_nothing(store: Store, user: User, project: Project) -> None:
    add_note(store, project, "Cough.")
    given = (FULL, FULL, Document("Cough.", submitted=False), Document("Rash."))
    report = merge(store, user, project, *given, dry_run=True)
    assert dict(report.outcomes) == {Merged.IMPORTED: 2, Merged.MERGED: 1, Merged.DUPLICATE: 1}
    with store.read() as tx:
        assert tx.notes.count(project.id) == 1


def test_an_import_that_is_killed_and_run_again_leaves_no_note_out_and_none_twice(
    store: Store, user: User, project: Project
) -> None:
    documents = [Document(f"Fever, day {day}.", submitted=False) for day in range(250)]

    def killed(done: int) -> None:
        if done == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(store, user, project, *documents, on_progress=killed)
    with store.read() as tx:
        assert tx.notes.count(project.id) == 200
    report = merge(store, user, project, *documents)
    assert dict(report.outcomes) == {Merged.DUPLICATE: 200, Merged.IMPORTED: 50}
