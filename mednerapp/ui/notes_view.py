"""The parts of the notes page: how it gets on, the list, what was deleted."""

from __future__ import annotations

import math
from dataclasses import replace

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.notes import NoteFilter, NoteStatus, NoteSummary
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import Pace
from mednerapp.services import binning, predicting, projects, queueing
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count, local_time, plain, start_of_day

PAGE = 100  # notes
HEIGHT = 600  # pixels
STATUS = {NoteStatus.NEW: "New", NoteStatus.IN_PROGRESS: "In progress", NoteStatus.SUBMITTED: "Submitted"}
_BEFORE = "notes:before"  # where the pages before this one end, and what they list
_DELETED = "notes:deleted"  # what the person has just put into the bin, for undo
_FRESH = "notes:fresh"  # raised to make the table forget what was selected


def figures(user: User, project: Project) -> None:
    """How far the project is, and how fast."""
    store = application().store
    found = queueing.progress(store, user=user, project_id=project.id, today=start_of_day(now()))
    done = projects.progress(store, user=user, project_id=project.id)
    with st.container(horizontal=True, gap="large"):
        st.metric("Notes", f"{found.notes:,}", width="content")
        st.metric("Highlighted", f"{done.predicted:,}", width="content")
        st.metric("Submitted", f"{found.submitted:,}", width="content")
        _pace("You", found.mine, found.remaining)
    if found.team and (found.team.week > found.mine.week):
        with st.container(horizontal=True, gap="large"):
            _pace("Team", found.team, found.remaining)


def _pace(who: str, pace: Pace, remaining: int) -> None:
    if not pace.week:
        return
    st.metric(f"{who}: today", f"{pace.today:,}", width="content")
    st.metric(f"{who}: 7 days", f"{pace.week:,}", width="content")
    if pace.minutes is not None:
        help_ = "Median time from the first change of a note to its last, of the last 7 days."
        st.metric("Minutes per note", f"{pace.minutes:.1f}", width="content", help=help_)
    if pace.per_hour:
        help_ = "Notes submitted in an hour of work, of the last 7 days. Pauses of over 30 minutes do not count."
        st.metric("Notes per hour", f"{pace.per_hour:.1f}", width="content", help=help_)
        hours = pace.hours_for(remaining) or 0
        help_ = f"Hours of work that the {count(remaining, 'note')} left take one person at this pace."
        st.metric("Left at this pace", f"{hours:.1f} h", width="content", help=help_)


def ask(user: User, project: Project) -> NoteFilter:
    """What to list."""
    store = application().store
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search in titles and texts",
            placeholder="words that stand beside each other",
            max_chars=200,
            width=320,
            help="Case and accents do not count; the last word may be cut short.",
        )
        status = st.segmented_control("Your status", list(STATUS), format_func=STATUS.__getitem__)
        types = projects.note_types(store, user=user, project_id=project.id)
        kind = None
        if len(types) > 1:
            kind = st.selectbox(
                "Type", types, index=None, format_func=lambda t: t or "none", placeholder="any", width=180
            )
        people = {h.user_id: h.name for h in queueing.holders(store, user=user, project_id=project.id)}
        holder = None
        if people:
            holder = st.selectbox(
                "Held by", list(people), index=None, format_func=people.__getitem__, placeholder="anybody", width=180
            )
        wanted = ["Opened by you", "Not submitted by anybody"]
        wanted += ["Begun blind"] if user.may(Permission.TRAIN) and project.blind_percent else []
        more = st.pills("Only", wanted, selection_mode="multi")
    return NoteFilter(
        status=status,
        mine="Opened by you" in more,
        open="Not submitted by anybody" in more,
        held_by=holder,
        note_type=kind,
        blind=True if "Begun blind" in more else None,
        search=search.strip(),
    )


def listed(user: User, project: Project, wanted: NoteFilter) -> None:
    """A page of the notes that are wanted; a click opens one, those who may select some to delete them."""
    _undo(user, project)
    store = application().store
    listing = (project.id, wanted)
    if st.session_state.get(_BEFORE, (None,))[0] != listing:
        st.session_state[_BEFORE] = (listing, [0])
    ends: list[int] = st.session_state[_BEFORE][1]
    found = projects.notes(store, user=user, project_id=project.id, wanted=wanted, after=ends[-1], limit=PAGE + 1)
    notes = found[:PAGE]
    if not notes:
        _nothing(wanted, first=len(ends) == 1)
        return
    may_delete = user.may(Permission.DELETE)
    st.caption("Click a title to open the note." + (" Tick notes to delete them." if may_delete else ""))
    fresh = st.session_state.setdefault(_FRESH, 0)
    event = st.dataframe(
        _rows(notes, waiting=predicting.waiting(store, user=user, project_id=project.id), lead=may_delete),
        hide_index=True,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"] if may_delete else "single-cell",
        column_config={"Title": st.column_config.TextColumn(width=280)},
        height=min(38 + 35 * len(notes), HEIGHT),
        key=f"notes-{fresh}-{ends[-1]}",
    )
    if event.selection.cells:
        menu.go("annotate", query={"note": str(notes[event.selection.cells[0][0]].id)})
    with st.container(horizontal=True, vertical_alignment="center"):
        _turn(ends, notes[-1].id if len(found) > PAGE else None)
        ticked = [notes[row] for row in event.selection.rows if row < len(notes)]
        if ticked and st.button(f"Delete {count(len(ticked), 'note')}", help="Into the bin: it can be undone."):
            _delete(user, project, ticked)


