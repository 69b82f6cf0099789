"""The page of the harness: the editor as an annotate page uses it, with other widgets around it."""

from __future__ import annotations

from typing import Any

import drawing
import notes
import streamlit as st

import mednerapp.ui.span_editor as component

st.set_page_config(layout="wide")
note = notes.shown()
module: Any = component
real: Any = getattr(module, "real_renderer", None) or module._renderer  # the page runs again for each rerun


def renderer() -> Any:
    """The real one, given in addition what a test wants the editor to have."""
    render = real()

    def draw(**given: Any) -> Any:
        return render(**{**given, "data": {**given["data"], **note.more}})

    return draw


module.real_renderer, module._renderer = real, renderer
st.button("Before")
if drawing.draw(note):
    st.rerun()
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.button("After")
st.text(f"Run {runs}")
