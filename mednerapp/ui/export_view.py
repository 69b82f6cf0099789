"""Choosing a format, seeing what it cannot hold, and only then the download."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.projects import Project
from mednerapp.services import exporting
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count


def export(user: User, project: Project) -> None:
    """The whole part of the page."""
    store = application().store
    rows = {row.key: row for row in exporting.formats()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox("Format", list(rows), format_func=lambda k: rows[k].name, width=320, key="export-format")
        everything = st.toggle(
            "Rejected and suggested spans, history",
            help="Also what people rejected or nobody looked at, ids of spans and the history, as far as the format "
            "has a place for it.",
            key="export-all",
        )
    row = rows[key]
    with st.spinner("Looking at what the format can hold"):
        report = exporting.losses(
            store, user=user, project_id=project.id, format_key=key, only_confirmed=not everything
        )
    if not report.notes:
        st.info("Nothing can be exported yet: only notes that somebody has submitted are.")
        menu.next_step("annotate", "Annotate the next note")
        return
    kept = report.spans - report.spans_left_out
    st.markdown(
        f"{count(report.notes, 'note')} with {count(kept, 'span')}, as `.{row.ending}`; offsets are {row.unit}."
    )
    if report.lost:
        st.warning(
            f"{row.name} cannot hold everything. Left out or changed "
            f"({count(report.spans_left_out, 'span')} left out altogether):"
        )
        lost = [{"What": what, "How many": number} for what, number in report.lost.most_common()]
        st.dataframe(lost, hide_index=True, width=640)
    else:
        st.success(f"{row.name} holds all of it.")
    spans = "?spans=all" if everything else ""
    st.link_button(
        f"Export {count(report.notes, 'note')}",
        f"/api/projects/{project.id}/export/{quote(key)}{spans}",
        type="primary",
        help="It holds patient text: the download is recorded in the audit log.",
    )
