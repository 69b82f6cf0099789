"""The past of an annotation, and what others say of its note."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from support.makers import (
    ASPIRIN,
    CHEST_PAIN,
    FEVER,
    WARFARIN,
    add_note,
    change,
    create,
    delete,
    make_adapter,
    make_project,
    make_user,
    predict,
    promote,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import (
    BULK_CLIENT,
    AnnotatedSpan,
    Edit,
    EditAction,
    Origin,
    Phase,
    SpanState,
)
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.models import Adapter
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import QueueOrder
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.services import annotating, queueing, reviewing
from mednerapp.services.annotating import Saved
from mednerapp.services.events import Change, record
from mednerapp.store import Store


@dataclass
class Desk:
    """An annotator at a note with two suggestions."""

    store: Store
    user: User
    project: Project
    adapter: Adapter
    note_id: int
    annotation_id: int

    def save(self, *edits: Edit, base: int, client: str = "tab") -> Saved:
        return annotating.save_edits(
            self.store,
            user=self.user,
            annotation_id=self.annotation_id,
            client=client,
            base_revision=base,
            edits=edits,
        )

    def at(self, revision: int) -> dict[str, AnnotatedSpan]:
        found = reviewing.at_revision(self.store, user=self.user, annotation_id=self.annotation_id, revision=revision)
        return {span.id: span for span in found}

    def sources(self, user: User | None = None, annotation_id: int = 0) -> list[tuple[str, str, int]]:
        found = reviewing.sources(self.store, user=user or self.user, annotation_id=annotation_id or self.annotation_id)
        return [(source.id, source.name, source.spans) for source in found]


@pytest.fixture
def desk(store: Store) -> Desk:
    project, adapter = make_project(store), make_adapter(store)
    promote(store, project, adapter)
    note_id = add_note(store, project)
    predict(store, note_id, adapter, [(FEVER, 0.9), (ASPIRIN, 1.0)])
    user = make_user(store, Role.ANNOTATOR)
    opened = annotating.open_note(store, user=user, note_id=note_id)
    return Desk(store, user, project, adapter, note_id, opened.annotation.id)


def test_every_earlier_state_can_be_seen_again(desk: Desk) -> None:
    states = {0: {}, 2: desk.at(2)}
    assert {i: s.span for i, s in states[2].items()} == {"m0": FEVER, "m1": ASPIRIN}
    edits = [
        change(1, EditAction.ACCEPT, "m0", FEVER),
        create(2, "a", CHEST_PAIN),
        delete(3, "m1"),
        change(4, EditAction.RELABEL, "a", replace(CHEST_PAIN, label="Disease")),
        change(5, EditAction.RESTORE, "m1", ASPIRIN, SpanState.SUGGESTED),
    ]
    for revision, edit in enumerate(edits, start=3):
        desk.save(edit, base=revision - 1)
        annotation = annotating.current(desk.store, user=desk.user, annotation_id=desk.annotation_id)
        states[revision] = {span.id: span for span in annotation.spans}
    assert {revision: desk.at(revision) for revision in states} == states
    with pytest.raises(NotFound, match="at revision 7; there is no 8"):
        desk.at(8)


def test_what_can_be_undone_survives_and_is_told_with_the_revision(desk: Desk) -> None:
    step = {"step": "s1"}
    desk.save(
        replace(change(1, EditAction.ACCEPT, "m0", FEVER), **step),
        replace(change(2, EditAction.ACCEPT, "m1", ASPIRIN), **step),
        replace(create(3, "a", CHEST_PAIN), step="s2"),
        base=2,
    )
    desk.save(replace(delete(4, "a"), step="s2", phase=Phase.UNDO), base=5)
    revision, history = reviewing.history(desk.store, user=desk.user, annotation_id=desk.annotation_id)
    assert revision == 6
    ((done,), (undone,)) = (history.done, history.undone)
    assert (done.id, [(b.id, b.state.value, a.state.value) for b, a in done.changes if b and a]) == (
        "s1",
        [("m0", "suggested", "confirmed"), ("m1", "suggested", "confirmed")],
    )
    assert (undone.id, undone.changes) == ("s2", ((None, desk.at(5)["a"]),))


def test_the_timeline_tells_who_did_what(desk: Desk) -> None:
    desk.save(
        change(1, EditAction.ACCEPT, "m0", FEVER),
        create(2, "a", CHEST_PAIN),
        replace(change(3, EditAction.RESTORE, "m0", FEVER, SpanState.SUGGESTED), step="x", phase=Phase.UNDO),
        base=2,
    )
    revision, entries = reviewing.past(desk.store, user=desk.user, annotation_id=desk.annotation_id)
    assert revision == 5
    assert [(e.first, e.last, e.who, e.what, e.kind.value) for e in entries] == [
        (5, 5, "annotator", "took back 1 change: “Fever”", "undo"),
        (3, 4, "annotator", "marked “chest pain”; accepted “Fever”", "do"),
        (1, 2, "", "2 suggestions", "suggestions"),
    ]


def test_everything_that_is_said_of_a_span_is_stored_and_comes_out_again(desk: Desk) -> None:
    pieces = Span(0, 50, "Symptom", ((0, 5), (40, 50)))
    made = replace(
        create(1, "a", pieces), assertion=Assertion.ABSENT, assertion_by=Origin.MODEL, comment="two\nlines", unsure=True
    )
    said = replace(
        change(2, EditAction.ASSERT, "m0", FEVER, SpanState.SUGGESTED),
        assertion=Assertion.HISTORICAL,
        assertion_by=Origin.PERSON,
    )
    desk.save(made, said, base=2)
    found = desk.at(4)
    assert found == {
        s.id: s for s in annotating.current(desk.store, user=desk.user, annotation_id=desk.annotation_id).spans
    }
    a, m0 = found["a"], found["m0"]
    assert (a.span, a.assertion, a.assertion_by, a.comment, a.unsure) == (
        pieces, Assertion.ABSENT, Origin.MODEL, "two\nlines", True
    )  # fmt: skip
    assert (m0.state, m0.assertion, m0.assertion_by) == (SpanState.SUGGESTED, Assertion.HISTORICAL, Origin.PERSON)
    assert (m0.origin, m0.score, m0.adapter_id) == (Origin.MODEL, 0.9, desk.adapter.id)


def test_other_models_can_be_laid_under_ones_own_spans(desk: Desk) -> None:
    second = make_adapter(desk.store, "Newer", project=desk.project)
    elsewhere = Span(0, 5, "Gene")  # no label of this project: nobody could take it over
    predict(desk.store, desk.note_id, second, [(elsewhere, 0.9), (WARFARIN, 0.5)])
    make_adapter(desk.store, "Has not looked", project=desk.project)
    assert desk.sources() == [(f"adapter:{second.id}", "Newer", 1), (f"adapter:{desk.adapter.id}", "Starter", 2)]
    found = reviewing.underlay(
        desk.store, user=desk.user, annotation_id=desk.annotation_id, source=f"adapter:{second.id}"
    )
    assert (found.source.name, [(s.span, s.score, s.state.value) for s in found.spans]) == (
        "Newer",
        [(WARFARIN, 0.5, "suggested")],
    )


def test_what_a_person_is_unsure_of_lies_under_the_text_in_whatever_state(desk: Desk) -> None:
    desk.save(replace(change(1, EditAction.COMMENT, "m0", FEVER, SpanState.SUGGESTED), comment="since?"), base=2)
    lead = make_user(desk.store, Role.LEAD)
    own = annotating.open_note(desk.store, user=lead, note_id=desk.note_id).annotation.id
    found = reviewing.underlay(desk.store, user=lead, annotation_id=own, source=f"person:{desk.user.id}")
    assert [(s.id, s.state, s.comment) for s in found.spans] == [("m0", SpanState.SUGGESTED, "since?")]


def test_annotators_are_blind_to_each_other_and_leads_see_what_people_confirmed(desk: Desk) -> None:
    desk.save(change(1, EditAction.ACCEPT, "m0", FEVER), base=2)
    lead, other = make_user(desk.store, Role.LEAD), make_user(desk.store, Role.CLINICIAN)
    source = f"person:{desk.user.id}"
    for person in (lead, other):
        own = annotating.open_note(desk.store, user=person, note_id=desk.note_id).annotation.id
        people = [s for s in desk.sources(person, own) if s[0].startswith("person")]
        if person is lead:
            assert people == [(source, "annotator", 1)]
            found = reviewing.underlay(desk.store, user=lead, annotation_id=own, source=source)
            assert [s.span for s in found.spans] == [FEVER]
        else:
            assert people == []
            with pytest.raises(NotFound):
                reviewing.underlay(desk.store, user=other, annotation_id=own, source=source)


@pytest.mark.parametrize("source", ["", "adapter:", "adapter:99", "adapter:x", "person:1", "person:99", "x:1"])
def test_a_source_that_is_not_there_is_not_found(desk: Desk, source: str) -> None:
    with pytest.raises(NotFound):
        reviewing.underlay(desk.store, user=desk.user, annotation_id=desk.annotation_id, source=source)


def test_a_blind_note_gets_no_suggestions_by_any_way_until_it_is_submitted(desk: Desk) -> None:
    lead = make_user(desk.store, Role.LEAD)
    with desk.store.write() as tx:
        blind = tx.annotations.lock_or_add(note_id=desk.note_id, user_id=lead.id, blind=True).id
    opened = annotating.open_note(desk.store, user=lead, note_id=desk.note_id)
    assert (opened.annotation.blind, opened.annotation.spans, opened.seeded, opened.waiting) == (True, (), False, False)
    assert desk.sources(lead, blind) == []
    with pytest.raises(NotFound):
        reviewing.underlay(desk.store, user=lead, annotation_id=blind, source=f"adapter:{desk.adapter.id}")
    annotating.submit(desk.store, user=lead, annotation_id=blind, revision=0)
    assert [source[0] for source in desk.sources(lead, blind)] == [
        f"adapter:{desk.adapter.id}",
        f"person:{desk.user.id}",
    ]


def test_a_note_that_the_lead_chose_to_be_blind_opens_so_for_everybody_who_opens_it_first(desk: Desk) -> None:
    lead = make_user(desk.store, Role.LEAD)
    order = QueueOrder.IMPORT
    queueing.change(desk.store, user=lead, project_id=desk.project.id, order=order, blind_percent=100)
    opened = annotating.open_note(desk.store, user=lead, note_id=desk.note_id)
    assert (opened.annotation.blind, opened.annotation.spans) == (True, ())
    begun = annotating.open_note(desk.store, user=desk.user, note_id=desk.note_id)  # it was begun before
    assert (begun.annotation.blind, len(begun.annotation.spans)) == (False, 2)


def test_a_suggestion_says_what_the_rules_read_of_it(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    promote(store, project, adapter)
    text = "Denies chest pain. Has a fever."
    note_id = add_note(store, project, text)
    predict(store, note_id, adapter, [(Span(7, 17, "Symptom"), 0.9), (Span(25, 30, "Symptom"), 0.8)])
    opened = annotating.open_note(store, user=make_user(store), note_id=note_id)
    assert [(s.span.mention(text), s.assertion, s.assertion_by) for s in opened.annotation.spans] == [
        ("chest pain", Assertion.ABSENT, Origin.MODEL),
        ("fever", None, None),
    ]
    assert [text[slice(*scope.trigger)] for scope in opened.scopes] == ["Denies"]


def test_who_wrote_last_is_named(desk: Desk) -> None:
    desk.save(create(1, "a", CHEST_PAIN), base=2, client="one")
    asked = {"user": desk.user, "annotation_id": desk.annotation_id}
    other = reviewing.last_writer(desk.store, **asked, client="two", after_revision=2)
    assert other is not None
    assert other.name == "another window of yours"
    assert reviewing.last_writer(desk.store, **asked, client="one", after_revision=2) is None
    assert reviewing.last_writer(desk.store, **asked, client="two", after_revision=3) is None
    lead = make_user(desk.store, Role.LEAD, "Lea")
    with desk.store.write() as tx:
        head = tx.annotations.lock(desk.annotation_id)
        moved = [Change(EditAction.DELETE, "a", desk.at(3)["a"], None, step="s")]
        record(tx, head=head, client=BULK_CLIENT, user_id=lead.id, changes=moved)
    other = reviewing.last_writer(desk.store, **asked, client="two", after_revision=2)
    assert other is not None
    assert other.name == "Lea"


def test_no_page_writes_as_the_product_or_as_a_change_of_many_notes(desk: Desk) -> None:
    for client in ("model", "import", "bulk"):
        with pytest.raises(InvalidValue, match="product's own"):
            desk.save(create(1, "a", CHEST_PAIN), base=2, client=client)


def test_somebody_elses_past_cannot_even_be_found(desk: Desk) -> None:
    lead = make_user(desk.store, Role.LEAD)
    asked = {"user": lead, "annotation_id": desk.annotation_id}
    for look in (
        lambda: reviewing.revision(desk.store, **asked),
        lambda: reviewing.history(desk.store, **asked),
        lambda: reviewing.past(desk.store, **asked),
        lambda: reviewing.at_revision(desk.store, **asked, revision=0),
        lambda: reviewing.sources(desk.store, **asked),
        lambda: reviewing.underlay(desk.store, **asked, source="adapter:1"),
        lambda: reviewing.last_writer(desk.store, **asked, client="c", after_revision=0),
    ):
        with pytest.raises(NotFound):
            look()
