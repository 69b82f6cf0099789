"""What people are unsure of or have commented, each with the way to its place."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotationState, SpanState
from mednerapp.domain.projects import Project
from mednerapp.domain.remarks import Remark, RemarkFilter
from mednerapp.services import remarks
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count

HEIGHT = 600  # pixels, of a table that is longer than its rows
MOST_ROWS = 16  # without one
BEFORE = 24  # characters, so that a narrow column has the mention in sight
STATE = {AnnotationState.IN_PROGRESS: "In progress", AnnotationState.SUBMITTED: "Submitted"}
_SAID_OF = {SpanState.SUGGESTED: " (suggested)", SpanState.REJECTED: " (rejected)"}
_UNSURE, _COMMENTED, _YOURS = "Unsure", "Commented", "Yours"
_DRAWN = "remarks:drawn"  # what the table showed when the person clicked: meanwhile others go on


def listed(user: User, project: Project) -> None:
    """All that the person may see; a click opens the note at the place, beside the spans of whoever said it."""
    reviews = user.may(Permission.REVIEW)
    kinds = [_UNSURE, _COMMENTED]
    kinds += [_YOURS] if reviews else []
    chosen = st.pills("Only", kinds, selection_mode="multi")
    wanted = RemarkFilter(_UNSURE in chosen, _COMMENTED in chosen, _YOURS in chosen)
    found = remarks.remarks(
        application().store, user=user, project_id=project.id, wanted=wanted, limit=remarks.MOST + 1
    )
    shown = found[: remarks.MOST]
    if not shown:
        _nothing(wanted, reviews=reviews)
        return
    number = f"{remarks.MOST:,} remarks, of the notes that were changed last" if found[len(shown) :] else ""
    st.caption(f"{number or count(len(shown), 'remark')}. Click one to open the note at its place.")
    event = st.dataframe(
        [_row(remark, reviews=reviews) for remark in shown],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "Mention": st.column_config.TextColumn(width=180),
            "In the text": st.column_config.TextColumn(width=320),
            "Comment": st.column_config.TextColumn(width=280),
        },
        height="content" if len(shown) <= MOST_ROWS else HEIGHT,
        key=f"remarks-{project.id}-{'-'.join(chosen)}",
    )
    drawn: list[Remark] = st.session_state.get(_DRAWN, shown)
    st.session_state[_DRAWN] = shown
    rows = [row for row, _ in event.selection.cells if row < len(drawn)]
    if rows:
        _open(drawn[rows[0]], user)


def _nothing(wanted: RemarkFilter, *, reviews: bool) -> None:
    if wanted != RemarkFilter():
        st.info("No remark fits. Take a filter away.")
        return
    st.info(
        "Nobody is unsure of a span and nobody has commented one. In the editor **U** says that you are unsure of "
        "the active span, **M** writes a comment; both are listed here" + (", whoever says so." if reviews else ".")
    )


def _row(remark: Remark, *, reviews: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "Mention": _one_line(remark.mention),
        "Label": remark.span.span.label + _SAID_OF.get(remark.span.state, ""),
        "Unsure": "yes" if remark.span.unsure else "",
        "Comment": remark.span.comment,
        "In the text": _one_line(f"… {remark.before[-BEFORE:]}{remark.mention}{remark.after} …"),
        "Note": remark.title,
        "By": remark.who,
        "Their status": STATE[remark.state],
    }
    if not reviews:
        del row["By"]
        row["Your status"] = row.pop("Their status")
    return row


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _open(remark: Remark, user: User) -> None:
    """One's own span; or the same characters with the other's spans below them; or the note of two annotators where
    their differences are settled.
    """
    start, end = remark.span.span.start, remark.span.span.end
    query = {"note": str(remark.note_id)}
    if remark.user_id == user.id:
        menu.go("annotate", query={**query, "span": remark.span.id})
    elif remark.third:
        menu.go("gold", query={"part": "adjudicate", **query})
    else:
        menu.go("annotate", query={**query, "span": f"{start}-{end}", "compare": f"person:{remark.user_id}"})
