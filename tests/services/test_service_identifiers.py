from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.makers import TEXT, add_note, change, create, make_project, make_users

from mednerapp.deid import beside, detector
from mednerapp.deid.detector import Detector
from mednerapp.domain.accounts import PERMISSIONS, Permission, Role, User
from mednerapp.domain.annotations import EditAction, SpanState
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split, split_of
from mednerapp.domain.identifiers import IdentifierPolicy, IdentifierType, Verdict
from mednerapp.domain.notes import NewNote
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import (
    IdentifierModelFailed,
    InvalidEdit,
    NotCleared,
    NotFound,
    PermissionDenied,
    RevisionConflict,
)
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services import binning, erasing, exporting, freezing, holding, identifiers, importing, projects
from mednerapp.services.annotating import Saved
from mednerapp.services.importing import Outcome, Upload
from mednerapp.store import Store

NOTE = "Mary Johnson (MRN 12345-X) was seen on March 3rd, 2022 with fever."
CLEAN = "Fever and cough for two days."
People = dict[Role, User]


@pytest.fixture(autouse=True)
def _without_presidio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it takes seconds; a test of its own does."""
    monkeypatch.setattr(detector, "usual", Detector)


@pytest.fixture
def people(store: Store) -> People:
    return make_users(store)


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


def choose(store: Store, people: People, project: Project, policy: IdentifierPolicy) -> None:
    identifiers.choose_policy(store, user=people[Role.LEAD], project_id=project.id, policy=policy)


def bring_in(
    store: Store, people: People, project: Project, *texts: str, patient: str | None = None
) -> list[importing.ImportResult]:
    uploads = [
        Upload("mary.txt", NewNote(text=text, title="mary.txt", source="mary.txt", patient_key=patient))
        for text in texts
    ]
    return importing.import_uploads(store, user=people[Role.CLINICIAN], project_id=project.id, uploads=uploads)


def everything(store: Store, project: Project, user: User) -> str:
    """All texts and titles that the project's ordinary users can get at."""
    summaries = projects.notes(store, user=user, project_id=project.id)
    with store.read() as tx:
        notes = [tx.notes.get(summary.id) for summary in summaries]
        log = [str(event.detail) for event, _ in tx.audit.recent()]
    return "\n".join([*(f"{n.title} {n.source} {n.patient_key} {n.text}" for n in notes), *log])


def test_without_a_policy_notes_come_in_as_they_are_and_nothing_is_stopped(
    store: Store, people: People, project: Project
) -> None:
    (result,) = bring_in(store, people, project, NOTE)
    assert result.outcome is Outcome.IMPORTED
    assert NOTE in everything(store, project, people[Role.ANNOTATOR])
    assert list(exporting.export_jsonl(store, user=people[Role.LEAD], project_id=project.id)) == []


@pytest.mark.parametrize("policy", [IdentifierPolicy.REPLACE, IdentifierPolicy.TAG])
def test_replaced_notes_hold_nothing_of_the_patient_and_can_be_restored_by_few(
    store: Store, people: People, project: Project, policy: IdentifierPolicy
) -> None:
    choose(store, people, project, policy)
    first, clean = bring_in(store, people, project, NOTE, CLEAN, patient="P-XY-Johnson")
    assert (first.outcome, clean.outcome) == (Outcome.IMPORTED, Outcome.IMPORTED)
    seen = everything(store, project, people[Role.ANNOTATOR])
    for secret in ("Mary", "Johnson", "12345-X", "March 3rd, 2022", "mary.txt", "P-XY"):
        assert secret not in seen
    assert first.note_id is not None
    for role in (Role.ANNOTATOR, Role.CLINICIAN, Role.LEAD):
        with pytest.raises(PermissionDenied):
            identifiers.restore_note(store, user=people[role], note_id=first.note_id)
    assert identifiers.restore_note(store, user=people[Role.ADMIN], note_id=first.note_id) == NOTE
    standing = identifiers.standing(store, user=people[Role.LEAD], project_id=project.id)
    assert (standing.verdicts[Verdict.REPLACED], standing.verdicts[Verdict.FOUND_NONE]) == (1, 1)
    (again,) = bring_in(store, people, project, NOTE, patient="P-XY-Johnson")
    assert again.outcome is Outcome.DUPLICATE


