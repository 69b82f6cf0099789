"""All projects, and a new one with labels of its own."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.labels import MEDICAL_SCHEMA, written_schema
from mednerapp.errors import InvalidValue
from mednerapp.services import projects, queueing
from mednerapp.ui.process import application
from mednerapp.ui.state import state
from mednerapp.ui.words import plain

_FRESH = "projects:fresh"  # raised to empty the form


def listed(user: User) -> None:
    st.dataframe(
        [
            {
                "Project": row.project.name,
                "Notes": row.notes,
                "Submitted": row.submitted,
                "Labels": ", ".join(row.project.schema.names),
            }
            for row in queueing.overview(application().store, user=user)
        ],
        hide_index=True,
    )


def add(user: User) -> None:
    st.subheader("New project", anchor=False)
    fresh = st.session_state.setdefault(_FRESH, 0)
    with st.form(f"project-{fresh}", enter_to_submit=False):
        named = st.text_input("Name", max_chars=200)
        rows = st.data_editor(
            [
                {"Label": label.name, "Colour": label.color, "What it marks": label.description}
                for label in MEDICAL_SCHEMA.labels
            ],
            num_rows="dynamic",
            hide_index=True,
            key=f"labels-{fresh}",
        )
        st.caption(
            "Its labels, in the order of their keys. Change the rows, add some at the end, or delete them; a label "
            "without a colour gets one. Labels can be added later, not taken away."
        )
        pressed = st.form_submit_button("Create project", type="primary")
    if not pressed:
        return
    # A row that was added holds nothing where nothing was written.
    columns = ("Label", "Colour", "What it marks")
    written = [[value if isinstance(value := row.get(column), str) else "" for column in columns] for row in rows]
    try:
        schema = written_schema([(name, color, text) for name, color, text in written if name or color or text])
        made = projects.create(application().store, by=user, name=named, schema=schema)
    except InvalidValue as error:
        st.error(plain(str(error)))
        return
    st.session_state[_FRESH] = fresh + 1
    state().project_id, state().note_id = made.id, None
    st.toast(f"Made {plain(made.name)}. It is chosen now: upload its notes.")
    st.rerun()
