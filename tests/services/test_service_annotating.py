from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from support.makers import (
    ASPIRIN,
    CHEST_PAIN,
    FEVER,
    TEXT,
    WARFARIN,
    add_note,
    change,
    create,
    delete,
    import_gold,
    make_adapter,
    make_project,
    make_user,
    predict,
    promote,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import (
    AnnotatedSpan,
    Annotation,
    AnnotationState,
    Edit,
    EditAction,
    Origin,
    SpanState,
    replay,
)
from mednerapp.domain.jobs import Job, JobState
from mednerapp.domain.models import Adapter
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import AnnotationSubmitted, InvalidEdit, InvalidValue, NotFound, RevisionConflict
from mednerapp.services import annotating, predicting
from mednerapp.services.annotating import MAX_EDITS, OpenNote, Saved
from mednerapp.services.predicting import queue_predictions
from mednerapp.store import Store

TAB = "tab-1"


@dataclass
class Desk:
    """One annotator in front of one note with three suggestions."""

    store: Store
    user: User
    project: Project
    adapter: Adapter
    note_id: int

    def open(self, user: User | None = None) -> OpenNote:
        return annotating.open_note(self.store, user=user or self.user, note_id=self.note_id)

    def save(self, *edits: Edit, base: int, client: str = TAB) -> Saved:
        return annotating.save_edits(
            self.store,
            user=self.user,
            annotation_id=self.annotation.id,
            client=client,
            base_revision=base,
            edits=edits,
        )

    @property
    def annotation(self) -> Annotation:
        with self.store.read() as tx:
            found = tx.annotations.of(note_id=self.note_id, user_id=self.user.id)
        assert found
        return found

    @property
    def spans(self) -> dict[str, AnnotatedSpan]:
        """The current spans, which the events lead to as well."""
        current = {span.id: span for span in self.annotation.spans}
        with self.store.read() as tx:
            events = tx.annotations.events(self.annotation.id)
        assert replay(events) == current
        assert len(events) == self.annotation.revision
        return current

    def submit(self) -> Annotation:
        annotation = self.annotation
        return annotating.submit(self.store, user=self.user, annotation_id=annotation.id, revision=annotation.revision)


@pytest.fixture
def desk(store: Store) -> Desk:
    project, adapter = make_project(store), make_adapter(store)
    promote(store, project, adapter)
    note_id = add_note(store, project)
    predict(store, note_id, adapter, [(FEVER, 0.9), (ASPIRIN, 1.0), (Span(40, 45, "Gene"), 0.4), (WARFARIN, 0.25)])
    return Desk(store, make_user(store, Role.ANNOTATOR), project, adapter, note_id)


# --- opening ---


def test_a_note_opens_with_the_models_suggestions_and_where_they_came_from(desk: Desk) -> None:
    opened = desk.open()
    assert [(s.span, s.score) for s in opened.annotation.spans] == [(FEVER, 0.9), (ASPIRIN, 1.0), (WARFARIN, 0.25)]
    for span in opened.annotation.spans:
        assert (span.state, span.origin, span.adapter_id) == (SpanState.SUGGESTED, Origin.MODEL, desk.adapter.id)
    assert (opened.suggested_by, opened.waiting, opened.note.text) == ("Starter", False, TEXT)
    assert opened.annotation.confirmed() == ()
    assert len(desk.spans) == 3  # the label that the project does not have is left out


def test_suggestions_are_made_once_and_never_come_back(desk: Desk) -> None:
    desk.open()
    desk.save(delete(1, "m0"), base=3)
    newer = make_adapter(desk.store, "Newer", project=desk.project)
    promote(desk.store, desk.project, newer)
    predict(desk.store, desk.note_id, newer, [(CHEST_PAIN, 0.9)])
    assert {s.span for s in desk.open().annotation.spans} == {ASPIRIN, WARFARIN}
    assert desk.annotation.revision == 4


def test_every_person_has_an_annotation_of_their_own(desk: Desk) -> None:
    desk.open()
    desk.save(delete(1, "m0"), base=3)
    other = make_user(desk.store, Role.CLINICIAN)
    assert len(desk.open(other).annotation.spans) == 3
    assert len(desk.open().annotation.spans) == 2


def queue(desk: Desk) -> Job:
    with desk.store.write() as tx:
        queue_predictions(tx, project_id=desk.project.id, user_id=None)
        return tx.jobs.open()[-1]


def fail(desk: Desk, job: Job, message: str) -> None:
    with desk.store.write() as tx:
        tx.jobs.claim(job.id, worker="w", attempt=1)
        tx.jobs.finish(job.id, worker="w", attempt=1, state=JobState.FAILED, message=message)


def test_a_note_that_is_not_highlighted_yet_says_so_and_is_filled_later(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "Another note with fever.")
    job = queue(desk)
    assert desk.open().waiting
    with desk.store.write() as tx:
        tx.jobs.claim(job.id, worker="w", attempt=1)
    assert desk.open().waiting
    assert desk.open().missing == ""
    assert desk.open().annotation.spans == ()
    predict(desk.store, desk.note_id, desk.adapter, [(Span(18, 23, "Symptom"), 0.5)])
    opened = desk.open()
    assert not opened.waiting
    assert [s.span.mention(opened.note.text) for s in opened.annotation.spans] == ["fever"]


def test_a_note_in_which_the_model_found_nothing_is_not_waiting(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "All well.")
    predict(desk.store, desk.note_id, desk.adapter, [])
    assert not desk.open().waiting
    assert desk.open().annotation.revision == 0


def test_a_note_that_no_job_will_highlight_says_why_until_somebody_tries_again(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "Another note with fever.")
    opened = desk.open()
    assert (opened.waiting, opened.missing) == (False, "This note has not been highlighted.")
    fail(desk, queue(desk), "The model is gone.")
    opened = desk.open()
    assert (opened.waiting, opened.missing) == (False, "Highlights are missing: The model is gone.")
    assert desk.submit().confirmed() == ()  # nobody has to wait for what will not come
    annotating.reopen(desk.store, user=desk.user, annotation_id=desk.annotation.id)
    predicting.try_again(desk.store, user=make_user(desk.store, Role.CLINICIAN), project_id=desk.project.id)
    opened = desk.open()
    assert (opened.waiting, opened.missing) == (True, "")


def test_a_job_of_another_project_or_model_is_not_what_a_note_waits_for(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "Another note with fever.")
    queue(desk)
    other = make_project(desk.store, "Ward 4")
    promote(desk.store, other, desk.adapter)
    promote(desk.store, desk.project, make_adapter(desk.store, "Newer", project=desk.project))
    with desk.store.write() as tx:
        queue_predictions(tx, project_id=other.id, user_id=None)
    assert not desk.open().waiting


def test_an_untouched_note_is_not_submitted_while_its_highlights_are_on_their_way(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "Another note with fever.")
    queue(desk)
    desk.open()
    with pytest.raises(InvalidValue, match="still on their way"):
        desk.submit()
    predict(desk.store, desk.note_id, desk.adapter, [(Span(18, 23, "Symptom"), 0.5)])
    with pytest.raises(InvalidValue, match="still on their way"):
        desk.submit()  # the page has not fetched them
    desk.save(create(1, "mine", Span(0, 7, "Test")), base=0)
    assert desk.submit().state is AnnotationState.SUBMITTED


def test_who_began_by_hand_still_gets_the_suggestions_but_not_those_already_decided_on(desk: Desk) -> None:
    text = "Another note with fever, cough, rash and nausea."
    desk.note_id = add_note(desk.store, desk.project, text)
    queue(desk)
    desk.open()
    fever, cough, rash, nausea = (
        Span(text.index(word), text.index(word) + len(word), "Symptom") for word in ("fever", "cough", "rash", "nausea")
    )
    desk.save(
        create(1, "kept", fever),
        create(2, "deleted", cough),
        delete(3, "deleted"),
        create(4, "rejected", rash),
        change(5, EditAction.REJECT, "rejected", rash, SpanState.REJECTED),
        base=0,
    )
    assert desk.open().waiting
    mine = desk.spans
    found = [fever, cough, rash, nausea, replace(fever, label="Disease")]
    predict(desk.store, desk.note_id, desk.adapter, [(span, 0.5) for span in found])
    opened = desk.open()
    assert (opened.waiting, opened.seeded) == (False, True)
    spans = desk.spans
    assert {i: spans[i] for i in mine} == mine
    assert {s.span for i, s in spans.items() if i not in mine} == {nausea, replace(fever, label="Disease")}
    revision = desk.annotation.revision
    assert desk.open().annotation.revision == revision  # once


def test_imported_gold_gets_no_suggestions_but_others_who_open_the_note_do(desk: Desk) -> None:
    lead = make_user(desk.store)
    (desk.note_id,) = import_gold(desk.store, lead, desk.project, [("Gold note with fever.", [Span(0, 4, "Drug")])])
    assert desk.open().waiting  # the import asked for highlights
    predict(desk.store, desk.note_id, desk.adapter, [(Span(15, 20, "Symptom"), 0.5)])
    annotator, desk.user = desk.user, lead
    gold = desk.annotation
    assert desk.open().annotation == gold
    annotating.reopen(desk.store, user=lead, annotation_id=gold.id)
    assert desk.open().annotation.spans == gold.spans
    assert not desk.open().waiting
    desk.user = annotator
    assert [s.span for s in desk.open().annotation.spans] == [Span(15, 20, "Symptom")]


def test_without_a_model_a_note_opens_empty(store: Store) -> None:
    note_id = add_note(store, make_project(store))
    opened = annotating.open_note(store, user=make_user(store), note_id=note_id)
    assert (opened.annotation.spans, opened.waiting, opened.suggested_by) == ((), False, "")


def test_a_note_that_does_not_exist_cannot_be_opened(desk: Desk) -> None:
    desk.note_id = 999
    with pytest.raises(NotFound):
        desk.open()


# --- saving ---


def test_every_kind_of_edit_is_stored(desk: Desk) -> None:
    desk.open()
    longer, other = replace(FEVER, end=11), replace(ASPIRIN, label="Test")
    edits = [
        create(1, "a", CHEST_PAIN),
        change(2, EditAction.RESIZE, "m0", longer),
        change(3, EditAction.RELABEL, "m1", other),
        change(4, EditAction.REJECT, "m3", WARFARIN, SpanState.REJECTED),
        change(5, EditAction.ACCEPT, "m3", WARFARIN),
        delete(6, "a"),
        change(7, EditAction.RESTORE, "a", CHEST_PAIN, SpanState.REJECTED),
    ]
    assert desk.save(*edits, base=3) == Saved(ack=7, revision=10)
    spans = desk.spans
    assert (spans["m0"].span, spans["m1"].span) == (longer, other)
    assert {i: s.state for i, s in spans.items()} == {
        "m0": SpanState.CONFIRMED,
        "m1": SpanState.CONFIRMED,
        "m3": SpanState.CONFIRMED,
        "a": SpanState.REJECTED,
    }
    # Three are still the model's with its score, whatever a person did to them.
    assert [spans[i].score for i in ("m0", "m1", "m3", "a")] == [0.9, 1.0, 0.25, None]
    assert [spans[i].origin for i in ("m0", "a")] == [Origin.MODEL, Origin.PERSON]


def test_a_batch_that_is_sent_twice_is_stored_once(desk: Desk) -> None:
    desk.open()
    batch = [create(1, "a", CHEST_PAIN), delete(2, "m0")]
    first = desk.save(*batch, base=3)
    assert desk.save(*batch, base=3) == first == Saved(2, 5)
    assert len(desk.spans) == 3


def test_of_overlapping_batches_only_the_new_edits_are_stored(desk: Desk) -> None:
    desk.open()
    one, two, three = create(1, "a", CHEST_PAIN), delete(2, "m0"), delete(3, "a")
    desk.save(one, two, base=3)
    assert desk.save(three, two, one, base=3) == Saved(3, 6)  # in any order
    assert set(desk.spans) == {"m1", "m3"}
    assert desk.save(one, base=6) == Saved(3, 6)


def test_a_lost_acknowledgement_is_no_conflict(desk: Desk) -> None:
    """The client never heard of revision 4, which is its own."""
    desk.open()
    desk.save(create(1, "a", CHEST_PAIN), base=3)
    assert desk.save(create(1, "a", CHEST_PAIN), delete(2, "a"), base=3) == Saved(2, 5)


def test_a_repeated_delivery_does_not_confirm_what_another_tab_wrote_since(desk: Desk) -> None:
    """The client never heard of revision 4, its own, nor of 5, the other tab's."""
    desk.open()
    first = create(1, "a", CHEST_PAIN)
    desk.save(first, base=3)
    desk.save(change(1, EditAction.RELABEL, "a", replace(CHEST_PAIN, label="Test")), base=4, client="tab-2")
    assert desk.save(first, base=3) == Saved(1, 4)
    with pytest.raises(RevisionConflict) as caught:
        desk.save(change(2, EditAction.RELABEL, "a", replace(CHEST_PAIN, label="Drug")), base=4)
    assert (caught.value.expected, caught.value.actual) == (4, 5)
    assert desk.spans["a"].span.label == "Test"


def test_a_late_batch_with_an_edit_that_was_refused_stores_nothing_that_builds_on_it(desk: Desk) -> None:
    """The client has taken back 2, which was refused, and 4, which builds on it, before the batch arrives."""
    desk.open()
    first, bad = create(1, "a", CHEST_PAIN), change(2, EditAction.RELABEL, "m0", replace(FEVER, label="Nonsense"))
    third, fourth = create(3, "b", CHEST_PAIN), delete(4, "m0")
    desk.save(first, base=3)
    with pytest.raises(InvalidEdit):
        desk.save(bad, base=4)
    desk.save(third, base=4)
    with pytest.raises(RevisionConflict):
        desk.save(bad, third, fourth, base=4)
    assert "m0" in desk.spans
    assert desk.save(create(5, "c", CHEST_PAIN), base=5) == Saved(5, 6)


def test_what_another_tab_wrote_meanwhile_is_a_conflict_and_nothing_is_stored(desk: Desk) -> None:
    desk.open()
    desk.save(create(1, "a", CHEST_PAIN), base=3, client="tab-2")
    with pytest.raises(RevisionConflict) as caught:
        desk.save(delete(1, "m0"), base=3)
    assert (caught.value.expected, caught.value.actual) == (3, 4)
    assert set(desk.spans) == {"m0", "m1", "m3", "a"}
    assert desk.save(delete(1, "m0"), base=4) == Saved(1, 5)  # after the tab has taken over the other's spans


def test_suggestions_that_came_after_an_empty_page_was_opened_are_no_conflict(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "Another note with fever.")
    desk.open()
    predict(desk.store, desk.note_id, desk.adapter, [(Span(18, 23, "Symptom"), 0.5)])
    desk.open()  # the page asked for them while its edit was on the way
    assert desk.save(create(1, "a", Span(0, 7, "Test")), base=0) == Saved(1, 2)
    assert set(desk.spans) == {"m0", "a"}
    with pytest.raises(RevisionConflict):  # what a person wrote is one, before or after them
        desk.save(delete(1, "m0"), base=1, client="tab-2")


def test_a_page_that_knows_more_than_a_restored_backup_is_a_conflict(desk: Desk) -> None:
    desk.open()
    with pytest.raises(RevisionConflict):
        desk.save(delete(9, "m0"), base=12)
    assert len(desk.spans) == 3


def test_two_tabs_may_number_their_edits_alike(desk: Desk) -> None:
    desk.open()
    desk.save(create(1, "a", CHEST_PAIN), base=3, client="tab-2")
    assert desk.save(create(1, "b", CHEST_PAIN), base=4) == Saved(1, 5)
    assert {"a", "b"} <= set(desk.spans)


BAD_EDITS = [
    pytest.param(create(2, "x", Span(0, len(TEXT) + 1, "Drug")), "ends after the note", id="after the text"),
    pytest.param(create(2, "x", Span(0, 5, "Gene")), "Unknown label 'Gene'", id="unknown label"),
    pytest.param(change(2, EditAction.RELABEL, "x", FEVER), "does not exist", id="a span that is not there"),
    pytest.param(delete(2, "x"), "does not exist", id="deleting nothing"),
    pytest.param(create(2, "m0", FEVER), "exists already", id="creating what is there"),
    pytest.param(create(2, "m9", FEVER), "the product gives", id="an id of a suggestion"),
    pytest.param(change(2, EditAction.RESTORE, "i0", FEVER), "the product gives", id="an id of imported gold"),
    pytest.param(change(2, EditAction.REJECT, "m0", FEVER), "rejected, not confirmed", id="rejecting into confirmed"),
    pytest.param(
        change(2, EditAction.RESTORE, "m0", ASPIRIN, SpanState.SUGGESTED), "never suggested so", id="a new suggestion"
    ),
    pytest.param(change(2, EditAction.SUGGEST, "m0", FEVER), "Only the product", id="writing a suggestion"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_EDITS)
def test_an_edit_that_cannot_be_is_named_and_those_before_it_are_kept(desk: Desk, bad: Edit, reason: str) -> None:
    desk.open()
    with pytest.raises(InvalidEdit, match=reason) as caught:
        desk.save(create(1, "good", CHEST_PAIN), bad, delete(3, "m1"), base=3)
    assert caught.value.client_seq == 2
    assert set(desk.spans) == {"m0", "m1", "m3", "good"}
    # The page drops the bad edit and goes on.
    assert desk.save(create(1, "good", CHEST_PAIN), delete(3, "m1"), base=3) == Saved(3, 5)
    assert set(desk.spans) == {"m0", "m3", "good"}


def test_the_last_character_of_the_note_can_be_marked(desk: Desk) -> None:
    desk.open()
    desk.save(create(1, "a", Span(len(TEXT) - 1, len(TEXT), "Test")), base=3)
    assert desk.spans["a"].span.mention(TEXT) == "."


def test_undo_and_redo_over_several_batches_bring_a_suggestion_back_as_it_was(desk: Desk) -> None:
    desk.open()
    before = desk.spans["m3"]
    restore = [change(seq, EditAction.RESTORE, "m3", WARFARIN, SpanState.SUGGESTED) for seq in (2, 4)]
    desk.save(delete(1, "m3"), restore[0], base=3)
    assert desk.spans["m3"] == before
    desk.save(delete(3, "m3"), base=5)
    desk.save(restore[1], delete(5, "m3"), change(6, EditAction.RESTORE, "m3", WARFARIN, SpanState.SUGGESTED), base=6)
    assert desk.spans["m3"] == before
    assert (before.score, before.origin, before.adapter_id) == (0.25, Origin.MODEL, desk.adapter.id)


def test_undo_takes_a_judgement_back_to_the_suggestion_and_the_log_says_restore(desk: Desk) -> None:
    desk.open()
    before = desk.spans["m0"]
    desk.save(
        change(1, EditAction.ACCEPT, "m0", FEVER),
        change(2, EditAction.RESTORE, "m0", FEVER, SpanState.SUGGESTED),
        change(3, EditAction.RESTORE, "m0", FEVER),
        change(4, EditAction.RESTORE, "m0", FEVER, SpanState.SUGGESTED),
        base=3,
    )
    assert desk.spans["m0"] == before


def test_another_persons_annotation_cannot_even_be_found(desk: Desk) -> None:
    desk.open()
    annotation_id = desk.annotation.id
    other = make_user(desk.store, Role.ADMIN)
    attempts = [
        lambda: annotating.save_edits(
            desk.store, user=other, annotation_id=annotation_id, client=TAB, base_revision=3, edits=[delete(1, "m0")]
        ),
        lambda: annotating.submit(desk.store, user=other, annotation_id=annotation_id, revision=3),
        lambda: annotating.reopen(desk.store, user=other, annotation_id=annotation_id),
        lambda: annotating.current(desk.store, user=other, annotation_id=annotation_id),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound) as theirs:
            attempt()
        assert str(theirs.value) == f"There is no annotation {annotation_id}."
    assert len(desk.spans) == 3


def test_a_batch_is_refused_that_no_editor_sends(desk: Desk) -> None:
    desk.open()
    too_many = [create(i, f"s{i}", FEVER) for i in range(1, MAX_EDITS + 2)]
    with pytest.raises(InvalidValue, match=f"At most {MAX_EDITS} edits at a time, not {MAX_EDITS + 1}"):
        desk.save(*too_many, base=3)
    with pytest.raises(InvalidValue, match="same number"):
        desk.save(delete(1, "m0"), delete(1, "m1"), base=3)
    for client in ("", "x" * 65, "a\x00", "model", "import"):
        with pytest.raises(InvalidValue, match="client id"):
            desk.save(delete(1, "m0"), base=3, client=client)
    assert len(desk.spans) == 3


def test_saving_nothing_answers_where_the_annotation_stands(desk: Desk) -> None:
    desk.open()
    assert desk.save(base=3) == Saved(0, 3)


# --- submitting ---


def confirm_all(desk: Desk) -> None:
    desk.open()
    edits = [change(i, EditAction.ACCEPT, span.id, span.span) for i, span in enumerate(desk.spans.values(), start=1)]
    desk.save(*edits, base=3)


def test_a_note_is_submitted_when_every_suggestion_was_looked_at(desk: Desk) -> None:
    desk.open()
    with pytest.raises(InvalidValue, match="3 suggestions have not been looked at"):
        desk.submit()
    confirm_all(desk)
    submitted = desk.submit()
    assert submitted == desk.annotation
    assert submitted.state is AnnotationState.SUBMITTED
    assert submitted.submitted_at is not None
    assert submitted.confirmed() == (FEVER, ASPIRIN, WARFARIN)
    assert submissions(desk) == [{"note_id": desk.note_id, "revision": 6, "confirmed": 3}]


def test_whoever_opens_a_note_that_another_has_submitted_is_told(desk: Desk) -> None:
    other = make_user(desk.store, Role.CLINICIAN, "Bea")
    assert desk.open(other).submitted_by == ()
    confirm_all(desk)
    assert desk.open(other).submitted_by == ()  # begun is not submitted
    desk.submit()
    assert desk.open(other).submitted_by == (desk.user.name,)
    assert desk.open().submitted_by == ()  # one's own


def submissions(desk: Desk) -> list[dict[str, object]]:
    """Their details in the audit log."""
    with desk.store.read() as tx:
        return [event.detail for event, _ in tx.audit.recent() if event.action == "annotation submitted"]


def test_submitting_twice_is_harmless(desk: Desk) -> None:
    confirm_all(desk)
    assert desk.submit() == desk.submit()
    assert len(submissions(desk)) == 1


def test_a_page_that_is_not_up_to_date_cannot_submit(desk: Desk) -> None:
    confirm_all(desk)
    with pytest.raises(RevisionConflict):
        annotating.submit(desk.store, user=desk.user, annotation_id=desk.annotation.id, revision=5)
    assert desk.annotation.state is AnnotationState.IN_PROGRESS


def test_a_submitted_note_is_closed_until_it_is_reopened(desk: Desk) -> None:
    confirm_all(desk)
    desk.submit()
    with pytest.raises(AnnotationSubmitted):
        desk.save(delete(4, "m0"), base=6)
    # What was stored before is still acknowledged: a repeated delivery is no new edit.
    assert desk.save(change(3, EditAction.ACCEPT, "m3", WARFARIN), base=6).revision == 6
    annotating.reopen(desk.store, user=desk.user, annotation_id=desk.annotation.id)
    assert (desk.annotation.state, desk.annotation.submitted_at) == (AnnotationState.IN_PROGRESS, None)
    desk.save(delete(4, "m0"), base=6)
    assert len(desk.submit().spans) == 2


def test_reopening_what_is_open_leaves_no_trace(desk: Desk) -> None:
    desk.open()
    annotating.reopen(desk.store, user=desk.user, annotation_id=desk.annotation.id)
    with desk.store.read() as tx:
        assert [e.action for e, _ in tx.audit.recent()] == []


def test_a_note_without_entities_can_be_submitted(desk: Desk) -> None:
    desk.note_id = add_note(desk.store, desk.project, "All well.")
    desk.open()
    assert desk.submit().confirmed() == ()
