"""Adjudicating a note: its places one after the other, side by side, by keyboard."""

from __future__ import annotations

from functools import partial

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.adjudication import Place
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import NotFound
from mednerapp.services import adjudicating
from mednerapp.services.adjudicating import OpenAdjudication
from mednerapp.ui import choosing, menu
from mednerapp.ui.acting import act_and_go_on
from mednerapp.ui.process import application
from mednerapp.ui.reading import marked, said
from mednerapp.ui.words import count, local_time, plain

_PLACE = "adjudicate:place"  # the key of the place on screen, and of which note
_SAID = "adjudicate:said"  # what could not be done in the run before
_do = partial(act_and_go_on, said=_SAID)
KEYS = (
    "**1**\u2013**9** takes a reading, **0** nothing, **A** all, **M** the majority, **J** / **K** the next and the "
    "previous place, **U** undoes, **Y** does it again, **F** finishes the note, **N** opens the next."
)


def adjudicate(user: User, project: Project) -> None:
    found = _chosen(user, project)
    if found is None:
        return
    if message := st.session_state.pop(_SAID, ""):
        st.warning(message)
    _header(found)
    if found.newer:
        _newer(user, found)
    if found.final:
        _gold(user, project, found)
        return
    if not found.places:
        st.success("These annotations do not differ any more. Finish the note to make gold of it.")
    else:
        _at_place(user, found)
    _steps(user, project, found)
    st.caption(KEYS)
    with st.expander("The whole note"):
        text = found.note.text
        decided = [span for made in found.decided.values() for span in made.spans]
        st.html(marked(text, found.agreed, schema=found.schema, strong=decided, start=0, end=len(text)))
        st.caption("Faint: what all agree on. Strong: what has been decided.")


def _chosen(user: User, project: Project) -> OpenAdjudication | None:
    store, asked = application().store, st.query_params.get("note", "")
    note_id = int(asked) if asked.isdecimal() and len(asked) < 10 else None
    try:
        note_id = note_id or adjudicating.next_note(store, user=user, project_id=project.id)
        if note_id is None:
            st.info(
                "**Nothing to adjudicate.** Notes come here when two annotators have submitted them and differ. Ask "
                "for two annotators under Settings, or for single notes under Status."
            )
            return None
        found = adjudicating.begin(store, user=user, note_id=note_id)
    except NotFound as error:
        st.warning(plain(str(error)))
        if st.button("Next note", type="primary"):
            st.query_params.pop("note", None)
            st.rerun()
        return None
    st.query_params["note"] = str(note_id)
    return found


def _header(found: OpenAdjudication) -> None:
    left, right = st.columns([3, 1], vertical_alignment="bottom", gap="large")
    left.subheader(plain(found.note.title), anchor=False)
    names = ", ".join(plain(side.name) for side in found.sides)
    left.caption(f"{names} · {count(len(found.agreed), 'span')} they agree on")
    done, places = len(found.places) - len(found.left), len(found.places)
    right.progress(done / places if places else 1.0, text=f"{done} of {count(places, 'place')} decided")
    if any(side.own for side in found.sides) and not found.final:
        st.caption("You are one of the annotators of this note. Where you can, let somebody else decide.")


def _newer(user: User, found: OpenAdjudication) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning("An annotation of this note was submitted anew since.")
        if st.button("Compare again", help="Decisions about places that read as before stay."):
            _do(lambda: adjudicating.begin_again(application().store, user=user, note_id=found.note.id))


def _current(found: OpenAdjudication) -> int:
    """The index of the place on screen: where one was, else the first that is left, else the last."""
    note_id, key = st.session_state.get(_PLACE, (0, ""))
    keys = [place.key for place in found.places]
    if note_id == found.note.id and key in keys:
        return keys.index(key)
    return keys.index(found.left[0].key) if found.left else len(keys) - 1


def _go(found: OpenAdjudication, index: int) -> None:
    st.session_state[_PLACE] = (found.note.id, found.places[index % len(found.places)].key)