def test_without_the_model_that_was_chosen_no_note_comes_in(
    store: Store, people: People, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "usual", lambda: Detector((*detector.OWN, *beside.chosen())))
    choose(store, people, project, IdentifierPolicy.REPLACE)
    beside.choose(beside.Beside(tmp_path / "nowhere", tmp_path))
    try:
        with pytest.raises(IdentifierModelFailed, match="MEDNER_DEID_MODEL") as failed:
            bring_in(store, people, project, NOTE)
    finally:
        beside.choose(None)
    assert "Mary" not in str(failed.value)
    assert projects.notes(store, user=people[Role.LEAD], project_id=project.id) == []
    (result,) = bring_in(store, people, project, NOTE)
    assert result.outcome is Outcome.IMPORTED


def test_notes_of_one_patient_keep_one_name_and_move_by_the_same_days(
    store: Store, people: People, project: Project
) -> None:
    choose(store, people, project, IdentifierPolicy.REPLACE)
    bring_in(store, people, project, "Mary Johnson, seen 2022-03-01.", "Mary Johnson, seen 2022-03-08.", patient="p")
    summaries = projects.notes(store, user=people[Role.LEAD], project_id=project.id)
    with store.read() as tx:
        one, two = [tx.notes.get(summary.id) for summary in summaries]
    assert one.text.split(",")[0] == two.text.split(",")[0] != "Mary Johnson"
    assert one.patient_key == two.patient_key
    assert one.split is two.split


def test_what_came_with_the_upload_is_found(store: Store, people: People, project: Project) -> None:
    choose(store, people, project, IdentifierPolicy.TAG)
    upload = Upload(
        "x", NewNote(text="zorblax qux is better", title="x"), known={IdentifierType.NAME: ("Qux, Zorblax",)}
    )
    (result,) = importing.import_uploads(store, user=people[Role.LEAD], project_id=project.id, uploads=[upload])
    with store.read() as tx:
        assert tx.notes.get(result.note_id or 0).text == "[NAME] [NAME] is better"


def test_a_project_can_refuse_and_says_what_but_not_whom(store: Store, people: People, project: Project) -> None:
    choose(store, people, project, IdentifierPolicy.REFUSE)
    refused, clean = bring_in(store, people, project, NOTE, CLEAN)
    assert (refused.outcome, clean.outcome) == (Outcome.REJECTED, Outcome.IMPORTED)
    assert "1 name" in refused.reason
    assert "Mary" not in refused.reason
    record = NoteWithSpans(NewNote(text=NOTE, title="Gold"), ())
    tally = importing.import_gold(store, user=people[Role.LEAD], project_id=project.id, records=[record])
    assert tally[Outcome.REJECTED] == 1


def test_gold_moves_with_the_text_in_which_identifiers_are_replaced(
    store: Store, people: People, project: Project
) -> None:
    choose(store, people, project, IdentifierPolicy.REPLACE)
    at = NOTE.index("fever")
    record = NoteWithSpans(NewNote(text=NOTE, title="Gold"), (Span(at, at + 5, "Symptom"),))
    importing.import_gold(store, user=people[Role.LEAD], project_id=project.id, records=[record])
    with store.read() as tx:
        (annotation,) = tx.annotations.submitted(project.id)
        text = tx.notes.get(annotation.note_id).text
    (span,) = annotation.confirmed()
    assert (span.mention(text), "Mary" in text) == ("fever", False)


def held(store: Store, people: People, project: Project) -> int:
    choose(store, people, project, IdentifierPolicy.KEEP)
    (result,) = bring_in(store, people, project, NOTE)
    assert result.outcome is Outcome.HELD
    ((held_id, _),) = holding.waiting(store, user=people[Role.LEAD], project_id=project.id)
    return held_id


