"""What each role finds on each page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from support.shown import button, named, texts

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import NoteLabelCount
from mednerapp.domain.notes import NewNote, NoteStatus
from mednerapp.services import (
    accounts,
    annotating,
    dashboards,
    evaluating,
    freezing,
    projects,
    reporting,
)

Open = Callable[[str, Role | None], AppTest]

ALLOWED = {
    "annotate": set(Role),
    "notes": set(Role),
    "upload": {Role.CLINICIAN, Role.LEAD, Role.ADMIN},
    "gold": {Role.LEAD, Role.ADMIN},
    "datasets": {Role.LEAD, Role.ADMIN},
    "promotion": {Role.LEAD, Role.ADMIN},
    "identifiers": {Role.LEAD, Role.ADMIN},
    "train": {Role.LEAD, Role.ADMIN},
    "models": {Role.LEAD, Role.ADMIN},
    "compare": {Role.LEAD, Role.ADMIN},
    "dashboard": {Role.CLINICIAN, Role.LEAD, Role.ADMIN},
    "jobs": {Role.LEAD, Role.ADMIN},
    "admin": {Role.ADMIN},
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("page", list(ALLOWED))
def test_a_page_opens_for_those_who_may_and_says_why_for_the_others(open_page: Open, page: str, role: Role) -> None:
    shown = open_page(page, role)
    assert not shown.exception
    titles = [title.value for title in shown.title]
    assert ("Not for your role" in titles) == (role not in ALLOWED[page])
    if role not in ALLOWED[page]:
        assert not shown.dataframe


@pytest.mark.parametrize("page", list(ALLOWED))
def test_a_stranger_sees_nothing(open_page: Open, page: str) -> None:
    shown = open_page(page, None)
    assert [info.value for info in shown.info] == ["You are signed out."]
    assert not shown.title
    assert not shown.dataframe
    assert not shown.sidebar.button


def test_a_note_that_waits_for_highlights_says_what_is_missing(open_page: Open) -> None:
    shown = open_page("annotate", Role.ANNOTATOR)
    assert "no worker is running" in texts(shown)


def test_freezing_what_did_not_change_gives_the_dataset_that_is_there(open_page: Open) -> None:
    shown = open_page("train", Role.LEAD)
    button(shown, "Freeze dataset").click()
    shown.run()
    assert "Nothing changed since it was frozen: Demo gold" in texts(shown)


def test_the_dashboard_waits_for_scores_and_then_names_the_best_with_its_interval(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    assert "Being scored on the test notes: Starter" in texts(open_page("dashboard", Role.CLINICIAN))
    project = projects.all_projects(app.store)[0]
    (dataset,) = reporting.datasets(app.store, user=people[Role.LEAD], project_id=project.id)
    with app.store.write() as tx:
        notes = tx.datasets.gold(dataset.id, Split.TEST)
        counts = [NoteLabelCount(note.note_id, "Drug", 8, 1 + note.note_id % 2, 2) for note in notes]
        assert project.active_adapter_id is not None
        tx.evaluations.put(
            adapter_id=project.active_adapter_id,
            dataset_id=dataset.id,
            split=Split.TEST,
            notes=len(notes),
            excluded=0,
            counts=counts,
        )
    shown = open_page("dashboard", Role.CLINICIAN)
    best = next(m.value for m in shown.markdown if "has the highest F1" in m.value)
    score = reporting.compare(app.store, user=people[Role.LEAD], dataset_id=dataset.id).scores[0].micro
    assert f"F1: {100 * score.f1.value:.1f}% ({100 * score.f1.low:.1f}" in best.replace("\\", "")
    assert "did not store errors" in texts(shown)  # counts alone, as an older version stored them
    assert f"{len(notes)} test notes" in best
    assert not {"Compare and promote", "Score again"} & {b.label for b in shown.button}  # a clinician promotes nothing
    next(group for group in shown.button_group if "Where it fails" in group.options).set_value("Where it fails")
    shown.run()
    per_label = shown.dataframe[0].value.set_index("Label")["F1 (95%)"]
    assert per_label["Disease"] == "\u2013"  # neither gold nor found
    before = evaluating.open_jobs(app.store, user=people[Role.LEAD], dataset_id=dataset.id)
    button(open_page("dashboard", Role.LEAD), "Score again").click().run()
    assert evaluating.open_jobs(app.store, user=people[Role.LEAD], dataset_id=dataset.id) == before  # it waits already
    assert per_label["Drug"] != "\u2013"


def test_the_dashboard_says_when_no_test_note_is_unseen_by_all_models(
    open_page: Open, app: App, people: dict[Role, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    (dataset,) = reporting.datasets(
        app.store, user=people[Role.LEAD], project_id=projects.all_projects(app.store)[0].id
    )
    read = dashboards.board

    def without_common_notes(*args: Any, **named: Any) -> dashboards.Board:
        return replace(read(*args, **named), models=(), notes=0, left_out=dataset.notes[Split.TEST], stale=())

    monkeypatch.setattr(dashboards, "board", without_common_notes)
    assert "The models cannot be compared on Demo gold" in texts(open_page("dashboard", Role.CLINICIAN))


def test_a_pasted_note_is_shown_first_and_imported_as_text(open_page: Open, app: App, people: dict[Role, User]) -> None:
    shown = open_page("upload", Role.CLINICIAN)
    fields = {field.label: field for field in shown.text_input}
    fields["Title"].set_value("<b>../../x</b>")
    fields["Patient (optional)"].set_value("P-17")
    shown.text_area[0].set_value("<script>alert(1)</script> and fever")
    shown.run()
    assert shown.dataframe[0].value["Begins with"].tolist() == ["<script>alert(1)</script> and fever"]
    button(shown, "Import 1 note").click()
    shown.run()
    assert shown.dataframe[0].value["Result"].tolist() == ["imported"]
    project = projects.all_projects(app.store)[0]
    (found,) = projects.notes(app.store, user=people[Role.CLINICIAN], project_id=project.id, search="x</b>")
    assert found.status is NoteStatus.NEW
    opened = annotating.open_note(app.store, user=people[Role.CLINICIAN], note_id=found.id)
    assert opened.note.text == "<script>alert(1)</script> and fever"
    assert opened.note.patient_key == "P-17"
    assert [field.value for field in shown.text_input] == ["", ""]  # the next notes may be of somebody else


def test_an_administrator_adds_a_person_and_sees_the_password_once(open_page: Open, app: App) -> None:
    shown = open_page("admin", Role.ADMIN)
    fields = {field.label: field for field in shown.text_input}
    fields["Name"].set_value("Ann")
    fields["E-mail"].set_value("ann@example.org")
    fields["Password"].set_value("short")
    button(shown, "Add").click()
    shown.run()
    assert "at least 12 characters" in texts(shown)
    fields = {field.label: field for field in shown.text_input}
    fields["Password"].set_value("")
    button(shown, "Add").click()
    shown.run()
    (password,) = [code.value for code in shown.code]
    signed_in = accounts.sign_in(app.store, email="ann@example.org", password=password, settings=app.settings)
    assert signed_in.user.role is Role.ANNOTATOR
    assert not shown.run().code


def test_a_lead_adds_a_label_and_is_told_what_was_annotated_without_it(open_page: Open, app: App) -> None:
    shown = open_page("notes", Role.LEAD)
    named(shown.button_group, "Part").set_value("Labels").run()
    assert "were annotated without it" in texts(shown)
    named(shown.text_input, "Name").set_value("drug")
    button(shown, "Add").click()
    shown.run()
    assert "The label 'drug' is there twice" in texts(shown).replace("\\", "")
    named(shown.text_input, "Name").set_value("Dose")
    named(shown.text_input, "What it marks").set_value("75 mg daily")
    button(shown, "Add").click()
    shown.run()
    assert not shown.exception
    label = projects.all_projects(app.store)[0].schema.labels[-1]
    assert (label.name, label.key, label.description) == ("Dose", "6", "75 mg daily")
    assert label.color.upper() not in {one.color for one in MEDICAL_SCHEMA.labels}
    assert list(shown.dataframe[0].value["Label"])[-1] == "Dose"


def test_an_administrator_makes_a_project_which_is_chosen_then(open_page: Open, app: App) -> None:
    shown = open_page("admin", Role.ADMIN)
    for name, says in (("", "1 to 200 characters"), ("Ward 9", "Ward 9")):
        named([field for field in shown.text_input if (field.form_id or "").startswith("project-")], "Name").set_value(
            name
        )
        button(shown, "Create project").click()
        shown.run()
        assert not shown.exception
        assert says in texts(shown) + shown.dataframe[1].value.to_string()
    made = next(one for one in projects.all_projects(app.store) if one.name == "Ward 9")
    assert made.schema.labels == MEDICAL_SCHEMA.labels
    assert named(shown.sidebar.selectbox, "Project").value == made.id


def test_the_last_administrator_cannot_be_disabled_by_mistake(open_page: Open) -> None:
    shown = open_page("admin", Role.ADMIN)
    shown.toggle[0].set_value(True)
    button(shown, "Change").click()
    shown.run()
    assert "At least one administrator has to remain." in texts(shown)


def test_a_patient_and_a_project_are_erased_only_after_a_second_word(open_page: Open, app: App) -> None:
    with app.store.write() as tx:
        project = tx.projects.add(name="Old study", schema=projects.all_projects(app.store)[0].schema)
        for number in range(2):
            note = NewNote(text=f"Fever {number}.", title="Old", patient_key=f"P-{number}")
            tx.notes.add(project_id=project.id, note=note, user_id=None)
    shown = open_page("admin", Role.ADMIN)
    named(shown.selectbox, "Project of the patient").set_value("Old study")
    named(shown.text_input, "Patient").set_value("P-1")
    button(shown, "Erase the patient").click()
    shown.run()
    assert "Tick the box" in texts(shown)
    named(shown.checkbox, "Erase all notes of this patient for good").check()
    button(shown, "Erase the patient").click()
    shown.run()
    assert "Erased: 1 note of the project" in texts(shown)

    named(shown.selectbox, "Project to erase").set_value("Old study")
    button(shown, "Erase the project").click()
    shown.run()
    assert "Type the project's name" in texts(shown)
    named(shown.text_input, "Its name once more").set_value("Old study")
    button(shown, "Erase the project").click()
    shown.run()
    assert "Old study is erased: 1 note" in texts(shown)
    assert "Old study" not in [project.name for project in projects.all_projects(app.store)]


def test_frozen_counts_are_those_of_the_next_freeze(app: App, people: dict[Role, User]) -> None:
    project = projects.all_projects(app.store)[0]
    ready = freezing.preview(app.store, user=people[Role.LEAD], project_id=project.id)
    (dataset,) = reporting.datasets(app.store, user=people[Role.LEAD], project_id=project.id)
    assert ready == dataset.notes


def test_a_link_to_a_note_of_another_project_switches_to_that_project(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    first = projects.all_projects(app.store)[0]
    second = projects.create(app.store, by=people[Role.LEAD], name="Another ward")
    shown = open_page("annotate", Role.ANNOTATOR)
    assert shown.sidebar.selectbox[0].value == second.id  # the first by name
    shown.query_params["note"] = "1"
    shown.run()
    assert shown.sidebar.selectbox[0].value == first.id
    shown.sidebar.selectbox[0].set_value(second.id).run()
    assert [title.value for title in shown.title] == ["No notes yet"]
    assert "note" not in shown.query_params


def break_off() -> None:  # runs as a script of its own: what it needs is imported inside
    from mednerapp.errors import InvalidValue
    from mednerapp.ui import errors

    errors.show(InvalidValue("The rank has to be *at least* 1."))
    errors.show(KeyError("Mrs Vellacott has pneumonia"))


def test_a_page_that_breaks_off_shows_our_words_and_never_those_of_another_error() -> None:
    ours, other = (error.value for error in AppTest.from_function(break_off).run().error)
    assert ours.replace("\\", "") == "The rank has to be *at least* 1."
    assert "Vellacott" not in other
