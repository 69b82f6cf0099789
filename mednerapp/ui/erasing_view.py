"""Erasing a patient or a project for good."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.projects import Project
from mednerapp.services import erasing, projects
from mednerapp.ui.acting import act
from mednerapp.ui.process import application
from mednerapp.ui.words import count, plain

_TOLD = "erased"  # what the run before has done


def part(user: User) -> None:
    st.write(
        "What is erased here does not come back. Ids and counts stay in the audit log; backups, and files that were "
        "exported before, are not reached."
    )
    for line in st.session_state.pop(_TOLD, []):
        st.success(line)
    found = projects.all_projects(application().store)
    if not found:
        st.info("There is no project.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("A patient", anchor=False)
        _patient(user, found)
    with right:
        st.subheader("A project", anchor=False)
        _project(user, found)


def _patient(user: User, found: list[Project]) -> None:
    with st.form("erase-patient", enter_to_submit=False):
        project = st.selectbox("Project of the patient", found, format_func=lambda p: p.name)
        key = st.text_input("Patient", max_chars=200, autocomplete="off", help="As it was uploaded.")
        sure = st.checkbox("Erase all notes of this patient for good")
        pressed = st.form_submit_button("Erase the patient")
    if not pressed:
        return
    if not sure:
        st.warning("Tick the box to erase for good.")
        return

    def erase() -> None:
        erased = erasing.erase_patient(application().store, user=user, project_id=project.id, patient_key=key)
        told = [f"Erased: {count(erased.notes, 'note')} of the project, {erased.waiting} waiting for a person."]
        told += [f"Note {note} stays: the frozen dataset {plain(name)} needs it." for note, name in erased.kept]
        told += [f"The adapter {plain(name)} has learned from these notes; it remains." for name in erased.adapters]
        st.session_state[_TOLD] = told

    act(erase)


def _project(user: User, found: list[Project]) -> None:
    with st.form("erase-project", enter_to_submit=False):
        project = st.selectbox("Project to erase", found, format_func=lambda p: p.name)
        name = st.text_input("Its name once more", max_chars=200, autocomplete="off")
        st.caption("Notes, annotations, datasets, scores, runs, and the adapters that learned in it.")
        pressed = st.form_submit_button("Erase the project")
    if not pressed:
        return

    def erase() -> None:
        app = application()
        erased = erasing.erase_project(app.store, user=user, project_id=project.id, name=name, settings=app.settings)
        parts = [count(erased.notes, "note"), count(erased.annotations, "annotation")]
        parts += [count(erased.datasets, "dataset"), count(len(erased.adapters), "adapter")]
        st.session_state[_TOLD] = [f"{plain(project.name)} is erased: {', '.join(parts)}."]

    act(erase)
