"""Which model is in use: on which numbers it was promoted, how to go back, and what becomes of old suggestions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.makers import (
    ASPIRIN,
    CHEST_PAIN,
    FEVER,
    WARFARIN,
    add_note,
    change,
    make_adapter,
    make_dataset,
    make_project,
    make_user,
    predict,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import Annotation, EditAction, SpanState, replay
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.models import Adapter, NoteLabelCount, PromotionKind
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import ChangedSince, InvalidValue, NotFound, PermissionDenied, RevisionConflict
from mednerapp.services import annotating, promoting, queueing, refreshing
from mednerapp.store import Store


@dataclass
class Ring:
    store: Store
    lead: User
    project: Project
    dataset: Dataset
    old: Adapter
    new: Adapter

    def score(self, adapter: Adapter, *, drug: int, symptom: int) -> None:
        """On every test note one gold span of each; how many of the notes' spans of a label it finds."""
        with self.store.write() as tx:
            notes = [note.note_id for note in tx.datasets.gold(self.dataset.id, Split.TEST)]
            counts = [
                NoteLabelCount(note, label, int(i < found), 0, int(i >= found))
                for label, found in (("Drug", drug), ("Symptom", symptom))
                for i, note in enumerate(notes)
            ]
            tx.evaluations.put(
                adapter_id=adapter.id,
                dataset_id=self.dataset.id,
                split=Split.TEST,
                notes=len(notes),
                excluded=0,
                counts=counts,
            )

    def promote(self, adapter: Adapter, *, champion: Adapter | None = None) -> None:
        promoting.promote(
            self.store,
            user=self.lead,
            project_id=self.project.id,
            adapter_id=adapter.id,
            champion_id=champion.id if champion else None,
        )

    def board(self) -> promoting.Board:
        return promoting.board(self.store, user=self.lead, project_id=self.project.id)


@pytest.fixture
def ring(sqlite_store: Store) -> Ring:
    lead, project = make_user(sqlite_store), make_project(sqlite_store)
    dataset = make_dataset(sqlite_store, lead, project, train=1, dev=0, test=8)
    old, new = make_adapter(sqlite_store, "Old"), make_adapter(sqlite_store, "New", project=project)
    found = Ring(sqlite_store, lead, project, dataset, old, new)
    found.promote(old)
    return found


def test_a_promotion_is_kept_with_the_numbers_it_rests_on_and_can_be_rolled_back(ring: Ring) -> None:
    ring.score(ring.old, drug=1, symptom=4)
    ring.score(ring.new, drug=8, symptom=6)
    found = promoting.duel(ring.store, user=ring.lead, project_id=ring.project.id, challenger_id=ring.new.id)
    assert found is not None
    assert (found.notes, found.champion, found.challenger) == (8, ring.old, ring.new)
    f1 = [2 * 5 / (16 + 5), 2 * 14 / (16 + 14)]
    assert found.difference.estimate.value == pytest.approx(f1[1] - f1[0])
    ring.promote(ring.new, champion=ring.old)
    board = ring.board()
    assert (board.champion, board.previous) == (ring.new, ring.old)
    kept = board.history[0]
    assert (kept.kind, kept.by, kept.previous_id) == (PromotionKind.PROMOTE, "lead", ring.old.id)
    assert kept.evidence == found.as_evidence()
    back = promoting.roll_back(ring.store, user=ring.lead, project_id=ring.project.id, champion_id=ring.new.id)
    assert (back.kind, back.adapter_id, ring.board().champion) == (PromotionKind.ROLL_BACK, ring.old.id, ring.old)
    assert back.evidence is not None
    assert back.evidence["difference"]["value"] == pytest.approx(f1[0] - f1[1])
    with ring.store.read() as tx:
        actions = [entry.action for entry, _ in tx.audit.recent()]
        jobs = [job.args["adapter_id"] for job in tx.jobs.recent(20) if "adapter_id" in job.args]
    assert actions[:2] == ["adapter rolled back", "adapter promoted"]
    assert {ring.old.id, ring.new.id} <= set(jobs), "the promoted model is asked for highlights"


