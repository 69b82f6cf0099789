"""The parts of the identifiers page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.identifiers import HeldNote, IdentifierPolicy, Standing, Verdict
from mednerapp.domain.projects import Project
from mednerapp.errors import NotFound
from mednerapp.services import holding, identifiers
from mednerapp.ui.process import application
from mednerapp.ui.span_editor import EditorLabel, EditorSpan, span_editor
from mednerapp.ui.state import state
from mednerapp.ui.words import count, plain

_OPEN = "identifiers:open"
_SAID = {
    IdentifierPolicy.OFF: "Off: notes come in as they are",
    IdentifierPolicy.KEEP: "Review: a note waits here until a person has confirmed what is replaced",
    IdentifierPolicy.REPLACE: "Replace: identifiers become invented ones on import",
    IdentifierPolicy.TAG: "Tag: identifiers become [NAME], [DATE] and the like on import",
    IdentifierPolicy.REFUSE: "Refuse: a note in which identifiers are found does not come in",
}


def arrive() -> None:
    st.session_state.pop(_OPEN, None)


def explain() -> None:
    st.write(
        "Recognisers help to find names, dates, numbers and places in notes as they come in. This is assistance, not a "
        "guarantee: measured on texts that were kept apart, they found 98 of 100 identifiers in short queries, and 97 "
        "of 100 names from many countries in longer notes. A person has to look at what leaves the building."
    )
    model = application().settings.deid_folder
    st.caption(
        f"Beside the rules a model looks at each note: {plain(model.name)}."
        if model
        else "No model looks beside the rules."
    )


def policy(user: User, project: Project) -> None:
    st.subheader("On import", anchor=False)
    store = application().store
    now = identifiers.policy(store, user=user, project_id=project.id)
    choices = list(IdentifierPolicy)
    chosen = st.radio(
        "On import",
        choices,
        index=choices.index(now),
        format_func=_SAID.__getitem__,
        label_visibility="collapsed",
        key=f"policy-{project.id}",
    )
    if chosen is not now and st.button("Save", type="primary"):
        identifiers.choose_policy(store, user=user, project_id=project.id, policy=chosen)
        st.toast("Saved. It holds for notes that come in from now on.")
        st.rerun()
    if now is not IdentifierPolicy.OFF:
        st.caption(
            "Freezing a dataset and exporting stop while a submitted note has not passed. Titles, file names and "
            "patient keys of replaced notes become pseudonyms."
        )


def standing(user: User, project: Project, found: Standing) -> None:
    st.subheader("Where the notes stand", anchor=False)
    rows = [
        ("Confirmed by a person", found.verdicts[Verdict.CLEARED]),
        ("Replaced by the recognisers", found.verdicts[Verdict.REPLACED]),
        ("Nothing found", found.verdicts[Verdict.FOUND_NONE]),
        ("Stopped: identifiers found", found.verdicts[Verdict.HELD]),
        ("Not looked at", found.unchecked),
        ("Waiting for a person", found.waiting),
    ]
    st.dataframe([{"Notes": name, "Number": number} for name, number in rows], hide_index=True)
    if found.unchecked and st.button(f"Look at {count(found.unchecked, 'note')} now"):
        bar = st.progress(0.0, text="Looking")

        def show(done: int) -> None:
            bar.progress(min(1.0, done / found.unchecked), text=f"{done} of {found.unchecked}")

        identifiers.check(application().store, user=user, project_id=project.id, on_progress=show)
        st.rerun()


def waiting(notes: Sequence[tuple[int, str]]) -> None:
    st.subheader("Waiting for a person", anchor=False)
    if not notes:
        st.info(
            "No note waits. With the policy Review, notes in which identifiers are found wait here after the import."
        )
        return
    st.caption(f"{count(len(notes), 'note')}; each has its identifiers still in it.")
    for held_id, title in notes[:50]:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.write(plain(title))
            if st.button("Review", key=f"review-{held_id}"):
                _open(held_id)


def stopped(user: User, project: Project) -> None:
    """Notes of the project in which identifiers were found, and those that were replaced without a person."""
    store = application().store
    notes = identifiers.to_look_at(store, user=user, project_id=project.id)
    if not notes:
        return
    st.subheader("In the project, not yet seen by a person", anchor=False)
    st.caption(
        "Taking a note out puts it, in its original form, among those that wait; its annotations go into the bin."
    )
    names = {note_id: f"{plain(title)} ({verdict.value})" for note_id, title, verdict in notes}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Note", list(names), format_func=names.__getitem__, width=420)
        if st.button("Take out and review"):
            _open(holding.take_out(store, user=user, note_id=chosen))


def _open(held_id: int) -> None:
    st.session_state[_OPEN] = held_id
    state().epoch += 1
    st.rerun()


def chosen(user: User) -> HeldNote | None:
    """The waiting note that the person has opened."""
    held_id = st.session_state.get(_OPEN)
    if held_id is None:
        return None
    try:
        return holding.open_held(application().store, user=user, held_id=held_id)
    except NotFound:
        del st.session_state[_OPEN]
        st.success("Confirmed: the note is in the project, with its identifiers replaced.")
        return None


def review(user: User, held: HeldNote) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.write(f"**{plain(held.title)}**: what is marked will be replaced.")
        if st.button("Back to the list"):
            arrive()
            st.rerun()
    st.caption(
        "Delete or reject what is no identifier, and mark what was missed. Submit replaces everything else that is "
        "marked, also what nobody has looked at."
    )
    result = span_editor(
        key="identifiers-editor",
        note_text=held.text,
        labels=[
            EditorLabel(name=label.name, key=label.key, color=label.color, description=label.description)
            for label in holding.SCHEMA.labels
        ],
        spans=[cast("EditorSpan", span) for span in held.spans],
        annotation_id=f"held-{held.id}",
        epoch=state().epoch,
        revision=held.revision,
        save_url=f"/api/held/{held.id}/edits",
        submit_url=f"/api/held/{held.id}/submit",
        read_only=False,
        user=user.name,
    )
    if result:
        arrive()
        st.rerun()
