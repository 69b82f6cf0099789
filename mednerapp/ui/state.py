"""What a browser tab remembers between runs. Nothing here is work: that is stored the moment it is done."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from mednerapp.domain.projects import Project
from mednerapp.services import projects
from mednerapp.services.digging import Behind
from mednerapp.services.importing import ImportResult
from mednerapp.ui.process import application

_KEY = "medner"


@dataclass(slots=True)
class State:
    """`page`: where the last run was; `epoch`, `uploader`: raised to make the editor or the uploader start afresh.

    `behind`: the number of the dashboard whose spans are shown. `awaited`: jobs of theirs whose end was not told yet.
    """

    project_id: int | None = None
    note_id: int | None = None
    experiment_id: int | None = None
    page: str = ""
    epoch: int = 0
    uploader: int = 0
    behind: Behind | None = None
    awaited: frozenset[int] = frozenset()
    results: list[ImportResult] = field(default_factory=list[ImportResult])


def state() -> State:
    if _KEY not in st.session_state:
        st.session_state[_KEY] = State()
    return st.session_state[_KEY]


def current_project() -> Project:
    """The chosen project, or the first; the run ends with a message when there is none."""
    found = projects.all_projects(application().store)
    if not found:
        st.info("There is no project. MedNER creates a first one when it is started again.")
        st.stop()
    return next((p for p in found if p.id == state().project_id), found[0])


def enter(page: str) -> bool:
    """Note that this page is on screen; True when it was not in the run before."""
    arrived = state().page != page
    state().page = page
    return arrived
