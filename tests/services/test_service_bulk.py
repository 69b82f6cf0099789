"""Changing every place of the same words in all open notes: seen before, done once, taken back as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from support.makers import add_note, create, make_adapter, make_project, make_user, predict, promote

from db import tables as t
from db.engine import Database
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import BULK_CLIENT, AnnotatedSpan, SpanState, replay
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.bulk import BulkChange, BulkKind
from mednerapp.domain.clock import now
from mednerapp.domain.history import steps
from mednerapp.domain.notes import Note
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import ChangedSince, InvalidValue, NotFound, RevisionConflict, UnknownLabel
from mednerapp.services import annotating, bulk
from mednerapp.store import Store

FEVER = BulkChange(BulkKind.CREATE, "fever", "Symptom")


@dataclass(frozen=True)
class Ward:
    store: Store
    user: User
    project: Project

    def note(self, text: str) -> int:
        return add_note(self.store, self.project, text, title=text[:10])

    def opened(self, note_id: int) -> int:
        return annotating.open_note(self.store, user=self.user, note_id=note_id).annotation.id

    def preview(self, change: BulkChange = FEVER, *, except_annotation: int | None = None) -> bulk.Preview:
        return bulk.preview(
            self.store, user=self.user, project_id=self.project.id, change=change, except_annotation=except_annotation
        )

    def apply(
        self, change: BulkChange = FEVER, *, step: str = "s1", excluded: Sequence[tuple[int, int, int]] = ()
    ) -> bulk.Applied:
        return bulk.apply(
            self.store,
            user=self.user,
            project_id=self.project.id,
            change=change,
            step=step,
            expected=self.preview(change).places,
            excluded=excluded,
        )

    def spans(self, note_id: int) -> list[AnnotatedSpan]:
        with self.store.read() as tx:
            found = tx.annotations.of(note_id=note_id, user_id=self.user.id)
        return list(found.spans) if found else []

    def said(self, note_id: int) -> list[tuple[int, int, str, str]]:
        return [(s.span.start, s.span.end, s.span.label, s.state.value) for s in self.spans(note_id)]


@pytest.fixture
def ward(store: Store) -> Ward:
    return Ward(store, make_user(store, Role.ANNOTATOR), make_project(store))


def suggest(ward: Ward, note_id: int, *spans: Span) -> None:
    with ward.store.read() as tx:
        adapters = tx.models.adapters(ward.project.id)
    adapter = adapters[0] if adapters else make_adapter(ward.store)
    if not adapters:
        promote(ward.store, ward.project, adapter)
    predict(ward.store, note_id, adapter, [(span, 0.9) for span in spans])


def test_every_place_in_opened_and_unopened_notes_is_shown_and_then_made(ward: Ward) -> None:
    first, second = ward.note("No fever. Fever later."), ward.note("High FEVER, feverish.")
    ward.note("Cough.")
    ward.opened(first)
    shown = ward.preview()
    assert [(n.note.note_id, [(p.start, p.end) for p in n.places]) for n in shown.notes] == [
        (first, [(3, 8), (10, 15)]),
        (second, [(5, 10)]),
    ]
    applied = ward.apply()
    assert (applied.notes, applied.places, applied.skipped) == (2, 3, {})
    assert ward.said(first) == [(3, 8, "Symptom", "confirmed"), (10, 15, "Symptom", "confirmed")]
    assert ward.said(second) == [(5, 10, "Symptom", "confirmed")]
    assert [span.assertion for span in ward.spans(first)] == [Assertion.ABSENT, None]
    assert ward.preview().places == 0


def test_a_suggestion_is_accepted_where_it_stands_and_what_was_decided_stays(ward: Ward) -> None:
    seen, unseen, decided = ward.note("fever 1"), ward.note("fever 2"), ward.note("fever 3")
    for note_id in (seen, unseen, decided):
        suggest(ward, note_id, Span(0, 5, "Symptom"))
    ward.opened(seen)
    reject = replace(FEVER, kind=BulkKind.REJECT)
    ward.opened(decided)
    others = [(note_id, 0, 5) for note_id in (seen, unseen)]
    ward.apply(reject, step="s0", excluded=others)
    ward.apply()
    assert ward.said(seen) == ward.said(unseen) == [(0, 5, "Symptom", "confirmed")]
    assert ward.said(decided) == [(0, 5, "Symptom", "rejected")]
    assert {span.score for span in ward.spans(seen) + ward.spans(unseen)} == {0.9}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (replace(FEVER, kind=BulkKind.RELABEL, new_label="Disease"), [(0, 5, "Disease", "confirmed")]),
        (replace(FEVER, kind=BulkKind.DELETE), []),
        (replace(FEVER, kind=BulkKind.REJECT), [(0, 5, "Symptom", "rejected")]),
        (replace(FEVER, kind=BulkKind.ACCEPT), [(0, 5, "Symptom", "confirmed")]),
    ],
)
def test_suggestions_are_changed_and_brought_back(
    ward: Ward, change: BulkChange, expected: list[tuple[int, int, str, str]]
) -> None:
    notes = [ward.note("fever 1"), ward.note("fever 2")]
    for note_id in notes:
        suggest(ward, note_id, Span(0, 5, "Symptom"))
    ward.opened(notes[0])
    assert ward.apply(change).places == 2
    assert [ward.said(note_id) for note_id in notes] == [expected, expected]
    assert bulk.undo(ward.store, user=ward.user, step="s1") == bulk.TakenBack(2, ())
    assert [ward.said(note_id) for note_id in notes] == [[(0, 5, "Symptom", "suggested")]] * 2
    assert bulk.redo(ward.store, user=ward.user, step="s1") == bulk.TakenBack(2, ())
    assert [ward.said(note_id) for note_id in notes] == [expected, expected]


def test_notes_that_others_have_done_or_hold_are_left_alone(ward: Ward, database: Database) -> None:
    mine, submitted, held, binned, free = (ward.note(f"fever {i}") for i in range(5))
    other = make_user(ward.store, Role.ANNOTATOR, "other")
    ward.opened(mine)
    opened = annotating.open_note(ward.store, user=other, note_id=submitted)
    annotating.submit(ward.store, user=other, annotation_id=opened.annotation.id, revision=0)
    with database.write() as session:  # leases and the bin belong to others
        session.add(t.NoteLease(note_id=held, user_id=other.id, expires_at=now() + timedelta(hours=1)))
        session.add(t.NoteLease(note_id=free, user_id=other.id, expires_at=now() - timedelta(hours=1)))
        session.get_one(t.Note, binned).deleted_at = now()
    assert [n.note.note_id for n in ward.preview().notes] == [mine, free]
    assert [n.note.note_id for n in ward.preview(replace(FEVER, whole_words=False)).notes] == [mine, free]


def test_own_submitted_notes_and_the_one_in_the_editor_are_left_alone(ward: Ward) -> None:
    done, edited, other = (ward.note(f"fever {i}") for i in range(3))
    annotating.submit(ward.store, user=ward.user, annotation_id=ward.opened(done), revision=0)
    found = ward.preview(except_annotation=ward.opened(edited))
    assert [n.note.note_id for n in found.notes] == [other]


def test_places_that_were_left_out_stay_as_they_are(ward: Ward) -> None:
    note_id, untouched = ward.note("fever fever"), ward.note("fever")
    ward.apply(excluded=[(note_id, 0, 5), (untouched, 0, 5)])
    assert ward.said(note_id) == [(6, 11, "Symptom", "confirmed")]
    assert ward.spans(untouched) == []


def test_a_repeated_delivery_answers_the_same_and_changes_nothing(ward: Ward) -> None:
    note_id = ward.note("fever")
    first = ward.apply()
    with ward.store.read() as tx:
        before = tx.annotations.of(note_id=note_id, user_id=ward.user.id)
    again = bulk.apply(
        ward.store, user=ward.user, project_id=ward.project.id, change=FEVER, step="s1", expected=1, excluded=()
    )
    assert again == first
    with ward.store.read() as tx:
        assert tx.annotations.of(note_id=note_id, user_id=ward.user.id) == before


def test_nothing_is_done_when_there_is_something_else_than_was_shown(ward: Ward) -> None:
    note_id = ward.note("fever")
    with pytest.raises(ChangedSince, match="1 places now, not 2"):
        bulk.apply(ward.store, user=ward.user, project_id=ward.project.id, change=FEVER, step="s1", expected=2)
    assert ward.spans(note_id) == []


def test_undo_keeps_what_was_changed_since_and_names_it(ward: Ward) -> None:
    changed, submitted, plain = ward.note("fever a"), ward.note("fever b"), ward.note("fever c")
    ward.apply()
    (span,) = ward.spans(changed)
    edit = replace(create(1, span.id, Span(0, 7, "Symptom")), action=annotating.EditAction.RESIZE)
    annotating.save_edits(
        ward.store, user=ward.user, annotation_id=ward.opened(changed), client="tab", base_revision=1, edits=[edit]
    )
    annotating.submit(ward.store, user=ward.user, annotation_id=ward.opened(submitted), revision=1)
    result = bulk.undo(ward.store, user=ward.user, step="s1")
    assert result == bulk.TakenBack(1, ((changed, "fever a"), (submitted, "fever b")))
    assert ward.said(changed) == [(0, 7, "Symptom", "confirmed")]
    assert ward.spans(plain) == []
    assert bulk.undo(ward.store, user=ward.user, step="s1").notes == 0  # once more changes nothing


def test_an_open_editor_gets_a_conflict_and_the_history_shows_one_step(ward: Ward) -> None:
    note_id = ward.note("fever and fever")
    annotation_id = ward.opened(note_id)
    ward.apply()
    with pytest.raises(RevisionConflict):
        annotating.save_edits(
            ward.store,
            user=ward.user,
            annotation_id=annotation_id,
            client="tab",
            base_revision=0,
            edits=[create(1, "x", Span(6, 9, "Drug"))],
        )
    with ward.store.read() as tx:
        events = tx.annotations.events(annotation_id)
        assert replay(events) == {s.id: s for s in tx.annotations.get(annotation_id).spans}
    assert {(event.client, event.user_id) for event in events} == {(BULK_CLIENT, ward.user.id)}
    (step,) = steps(events).done
    assert (step.id, step.bulk, len(step.changes)) == ("s1", True, 2)


def test_another_person_can_neither_repeat_nor_undo_it(ward: Ward) -> None:
    ward.note("fever")
    ward.apply()
    other = make_user(ward.store, Role.ANNOTATOR, "other")
    with pytest.raises(NotFound):
        bulk.undo(ward.store, user=other, step="s1")
    with pytest.raises(NotFound):
        bulk.apply(ward.store, user=other, project_id=ward.project.id, change=FEVER, step="s1", expected=0)


def test_what_cannot_be_is_refused(ward: Ward) -> None:
    with pytest.raises(UnknownLabel):
        ward.preview(replace(FEVER, label="Nonsense"))
    for wrong in ({"mention": "  "}, {"mention": "x" * 201}, {"kind": BulkKind.RELABEL}, {"new_label": "Drug"}):
        with pytest.raises(InvalidValue):
            replace(FEVER, **wrong)
    with pytest.raises(NotFound):
        bulk.undo(ward.store, user=ward.user, step="never")


def test_the_audit_log_counts_and_does_not_quote(ward: Ward) -> None:
    ward.note("secretword")
    ward.apply(replace(FEVER, mention="secretword"))
    with ward.store.read() as tx:
        event, _ = tx.audit.recent(1)[0]
    assert (event.action, event.detail["notes"], event.detail["places"]) == ("mentions changed", 1, 1)
    assert "secretword" not in str(event)


def test_more_than_is_done_at_once_is_cut_and_said_so(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_NOTES", 2)
    notes = [ward.note(f"fever {i}") for i in range(3)]
    assert ward.preview().truncated
    assert ward.apply().notes == 2
    assert [len(ward.spans(note_id)) for note_id in notes] == [1, 1, 0]
    assert not ward.preview().truncated


def test_many_notes_are_read_in_batches(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_AT_ONCE", 2)
    notes = [ward.note(f"fever {i}") for i in range(5)]
    for change in (FEVER, replace(FEVER, whole_words=False)):
        assert [n.note.note_id for n in ward.preview(change).notes] == notes


def test_two_windows_at_the_same_moment_do_it_once(ward: Ward) -> None:
    notes = [ward.note(f"fever {i}") for i in range(6)]
    for note_id in notes[::2]:
        ward.opened(note_id)
    together = Barrier(2)
    outcomes: list[object] = []

    def run(step: str) -> None:
        together.wait()
        try:
            outcomes.append(
                bulk.apply(
                    ward.store, user=ward.user, project_id=ward.project.id, change=FEVER, step=step, expected=6
                ).places
            )
        except ChangedSince:
            outcomes.append("changed")

    threads = [Thread(target=run, args=(step,)) for step in ("s1", "s2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["6", "changed"]
    assert all(len(ward.spans(note_id)) == 1 for note_id in notes)
    assert {span.state for note_id in notes for span in ward.spans(note_id)} == {SpanState.CONFIRMED}


def test_a_note_that_comes_blind_gets_no_suggestions_by_the_back_door(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(_: Project, __: Note) -> bool:
        return True

    monkeypatch.setattr(annotating, "is_blind", always)
    note_id = ward.note("fever and fever")
    suggest(ward, note_id, Span(0, 5, "Symptom"))
    assert ward.preview(replace(FEVER, kind=BulkKind.ACCEPT)).places == 0
    ward.apply(excluded=[(note_id, 0, 5)])
    assert ward.said(note_id) == [(10, 15, "Symptom", "confirmed")]
    with ward.store.read() as tx:
        found = tx.annotations.of(note_id=note_id, user_id=ward.user.id)
    assert found is not None
    assert found.blind
