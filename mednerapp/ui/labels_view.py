"""The labels of a project: looked at, and more of them."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.labels import LONGEST_DESCRIPTION, LONGEST_NAME, PALETTE, Label
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue
from mednerapp.services import projects
from mednerapp.ui.process import application
from mednerapp.ui.words import count, plain

_FRESH = "labels:fresh"  # raised to empty the form


def labels(user: User, project: Project, *, notes: int, submitted: int) -> None:
    """What there is, and a form for one more. `notes`, `submitted`: how many the project has."""
    st.dataframe(
        [_row(label) for label in project.schema.labels],
        hide_index=True,
        column_config={
            "Colour": st.column_config.ImageColumn(width="small"),
            "Key": st.column_config.Column(width="small"),
        },
    )
    st.caption(
        "The key gives the label in the editor. A model suggests the labels that it knows; the others it learns from "
        "your corrections."
    )
    fresh = st.session_state.setdefault(_FRESH, 0)
    with st.form(f"label-{project.id}-{fresh}", border=True, enter_to_submit=False):
        st.subheader("Add a label", anchor=False)
        name = st.text_input("Name", max_chars=LONGEST_NAME)
        description = st.text_input("What it marks", max_chars=LONGEST_DESCRIPTION)
        used = {label.color.upper() for label in project.schema.labels}
        color = st.color_picker("Colour", next((one for one in PALETTE if one not in used), PALETTE[0]))
        if submitted:
            st.warning(
                f"{count(submitted, 'note')} of {notes:,} are submitted and were annotated without it: models learn "
                "and are scored as if it were not there. Ask their annotators to reopen those that have it."
            )
        pressed = st.form_submit_button("Add", type="primary")
    if pressed:
        try:
            projects.add_labels(
                application().store, user=user, project_id=project.id, rows=[(name, color, description)]
            )
        except InvalidValue as error:
            st.error(plain(str(error)))
            return
        st.session_state[_FRESH] = fresh + 1
        st.toast("Added. It is in the editor of the notes that are opened from now on.")
        st.rerun()


def _row(label: Label) -> dict[str, str]:
    swatch = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'>"
        f"<rect width='40' height='20' rx='4' fill='{label.color}'/></svg>"
    )
    return {
        "Label": label.name,
        "Key": label.key,
        "Colour": f"data:image/svg+xml;utf8,{quote(swatch)}",
        "What it marks": label.description,
    }