def test_a_held_note_is_nowhere_until_a_person_has_confirmed_added_and_taken_away(
    store: Store, people: People, project: Project
) -> None:
    held_id, lead = held(store, people, project), people[Role.LEAD]
    assert projects.notes(store, user=lead, project_id=project.id) == []
    for role in (Role.ANNOTATOR, Role.CLINICIAN):
        with pytest.raises(PermissionDenied):
            holding.open_held(store, user=people[role], held_id=held_id)
    opened = holding.open_held(store, user=lead, held_id=held_id)
    date = next(span for span in opened.spans if span["label"] == "date")
    place = Span(date["start"], date["end"], "date")
    edits = [
        change(1, EditAction.REJECT, date["id"], place, SpanState.REJECTED),
        create(2, "mine", Span(NOTE.index("fever"), NOTE.index("fever") + 5, "other id")),
    ]
    saved = holding.save_edits(store, user=lead, held_id=held_id, client="tab", base_revision=0, edits=edits)
    assert (saved.ack, saved.revision) == (2, 2)
    again = holding.save_edits(store, user=lead, held_id=held_id, client="tab", base_revision=0, edits=edits)
    assert again == saved
    with pytest.raises(RevisionConflict):
        holding.release(store, user=lead, held_id=held_id, revision=1)
    released = holding.release(store, user=lead, held_id=held_id, revision=2)
    with store.read() as tx:
        text = tx.notes.get(released.note_id).text
        assert tx.privacy.verdict(released.note_id) is Verdict.CLEARED
    assert "March 3rd, 2022" in text  # the person said that this is no identifier
    assert not any(word in text for word in ("Mary", "Johnson", "12345", "fever"))
    assert identifiers.restore_note(store, user=people[Role.ADMIN], note_id=released.note_id) == NOTE
    with pytest.raises(NotFound):
        holding.open_held(store, user=lead, held_id=held_id)


def test_a_repeated_delivery_does_not_confirm_what_another_tab_did_since(
    store: Store, people: People, project: Project
) -> None:
    held_id, lead = held(store, people, project), people[Role.LEAD]

    def save(client: str, base: int, seq: int, span_id: str) -> Saved:
        edits = [create(seq, span_id, Span(0, 4, "name"))]
        return holding.save_edits(store, user=lead, held_id=held_id, client=client, base_revision=base, edits=edits)

    save("one", 0, 1, "a")
    save("two", 1, 1, "b")
    again = save("one", 0, 1, "a")  # its answer was lost
    assert again.ack == 1
    with pytest.raises(RevisionConflict):
        save("one", again.revision, 2, "c")


def test_a_second_tab_and_an_edit_that_does_not_fit_are_refused(store: Store, people: People, project: Project) -> None:
    held_id, lead = held(store, people, project), people[Role.LEAD]
    place = Span(0, 4, "name")
    ours = [create(1, "a", place)]
    holding.save_edits(store, user=lead, held_id=held_id, client="one", base_revision=0, edits=ours)
    with pytest.raises(RevisionConflict):
        holding.save_edits(store, user=lead, held_id=held_id, client="two", base_revision=0, edits=ours)
    with pytest.raises(RevisionConflict):  # of a page that was open before a backup was put back
        holding.save_edits(
            store, user=lead, held_id=held_id, client="one", base_revision=2, edits=[create(2, "b", place)]
        )
    for bad in (Span(0, len(NOTE) + 1, "name"), Span(0, 4, "Drug")):
        with pytest.raises(InvalidEdit):
            holding.save_edits(
                store, user=lead, held_id=held_id, client="one", base_revision=1, edits=[create(2, "b", bad)]
            )
    assert holding.open_held(store, user=lead, held_id=held_id).revision == 1


def test_no_note_that_has_not_passed_is_frozen_or_exported(store: Store, people: People, project: Project) -> None:
    lead = people[Role.LEAD]
    add_note(store, project, NOTE)  # from before the policy
    add_note(store, project, CLEAN)
    records = [NoteWithSpans(NewNote(text=f"{NOTE} {TEXT}", title="Gold"), ())]
    importing.import_gold(store, user=lead, project_id=project.id, records=records)
    list(exporting.export_jsonl(store, user=lead, project_id=project.id))
    choose(store, people, project, IdentifierPolicy.REPLACE)
    for leaves in (freezing.freeze, exporting.export_jsonl):
        with pytest.raises(NotCleared) as stopped:
            leaves(store, user=lead, project_id=project.id)
        assert "Mary" not in str(stopped.value)
    tally = identifiers.check(store, user=lead, project_id=project.id)
    assert tally == {Verdict.FOUND_NONE: 1, Verdict.HELD: 2}
    with pytest.raises(NotCleared):
        exporting.export_jsonl(store, user=lead, project_id=project.id)
    for note_id, _, _ in identifiers.to_look_at(store, user=lead, project_id=project.id):
        held_id = holding.take_out(store, user=lead, note_id=note_id)
        revision = holding.open_held(store, user=lead, held_id=held_id).revision
        holding.release(store, user=lead, held_id=held_id, revision=revision)
    assert list(exporting.export_jsonl(store, user=lead, project_id=project.id)) == []
    assert "Mary" not in everything(store, project, people[Role.ANNOTATOR])


