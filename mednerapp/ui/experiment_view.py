"""The parts of the compare page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from mednerapp.domain import presets
from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.experiments import OPEN, CellState, Experiment
from mednerapp.domain.models import Encoder, HyperParameters
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue, MedNerError
from mednerapp.services import experiment_documents as documents
from mednerapp.services import experiment_reports, experimenting, reporting, workers
from mednerapp.services.experiment_reports import Report
from mednerapp.services.experimenting import ExperimentView
from mednerapp.ui import charts, guard, menu
from mednerapp.ui.acting import act
from mednerapp.ui.process import application
from mednerapp.ui.state import state
from mednerapp.ui.words import count, local_time, plain, seconds

LOOK_EVERY = 2.0  # seconds, while a run is open
DRAW_EVERY = 15.0  # seconds, the same for the figure
_NAMES = {CellState.WAITING: "waiting", CellState.TRAINING: "training", CellState.SCORING: "being scored"}
_ELSEWHERE = "Published figures: measured on MIMIC-III notes with other labels. Not comparable with yours."
_COLUMNS = {
    "Seeds": st.column_config.TextColumn(help="How many of the experiment's seeds are trained and scored."),
    "Precision %": st.column_config.TextColumn(help="Mean over seeds \u00b1 half of the 95% interval over seeds."),
    "Recall %": st.column_config.TextColumn(help="Mean over seeds \u00b1 half of the 95% interval over seeds."),
    "F1 %": st.column_config.TextColumn(help="Mean over seeds \u00b1 half of the 95% interval over seeds."),
    "F1 % over notes": st.column_config.TextColumn(help="95% bootstrap interval over the test notes of the mean F1."),
    "Paper: precision %": st.column_config.TextColumn(help=_ELSEWHERE),
    "Paper: F1 %": st.column_config.TextColumn(help=_ELSEWHERE),
}


def nothing_yet(project: Project) -> None:
    command = f'mednerapp compare --project "{project.name}"'
    st.info(
        "No experiment yet. Choose a dataset and encoders below, or start one on the command line, where it can run "
        f"overnight and goes on after an interruption:\n\n`{command.replace('`', '')}`"
    )


def start(project: Project, *, first: bool) -> None:
    """A fragment and no form: the number of runs follows what is chosen, and nothing else is drawn again for it."""
    st.fragment(_start)(project, first=first)


def _start(project: Project, *, first: bool) -> None:
    user = guard.still_here()
    store = application().store
    datasets = reporting.datasets(store, user=user, project_id=project.id)
    with st.expander("New experiment", expanded=first):
        if not datasets:
            st.markdown("An experiment needs a frozen dataset.")
            menu.next_step("train", "Freeze a dataset")
            return
        left, right = st.columns(2, gap="large")
        with left:
            dataset = st.selectbox("Dataset", datasets, format_func=_dataset_line)
            encoders = _encoders(experimenting.choosable(store, user=user))
        with right:
            preset = st.selectbox("Preset", list(presets.PRESETS.values()), format_func=lambda p: p.title)
            st.caption(f"{preset.what} {preset.cost}")
            hyper = _settings(preset.name, preset.hyper)
            typed = st.text_input(
                "Seeds",
                ", ".join(map(str, experimenting.DEFAULT_SEEDS)),
                help="Whole numbers with commas between. Each encoder is trained once with each; three or more give an "
                "interval that says something.",
            )
            name = st.text_input("Name", placeholder="number of encoders and seeds", max_chars=experimenting.MAX_NAME)
        _start_button(user, project, dataset, encoders, typed, hyper, preset=preset.name, name=name)


def _encoders(installed: Sequence[Encoder]) -> list[Encoder]:
    st.markdown(":small[Encoders]")
    chosen = [encoder for encoder in installed if st.checkbox(plain(encoder.name), value=True, key=f"use-{encoder.id}")]
    missing = experiment_reports.missing_encoders(installed)
    for name in missing:
        st.checkbox(f"{name} (not installed)", value=False, disabled=True, key=f"missing-{name}")
    if missing:
        st.caption(f"To install one: `mednerapp models pull {missing[0]}`")
    return chosen


def _settings(preset: str, hyper: HyperParameters) -> HyperParameters:
    one, two, three = st.columns(3)
    epochs = one.number_input("Epochs", 1, 500, hyper.epochs, key=f"epochs-{preset}")
    rate = two.number_input(
        "Learning rate", 1e-7, 0.1, hyper.learning_rate, format="%.1e", step=1e-5, key=f"rate-{preset}"
    )
    batch = three.number_input("Batch size", 1, 256, hyper.batch_size, key=f"batch-{preset}")
    return replace(hyper, epochs=int(epochs), learning_rate=float(rate), batch_size=int(batch))


def _start_button(
    user: User,
    project: Project,
    dataset: Dataset,
    encoders: Sequence[Encoder],
    typed: str,
    hyper: HyperParameters,
    *,
    preset: str,
    name: str,
) -> None:
    store, ids = application().store, [encoder.id for encoder in encoders]
    planned: experimenting.Plan | None = None
    seeds: list[int] = []
    try:
        seeds = _numbers(typed)
        planned = experimenting.plan(
            store, user=user, project_id=project.id, dataset_id=dataset.id, encoder_ids=ids, seeds=seeds, hyper=hyper
        )
    except MedNerError as error:
        st.warning(plain(str(error)))
    else:
        there = [f"{planned.finished} of them finished before"] * (planned.finished > 0)
        there += [f"{planned.under_way} under way already"] * (planned.under_way > 0)
        sizes = f"{count(len(ids), 'encoder')} \u00d7 {count(len(seeds), 'seed')} = **{count(planned.runs, 'run')}**"
        st.markdown(sizes + (f" ({', '.join(there)})" if there else ""))
    if st.button("Start experiment", type="primary", disabled=planned is None):
        act(
            lambda: _open(
                experimenting.start(
                    store, user=user, project_id=project.id, dataset_id=dataset.id, encoder_ids=ids, seeds=seeds,
                    hyper=hyper, preset=preset, name=name,
                )
            )
        )  # fmt: skip


def _numbers(typed: str) -> list[int]:
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    for part in parts:
        if not part.isdecimal() or len(part) > 10:
            raise InvalidValue(f"Seeds are whole numbers with commas between, such as 13, 14, 15; not {part[:20]!r}.")
    return [int(part) for part in parts]


def _dataset_line(dataset: Dataset) -> str:
    return f"{dataset.name} ({', '.join(f'{dataset.notes[split]} {split.value}' for split in Split)})"


def _open(experiment: Experiment) -> None:
    state().experiment_id = experiment.id


def choose(found: Sequence[Experiment]) -> Experiment:
    """The one that was started or chosen last in this tab, else the newest."""
    ids = [experiment.id for experiment in found]
    names = {e.id: f"{e.id}: {e.name} ({local_time(e.created_at):%Y-%m-%d %H:%M})" for e in found}
    last = state().experiment_id
    at = ids.index(last) if last is not None and last in ids else 0
    chosen = st.selectbox("Experiment", ids, index=at, format_func=names.__getitem__, width=640)
    state().experiment_id = chosen
    return found[ids.index(chosen)]


def shown(user: User, experiment: Experiment) -> None:
    store = application().store
    found = experiment_reports.report(store, user=user, experiment_id=experiment.id)
    st.caption(f"{plain(found.view.dataset.name)} \u00b7 {plain(documents.setting(found))}")
    live = found.view.live
    finished = found.view.count(CellState.DONE)
    st.fragment(_progress, run_every=LOOK_EVERY if live else None)(experiment.id, live=live, finished=finished)
    _table(found)
    st.fragment(_figure, run_every=DRAW_EVERY if live else None)(experiment.id)
    _downloads(experiment)


def _progress(experiment_id: int, *, live: bool, finished: int) -> None:
    user = guard.still_here()
    store = application().store
    view = experimenting.look(store, user=user, experiment_id=experiment_id)
    if live and (not view.live or view.count(CellState.DONE) != finished):
        st.rerun(scope="app")
    done, total = view.count(CellState.DONE), len(view.cells)
    ended = total - done - view.count(*OPEN)
    if view.live:
        left = view.seconds_left
        working = workers.alive(store)
        remaining = f", about {seconds(left)} left" if left and working else ""
        st.progress(done / total, text=f"{done} of {count(total, 'run')} finished{remaining}")
        for cell in view.cells:
            if cell.state is CellState.TRAINING:
                steps = f"{cell.unit or 'steps'} {cell.done} of {cell.total}" if cell.total else "preparing"
                st.progress(cell.share, text=f"{plain(cell.encoder.name)}, seed {cell.run.hyper.seed}: {steps}")
        if not working:
            st.warning(
                "No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself)."
            )
    if ended and not view.live:
        st.warning(
            f"{ended} of {count(total, 'run')} ended without a result. Continue repeats them; the others are kept."
        )
    with st.container(horizontal=True):
        if view.live and st.button("Cancel", key="cancel-experiment"):
            act(lambda: experimenting.cancel(store, user=user, experiment_id=experiment_id))
        again = "Queues again what failed, was interrupted or was cancelled. What is finished is kept."
        if ended and st.button("Continue", key="continue-experiment", help=again):
            act(lambda: experimenting.resume(store, user=user, experiment_id=experiment_id))
    if not view.complete:
        _grid(view)


def _grid(view: ExperimentView) -> None:
    by_encoder: dict[str, dict[str, str]] = {}
    for cell in view.cells:
        row = by_encoder.setdefault(cell.encoder.name, {"Encoder": cell.encoder.name})
        row[f"Seed {cell.run.hyper.seed}"] = _NAMES.get(cell.state, cell.state.value)
    st.dataframe(list(by_encoder.values()), hide_index=True)
    for error in dict.fromkeys(cell.error for cell in view.cells if cell.error):
        who = [f"{c.encoder.name}, seed {c.run.hyper.seed}" for c in view.cells if c.error == error]
        st.error(f"{plain('; '.join(who))}: {plain(error)}")


def _table(found: Report) -> None:
    st.subheader("Table 1: precision, recall and F1", anchor=False)
    if not any(row.micro for row in found.rows):
        st.info(documents.basis(found))
        return
    st.markdown(" ".join(experiment_reports.standing(found)))
    st.caption(documents.basis(found))
    header = ("Encoder", *_COLUMNS)
    rows = [dict(zip(header, documents.table_row(row), strict=True)) for row in found.rows]
    st.dataframe(rows, hide_index=True, column_config=_COLUMNS)
    st.caption(f"{documents.INTERVALS} {plain(documents.ELSEWHERE)}")
    if found.not_installed:
        commands = ", ".join(f"{name} (`mednerapp models pull {name}`)" for name in found.not_installed)
        st.caption(f"Not installed here: {commands}.")
    with st.expander("F1 by label"):
        gold = next(row.per_label for row in found.rows if row.per_label)
        names = {label: f"{label} ({count(gold[label].gold, 'gold span')})" for label in found.labels}
        st.dataframe(
            [
                {"Encoder": row.encoder.name}
                | {names[label]: documents.label_score(result) for label, result in row.per_label.items()}
                for row in found.rows
                if row.per_label
            ],
            hide_index=True,
        )


def _figure(experiment_id: int) -> None:
    user = guard.still_here()
    found = experiment_reports.report(application().store, user=user, experiment_id=experiment_id)
    rows = [row for row in found.rows if row.curve]
    if not rows:
        return
    st.subheader("Figure 2: loss against epoch", anchor=False)
    st.caption(
        "Lines for the training notes, dashes for the dev notes: the mean over the seeds that reached the epoch. The "
        "band goes from the lowest to the highest of them."
    )
    st.plotly_chart(charts.encoder_losses(rows), config=charts.CONFIG, key="encoder-losses")


def _downloads(experiment: Experiment) -> None:
    with st.container(horizontal=True):
        for title, ending in (("Report (Markdown)", "md"), ("Figure (SVG)", "svg"), ("Data (JSON)", "json")):
            st.link_button(title, f"/api/experiments/{experiment.id}/report.{ending}")
    st.caption("They hold numbers and names of encoders, datasets and labels, no patient text.")
