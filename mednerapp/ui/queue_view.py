"""Which note is on the annotate page: the next one, how to put it off, and whether somebody else has it."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotationState
from mednerapp.errors import NotFound
from mednerapp.services import annotating, queueing, refreshing
from mednerapp.services.annotating import OpenNote
from mednerapp.ui import guard, menu
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter, state
from mednerapp.ui.words import count, plain

RENEW_EVERY = 60.0  # seconds between two looks at whose note it is, or a third of the lease where that is less
_SEEDED = "editor:seeded"  # of the last run: the annotation, and whether it had its suggestions
_REFRESHED = "queue:refreshed"  # the note whose suggestions were brought up to date, and for which editor
_ONLY = "queue:only"  # the person skipped the only note that there is for them


def choose_note(user: User) -> OpenNote | None:
    """The note that the address names, else the one that was open, else the next; None when nothing is left to do.

    What else the address names (a span) stays in it until the note is left.
    """
    app = application()
    if enter("annotate"):
        state().epoch += 1  # the editor of the last visit is gone, and so is what it knew
    asked = st.query_params.get("note", "")
    note_id = int(asked) if asked.isdecimal() and len(asked) < 10 else state().note_id
    if note_id is None:
        note_id = queueing.next_note(app.store, user=user, project_id=current_project().id, settings=app.settings)
    if note_id is None:
        return None
    try:
        _refresh(user, note_id)
        found = annotating.open_note(app.store, user=user, note_id=note_id)
    except NotFound as error:
        st.warning(plain(str(error)))
        leave_note(None)
        with st.container(horizontal=True):
            menu.link("notes", "All notes")
            menu.link("annotate", "Next note")
        st.stop()
    queueing.hold(app.store, user=user, note_id=note_id, settings=app.settings)
    state().note_id = note_id
    _show_new_suggestions(found)
    if found.project.id != current_project().id:
        state().project_id = found.project.id
        st.rerun()  # what stands beside the page belongs to the other project
    if asked != str(note_id):
        st.query_params["note"] = str(note_id)
    return found


def _refresh(user: User, note_id: int) -> None:
    """When an editor is about to load the note, and only then: suggestions that are out of date are replaced."""
    if st.session_state.get(_REFRESHED) != (note_id, state().epoch):
        refreshing.refresh(application().store, user=user, note_id=note_id)
        st.session_state[_REFRESHED] = (note_id, state().epoch)


def _show_new_suggestions(opened: OpenNote) -> None:
    """Make the editor load them when they were put into the note that it shows since the last run."""
    now = (opened.annotation.id, opened.seeded)
    if st.session_state.get(_SEEDED) == (opened.annotation.id, not opened.seeded):
        state().epoch += 1
    st.session_state[_SEEDED] = now


def leave_note(next_id: int | None) -> None:
    """The address names the next note, and nothing of the one before."""
    state().note_id = next_id
    state().epoch += 1
    st.query_params.from_dict({} if next_id is None else {"note": str(next_id)})


def go_on(user: User, opened: OpenNote, *, skip: bool = False) -> None:
    """Open the next note. `skip`: this one is put off; it comes again when nothing else is left."""
    app = application()
    next_id = queueing.next_note(
        app.store,
        user=user,
        project_id=opened.project.id,
        settings=app.settings,
        skip=opened.note.id if skip else None,
    )
    st.session_state[_ONLY] = skip and next_id == opened.note.id
    leave_note(next_id)
    st.rerun()


def header(user: User, opened: OpenNote) -> None:
    note, project = opened.note, opened.project
    notes, submitted = queueing.counts(application().store, user=user, project_id=project.id)
    facts = [note.note_type and plain(note.note_type), f"{note.length:,} characters"]
    if opened.suggested_by:
        facts.append(f"highlighted by {plain(opened.suggested_by)}")
    elif not opened.waiting and not opened.missing and not opened.annotation.spans and not opened.annotation.blind:
        facts.append("no highlights")
    if opened.submitted_by:
        facts.append(f"**submitted by {', '.join(plain(name) for name in opened.submitted_by)}**")
    left, right = st.columns([3, 1], vertical_alignment="bottom", gap="large")
    left.subheader(plain(note.title), anchor=False)
    left.caption(" · ".join(fact for fact in facts if fact))
    right.progress(submitted / max(notes, 1), text=f"{submitted} of {count(notes, 'note')} submitted")
    if project.guideline:
        with right.popover("Full guideline", width="stretch"):
            st.markdown(project.guideline)
    if st.session_state.pop(_ONLY, False):
        st.info("This is the only note left for you: whatever else is open is in other hands.")
    if opened.annotation.blind and opened.annotation.state is AnnotationState.IN_PROGRESS:
        st.info("**Blind note**: no suggestions, mark what you find. That shows what suggestions do to people.")


def keep_in_hand(opened: OpenNote) -> None:
    """While the note is open it is given to nobody else; says so when it is in somebody else's hands."""
    if opened.annotation.state is AnnotationState.IN_PROGRESS:
        every = min(RENEW_EVERY, application().settings.lease_minutes * 60 / 3)
        st.fragment(_renew, run_every=every)(opened.note.id)


def _renew(note_id: int) -> None:
    user = guard.still_here()
    app = application()
    holder = queueing.renew(app.store, user=user, note_id=note_id, settings=app.settings)
    if holder:
        st.warning(
            f"**{plain(holder.name)} is working on this note.** What you mark is kept as an annotation of your own."
        )


def nothing_to_do(user: User) -> None:
    project = current_project()
    app = application()
    notes, submitted = queueing.counts(app.store, user=user, project_id=project.id)
    if not notes:
        title, text = "No notes yet", f"{plain(project.name)} has no notes yet."
    elif submitted < notes:
        names = [plain(h.name) for h in queueing.holders(app.store, user=user, project_id=project.id)]
        title = "Nothing for you right now"
        text = f"{count(notes - submitted, 'note')} of {plain(project.name)} " + (
            f"{'is' if notes - submitted == 1 else 'are'} in other hands ({', '.join(names)})."
            if names
            else "cannot be given to you."
        )
    else:
        title = "Everything is submitted"
        text = f"All {count(notes, 'note')} of {plain(project.name)} have been submitted."
    st.title(title, anchor=False)
    st.write(text)
    with st.container(horizontal=True):
        if notes and submitted < notes and st.button("Look again", type="primary"):
            st.rerun()
        if user.may(Permission.IMPORT):
            menu.next_step("upload", "Upload notes")
        elif not notes:
            st.write("Somebody who may upload notes has to bring some in: a clinician, a lead or an administrator.")
        if notes:
            menu.link("notes", "Look at the notes")
        if notes and user.may(Permission.TRAIN):
            menu.link("train", "Train a model on them")
