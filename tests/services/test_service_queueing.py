"""Who is given which note, in which order, and which come without suggestions."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.makers import (
    ASPIRIN,
    CHEST_PAIN,
    FEVER,
    TEXT,
    add_note,
    change,
    create,
    import_gold,
    make_adapter,
    make_project,
    make_user,
    predict,
    promote,
)

from db import tables as t
from db.engine import Database
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import EditAction, SpanState
from mednerapp.domain.clock import now
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import QueueOrder
from mednerapp.domain.spans import ScoredSpan
from mednerapp.errors import InvalidValue, PermissionDenied
from mednerapp.services import annotating, predicting, queueing
from mednerapp.settings import Settings
from mednerapp.store import Store

SETTINGS = Settings()


@dataclass
class Ward:
    """A project with people at work in it."""

    database: Database
    store: Store
    project: Project
    people: dict[str, User] = field(default_factory=dict[str, User])

    def person(self, name: str) -> User:
        if name not in self.people:
            self.people[name] = make_user(self.store, Role.ANNOTATOR, name)
        return self.people[name]

    def next(self, name: str, *, skip: int | None = None) -> int | None:
        return queueing.next_note(
            self.store, user=self.person(name), project_id=self.project.id, settings=SETTINGS, skip=skip
        )

    def hold(self, name: str, note_id: int) -> str:
        annotating.open_note(self.store, user=self.person(name), note_id=note_id)
        other = queueing.hold(self.store, user=self.person(name), note_id=note_id, settings=SETTINGS)
        return other.name if other else ""

    def renew(self, name: str, note_id: int) -> str:
        other = queueing.renew(self.store, user=self.person(name), note_id=note_id, settings=SETTINGS)
        return other.name if other else ""

    def edit(self, name: str, note_id: int) -> int:
        """Mark something; the annotation."""
        annotation = annotating.open_note(self.store, user=self.person(name), note_id=note_id).annotation
        annotating.save_edits(
            self.store,
            user=self.person(name),
            annotation_id=annotation.id,
            client=f"tab {annotation.revision}",
            base_revision=annotation.revision,
            edits=[create(1, f"s{annotation.revision}", FEVER)],
        )
        return annotation.id

    def submit(self, name: str, note_id: int) -> None:
        annotation = annotating.open_note(self.store, user=self.person(name), note_id=note_id).annotation
        annotating.submit(self.store, user=self.person(name), annotation_id=annotation.id, revision=annotation.revision)

    def time_passes(self, **delta: float) -> None:
        """For leases."""
        with self.database.write() as session:
            for row in session.scalars(sa.select(t.NoteLease)):
                row.expires_at -= timedelta(**delta)

    def order(self, name: str = "reader") -> list[int]:
        """All notes in the order in which one person gets and submits them."""
        found: list[int] = []
        while (note_id := self.next(name)) is not None:
            found.append(note_id)
            self.submit(name, note_id)
        return found

    def choose(self, order: QueueOrder, blind_percent: int = 0) -> None:
        lead = self.people.get("lead") or make_user(self.store, Role.LEAD)
        self.people["lead"] = lead
        queueing.change(self.store, user=lead, project_id=self.project.id, order=order, blind_percent=blind_percent)


@pytest.fixture
def ward(database: Database, store: Store) -> Ward:
    return Ward(database, store, make_project(store))


def notes(ward: Ward, number: int) -> list[int]:
    return [add_note(ward.store, ward.project, f"{TEXT} {i}") for i in range(number)]


# --- whose note it is ---


def test_each_person_is_given_a_note_that_nobody_else_has(ward: Ward) -> None:
    a, b = notes(ward, 2)
    assert ward.next("ann") == a
    assert ward.next("ben") == b
    assert ward.next("cleo") is None
    assert ward.next("ann") == a  # still


def test_a_note_in_nobodys_hands_any_more_goes_to_the_next_who_asks(ward: Ward) -> None:
    (a,) = notes(ward, 1)
    assert ward.next("ann") == a
    ward.time_passes(minutes=SETTINGS.lease_minutes - 1)
    assert ward.next("ben") is None
    ward.time_passes(minutes=1)
    assert ward.next("ben") == a


def test_an_open_note_stays_in_hand_and_says_so_to_others(ward: Ward) -> None:
    (a,) = notes(ward, 1)
    assert ward.next("ann") == a
    for _ in range(3):
        ward.time_passes(minutes=SETTINGS.lease_minutes / 2)
        assert ward.renew("ann", a) == ""
    assert ward.next("ben") is None
    assert ward.hold("ben", a) == "ann"  # by a link: it opens, with a notice
    assert ward.renew("ben", a) == "ann"
    assert ward.hold("ann", a) == ""
    ward.time_passes(minutes=SETTINGS.lease_minutes)
    assert ward.renew("ben", a) == ""  # Ann is gone
    assert ward.renew("ann", a) == "ben"


def test_opening_another_note_lets_go_of_the_first(ward: Ward) -> None:
    a, b = notes(ward, 2)
    assert ward.next("ann") == a
    assert ward.hold("ann", b) == ""
    assert ward.next("ben") == a


def test_what_was_submitted_is_given_to_nobody(ward: Ward) -> None:
    a, b = notes(ward, 2)
    ward.submit("ann", ward.next("ann") or 0)
    assert ward.next("ben") == b
    ward.submit("ben", b)
    assert ward.next("ann") is None
    assert ward.hold("cleo", a) == ""  # looked at, and in nobody's hands by that
    with ward.store.read() as tx:
        assert not tx.leases.in_project(ward.project.id)


def test_notes_of_another_project_are_not_handed_out(ward: Ward) -> None:
    add_note(ward.store, make_project(ward.store, "Other"))
    assert ward.next("ann") is None


def test_imported_gold_is_not_handed_out(ward: Ward) -> None:
    import_gold(
        ward.store, make_user(ward.store, Role.LEAD, "importer"), ward.project, [(TEXT, [FEVER]), ("Empty.", [])]
    )
    assert ward.next("ann") is None


# --- what comes first ---


def test_after_a_sign_in_one_goes_on_where_one_was(ward: Ward) -> None:
    a, b, c = notes(ward, 3)
    ward.hold("ann", b)
    ward.edit("ann", b)
    ward.time_passes(hours=12)
    assert ward.next("ann") == b
    ward.time_passes(hours=12)
    assert ward.next("ben") == a
    ward.submit("ann", b)
    assert ward.next("ann") == c


def test_a_note_that_was_only_looked_at_keeps_its_place_for_everybody(ward: Ward) -> None:
    a, b = notes(ward, 2)
    ward.hold("lead", b)
    ward.time_passes(hours=1)
    assert ward.next("lead") == a
    assert ward.next("ann") == b


def test_a_skipped_note_comes_last_and_others_may_get_it_before(ward: Ward) -> None:
    a, b, c = notes(ward, 3)
    assert ward.next("ann") == a
    annotating.open_note(ward.store, user=ward.person("ann"), note_id=a)
    assert ward.next("ann", skip=a) == b
    ward.edit("ann", b)
    assert ward.next("ann", skip=b) == c
    assert ward.next("ben") == a
    ward.submit("ben", a)
    ward.submit("ann", c)
    assert ward.next("ann") == b  # nothing else is left
    assert ward.next("ann", skip=b) == b


def test_a_skipped_note_that_is_opened_again_is_ones_own_as_before(ward: Ward) -> None:
    a, b = notes(ward, 2)
    assert ward.next("ann") == a
    ward.edit("ann", a)
    assert ward.next("ann", skip=a) == b
    ward.hold("ann", a)
    ward.time_passes(hours=1)
    assert ward.next("ann") == a


def test_what_somebody_began_and_left_comes_after_what_nobody_began(ward: Ward) -> None:
    a, b = notes(ward, 2)
    ward.hold("ann", a)
    ward.edit("ann", a)
    ward.time_passes(hours=1)
    assert ward.order("ben") == [b, a]


def test_eight_people_at_once_never_get_the_same_note(ward: Ward) -> None:
    number = 48
    expected = set(notes(ward, number))
    names = [f"p{i}" for i in range(8)]
    for name in names:
        ward.person(name)
    together = threading.Barrier(len(names))

    def work(name: str) -> list[int]:
        together.wait()
        found: list[int] = []
        while (note_id := ward.next(name)) is not None:
            found.append(note_id)
            ward.submit(name, note_id)
        return found

    with ThreadPoolExecutor(len(names)) as pool:
        given = Counter(note_id for found in pool.map(work, names) for note_id in found)
    assert set(given) == expected
    assert set(given.values()) == {1}


def test_two_who_are_given_a_note_at_the_same_moment_hold_two(ward: Ward) -> None:
    names = [f"p{i}" for i in range(8)]
    for name in names:
        ward.person(name)
    for _ in range(5):
        expected = set(notes_more(ward, len(names)))
        together = threading.Barrier(len(names))

        def ask(name: str) -> int | None:
            together.wait()  # noqa: B023 - used up within the turn
            return ward.next(name)

        with ThreadPoolExecutor(len(names)) as pool:
            given = list(pool.map(ask, names))
        assert set(given) == expected
        for name, note_id in zip(names, given, strict=True):
            ward.submit(name, note_id or 0)


def notes_more(ward: Ward, number: int) -> list[int]:
    with ward.store.read() as tx:
        there = tx.notes.count(ward.project.id)
    return [add_note(ward.store, ward.project, f"{TEXT} {there + i}") for i in range(number)]


# --- the lead's order ---


def test_the_least_certain_note_comes_first_when_the_lead_wants_it(ward: Ward) -> None:
    sure, none, unsure, unseen, long = notes(ward, 5)
    adapter = make_adapter(ward.store)
    promote(ward.store, ward.project, adapter)
    predict(ward.store, sure, adapter, [(FEVER, 0.95), (ASPIRIN, 0.9)])
    predict(ward.store, none, adapter, [])
    predict(ward.store, unsure, adapter, [(FEVER, 0.4)])
    predict(ward.store, long, adapter, [(FEVER, 0.8), (ASPIRIN, 0.7), (CHEST_PAIN, 0.9)])
    ward.choose(QueueOrder.UNCERTAIN)
    assert [ward.next(name) for name in "abcde"] == [unsure, long, sure, none, unseen]


def test_what_nobody_sees_as_a_suggestion_makes_no_note_uncertain(ward: Ward) -> None:
    unseen, seen = notes(ward, 2)
    adapter = make_adapter(ward.store)
    promote(ward.store, ward.project, adapter)
    of = {unseen: ScoredSpan(replace(FEVER, label="Gene"), 0.1), seen: ScoredSpan(FEVER, 0.6)}
    found = [[one] for one in of.values()]
    predicting.predict_missing(
        ward.store, project_id=ward.project.id, adapter_id=adapter.id, predictor=lambda _: found,
        on_progress=lambda *_: None, fence=lambda _: None,
    )  # fmt: skip
    ward.choose(QueueOrder.UNCERTAIN)
    assert [ward.next(name) for name in "ab"] == [seen, unseen]


def test_another_adapter_in_force_makes_another_order(ward: Ward) -> None:
    a, b = notes(ward, 2)
    first, second = make_adapter(ward.store, "First"), make_adapter(ward.store, "Second")
    for adapter, scores in ((first, (0.9, 0.5)), (second, (0.5, 0.9))):
        for note_id, score in zip((a, b), scores, strict=True):
            predict(ward.store, note_id, adapter, [(FEVER, score)])
    ward.choose(QueueOrder.UNCERTAIN)
    promote(ward.store, ward.project, first)
    assert ward.next("ann") == b
    promote(ward.store, ward.project, second)
    assert ward.next("ben") == a


def test_a_random_order_is_the_same_again_and_not_that_of_import(ward: Ward) -> None:
    by_import = notes(ward, 12)
    ward.choose(QueueOrder.RANDOM)
    first = [ward.next(name) for name in "abcdefghijkl"]
    assert set(first) == set(by_import)
    assert first != by_import
    ward.time_passes(hours=1)
    assert ward.order() == first


def test_what_goes_back_into_the_queue_has_its_old_place(ward: Ward) -> None:
    a, b = notes(ward, 2)
    adapter = make_adapter(ward.store)
    promote(ward.store, ward.project, adapter)
    predict(ward.store, a, adapter, [(FEVER, 0.9)])
    predict(ward.store, b, adapter, [(FEVER, 0.5)])
    ward.choose(QueueOrder.UNCERTAIN)
    with ward.store.write() as tx:
        tx.notes.delete([b], project_id=ward.project.id, user_id=None)
    assert ward.next("ann") == a
    with ward.store.write() as tx:
        tx.notes.restore([b], project_id=ward.project.id)
    assert ward.next("ben") == b


def test_only_a_lead_changes_the_queue_and_it_is_in_the_audit_log(ward: Ward) -> None:
    with pytest.raises(PermissionDenied):
        queueing.change(
            ward.store,
            user=ward.person("ann"),
            project_id=ward.project.id,
            order=QueueOrder.RANDOM,
            blind_percent=0,
        )
    ward.choose(QueueOrder.RANDOM, 25)
    with ward.store.read() as tx:
        project = tx.projects.get(ward.project.id)
        (event, _), *_ = tx.audit.recent(1)
    assert (project.queue_order, project.blind_percent) == (QueueOrder.RANDOM, 25)
    assert (event.action, event.detail) == ("queue changed", {"order": ["import", "random"], "blind_percent": [0, 25]})
    for wrong in (-1, 101):
        with pytest.raises(InvalidValue, match="0 to 100"):
            ward.choose(QueueOrder.IMPORT, wrong)


# --- how it gets on ---


def test_progress_and_pace_are_ones_own_and_the_teams_is_for_the_lead(ward: Ward) -> None:
    done = notes(ward, 5)
    for name, note_id in zip(("ann", "ann", "ben"), done, strict=False):
        ward.edit(name, note_id)
        ward.submit(name, note_id)
    lead = make_user(ward.store, Role.LEAD)
    midnight = now() - timedelta(hours=1)

    def progress(user: User) -> queueing.Progress:
        return queueing.progress(ward.store, user=user, project_id=ward.project.id, today=midnight)

    mine = progress(ward.person("ann"))
    assert (mine.notes, mine.submitted, mine.remaining) == (5, 3, 2)
    assert (mine.mine.today, mine.mine.week, mine.team) == (2, 2, None)
    assert mine.mine.minutes == 0  # one change each
    team = progress(lead)
    assert team.team is not None
    assert (team.mine.week, team.team.week) == (0, 3)


def test_what_the_page_of_a_note_counts_is_what_there_is(ward: Ward) -> None:
    lead = make_user(ward.store, Role.LEAD)
    import_gold(ward.store, lead, ward.project, [("Gold.", [])])
    begun, done, twice, reopened, binned, seen, _ = notes(ward, 7)
    ward.edit("ann", begun)
    for name, note_id in (("ann", done), ("ann", twice), ("ben", twice), ("ann", reopened), ("ann", binned)):
        ward.edit(name, note_id)
        ward.submit(name, note_id)
    ward.hold("ann", seen)
    with ward.store.write() as tx:
        tx.notes.delete([binned], project_id=ward.project.id, user_id=None)
    again = annotating.open_note(ward.store, user=ward.person("ann"), note_id=reopened).annotation
    annotating.reopen(ward.store, user=ward.person("ann"), annotation_id=again.id)
    assert queueing.counts(ward.store, user=lead, project_id=ward.project.id) == (7, 3)
    with ward.store.read() as tx:
        assert (tx.notes.count(ward.project.id), tx.notes.submitted(ward.project.id)) == (7, 3)


def test_imported_gold_is_nobodys_pace(ward: Ward) -> None:
    lead = make_user(ward.store, Role.LEAD)
    import_gold(ward.store, lead, ward.project, [(TEXT, [FEVER])])
    found = queueing.progress(ward.store, user=lead, project_id=ward.project.id, today=now() - timedelta(hours=1))
    assert (found.submitted, found.mine.week, found.mine.minutes) == (1, 0, None)


def test_what_suggestions_do_is_counted_beside_what_people_find_without(ward: Ward) -> None:
    blind, helped = notes(ward, 2)
    adapter = make_adapter(ward.store)
    promote(ward.store, ward.project, adapter)
    predict(ward.store, helped, adapter, [(FEVER, 0.9), (ASPIRIN, 0.8), (CHEST_PAIN, 0.7)])
    ann = ward.person("ann")
    opened = annotating.open_note(ward.store, user=ann, note_id=helped).annotation
    spans = {span.span: span.id for span in opened.spans}
    annotating.save_edits(
        ward.store,
        user=ann,
        annotation_id=opened.id,
        client="tab",
        base_revision=opened.revision,
        edits=[
            change(1, EditAction.ACCEPT, spans[FEVER], FEVER),
            change(2, EditAction.RESIZE, spans[ASPIRIN], type(ASPIRIN)(20, 35, "Drug")),
            change(3, EditAction.REJECT, spans[CHEST_PAIN], CHEST_PAIN, SpanState.REJECTED),
        ],
    )
    ward.submit("ann", helped)
    ward.edit("ann", blind)
    with ward.database.write() as session:
        session.execute(sa.update(t.Annotation).where(t.Annotation.note_id == blind).values(blind=True))
    ward.submit("ann", blind)
    with_help, without = queueing.effect_of_suggestions(
        ward.store, user=make_user(ward.store, Role.LEAD), project_id=ward.project.id
    )
    words = len(f"{TEXT} 0".split())
    assert (with_help.notes, with_help.words, with_help.spans) == (1, words, 2)
    assert (with_help.accepted, with_help.changed, with_help.rejected) == (1, 1, 1)
    assert (without.blind, without.notes, without.spans, without.accepted) == (True, 1, 1, 0)
    assert without.density == 1000 / words


def test_a_share_of_notes_opens_without_suggestions_for_everybody(ward: Ward) -> None:
    adapter = make_adapter(ward.store)
    promote(ward.store, ward.project, adapter)
    ward.choose(QueueOrder.IMPORT, 50)
    given = notes(ward, 16)
    for note_id in given:
        predict(ward.store, note_id, adapter, [(FEVER, 0.9)])
    seen = [
        {annotating.open_note(ward.store, user=ward.person(name), note_id=note_id).annotation for note_id in given}
        for name in ("ann", "ben")
    ]
    blind = [{annotation.note_id for annotation in annotations if annotation.blind} for annotations in seen]
    bare = [{annotation.note_id for annotation in annotations if not annotation.spans} for annotations in seen]
    assert blind[0] == blind[1] == bare[0] == bare[1]
    assert 0 < len(blind[0]) < len(given)
