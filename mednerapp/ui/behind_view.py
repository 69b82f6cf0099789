"""The spans behind a number: each with the words around it, and a link to its place in the note."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.errors import NotFound
from mednerapp.services import digging
from mednerapp.services.board_words import KINDS
from mednerapp.services.digging import Behind, Found
from mednerapp.ui import board_charts, menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count, plain


def clicked(figure: go.Figure, *, key: str) -> list[Any] | None:
    """Draw a figure; what the clicked point stands for (its `customdata`), or None."""
    event = st.plotly_chart(figure, config=board_charts.CONFIG, key=key, on_select="rerun", selection_mode="points")
    points: list[dict[str, Any]] = event["selection"]["points"]
    found = next((p["customdata"] for p in points if p.get("customdata") is not None), None)
    if isinstance(found, dict):  # Streamlit gives a list of one line as a mapping
        return list(found.values())
    return found if isinstance(found, list) or found is None else [found]


def spans(user: User, asked: Behind | None, *, key: str) -> None:
    """The list under what was clicked; nothing where nothing is."""
    if asked is None:
        return
    with st.container(border=True):
        place = f"{key}:from"
        known = st.session_state.get(place)
        offset = known[1] if known and known[0] == asked else 0
        try:
            found = digging.behind(application().store, user=user, asked=asked, offset=offset)
        except NotFound as error:
            st.info(str(error))
            return
        st.markdown(f"**{plain(asked.title)}: {count(found.total, 'span')}**")
        if not found.total:
            st.caption("There is none. Scores from an older version have no spans: score the model again.")
        for number, one in enumerate(found.found):
            _one(one, number, key)
        last = offset + len(found.found)
        with st.container(horizontal=True):
            if offset and st.button("Previous", key=f"{key}:previous"):
                st.session_state[place] = (asked, max(0, offset - digging.PAGE))
                st.rerun()
            if last < found.total and st.button(f"Next {min(digging.PAGE, found.total - last)}", key=f"{key}:next"):
                st.session_state[place] = (asked, last)
                st.rerun()


def _one(one: Found, number: int, key: str) -> None:
    outcome = one.outcome
    said = [outcome.kind.value if outcome.kind else "right"]
    said += [f"gold {outcome.gold.label}"] if outcome.gold else []
    said += [f"predicted {outcome.predicted.label}"] if outcome.predicted else []
    said += [f"score {outcome.score:.2f}"] if outcome.score is not None else []
    with st.container(key=f"{key}-row-{number}"):
        menu.link(
            "annotate",
            f"{plain(one.before)} **{plain(one.mention)}** {plain(one.after)}",
            query={"note": str(outcome.note_id), "span": one.place},
        )
        st.caption(f"{plain(', '.join(said))} \u00b7 {plain(one.note)}", help=KINDS.get(said[0]))