def _rows(notes: list[NoteSummary], *, waiting: bool, lead: bool) -> list[dict[str, object]]:
    not_yet = "waiting" if waiting else "no"
    rows: list[dict[str, object]] = []
    for note in notes:
        row: dict[str, object] = {
            "Title": note.title,
            "Type": note.note_type,
            "Your status": STATUS[note.status],
            "Submitted": "yes" if note.done else "no",
            "Held by": note.held_by,
            "Highlighted": "yes" if note.has_prediction else not_yet,
            "Characters": note.length,
            "Imported": local_time(note.created_at).date(),
        }
        if lead and any(n.blind for n in notes):
            row["Begun blind"] = "yes" if note.blind else ""
        rows.append(row)
    return rows


def _turn(ends: list[int], last: int | None) -> None:
    """To the page before and the one after. `last`: the last note of this page, None when no page follows."""
    if len(ends) == 1 and last is None:
        return
    if st.button("Previous", disabled=len(ends) == 1):
        ends.pop()
        st.rerun()
    st.caption(f"Page {len(ends)}")
    if st.button("Next", disabled=last is None) and last is not None:
        ends.append(last)
        st.rerun()


def _nothing(wanted: NoteFilter, *, first: bool) -> None:
    if not first:
        st.info("There are no more notes.")
    elif wanted.search and replace(wanted, search="") == NoteFilter():
        st.info(f"No note holds “{plain(wanted.search)}”. Whole words are searched; only the last may be cut short.")
    else:
        st.info("No note fits. Take a filter away or choose another.")


def _delete(user: User, project: Project, notes: list[NoteSummary]) -> None:
    done = binning.delete(application().store, user=user, project_id=project.id, note_ids=[note.id for note in notes])
    st.session_state[_DELETED] = (project.id, done, notes[0].title)
    st.session_state[_FRESH] += 1
    st.rerun()


def _undo(user: User, project: Project) -> None:
    """What has just been deleted, and the way back."""
    project_id, done, title = st.session_state.get(_DELETED, (None, None, ""))
    if project_id != project.id or done is None:
        return
    if done.held:
        names = ", ".join(plain(name) for name in done.held)
        st.warning(f"Not deleted, because somebody is working on it: {names}.")
    if not done.note_ids:
        return
    what = plain(title) if len(done.note_ids) == 1 else count(len(done.note_ids), "note")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.success(f"Deleted {what}. It is in the bin for {application().settings.retention_days:g} days.")
        if st.button("Undo", type="primary"):
            binning.restore(application().store, user=user, project_id=project.id, note_ids=done.note_ids)
            del st.session_state[_DELETED]
            st.toast(f"Restored {what}.")
            st.rerun()


def bin_(user: User, project: Project) -> None:
    """What was deleted, with the way back and the days that are left for it."""
    app = application()
    found = binning.contents(app.store, user=user, project_id=project.id)
    if not found:
        st.info("The bin is empty. Notes that you delete in the list stay here until their time is over.")
        return
    st.caption(
        f"Deleted notes can be restored for {app.settings.retention_days:g} days; then `mednerapp purge` removes them "
        "for good. One that a frozen dataset needs stays."
    )
    rows = [
        {
            "Title": note.title,
            "Deleted": local_time(note.deleted_at),
            "By": note.deleted_by,
            "Submitted": "yes" if note.submitted else "no",
            "Days left": "kept for a dataset"
            if note.frozen
            else str(math.ceil(binning.days_left(note, settings=app.settings))),
        }
        for note in found
    ]
    fresh = st.session_state.setdefault(_FRESH, 0)
    event = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={"Title": st.column_config.TextColumn(width=280)},
        height=min(38 + 35 * len(rows), HEIGHT),
        key=f"bin-{fresh}",
    )
    ticked = [found[row] for row in event.selection.rows if row < len(found)]
    if not ticked:
        st.caption("Tick notes to restore them.")
        return
    if st.button(f"Restore {count(len(ticked), 'note')}", type="primary"):
        number = binning.restore(app.store, user=user, project_id=project.id, note_ids=[note.id for note in ticked])
        st.session_state.pop(_DELETED, None)
        st.session_state[_FRESH] += 1
        st.toast(f"Restored {count(number, 'note')}.")
        st.rerun()
