"""The guideline of a project, written by its lead."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.guidelines import by_label
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue
from mednerapp.services import projects
from mednerapp.ui.process import application
from mednerapp.ui.words import plain

HEIGHT = 420  # pixels
_DRAFTS = "guideline:drafts"  # by project: what the person began with, and what they have made of it and not saved
_FRESH = "guideline:fresh"  # raised to make the field show what is saved


def edit(user: User, project: Project) -> None:
    """The Markdown, what of it stands beside the spans of which label, and how it looks.

    What is not saved stays in the session, whatever part or page the person looks at meanwhile.
    """
    st.caption(
        "Annotators open it above the text. The part under a heading that names a label, such as *## Drugs*, stands "
        "beside the spans of that label when they press **G**."
    )
    drafts: dict[int, tuple[str, str]] = st.session_state.setdefault(_DRAFTS, {})
    was, written = drafts.get(project.id, ("", ""))
    if was == written != project.guideline:  # nothing was written: show what is saved by now
        _forget(project)
        was = written = project.guideline
    drafts[project.id] = (was, written)
    key = f"guideline-{project.id}-{st.session_state.setdefault(_FRESH, 0)}"

    def keep() -> None:
        drafts[project.id] = (was, st.session_state[key])

    text = st.text_area(
        "Guideline, in Markdown",
        value=written,
        height=HEIGHT,
        max_chars=max(projects.LONGEST_GUIDELINE, len(was)),  # what is there is never cut
        placeholder="## Drugs\n\nMark the name without the dose.",
        key=key,
        on_change=keep,
    )
    parts = by_label(text, project.schema.names)
    missing = [name for name in project.schema.names if name not in parts]
    if text.strip() and missing:
        st.info(f"Nothing stands beside {', '.join(plain(name) for name in missing)}: no heading names them.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Save", type="primary", disabled=text == was):
            _save(user, project, text, was)
        if text != was:
            if st.button("Drop the changes", help="Shows what is saved."):
                _forget(project)
                st.rerun()
            st.caption("Not saved yet.")
    if text.strip():
        st.subheader("How it looks", anchor=False)
        with st.container(border=True):
            st.markdown(text)


def _save(user: User, project: Project, text: str, was: str) -> None:
    try:
        projects.change_guideline(application().store, user=user, project_id=project.id, text=text, was=was)
    except InvalidValue as error:
        st.error(f"{plain(str(error))} Copy what you wrote, drop the changes, and put it into the text that is saved.")
        return
    _forget(project)
    st.toast("Saved. It is beside the notes that are opened from now on.")
    st.rerun()


def _forget(project: Project) -> None:
    st.session_state[_DRAFTS].pop(project.id, None)
    st.session_state[_FRESH] = st.session_state.get(_FRESH, 0) + 1
