"""The parts of the annotate page."""

from __future__ import annotations

import re
from typing import cast

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotationState
from mednerapp.errors import NotFound
from mednerapp.services import annotating, calibrations, predicting, projects, queueing, workers
from mednerapp.services.annotating import OpenNote
from mednerapp.ui import guard, menu
from mednerapp.ui.process import application
from mednerapp.ui.span_editor import (
    EditorCalibration,
    EditorLabel,
    EditorScope,
    EditorSection,
    EditorSpan,
    RangeFocus,
    SpanFocus,
    span_editor,
)
from mednerapp.ui.state import current_project, enter, state
from mednerapp.ui.words import count, plain

LOOK_EVERY = 2.0  # seconds between two looks for highlights
_KEY = "editor"
_FOCUS = "editor:focus"  # the note, and the place in it that the address named
_PLACE = re.compile(r"(\d{1,9})-(\d{1,9})")
_SEEDED = "editor:seeded"  # of the last run: the annotation, and whether it had its suggestions


def choose_note(user: User) -> OpenNote | None:
    """The note that the address names, else the one that was open, else the next; None when everything is submitted."""
    store = application().store
    if enter("annotate"):
        state().epoch += 1  # the editor of the last visit is gone, and so is what it knew
    asked = st.query_params.get("note", "")
    note_id = int(asked) if asked.isdecimal() and len(asked) < 10 else state().note_id
    if note_id is None:
        note_id = _next(user, current_project().id)
    if note_id is None:
        return None
    try:
        found = annotating.open_note(store, user=user, note_id=note_id)
    except NotFound:
        st.warning(f"There is no note {note_id}.")
        leave_note(None)
        menu.link("notes", "All notes")
        st.stop()
    state().note_id = note_id
    _show_new_suggestions(found)
    if found.project.id != current_project().id:
        state().project_id = found.project.id
        st.rerun()  # what stands beside the page belongs to the other project
    if asked != str(note_id):
        st.query_params["note"] = str(note_id)
    return found


def _show_new_suggestions(opened: OpenNote) -> None:
    """Make the editor load them when they were put into the note that it shows since the last run."""
    now = (opened.annotation.id, opened.seeded)
    if st.session_state.get(_SEEDED) == (opened.annotation.id, not opened.seeded):
        state().epoch += 1
    st.session_state[_SEEDED] = now


def leave_note(next_id: int | None) -> None:
    state().note_id = next_id
    state().epoch += 1
    if next_id is None:
        st.query_params.clear()
    else:
        st.query_params["note"] = str(next_id)


def header(user: User, opened: OpenNote) -> None:
    note, project = opened.note, opened.project
    done = projects.progress(application().store, user=user, project_id=project.id)
    facts = [note.note_type and plain(note.note_type), f"{note.length:,} characters"]
    if opened.suggested_by:
        facts.append(f"highlighted by {plain(opened.suggested_by)}")
    elif not opened.waiting and not opened.missing and not opened.annotation.spans:
        facts.append("no highlights")
    left, right = st.columns([3, 1], vertical_alignment="bottom", gap="large")
    left.subheader(plain(note.title), anchor=False)
    left.caption(" · ".join(fact for fact in facts if fact))
    share = done.submitted / max(done.notes, 1)
    right.progress(share, text=f"{done.submitted} of {count(done.notes, 'note')} submitted")
    if project.guideline:
        with right.popover("Guideline", width="stretch"):
            st.markdown(project.guideline)


@st.fragment(run_every=LOOK_EVERY)
def waiting_for_highlights(note_id: int) -> None:
    user = guard.still_here()
    store = application().store
    if not annotating.open_note(store, user=user, note_id=note_id).waiting:
        st.rerun(scope="app")
    if workers.alive(store):
        st.info("Highlights are being prepared. They appear by themselves; you can start by hand.")
    else:
        st.warning(
            "Highlights are waiting: no worker is running. Start one with `mednerapp worker` (`mednerapp serve` starts "
            "one by itself). You can annotate by hand meanwhile."
        )


