"""The parts of the train page."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mednerapp.domain.accounts import User
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.models import Method, RunState
from mednerapp.domain.presets import PRESETS, preset_of
from mednerapp.domain.projects import Project
from mednerapp.errors import MedNerError
from mednerapp.services import fine_tuning, freezing, projects, reporting, workers
from mednerapp.services.fine_tuning import RunView
from mednerapp.ui import charts, guard, menu, run_form
from mednerapp.ui.acting import act
from mednerapp.ui.process import application
from mednerapp.ui.words import count, local_time, percent, plain, seconds

LOOK_EVERY = 1.5  # seconds, while a run is open
OPEN = (RunState.QUEUED, RunState.RUNNING)
_STATE = {
    RunState.QUEUED: ":gray-badge[waiting]",
    RunState.RUNNING: ":blue-badge[running]",
    RunState.SUCCEEDED: ":green-badge[finished]",
    RunState.FAILED: ":red-badge[failed]",
    RunState.INTERRUPTED: ":orange-badge[interrupted]",
    RunState.CANCELLED: ":gray-badge[cancelled]",
}
_FROM_CHECKPOINT = "Goes on from its last checkpoint, if it got as far as that."
_AGAIN = {
    RunState.FAILED: _FROM_CHECKPOINT,
    RunState.INTERRUPTED: _FROM_CHECKPOINT,
    RunState.CANCELLED: "From the beginning, unless it was cancelled while it waited to go on.",
}


def freeze(user: User, project: Project) -> None:
    store = application().store
    st.subheader("1. Dataset", anchor=False)
    ready = freezing.preview(store, user=user, project_id=project.id)
    st.caption(
        "Freezing copies the gold notes as they are now. About 70% of notes are for training, 15% for choosing "
        "the best epoch (dev) and 15% for scoring (test). A note's split is settled by its patient "
        "where one is known, else by its text, and never changes."
    )
    st.markdown("Gold now: " + _splits(ready) + ".")
    if not sum(ready.values()):
        st.info(
            "**No note is gold yet**, so there is nothing to freeze. A note becomes gold when its annotation is "
            "submitted, or approved where the page Gold asks for that."
        )
        menu.next_step("annotate", "Annotate")
    with st.form("freeze", border=False, clear_on_submit=True):
        row = st.container(horizontal=True, vertical_alignment="bottom")
        name = row.text_input("Name", placeholder="date and number of notes", max_chars=200)
        pressed = row.form_submit_button("Freeze dataset", disabled=not sum(ready.values()))
    if pressed:
        before = {dataset.id for dataset in reporting.datasets(store, user=user, project_id=project.id)}
        try:
            dataset = freezing.freeze(store, user=user, project_id=project.id, name=name)
        except MedNerError as error:
            st.warning(plain(str(error)))
        else:
            same = dataset.id in before
            text = "Nothing changed since it was frozen:" if same else "Frozen:"
            st.success(f"{text} {plain(dataset.name)}, {_splits(dataset.notes)}, {count(dataset.spans, 'span')}.")
    found = reporting.datasets(store, user=user, project_id=project.id)
    if found:
        frozen = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")
        st.dataframe([_dataset_row(dataset) for dataset in found], hide_index=True, column_config={"Frozen": frozen})


def _splits(notes: dict[Split, int]) -> str:
    return ", ".join(f"**{notes[split]}** {split.value}" for split in Split)


def _dataset_row(dataset: Dataset) -> dict[str, object]:
    splits = {split.value.capitalize(): dataset.notes[split] for split in Split}
    made = {"Frozen": local_time(dataset.created_at), "Hash": dataset.content_hash[:10]}
    return {"Dataset": dataset.name, **splits, "Spans": dataset.spans, **made}


def start_run(user: User, project: Project) -> None:
    store = application().store
    st.subheader("2. Run", anchor=False)
    datasets = reporting.datasets(store, user=user, project_id=project.id)
    encoders, _ = projects.models(store, user=user, project_id=project.id)
    if not datasets or not encoders:
        st.info("Freeze a dataset first." if encoders else "No encoder is installed. See `mednerapp doctor`.")
        return
    names = list(PRESETS)
    chosen = st.radio(
        "Protocol",
        names,
        format_func=lambda name: PRESETS[name].title,
        captions=[f"{row.what} {row.when}" for row in PRESETS.values()],
    )
    preset = PRESETS[chosen]
    st.caption(f"What it takes: {preset.cost}")
    with st.form(f"run-{preset.name}", border=True):
        left, right = st.columns(2)
        encoder = left.selectbox("Encoder", encoders, format_func=lambda e: e.name)
        dataset = right.selectbox("Dataset", datasets, format_func=lambda d: d.name)
        hyper = run_form.settings(preset)
        name = st.text_input(
            "Name", placeholder=fine_tuning.default_name("encoder", hyper), max_chars=fine_tuning.MAX_NAME
        )
        pressed = st.form_submit_button("Start run", type="primary")
    if pressed:
        try:
            fine_tuning.start(
                store, user=user, project_id=project.id, dataset_id=dataset.id, encoder_id=encoder.id, hyper=hyper,
                name=name,
            )  # fmt: skip
        except MedNerError as error:
            st.warning(plain(str(error)))
        else:
            st.toast("The run is in the queue.")


def runs(user: User, project: Project) -> None:
    """The runs, redrawn by themselves while one is open."""
    found = fine_tuning.runs(application().store, user=user, project_id=project.id)
    st.subheader("Runs", anchor=False)
    if not found:
        st.caption("No run yet.")
        return
    live = any(view.run.state in OPEN for view in found)
    st.fragment(_runs, run_every=LOOK_EVERY if live else None)(project.id, live=live)


def _runs(project_id: int, *, live: bool) -> None:
    user = guard.still_here()
    store = application().store
    found = fine_tuning.runs(store, user=user, project_id=project_id)
    still_live = any(view.run.state in OPEN for view in found)
    if live and not still_live:
        st.rerun(scope="app")
    if still_live and not workers.alive(store):
        st.warning("No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself).")
    dev_notes = {d.id: d.notes[Split.DEV] for d in reporting.datasets(store, user=user, project_id=project_id)}
    for number, view in enumerate(found):
        _run(user, view, dev_notes=dev_notes[view.run.dataset_id], expanded=number == 0)


def _run(user: User, view: RunView, *, dev_notes: int, expanded: bool) -> None:
    run = view.run
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.markdown(f"**{plain(run.name)}** {_STATE[run.state]}  \n{_facts(view, dev_notes)}")
        _buttons(user, view, right)
        if run.state is RunState.RUNNING:
            done = view.done / view.total if view.total else 0.0
            epoch = min(len(view.epochs) + 1, run.hyper.epochs)
            steps = f", {view.unit or 'steps'} {view.done} of {view.total}" if view.total else ", preparing"
            st.progress(
                min(done, 1.0), text=f"{plain(view.message)} Epoch {epoch} of {run.hyper.epochs}{steps}".strip()
            )
        if run.error and run.state not in OPEN:
            st.error(run.error)
        if view.epochs:
            with st.expander("Curves", expanded=expanded or run.state in OPEN):
                _curves(view, dev_notes)


def _facts(view: RunView, dev_notes: int) -> str:
    run, hyper = view.run, view.run.hyper
    known = preset_of(hyper)
    method = f"LoRA rank {hyper.rank}" if hyper.method is Method.LORA else "all weights"
    top = f", top {count(hyper.lora_layers, 'layer')}" if hyper.lora_layers else ""
    facts = [
        f"{plain(view.encoder)} on {plain(view.dataset)}",
        f"{method}{top}{'' if known else ', changed settings'}",
        f"{count(hyper.epochs, 'epoch')}, learning rate {hyper.learning_rate:g}",
    ]
    if run.started_at:
        facts.append(seconds(((run.finished_at or now()) - run.started_at).total_seconds()))
    if run.device:
        facts.append(plain(run.device))
    best = max((e.dev_f1 for e in view.epochs if e.dev_f1 is not None), default=None)
    if best is not None:
        facts.append(f"best dev F1 {percent(best)} on {count(dev_notes, 'dev note')}")
    facts += _early(view)
    return f":small[{' · '.join(facts)}]"


def _early(view: RunView) -> list[str]:
    """Where early stopping stands, or that it stopped the run."""
    run, scores = view.run, [e.dev_f1 for e in view.epochs]
    if run.hyper.patience is None or not scores or None in scores:
        return []
    best = max(range(len(scores)), key=lambda i: (scores[i] or 0.0, -i)) + 1
    since = len(scores) - best
    if run.state is RunState.SUCCEEDED and since >= run.hyper.patience and len(scores) < run.hyper.epochs:
        return [f"stopped early after epoch {len(scores)}; the best was epoch {best}"]
    if run.state is RunState.RUNNING and since:
        return [f"no better dev F1 for {count(since, 'epoch')}, stops after {run.hyper.patience}"]
    return []


def _buttons(user: User, view: RunView, place: DeltaGenerator) -> None:
    run, store = view.run, application().store
    if run.state in OPEN and place.button("Cancel", key=f"cancel-{run.id}", width="stretch"):
        act(lambda: fine_tuning.cancel(store, user=user, run_id=run.id))
    if run.state in (RunState.FAILED, RunState.INTERRUPTED, RunState.CANCELLED) and place.button(
        "Start again", key=f"again-{run.id}", width="stretch", help=_AGAIN[run.state]
    ):
        act(lambda: fine_tuning.start_again(store, user=user, run_id=run.id))
    if run.state is RunState.SUCCEEDED:
        with place:
            menu.link("dashboard", "See scores")


def _curves(view: RunView, dev_notes: int) -> None:
    found = [(view.run.name, view.epochs)]
    left, right = st.columns(2)
    left.plotly_chart(charts.losses(found, height=240), config=charts.CONFIG, key=f"loss-{view.run.id}")
    if any(e.dev_f1 is not None for e in view.epochs):
        chart = charts.dev_f1(found, notes=dev_notes, height=240)
        right.plotly_chart(chart, config=charts.CONFIG, key=f"f1-{view.run.id}")
    else:
        right.caption("The dataset has no dev note, so there is no dev F1.")
