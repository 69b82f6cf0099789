"""What people are unsure of or have commented: all of it is found, by those whom it cannot lead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, text
from support.makers import ASPIRIN, CHEST_PAIN, FEVER, TEXT, WARFARIN, add_note, create, make_project, make_user

from db import tables as t
from db.engine import Database
from db.tables.annotations import REMARKED
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import AnnotationState
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import QueueOrder
from mednerapp.domain.remarks import RemarkFilter
from mednerapp.services import annotating, binning, queueing, remarks
from mednerapp.store import Store


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


@pytest.fixture
def lead(store: Store) -> User:
    return make_user(store, Role.LEAD, "Lea")


def remark(store: Store, user: User, note_id: int) -> int:
    """Unsure of the drug, a comment on the symptom, nothing on the other two."""
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    edits = [
        replace(create(1, "drug", ASPIRIN), unsure=True),
        replace(create(2, "pain", CHEST_PAIN), comment="since when?"),
        create(3, "fever", FEVER),
        replace(create(4, "no", WARFARIN), comment="allergy, not given"),
    ]
    annotating.save_edits(
        store, user=user, annotation_id=annotation.id, client="tab", base_revision=annotation.revision, edits=edits
    )
    return annotation.id


def submit(store: Store, user: User, annotation_id: int) -> None:
    with store.read() as tx:
        revision = tx.annotations.head(annotation_id).revision
    annotating.submit(store, user=user, annotation_id=annotation_id, revision=revision)


def seen(store: Store, user: User, project: Project) -> list[tuple[str, str]]:
    return [(r.who, r.mention) for r in remarks.remarks(store, user=user, project_id=project.id)]


def test_each_stands_in_its_context_with_who_said_it(store: Store, project: Project, lead: User) -> None:
    ann, note = make_user(store, Role.ANNOTATOR, "Ann"), add_note(store, project, title="Visit")
    remark(store, ann, note)
    found = remarks.remarks(store, user=lead, project_id=project.id)
    assert [(r.before + "|" + r.mention + "|" + r.after) for r in found] == [
        "Fever since Monday. Started |aspirin| for chest pain; 😀 naïve to warfarin.",
        "Fever since Monday. Started aspirin for |chest pain|; 😀 naïve to warfarin.",
        "er since Monday. Started aspirin for chest pain; 😀 naïve to |warfarin|.",
    ]
    assert [(r.span.unsure, r.span.comment) for r in found] == [
        (True, ""),
        (False, "since when?"),
        (False, "allergy, not given"),
    ]
    assert {(r.note_id, r.title, r.user_id, r.who, r.state) for r in found} == {
        (note, "Visit", ann.id, "Ann", AnnotationState.IN_PROGRESS)
    }
    assert found == remarks.remarks(store, user=ann, project_id=project.id)  # one's own are there, too


def test_annotators_see_their_own_only(store: Store, project: Project) -> None:
    ann, bea = make_user(store, Role.ANNOTATOR, "Ann"), make_user(store, Role.ANNOTATOR, "Bea")
    remark(store, ann, add_note(store, project))
    remark(store, bea, add_note(store, project, f"{TEXT} Second visit."))
    assert {who for who, _ in seen(store, ann, project)} == {"Ann"}
    assert {who for who, _ in seen(store, bea, project)} == {"Bea"}


def test_the_note_that_was_worked_on_last_comes_first_and_the_bin_is_left_out(
    store: Store, project: Project, lead: User
) -> None:
    ann = make_user(store, Role.ANNOTATOR, "Ann")
    elsewhere = make_project(store, "Elsewhere")
    notes = [add_note(store, project, f"{TEXT} Visit {i}.", title=str(i)) for i in range(3)]
    for note in (notes[1], notes[0], notes[2], add_note(store, elsewhere)):
        remark(store, ann, note)
    found = remarks.remarks(store, user=lead, project_id=project.id)
    assert [r.title for r in found] == ["2"] * 3 + ["0"] * 3 + ["1"] * 3
    assert remarks.remarks(store, user=lead, project_id=project.id, limit=4) == found[:4]
    binning.delete(store, user=lead, project_id=project.id, note_ids=[notes[2]])
    assert {r.title for r in remarks.remarks(store, user=lead, project_id=project.id)} == {"0", "1"}


def test_what_is_listed_can_be_narrowed_before_it_is_cut_short(store: Store, project: Project, lead: User) -> None:
    ann = make_user(store, Role.ANNOTATOR, "Ann")
    remark(store, lead, add_note(store, project))
    for visit in range(3):
        remark(store, ann, add_note(store, project, f"{TEXT} Visit {visit}."))

    def narrowed(**by: bool) -> list[tuple[str, str]]:
        wanted = RemarkFilter(**by)
        found = remarks.remarks(store, user=lead, project_id=project.id, wanted=wanted, limit=3)
        return [(r.who, r.mention) for r in found]

    assert narrowed(own=True) == [("Lea", "aspirin"), ("Lea", "chest pain"), ("Lea", "warfarin")]
    assert narrowed(unsure=True) == [("Ann", "aspirin")] * 3
    assert narrowed(commented=True, own=True) == [("Lea", "chest pain"), ("Lea", "warfarin")]
    assert narrowed(commented=True, unsure=True) == []


def test_what_others_say_does_not_lead_the_second_of_two_annotators(store: Store, project: Project, lead: User) -> None:
    ann, note = make_user(store, Role.ANNOTATOR, "Ann"), add_note(store, project)
    ordinary = add_note(store, project, f"{TEXT} Another visit.")
    with store.write() as tx:
        tx.doubles.add([note], project_id=project.id, user_id=None)
    remark(store, ann, ordinary)
    annotating.open_note(store, user=lead, note_id=ordinary)
    submit(store, ann, remark(store, ann, note))

    def notes() -> set[int]:
        return {r.note_id for r in remarks.remarks(store, user=lead, project_id=project.id)}

    assert notes() == {ordinary}  # they may become the second of the other one
    own = annotating.open_note(store, user=lead, note_id=note).annotation
    assert notes() == {ordinary}
    submit(store, lead, own.id)
    assert notes() == {ordinary, note}


def test_two_that_have_submitted_lead_nobody_who_does_not_annotate_the_note_as_well(
    store: Store, project: Project, lead: User
) -> None:
    note = add_note(store, project)
    with store.write() as tx:
        tx.doubles.add([note], project_id=project.id, user_id=None)
    for name in ("Ann", "Bea"):
        user = make_user(store, Role.ANNOTATOR, name)
        submit(store, user, remark(store, user, note))
    found = remarks.remarks(store, user=lead, project_id=project.id)
    assert {(r.who, r.third) for r in found} == {("Ann", True), ("Bea", True)}
    own = annotating.open_note(store, user=lead, note_id=note).annotation
    assert seen(store, lead, project) == []
    submit(store, lead, own.id)
    assert {r.third for r in remarks.remarks(store, user=lead, project_id=project.id)} == {False}


def test_nor_whoever_annotates_the_note_without_suggestions_or_would(
    store: Store, project: Project, lead: User
) -> None:
    ann, note = make_user(store, Role.ANNOTATOR, "Ann"), add_note(store, project)
    remark(store, ann, note)
    assert {who for who, _ in seen(store, lead, project)} == {"Ann"}
    queueing.change(store, user=lead, project_id=project.id, order=QueueOrder.IMPORT, blind_percent=100)
    assert seen(store, lead, project) == []  # it would come to them as a blind one
    own = annotating.open_note(store, user=lead, note_id=note).annotation
    assert own.blind
    assert seen(store, lead, project) == []
    queueing.change(store, user=lead, project_id=project.id, order=QueueOrder.IMPORT, blind_percent=0)
    assert seen(store, lead, project) == []  # as it began
    submit(store, lead, own.id)
    assert {who for who, _ in seen(store, lead, project)} == {"Ann"}


def test_the_index_is_used(store: Store, database: Database, project: Project) -> None:
    query = select(t.AnnotationSpan.annotation_id).where(REMARKED)
    words = str(query.compile(dialect=database.writer.dialect))
    with database.read() as session:
        if database.writer.dialect.name == "sqlite":
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {words}")).all()
        else:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            plan = session.execute(text(f"EXPLAIN {words}")).all()
    assert "ix_annotation_span_remarked" in str(plan)
