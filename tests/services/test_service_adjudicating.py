"""From two blind annotations to gold: who gets the note, what is compared, what is decided and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from support.makers import ASPIRIN, CHEST_PAIN, FEVER, WARFARIN, add_note, create, make_project, make_user, text_on

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import Origin
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.datasets import Split
from mednerapp.domain.gold import GoldOrigin, GoldPolicy, Waiting
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import ChangedSince, InvalidValue, NotFound, PermissionDenied, UnknownLabel
from mednerapp.services import adjudicating, agreeing, annotating, freezing, gold, queueing, reviewing
from mednerapp.settings import Settings
from mednerapp.store import Store

PAIN = Span(46, 50, "Symptom")


@dataclass
class Team:
    store: Store
    project: Project
    lead: User
    ann: User
    ben: User

    def submit(
        self, note_id: int, user: User, spans: Sequence[Span], said: Mapping[Span, Assertion] | None = None
    ) -> int:
        """The user's annotation of the note, submitted with these spans (again); its id."""
        opened = annotating.open_note(self.store, user=user, note_id=note_id).annotation
        annotating.reopen(self.store, user=user, annotation_id=opened.id)
        there = {one.span for one in opened.spans}
        said = said or {}
        edits = [
            replace(
                create(number, f"{number}-{span.start}-{span.end}-{span.label}", span),
                assertion=said.get(span),
                assertion_by=Origin.PERSON if span in said else None,
            )
            for number, span in enumerate((s for s in spans if s not in there), opened.revision + 1)
        ]
        saved = annotating.save_edits(
            self.store,
            user=user,
            annotation_id=opened.id,
            client="tab",
            base_revision=opened.revision,
            edits=edits,
        )
        annotating.submit(
            self.store, user=user, annotation_id=opened.id, revision=saved.revision if edits else opened.revision
        )
        return opened.id

    def both(self, note_id: int, first: Sequence[Span], second: Sequence[Span]) -> tuple[int, int]:
        return self.submit(note_id, self.ann, first), self.submit(note_id, self.ben, second)

    def gold_of(self, note_id: int) -> tuple[GoldOrigin | None, Waiting | None, tuple[Span, ...]]:
        with self.store.read() as tx:
            found, spans = gold.of_note(tx, note_id)
        return (found.origin, found.waiting, spans) if found else (None, None, ())

    def decide(self, note_id: int, *choices: Sequence[Span]) -> int:
        """Decide the places in order; the revision afterwards."""
        found = adjudicating.begin(self.store, user=self.lead, note_id=note_id)
        revision = found.revision
        for place, spans in zip(found.places, choices, strict=False):
            revision = adjudicating.decide(
                self.store, user=self.lead, note_id=note_id, revision=revision, place=place.key, spans=spans
            )
        return revision


@pytest.fixture
def team(store: Store) -> Team:
    lead, ann, ben = make_user(store), make_user(store, Role.ANNOTATOR, "ann"), make_user(store, Role.ANNOTATOR, "ben")
    return Team(store, make_project(store), lead, ann, ben)


def next_note(team: Team, user: User) -> int | None:
    return queueing.next_note(team.store, user=user, project_id=team.project.id, settings=Settings())


def test_a_note_for_two_goes_to_a_second_person_once_and_is_no_gold_before(team: Team) -> None:
    note, other = add_note(team.store, team.project), add_note(team.store, team.project, "Nothing else.")
    assert gold.ask_for_two(team.store, user=team.lead, project_id=team.project.id, note_ids=[note, 999]) == [note]
    assert next_note(team, team.ann) == note
    assert next_note(team, team.ben) == other, "it is in Ann's hands"
    team.submit(note, team.ann, [FEVER])
    assert team.gold_of(note) == (None, Waiting.SECOND, ())
    assert next_note(team, team.ann) != note, "she has done it"
    team.submit(other, team.ben, [])
    assert next_note(team, team.ben) == note
    assert queueing.renew(team.store, user=team.ben, note_id=note, settings=Settings()) is None
    team.submit(note, team.ben, [FEVER])
    assert team.gold_of(note) == (GoldOrigin.AGREED, None, (FEVER,))
    assert next_note(team, team.lead) is None, "two are enough"


