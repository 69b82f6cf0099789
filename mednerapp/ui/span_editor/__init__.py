"""The span editor: a Streamlit component in which a person corrects the labelled spans of one note.

The browser owns the live spans, the selection and the undo history while a note is open, and sends every edit straight
to `save_url` (see `frontend/transport.js`); the database owns the truth. A rerun therefore never disturbs an open
editor: it takes new spans only when the annotation or the epoch changes, and then only when all it did is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NotRequired, TypedDict

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

__all__ = [
    "EditorLabel",
    "EditorResult",
    "EditorScope",
    "EditorSection",
    "EditorSpan",
    "RangeFocus",
    "SpanFocus",
    "span_editor",
]


class EditorLabel(TypedDict):
    """One label of the schema. `key`: the digit that sets it, or ''; `color`: `#rgb` or `#rrggbb`."""

    name: str
    key: str
    color: str
    description: str


class EditorSpan(TypedDict):
    """One span, `[start, end)` in code points. `score`: the model's, in [0, 1], or None.

    What a span does not have is left out: `fragments`, the pieces of a discontinuous one; `assertion` and who says so;
    `comment`; `unsure`.
    """

    id: str
    start: int
    end: int
    label: str
    state: Literal["suggested", "confirmed", "rejected"]
    origin: Literal["model", "person"]
    score: float | None
    fragments: NotRequired[list[list[int]]]
    assertion: NotRequired[str]
    assertion_by: NotRequired[Literal["model", "person"]]
    comment: NotRequired[str]
    unsure: NotRequired[bool]


class EditorScope(TypedDict):
    """Half-open, in code points: what lies in it has the assertion, because of the words at `trigger`."""

    start: int
    end: int
    assertion: str
    trigger: list[int]


class EditorSection(TypedDict):
    """A header of the note; `start`: its first character."""

    title: str
    start: int


class EditorCalibration(TypedDict):
    """What the scores are worth: calibrated: the share of right spans; `ece`: expected calibration error, or None."""

    name: str
    calibrated: bool
    ece: float | None


class SpanFocus(TypedDict):
    span: str


class RangeFocus(TypedDict):
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorResult:
    """How the person left the note. `revision`: the one that was submitted, None after a skip."""

    outcome: Literal["submitted", "skipped"]
    annotation_id: str
    revision: int | None


def span_editor(
    *,
    key: str,
    note_text: str,
    labels: Sequence[EditorLabel],
    spans: Sequence[EditorSpan],
    annotation_id: str | int,
    note_id: int | None = None,
    epoch: int,
    revision: int,
    save_url: str,
    submit_url: str,
    read_only: bool,
    height: int | None = None,
    api_url: str = "",
    project_url: str = "",
    bulk_url: str = "",
    scopes: Sequence[EditorScope] = (),
    outline: Sequence[EditorSection] = (),
    guidelines: Mapping[str, str] | None = None,
    focus: SpanFocus | RangeFocus | None = None,
    compare: str = "",
    blind: bool = False,
    user: str = "",
    can_review: bool = False,
    calibration: EditorCalibration | None = None,
) -> EditorResult | None:
    """Draws the editor; returns how the person left this note, or None while they are working on it.

    The same result is returned on every rerun until another annotation or epoch is shown, so a page that was
    interrupted can act on the next run. A page that shows the same annotation again must raise `epoch`.

    No edit is lost when the epoch is raised while it is being saved: the editor shows what it has until everything is
    saved, and asks for a run if `spans` were read before that. Spans that only came in addition are added in place.

    Args:
        key: one per place on a page, not one per note: the editor keeps its place while the notes change.
        note_text: never changed by the editor; shown as text whatever it contains.
        labels: of the project, in the order of the legend; a span with another label is drawn in grey.
        spans: read only when the annotation or the epoch changes.
        annotation_id: a change of it opens that annotation.
        note_id: for links to this note; None: the address of the page has it.
        epoch: raise it to make an open editor take `spans`.
        revision: of the annotation when `spans` were read; the server compares it to find conflicts.
        save_url: same-origin route that stores edits.
        submit_url: same-origin route that marks the annotation as done.
        read_only: spans can be walked over, but not changed, submitted or skipped.
        height: of the text pane, in pixels, None for what the window leaves; longer notes scroll inside it.
        api_url: below it the editor asks for history, revision, timeline, sources and underlay; '': it does without.
        project_url: below it, for mentions in all notes of the project; '' as above.
        bulk_url: below it, to take back what was changed in many notes; '' as above.
        scopes: what the rules say of an assertion; the first that covers the whole of a span counts.
        outline: the headers of the note, in text order.
        guidelines: Markdown by label.
        focus: what to make active when the note is opened: a span by its id, or a range in code points.
        compare: whose spans lie under the text when the note is opened, an id of `sources`; '': nobody's.
        blind: the note comes without suggestions on purpose; the editor says so.
        user: name of the person.
        can_review: they may see other people's annotations.
        calibration: of the model whose suggestions these are; None: nothing is known of its scores.
    """
    doc_id = str(annotation_id)
    visit = _visit(key, doc_id, epoch)
    state = _renderer()(
        key=key,
        data={
            "docId": doc_id,
            "noteId": note_id,
            "epoch": epoch,
            "visit": visit,
            "text": note_text,
            "labels": list(labels),
            "spans": list(spans),
            "revision": revision,
            "saveUrl": save_url,
            "submitUrl": submit_url,
            "readOnly": read_only,
            "height": height,
            "apiUrl": api_url,
            "projectUrl": project_url,
            "bulkUrl": bulk_url,
            "scopes": list(scopes),
            "outline": list(outline),
            "guidelines": dict(guidelines or {}),
            "focus": focus,
            "compare": compare,
            "blind": blind,
            "user": user,
            "canReview": can_review,
            "calibration": calibration,
        },
        on_submitted_change=_nothing,
        on_skipped_change=_nothing,
        on_stale_change=_nothing,  # the editor asks for a run, because its edits were stored after `spans` were read
    )
    return _result(state, visit)


@cache
def _renderer() -> ComponentRenderer:
    # Not at import: the asset folder is known only once a Streamlit runtime exists.
    return component("mednerapp.span_editor", js="span_editor.js", css="span_editor.css")


def _nothing() -> None:
    """Streamlit lists a state value in the result only if it has a callback."""


def _visit(key: str, doc_id: str, epoch: int) -> int:
    """Number of the current stay on a note in this session; tells its result from that of an earlier stay."""
    state: dict[str, Any] = st.session_state.setdefault(f"{key}:visit", {"shown": None, "number": 0})
    if state["shown"] != (doc_id, epoch):
        state["shown"] = (doc_id, epoch)
        state["number"] += 1
    return state["number"]


def _result(state: Mapping[str, Any], visit: int) -> EditorResult | None:
    submitted, skipped = state.get("submitted"), state.get("skipped")
    if submitted and submitted["visit"] == visit:
        return EditorResult(outcome="submitted", annotation_id=submitted["docId"], revision=submitted["revision"])
    if skipped and skipped["visit"] == visit:
        return EditorResult(outcome="skipped", annotation_id=skipped["docId"], revision=None)
    return None