def test_the_rule_stops_what_is_not_certainly_better_or_loses_a_label(ring: Ring) -> None:
    promoting.change_rule(ring.store, user=ring.lead, project_id=ring.project.id, level=0.05, drop=0.1)
    with pytest.raises(InvalidValue, match="wants a comparison"):
        ring.promote(ring.new)
    ring.score(ring.old, drug=2, symptom=4)
    ring.score(ring.new, drug=3, symptom=4)
    with pytest.raises(InvalidValue, match="not certain that it is better"):
        ring.promote(ring.new)
    ring.score(ring.old, drug=1, symptom=4)
    ring.score(ring.new, drug=8, symptom=2)
    with pytest.raises(InvalidValue, match="Symptom falls by 26"):
        promoting.promote(ring.store, user=ring.lead, project_id=ring.project.id, adapter_id=ring.new.id)
    ring.score(ring.new, drug=8, symptom=4)
    ring.promote(ring.new)
    assert ring.board().champion == ring.new
    promoting.roll_back(ring.store, user=ring.lead, project_id=ring.project.id, champion_id=ring.new.id)
    assert ring.board().champion == ring.old, "a way back is always open"
    promoting.change_rule(ring.store, user=ring.lead, project_id=ring.project.id, level=None, drop=None)
    ring.score(ring.new, drug=0, symptom=0)
    ring.promote(ring.new)
    for level, drop in ((0.05, None), (0.0, 0.1), (0.05, -0.1)):
        with pytest.raises(InvalidValue):
            promoting.change_rule(ring.store, user=ring.lead, project_id=ring.project.id, level=level, drop=drop)


def test_who_decided_on_what_is_not_in_force_any_more_hears_of_it(ring: Ring) -> None:
    ring.promote(ring.new)
    with pytest.raises(ChangedSince):
        ring.promote(ring.new, champion=ring.old)
    with pytest.raises(ChangedSince):
        promoting.roll_back(ring.store, user=ring.lead, project_id=ring.project.id, champion_id=ring.old.id)
    annotator = make_user(ring.store, Role.ANNOTATOR)
    with pytest.raises(PermissionDenied):
        promoting.promote(ring.store, user=annotator, project_id=ring.project.id, adapter_id=ring.old.id)
    foreign = make_adapter(ring.store, "Foreign", project=make_project(ring.store, "Ward 4"))
    with pytest.raises(NotFound):
        ring.promote(foreign)


def annotation(ring: Ring, user: User, note: int) -> Annotation:
    return annotating.open_note(ring.store, user=user, note_id=note).annotation


def spans(found: Annotation) -> dict[Span, tuple[SpanState, int | None]]:
    return {one.span: (one.state, one.adapter_id) for one in found.spans}


def test_suggestions_that_nobody_touched_become_those_of_the_promoted_model(ring: Ring) -> None:
    note = add_note(ring.store, ring.project)
    user = make_user(ring.store, Role.ANNOTATOR)
    predict(ring.store, note, ring.old, [(FEVER, 0.9), (ASPIRIN, 0.8)])
    predict(ring.store, note, ring.new, [(FEVER, 0.7), (WARFARIN, 0.6)])
    annotation(ring, user, note)
    assert not refreshing.refresh(ring.store, user=user, note_id=note), "the same model is in use"
    ring.promote(ring.new)
    assert refreshing.refresh(ring.store, user=user, note_id=note)
    assert not refreshing.refresh(ring.store, user=user, note_id=note)
    found = annotation(ring, user, note)
    suggested = (SpanState.SUGGESTED, ring.new.id)
    assert spans(found) == {FEVER: suggested, WARFARIN: suggested}
    with ring.store.read() as tx:
        assert replay(tx.annotations.events(found.id)) == {one.id: one for one in found.spans}
        assert tx.queue.is_waiting(note), "nobody has begun it by that"
    edits = [change(n, EditAction.ACCEPT, one.id, one.span) for n, one in enumerate(found.spans, start=1)]
    saved = annotating.save_edits(
        ring.store, user=user, annotation_id=found.id, client="tab", base_revision=found.revision, edits=edits
    )
    annotating.submit(ring.store, user=user, annotation_id=found.id, revision=saved.revision)
    group, _ = queueing.effect_of_suggestions(ring.store, user=ring.lead, project_id=ring.project.id)
    assert (group.accepted, group.changed, group.rejected) == (2, 0, 0), "nobody rejected what was replaced"


