"""The parts of the annotate page that show the note."""

from __future__ import annotations

import re
from typing import cast

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotationState
from mednerapp.services import annotating, calibrations, predicting, workers
from mednerapp.services.annotating import OpenNote
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.queue_view import go_on, leave_note
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
from mednerapp.ui.state import state
from mednerapp.ui.words import plain

LOOK_EVERY = 2.0  # seconds between two looks for highlights
_KEY = "editor"
_FOCUS = "editor:focus"  # the note, and the place in it that the address named
_PLACE = re.compile(r"(\d{1,9})-(\d{1,9})")
_SOURCE = re.compile(r"(adapter|person):\d{1,9}")


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
    focus = _focus(opened)
    result = span_editor(
        key=_KEY,
        note_text=opened.note.text,
        labels=[
            EditorLabel(name=label.name, key=label.key, color=label.color, description=label.description)
            for label in opened.project.schema.labels
        ],
        spans=[cast("EditorSpan", span.as_dict()) for span in annotation.spans],
        annotation_id=annotation.id,
        note_id=opened.note.id,
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
        focus=focus,
        compare=_compare() if focus else "",
        blind=annotation.blind,
        user=user.name,
        can_review=user.may(Permission.REVIEW),
        calibration=_calibration(opened),
    )
    if result:
        go_on(user, opened, skip=result.outcome == "skipped")


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


def _compare() -> str:
    """What the address names as `compare`: whose spans are to lie under the text when the note opens; '': nobody's."""
    asked = st.query_params.get("compare", "")
    return asked if _SOURCE.fullmatch(asked) else ""


def _submitted(user: User, opened: OpenNote) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Submitted.** Its confirmed spans can become gold.")
        if st.button("Reopen", help="Edit it again; datasets that were frozen from it stay as they are."):
            annotating.reopen(application().store, user=user, annotation_id=opened.annotation.id)
            leave_note(opened.note.id)
            st.rerun()
        if st.button("Next note", type="primary"):
            go_on(user, opened)
