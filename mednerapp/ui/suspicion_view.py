"""The queue of gold that is probably wrong: gold beside the model, decided by keyboard."""

from __future__ import annotations

from functools import partial

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.services import suspecting, workers
from mednerapp.services.suspecting import OpenSuspicion, Queue
from mednerapp.store.suspicions import Round
from mednerapp.ui import choosing, guard, menu
from mednerapp.ui.acting import act_and_go_on
from mednerapp.ui.process import application
from mednerapp.ui.words import count, local_time, plain

LOOK_EVERY = 3.0
_SKIP, _SAID = "suspicious:skip", "suspicious:said"
_do = partial(act_and_go_on, said=_SAID)
KINDS = {
    "boundary": "other edges",
    "type": "another label",
    "both": "other edges and another label",
    "missed": "the model finds nothing there",
    "invented": "the model finds one that gold does not have",
}
KEYS = (
    "**1** keeps gold, **2** takes the model's, **0** nothing (whoever says so), **S** skips, **U** undoes the last "
    "decision."
)


def suspicious(user: User, project: Project) -> None:
    found = suspecting.queue(application().store, user=user, project_id=project.id)
    if not found.datasets:
        st.info("**No dataset yet.** What is looked through is a frozen dataset.")
        menu.next_step("train", "Freeze one")
        return
    if message := st.session_state.pop(_SAID, ""):
        st.warning(message)
    if found.running:
        st.fragment(_wait, run_every=LOOK_EVERY)(project.id)
    if found.round is None:
        if not found.running:
            st.info(
                "**Nobody has looked through the gold yet.** The model is trained several times, each time without "
                "some of the notes, and asked about those. Where it is sure of something else, gold is worth a look."
            )
    else:
        _one(user, found.round)
    if not found.running and user.may(Permission.TRAIN):
        _ask(user, found)


def _wait(project_id: int) -> None:
    user = guard.still_here()
    store = application().store
    found = suspecting.queue(store, user=user, project_id=project_id)
    if not found.running:
        st.rerun(scope="app")
    words = f"{found.done:,} of {found.total:,} notes" if found.total else "Waits for a worker"
    st.progress(found.done / found.total if found.total else 0.0, text=f"Looking through the gold: {words}")
    if not workers.alive(store):
        st.warning("No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself).")


def _ask(user: User, found: Queue) -> None:
    with st.expander("Look through a dataset", expanded=found.round is None):
        dataset = st.selectbox("Dataset", found.datasets, format_func=lambda d: d.name, width=420)
        folds = st.slider("Trainings", 2, 10, suspecting.FOLDS, help="More of them learn from more notes each.")
        st.caption(f"It takes as long as {folds} training runs and leaves no model behind.")
        if st.button("Start", type="primary"):
            _do(lambda: suspecting.request(application().store, user=user, dataset_id=dataset.id, folds=folds))


def _one(user: User, round_: Round) -> None:
    st.caption(
        f"Looked through {local_time(round_.at):%Y-%m-%d %H:%M}: {count(round_.notes, 'note')}, {round_.folds} "
        f"trainings. {round_.open} open, {round_.fixed} fixed, {round_.kept} kept as they were."
    )
    store, skip = application().store, st.session_state.get(_SKIP, 0)
    found = suspecting.next_one(store, user=user, round_id=round_.id, skip=skip)
    if found is None:
        st.success("Nothing is left to look at." if not skip else "Nothing is left but what you skipped.")
        if skip and st.button("Show those"):
            st.session_state[_SKIP] = 0
            st.rerun()
    else:
        taken = _choice(found)
        if taken is not None:
            one = found.suspicion.id
            _do(lambda: suspecting.decide(store, user=user, suspicion_id=one, spans=taken))
    with st.container(horizontal=True):
        if found and st.button("Skip", shortcut="S"):
            st.session_state[_SKIP] = skip + 1
            st.rerun()
        if st.button("Undo", shortcut="U", disabled=not round_.fixed + round_.kept):
            _do(lambda: suspecting.undo(store, user=user, round_id=round_.id))
        if round_.fixed:
            menu.link("train", "Freeze the corrected gold")
    st.caption(KEYS)


def _choice(found: OpenSuspicion) -> tuple[Span, ...] | None:
    one, text = found.suspicion, found.note.text
    gold, predicted = _spans(one.gold), _spans(one.predicted)
    both = (*gold, *predicted)
    start, end = min(s.start for s in both), max(s.end for s in both)
    st.markdown(f"#### {plain(found.note.title)}: {KINDS[one.kind]}")
    st.caption(f"Margin {one.margin:+.2f}: above 0 the model is surer here than where it is right.")
    others = [span for span in found.gold if span not in gold]
    choosing.side_by_side(
        text,
        [("Gold", found.gold, gold), ("Model", (*others, *predicted), predicted)],
        schema=found.schema,
        start=start,
        end=end,
    )
    key = f"suspicion-{one.id}"
    taken = choosing.choose(text, [("Keep gold", gold), ("Model", predicted)], key=key)
    own = choosing.other(text, key=key, start=start, end=end, schema=found.schema, label=both[0].label)
    return own if taken is None else taken


def _spans(span: Span | None) -> tuple[Span, ...]:
    return (span,) if span else ()