def test_what_a_person_touched_stays_whatever_model_is_promoted(ring: Ring) -> None:
    note = add_note(ring.store, ring.project)
    user = make_user(ring.store, Role.ANNOTATOR)
    predict(ring.store, note, ring.old, [(FEVER, 0.9), (ASPIRIN, 0.8), (CHEST_PAIN, 0.8), (WARFARIN, 0.7)])
    other = Span(WARFARIN.start, WARFARIN.end, "Disease")
    pain, wide = Span(46, 50, "Symptom"), Span(36, 50, "Symptom")
    predict(ring.store, note, ring.new, [(FEVER, 0.7), (ASPIRIN, 0.7), (pain, 0.9), (other, 0.9)])
    begun = annotation(ring, user, note)
    ids = {one.span: one.id for one in begun.spans}
    annotating.save_edits(
        ring.store,
        user=user,
        annotation_id=begun.id,
        client="tab",
        base_revision=begun.revision,
        edits=[
            change(1, EditAction.ACCEPT, ids[FEVER], FEVER),
            change(2, EditAction.REJECT, ids[ASPIRIN], ASPIRIN, SpanState.REJECTED),
            change(3, EditAction.RESIZE, ids[CHEST_PAIN], wide),
        ],
    )
    stale = annotation(ring, user, note).revision
    ring.promote(ring.new)
    assert refreshing.refresh(ring.store, user=user, note_id=note)
    found = spans(annotation(ring, user, note))
    assert found == {
        FEVER: (SpanState.CONFIRMED, ring.old.id),
        ASPIRIN: (SpanState.REJECTED, ring.old.id),
        wide: (SpanState.CONFIRMED, ring.old.id),
        other: (SpanState.SUGGESTED, ring.new.id),
    }, "and nothing new is suggested where the person has decided"
    with pytest.raises(RevisionConflict):  # another window, which still shows the old suggestion, overwrites nothing
        annotating.save_edits(
            ring.store,
            user=user,
            annotation_id=begun.id,
            client="other tab",
            base_revision=stale,
            edits=[change(1, EditAction.ACCEPT, ids[WARFARIN], WARFARIN)],
        )


def test_submitted_blind_and_unpredicted_notes_are_left_alone(ring: Ring) -> None:
    user = make_user(ring.store, Role.ANNOTATOR)
    unpredicted, done = add_note(ring.store, ring.project), add_note(ring.store, ring.project, "Fever.")
    for note in (unpredicted, done):
        predict(ring.store, note, ring.old, [(FEVER, 0.9)])
    annotation(ring, user, unpredicted)
    opened = annotation(ring, user, done)
    saved = annotating.save_edits(
        ring.store,
        user=user,
        annotation_id=opened.id,
        client="tab",
        base_revision=opened.revision,
        edits=[change(1, EditAction.ACCEPT, opened.spans[0].id, FEVER)],
    )
    annotating.submit(ring.store, user=user, annotation_id=opened.id, revision=saved.revision)
    predict(ring.store, done, ring.new, [])
    ring.promote(ring.new)
    for note in (unpredicted, done):
        assert not refreshing.refresh(ring.store, user=user, note_id=note)