def _at_place(user: User, found: OpenAdjudication) -> None:
    index = _current(found)
    place, text = found.places[index], found.note.text
    names = {side.id: side.name for side in found.sides}
    made = found.decided.get(place.key)
    st.markdown(f"#### Place {index + 1} of {len(found.places)}")
    everything = _everything(found)
    held = {side: reading.spans for reading in place.readings for side in reading.sides}
    choosing.side_by_side(
        text,
        [(side.name, everything[side.id], held[side.id]) for side in found.sides],
        schema=found.schema,
        start=place.start,
        end=place.end,
    )
    if made:
        st.markdown(f"Decided by {plain(made.by)}: **{plain(said(made.spans, text))}**")
    elif place.majority is None:
        st.markdown(":gray[No majority.]")
    taken = choosing.choose(
        text,
        [(choosing.names_of(names, reading.sides), reading.spans) for reading in place.readings],
        key=f"{found.note.id}-{place.key}",
        majority=place.majority,
        chosen=made.spans if made else None,
    )
    label = next((span.label for reading in place.readings for span in reading.spans), "")
    own = choosing.other(
        text,
        key=f"{found.note.id}-{place.key}",
        start=place.start,
        end=place.end,
        schema=found.schema,
        label=label,
    )
    taken = own if taken is None else taken
    if taken is not None:
        _take(user, found, place, taken)


def _everything(found: OpenAdjudication) -> dict[int, list[Span]]:
    spans: dict[int, list[Span]] = {side.id: list(found.agreed) for side in found.sides}
    for place in found.places:
        for reading in place.readings:
            for side in reading.sides:
                spans[side] += reading.spans
    return spans


def _take(user: User, found: OpenAdjudication, place: Place, spans: tuple[Span, ...]) -> None:
    left = [other for other in found.left if other.key != place.key]
    index = found.places.index(place)
    after = next((other for other in left if other.start >= place.start), left[0] if left else None)
    _go(found, found.places.index(after) if after else index)
    _do(
        lambda: adjudicating.decide(
            application().store,
            user=user,
            note_id=found.note.id,
            revision=found.revision,
            place=place.key,
            spans=spans,
        )
    )


def _steps(user: User, project: Project, found: OpenAdjudication) -> None:
    store, note_id, revision = application().store, found.note.id, found.revision
    with st.container(horizontal=True):
        if found.places:
            index = _current(found)
            for words, shortcut, step in (("Previous", "K", -1), ("Next", "J", 1)):
                if st.button(words, key=f"step-{shortcut}", shortcut=shortcut, disabled=len(found.places) < 2):
                    _go(found, index + step)
                    st.rerun()
        if st.button("Undo", shortcut="U", disabled=not found.can_undo):
            _do(lambda: adjudicating.undo(store, user=user, note_id=note_id, revision=revision))
        if st.button("Redo", shortcut="Y", disabled=not found.can_redo):
            _do(lambda: adjudicating.undo(store, user=user, note_id=note_id, revision=revision, redo=True))
        ready = not found.left
        if st.button("Finish", shortcut="F", type="primary" if ready else "secondary", disabled=not ready):
            _do(lambda: adjudicating.finish(store, user=user, note_id=note_id, revision=revision))
        _next_note(user, project, found)


def _next_note(user: User, project: Project, found: OpenAdjudication) -> None:
    if st.button("Next note", shortcut="N", type="primary" if found.final else "secondary"):
        after = adjudicating.next_note(application().store, user=user, project_id=project.id, after=found.note.id)
        st.query_params.pop("note", None)
        if after:
            st.query_params["note"] = str(after)
        st.rerun()


def _gold(user: User, project: Project, found: OpenAdjudication) -> None:
    st.success("This note is gold.")
    rows = adjudicating.provenance(application().store, user=user, note_id=found.note.id)
    text = found.note.text
    spans = [row.span for row in rows]
    st.html(marked(text, spans, schema=found.schema, strong=spans, start=0, end=len(text)))
    st.dataframe(
        [
            {
                "Span": row.span.mention(text),
                "Label": row.span.label,
                "Annotated by": ", ".join(row.annotators),
                "Decided by": row.decided_by or "all agree",
                "When": local_time(row.decided_at) if row.decided_at else None,
            }
            for row in rows
        ],
        hide_index=True,
    )
    with st.container(horizontal=True):
        if st.button("Reopen", help="Decide differently; datasets that were frozen from it stay as they are."):
            _do(lambda: adjudicating.reopen(application().store, user=user, note_id=found.note.id))
        _next_note(user, project, found)
        menu.link("gold", "All gold", query={"part": "status"})