def missing_highlights(user: User, opened: OpenNote) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"{plain(opened.missing)} You can annotate by hand.")
        if user.may(Permission.IMPORT) and st.button("Try again"):
            predicting.try_again(application().store, user=user, project_id=opened.project.id)
            st.rerun()


def editor(user: User, opened: OpenNote) -> None:
    annotation = opened.annotation
    read_only = annotation.state is AnnotationState.SUBMITTED
    if read_only:
        _submitted(user, opened)
    result = span_editor(
        key=_KEY,
        note_text=opened.note.text,
        labels=[
            EditorLabel(name=label.name, key=label.key, color=label.color, description=label.description)
            for label in opened.project.schema.labels
        ],
        spans=[cast("EditorSpan", span.as_dict()) for span in annotation.spans],
        annotation_id=annotation.id,
        epoch=state().epoch,
        revision=annotation.revision,
        save_url=f"/api/annotations/{annotation.id}/edits",
        submit_url=f"/api/annotations/{annotation.id}/submit",
        read_only=read_only,
        api_url=f"/api/annotations/{annotation.id}",
        project_url=f"/api/projects/{opened.project.id}",
        bulk_url="/api/bulk",
        scopes=[
            EditorScope(start=s.start, end=s.end, assertion=s.assertion.value, trigger=list(s.trigger))
            for s in opened.scopes
        ],
        outline=[EditorSection(title=section.title, start=section.start) for section in opened.outline],
        guidelines=opened.guidelines,
        focus=_focus(opened),
        blind=annotation.blind,
        user=user.name,
        can_review=user.may(Permission.REVIEW),
        calibration=_calibration(opened),
    )
    if result:
        _go_on(user, opened, skips=result.outcome == "skipped")


def _calibration(opened: OpenNote) -> EditorCalibration | None:
    """Of the adapter in force, whose suggestions these are or would be."""
    meaning = calibrations.in_force(application().store, project=opened.project, settings=application().settings)
    return cast("EditorCalibration", meaning.as_dict()) if meaning else None


def _focus(opened: OpenNote) -> SpanFocus | RangeFocus | None:
    """What the address names as `span`: the id of a span, or `start-end` in code points; None when there is no such."""
    asked = st.query_params.get("span", "")
    if not asked:
        return None
    note_id, known = opened.note.id, st.session_state.get(_FOCUS)
    if known and known[1] == asked and known[0] != note_id:  # it was a place in the note before this one
        del st.query_params["span"]
        return None
    st.session_state[_FOCUS] = (note_id, asked)
    place = _PLACE.fullmatch(asked)
    if place and int(place[1]) < int(place[2]) <= opened.note.length:
        return RangeFocus(start=int(place[1]), end=int(place[2]))
    there = any(span.id == asked for span in opened.annotation.spans)
    return SpanFocus(span=asked) if there else None


def _submitted(user: User, opened: OpenNote) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Submitted.** Its confirmed spans count as gold.")
        if st.button("Reopen", help="Edit it again; datasets that were frozen from it stay as they are."):
            annotating.reopen(application().store, user=user, annotation_id=opened.annotation.id)
            leave_note(opened.note.id)
            st.rerun()
        if st.button("Next note", type="primary"):
            _go_on(user, opened)


def _go_on(user: User, opened: OpenNote, *, skips: bool = False) -> None:
    leave_note(_next(user, opened.project.id, skip=opened.note.id if skips else None))
    st.rerun()


def _next(user: User, project_id: int, *, skip: int | None = None) -> int | None:
    app = application()
    return queueing.next_note(app.store, user=user, project_id=project_id, settings=app.settings, skip=skip)


def everything_done(user: User) -> None:
    project = current_project()
    notes = projects.progress(application().store, user=user, project_id=project.id).notes
    st.title("Everything is submitted" if notes else "No notes yet", anchor=False)
    st.write(
        f"All {count(notes, 'note')} of {plain(project.name)} have been submitted."
        if notes
        else f"{plain(project.name)} has no notes yet."
    )
    with st.container(horizontal=True):
        if user.may(Permission.IMPORT):
            menu.next_step("upload", "Upload notes")
        if notes:
            menu.link("notes", "Look at the notes")
        if notes and user.may(Permission.TRAIN):
            menu.link("train", "Train a model on them")
