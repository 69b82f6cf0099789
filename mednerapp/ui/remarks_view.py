"""What people are unsure of or have commented, each with the way to its place."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import AnnotationState, SpanState
from mednerapp.domain.projects import Project
from mednerapp.domain.remarks import Remark
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


def listed(user: User, project: Project) -> None:
    """All that the person may see; a click opens the note at the place, beside the spans of whoever said it."""
    found = remarks.remarks(application().store, user=user, project_id=project.id, limit=remarks.MOST + 1)
    reviews = user.may(Permission.REVIEW)
    if not found:
        st.info(
            "Nobody is unsure of a span and nobody has commented one. In the editor **U** says that you are unsure of "
            "the active span, **M** writes a comment; both are listed here" + (", whoever says so." if reviews else ".")
        )
        return
    kinds = [_UNSURE, _COMMENTED]
    kinds += [_YOURS] if reviews else []
    wanted = st.pills("Only", kinds, selection_mode="multi")
    shown = [remark for remark in found[: remarks.MOST] if _fits(remark, wanted, user)]
    if not shown:
        st.info("No remark fits. Take a filter away.")
        return
    said = f"{count(len(shown), 'remark')}. Click one to open the note at its place."
    if len(found) > remarks.MOST:
        said = f"The newest {remarks.MOST:,} are shown. {said}"
    st.caption(said)
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
        key=f"remarks-{project.id}-{'-'.join(wanted)}",
    )
    if event.selection.cells:
        menu.go("annotate", query=_place(shown[event.selection.cells[0][0]], user))


def _fits(remark: Remark, wanted: list[str], user: User) -> bool:
    return (
        (_UNSURE not in wanted or remark.span.unsure)
        and (_COMMENTED not in wanted or bool(remark.span.comment))
        and (_YOURS not in wanted or remark.user_id == user.id)
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


def _place(remark: Remark, user: User) -> dict[str, str]:
    """The address of the note at this span: one's own, or the same characters with the other's spans below them."""
    query = {"note": str(remark.note_id)}
    if remark.user_id == user.id:
        return {**query, "span": remark.span.id}
    start, end = remark.span.span.start, remark.span.span.end
    return {**query, "span": f"{start}-{end}", "compare": f"person:{remark.user_id}"}
