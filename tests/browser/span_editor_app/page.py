"""The page of the harness: the editor as an annotate page uses it, with other widgets around it."""

from typing import Any, cast

import notes
import streamlit as st

import mednerapp.ui.span_editor as component
from mednerapp.ui.span_editor import EditorLabel, EditorSpan, span_editor

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
result = span_editor(
    key="editor",
    note_text=note.text,
    labels=cast("list[EditorLabel]", note.labels),
    spans=cast("list[EditorSpan]", [span.as_dict() for span in note.spans.values()]),
    annotation_id=note.id,
    epoch=note.epoch,
    revision=note.revision,
    save_url=f"/api/annotations/{note.id}/edits",
    submit_url=f"/api/annotations/{note.id}/submit",
    read_only=note.read_only,
    height=notes.world.height,
    api_url=f"/api/annotations/{note.id}",
    bulk_url="/api/bulk",
)
if result:
    seen: dict[str, Any] = {
        "outcome": result.outcome,
        "annotation_id": result.annotation_id,
        "revision": result.revision,
    }
    notes.world.results.append(seen)
    notes.world.shown += 1
    st.rerun()
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.button("After")
st.text(f"Run {runs}")