def test_the_second_annotator_sees_nothing_of_the_first_even_as_a_lead(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.submit(note, team.ann, [FEVER])
    mine = annotating.open_note(team.store, user=team.lead, note_id=note).annotation
    assert [s.name for s in reviewing.sources(team.store, user=team.lead, annotation_id=mine.id)] == ["ann"]
    gold.ask_for_two(team.store, user=team.lead, project_id=team.project.id, note_ids=[note])
    assert reviewing.sources(team.store, user=team.lead, annotation_id=mine.id) == []
    with pytest.raises(NotFound):
        reviewing.underlay(team.store, user=team.lead, annotation_id=mine.id, source=f"person:{team.ann.id}")
    annotating.submit(team.store, user=team.lead, annotation_id=mine.id, revision=0)
    assert [s.name for s in reviewing.sources(team.store, user=team.lead, annotation_id=mine.id)] == ["ann"]


def test_a_share_of_the_notes_to_come_is_for_two_and_chosen_ones_stay_so(team: Team) -> None:
    old = [add_note(team.store, team.project, f"Note {number}.") for number in range(40)]
    team.submit(old[0], team.ann, [])
    gold.ask_for_two(team.store, user=team.lead, project_id=team.project.id, note_ids=[old[1]])

    def share(percent: int) -> set[int]:
        gold.change(
            team.store,
            user=team.lead,
            project_id=team.project.id,
            policy=GoldPolicy.SUBMITTED,
            double_percent=percent,
        )
        with team.store.read() as tx:
            return tx.doubles.notes(team.project.id)

    half = share(50)
    assert old[1] in half
    assert 8 < len(half) < 32
    everything = share(100)
    assert everything == set(old[1:]), "what was submitted before stays as it is"
    new = add_note(team.store, team.project, "New.")
    assert new in share(100)
    assert share(50) - {new} == half, "the same notes whenever it is drawn"
    assert share(0) == {old[1]}


def test_agreed_spans_and_decisions_become_gold_with_their_provenance(team: Team) -> None:
    note = add_note(team.store, team.project)
    first, second = team.both(note, [FEVER, ASPIRIN, CHEST_PAIN], [FEVER, PAIN, WARFARIN])
    assert team.gold_of(note) == (None, Waiting.ADJUDICATION, ())
    found = adjudicating.begin(team.store, user=team.lead, note_id=note)
    assert found.agreed == (FEVER,)
    assert [[r.spans for r in place.readings] for place in found.places] == [
        [(ASPIRIN,), ()],
        [(CHEST_PAIN,), (PAIN,)],
        [(), (WARFARIN,)],
    ]
    assert [place.majority for place in found.places] == [None, None, None]
    revision = team.decide(note, [ASPIRIN], [PAIN])
    with pytest.raises(InvalidValue, match="1 places are not decided"):
        adjudicating.finish(team.store, user=team.lead, note_id=note, revision=revision)
    own = Span(WARFARIN.start, WARFARIN.end, "Disease")
    revision = team.decide(note, [ASPIRIN], [PAIN], [own])
    adjudicating.finish(team.store, user=team.lead, note_id=note, revision=revision)
    assert team.gold_of(note) == (GoldOrigin.ADJUDICATED, None, (FEVER, ASPIRIN, PAIN, own))
    rows = adjudicating.provenance(team.store, user=team.lead, note_id=note)
    assert [(r.span, r.annotators, r.decided_by) for r in rows] == [
        (FEVER, ("ann", "ben"), ""),
        (ASPIRIN, ("ann",), "lead"),
        (PAIN, ("ben",), "lead"),
        (own, (), "lead"),
    ]
    with team.store.read() as tx:
        assert tx.golds.of(note) is not None
        entry = next(e for e, _ in tx.audit.recent() if e.action == "note adjudicated")
    assert entry.detail == {"annotations": [first, second], "decided": 3, "spans": 4}


def test_every_decision_is_kept_and_can_be_undone_and_done_again(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.both(note, [ASPIRIN], [WARFARIN])
    revision = team.decide(note, [ASPIRIN], [])
    found = adjudicating.begin(team.store, user=team.lead, note_id=note)
    assert [found.decided[place.key].spans for place in found.places] == [(ASPIRIN,), ()], "nothing is lost by leaving"
    revision = adjudicating.undo(team.store, user=team.lead, note_id=note, revision=revision)
    assert len(adjudicating.look(team.store, user=team.lead, note_id=note).left) == 1
    revision = adjudicating.undo(team.store, user=team.lead, note_id=note, revision=revision, redo=True)
    adjudicating.finish(team.store, user=team.lead, note_id=note, revision=revision)
    assert team.gold_of(note)[2] == (ASPIRIN,)
    adjudicating.reopen(team.store, user=team.lead, note_id=note)
    assert team.gold_of(note) == (None, Waiting.ADJUDICATION, ())
    found = adjudicating.look(team.store, user=team.lead, note_id=note)
    assert not found.left, "reopened, it still knows what was decided"
    revision = adjudicating.undo(team.store, user=team.lead, note_id=note, revision=found.revision)
    revision = adjudicating.undo(team.store, user=team.lead, note_id=note, revision=revision)
    assert adjudicating.undo(team.store, user=team.lead, note_id=note, revision=revision) == revision


def test_two_leads_at_once_do_not_overwrite_each_other(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.both(note, [ASPIRIN], [])
    other = make_user(team.store, Role.ADMIN)
    found = adjudicating.begin(team.store, user=team.lead, note_id=note)
    same = adjudicating.begin(team.store, user=other, note_id=note)
    assert same.revision == found.revision, "to look changes nothing"
    team.decide(note, [ASPIRIN])
    with pytest.raises(ChangedSince):
        adjudicating.decide(
            team.store, user=other, note_id=note, revision=same.revision, place=same.places[0].key, spans=()
        )


def test_an_annotation_that_is_submitted_anew_is_compared_again_and_other_decisions_stay(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.both(note, [ASPIRIN, CHEST_PAIN], [])
    revision = team.decide(note, [ASPIRIN], [])
    adjudicating.finish(team.store, user=team.lead, note_id=note, revision=revision)
    team.submit(note, team.ben, [WARFARIN])
    with team.store.read() as tx:
        (one,) = gold.standings(tx, team.project.id)
    assert (one.origin, one.changed) == (GoldOrigin.ADJUDICATED, True), "the decision holds meanwhile"
    assert adjudicating.look(team.store, user=team.lead, note_id=note).newer
    again = adjudicating.begin_again(team.store, user=team.lead, note_id=note)
    assert [place.start for place in again.left] == [WARFARIN.start]
    assert not again.newer


def test_three_annotators_make_a_majority(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.both(note, [ASPIRIN], [])
    team.submit(note, make_user(team.store, Role.ANNOTATOR, "cleo"), [ASPIRIN])
    (place,) = adjudicating.begin(team.store, user=team.lead, note_id=note).places
    assert place.majority is not None
    assert place.readings[place.majority].spans == (ASPIRIN,)


def test_what_cannot_be_a_decision_is_refused(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.submit(note, team.ann, [ASPIRIN])
    with pytest.raises(NotFound, match="two submitted"):
        adjudicating.begin(team.store, user=team.lead, note_id=note)
    team.submit(note, team.ben, [])
    found = adjudicating.begin(team.store, user=team.lead, note_id=note)

    def decide(spans: Sequence[Span], *, place: str = found.places[0].key, user: User = team.lead) -> None:
        adjudicating.decide(team.store, user=user, note_id=note, revision=found.revision, place=place, spans=spans)

    with pytest.raises(UnknownLabel):
        decide([Span(28, 35, "Planet")])
    with pytest.raises(InvalidValue, match="its own place"):
        decide([FEVER])
    with pytest.raises(NotFound):
        decide([], place="elsewhere")
    with pytest.raises(PermissionDenied):
        decide([], user=team.ann)


def test_the_policy_decides_about_notes_with_one_annotator(team: Team) -> None:
    note = add_note(team.store, team.project)
    team.submit(note, team.ann, [FEVER])
    assert team.gold_of(note) == (GoldOrigin.ONE, None, (FEVER,))
    gold.change(team.store, user=team.lead, project_id=team.project.id, policy=GoldPolicy.APPROVED, double_percent=0)
    assert team.gold_of(note) == (None, Waiting.APPROVAL, ())
    assert adjudicating.approve(team.store, user=team.lead, note_ids=[note, note]) == [note]
    assert team.gold_of(note) == (GoldOrigin.APPROVED, None, (FEVER,))
    found = gold.overview(team.store, user=team.lead, project_id=team.project.id)
    assert found.origins[GoldOrigin.APPROVED] == 1
    (row,) = gold.listed(team.store, user=team.lead, project_id=team.project.id, origin=GoldOrigin.APPROVED)
    assert (row.people, row.standing.split in Split) == (("ann",), True)
    adjudicating.withdraw(team.store, user=team.lead, note_ids=[note])
    assert team.gold_of(note) == (None, Waiting.APPROVAL, ())
    with team.store.read() as tx:
        kept = tx.golds.of(note)
        assert kept is not None
        assert [event.action.value for event in tx.golds.events(kept.id)] == ["approve", "withdraw"]


def test_agreement_counts_the_notes_that_two_were_asked_for(team: Team) -> None:
    asked, unasked = add_note(team.store, team.project), add_note(team.store, team.project, "Fever since Tuesday.")
    gold.ask_for_two(team.store, user=team.lead, project_id=team.project.id, note_ids=[asked])
    before = agreeing.state(team.store, user=team.lead, project_id=team.project.id)
    team.both(asked, [FEVER, ASPIRIN, CHEST_PAIN], [FEVER, PAIN])
    team.both(unasked, [FEVER], [FEVER])
    assert agreeing.state(team.store, user=team.lead, project_id=team.project.id) != before
    found = agreeing.report(team.store, user=team.lead, project_id=team.project.id)
    assert (found.notes, found.left_out, found.waiting) == (1, 1, 0)
    pair = found.pairs[0]
    assert {found.people[pair.first], found.people[pair.second]} == {"ann", "ben"}
    assert pair.strict.value == pytest.approx(2 * 1 / (3 + 2))
    assert pair.relaxed.value == pytest.approx(2 * 2 / (3 + 2))
    symptom = next(p for p in found.pairs if p.label == "Symptom")
    assert symptom.strict.value == pytest.approx(0.5)
    (worst,) = found.disagreed
    assert (worst.figures.note_id, worst.figures.differences, worst.decided) == (asked, 3, False)
    with pytest.raises(PermissionDenied):
        agreeing.report(team.store, user=team.ann, project_id=team.project.id)


def test_a_dataset_knows_what_was_decided_since_and_what_all_annotators_of_its_gold_said(team: Team) -> None:
    test, train = (add_note(team.store, team.project, text_on(side)) for side in (Split.TEST, Split.TRAIN))
    team.both(train, [FEVER], [FEVER])
    team.submit(test, team.ann, [FEVER, ASPIRIN, WARFARIN], {FEVER: Assertion.ABSENT, WARFARIN: Assertion.POSSIBLE})
    said = {FEVER: Assertion.ABSENT, CHEST_PAIN: Assertion.HISTORICAL, WARFARIN: Assertion.PRESENT}
    team.submit(test, team.ben, [FEVER, CHEST_PAIN, WARFARIN], said)
    revision = team.decide(test, [ASPIRIN], [CHEST_PAIN])
    adjudicating.finish(team.store, user=team.lead, note_id=test, revision=revision)
    dataset = freezing.freeze(team.store, user=team.lead, project_id=team.project.id)

    with team.store.read() as tx:
        stated = tx.outcomes.stated(dataset.id, Split.TEST)
        assert tx.boards.changed_gold(dataset.id, Split.TEST) == 0
    spans = {(span.start, span.end, span.label): thing for span, thing in said.items() if span != WARFARIN}
    assert stated == {test: spans}, "of warfarin they say different things, of aspirin nothing"

    again = adjudicating.begin_again(team.store, user=team.lead, note_id=test)
    adjudicating.decide(
        team.store, user=team.lead, note_id=test, revision=again.revision, place=again.places[0].key, spans=()
    )
    with team.store.read() as tx:
        assert tx.boards.changed_gold(dataset.id, Split.TEST) == 1
        assert tx.boards.changed_gold(dataset.id, Split.TRAIN) == 0