def test_a_replaced_note_can_be_taken_out_again_and_the_way_back_goes_with_a_purge(
    store: Store, people: People, project: Project
) -> None:
    choose(store, people, project, IdentifierPolicy.REPLACE)
    (result,) = bring_in(store, people, project, NOTE)
    lead = people[Role.LEAD]
    held_id = holding.take_out(store, user=lead, note_id=result.note_id or 0)
    opened = holding.open_held(store, user=lead, held_id=held_id)
    assert opened.text == NOTE
    assert {NOTE[s["start"] : s["end"]] for s in opened.spans} >= {"Mary Johnson", "March 3rd, 2022"}
    released = holding.release(store, user=lead, held_id=held_id, revision=0)
    binning.delete(store, user=lead, project_id=project.id, note_ids=[released.note_id])
    with store.write() as tx:
        tx.notes.purge([released.note_id], before=now() + timedelta(days=1))
    with store.read() as tx, pytest.raises(NotFound):
        tx.privacy.original(released.note_id)


def test_only_few_may_see_or_restore() -> None:
    assert {r for r in Role if Permission.SEE_IDENTIFIERS in PERMISSIONS[r]} == {Role.LEAD, Role.ADMIN}
    assert {r for r in Role if Permission.RESTORE_IDENTIFIERS in PERMISSIONS[r]} == {Role.ADMIN}


def test_a_patient_is_erased_and_what_remains_is_said(store: Store, people: People, project: Project) -> None:
    lead, admin = people[Role.LEAD], people[Role.ADMIN]
    choose(store, people, project, IdentifierPolicy.REPLACE)
    replaced, _ = bring_in(store, people, project, NOTE, CLEAN, patient="P-7")
    (other,) = bring_in(store, people, project, "Rash.", patient="P-8")
    choose(store, people, project, IdentifierPolicy.KEEP)
    bring_in(store, people, project, f"{NOTE} Again.", patient="P-7")
    binning.delete(store, user=lead, project_id=project.id, note_ids=[replaced.note_id or 0])
    with pytest.raises(PermissionDenied):
        erasing.erase_patient(store, user=lead, project_id=project.id, patient_key="P-7")
    erased = erasing.erase_patient(store, user=admin, project_id=project.id, patient_key="P-7")
    assert (erased.notes, erased.waiting, erased.kept, erased.adapters) == (2, 1, (), ())
    left = projects.notes(store, user=lead, project_id=project.id)
    assert [note.id for note in left] == [other.note_id]
    assert holding.waiting(store, user=lead, project_id=project.id) == []
    assert binning.contents(store, user=lead, project_id=project.id) == []
    with store.read() as tx:
        assert not any("P-7" in str(event.detail) for event, _ in tx.audit.recent())


def test_a_note_in_a_frozen_dataset_stays_and_is_named(store: Store, people: People, project: Project) -> None:
    records = [
        NoteWithSpans(NewNote(text=f"Fever {patient}.", title="Gold", patient_key=patient), ())
        for patient in patients_on_all_sides()
    ]
    importing.import_gold(store, user=people[Role.LEAD], project_id=project.id, records=records)
    dataset = freezing.freeze(store, user=people[Role.LEAD], project_id=project.id)
    patient = records[0].note.patient_key or ""
    erased = erasing.erase_patient(store, user=people[Role.ADMIN], project_id=project.id, patient_key=patient)
    assert erased.notes == 0
    assert [name for _, name in erased.kept] == [dataset.name]


def patients_on_all_sides() -> list[str]:
    found: dict[Split, str] = {}
    for number in range(200):
        found.setdefault(split_of(patient_key=str(number), content_hash=""), str(number))
    return list(found.values())
