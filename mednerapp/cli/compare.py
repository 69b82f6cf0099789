"""`mednerapp compare`: the paper's experiment, encoders x seeds on one dataset, ending in its table and its figure."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from mednerapp.bootstrap import App
from mednerapp.cli.context import DatasetName, Device, console, find_dataset, find_project, open_app
from mednerapp.cli.output import table
from mednerapp.domain import presets
from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset
from mednerapp.domain.experiments import OPEN, CellState, Experiment
from mednerapp.domain.models import Encoder, HyperParameters
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.ner.encoders import ENCODERS
from mednerapp.services import experiment_documents as documents
from mednerapp.services import experiment_reports, experimenting, projects, reporting
from mednerapp.services.experiment_reports import Report
from mednerapp.services.experimenting import ExperimentView

Show = Callable[[ExperimentView], None]
LOOK_EVERY = 1.0  # seconds
MOST_REPEATS = 3  # rounds of interrupted runs without one that succeeds in between
INTERRUPTED = 130  # the exit status after Ctrl+C


def compare(
    project: Annotated[str, typer.Option("--project", "-p", help="Name of the project; default: the only one.")] = "",
    dataset: DatasetName = "",
    encoders: Annotated[str, typer.Option(help="Names with commas between; default: every installed encoder.")] = "",
    seeds: Annotated[str, typer.Option(help="Whole numbers with commas between.")] = ",".join(
        map(str, experimenting.DEFAULT_SEEDS)
    ),
    preset: Annotated[
        str, typer.Option(help=f"Training protocol: {', '.join(presets.PRESETS)}.")
    ] = presets.DEFAULT.name,
    epochs: Annotated[int | None, typer.Option(help="Instead of the preset's.", show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Instead of the preset's.", show_default=False)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Instead of the preset's.", show_default=False)] = None,
    name: Annotated[str, typer.Option(help="Name of the experiment.")] = "",
    resume: Annotated[int | None, typer.Option(help="Go on with the experiment of this number.", min=1)] = None,
    cancel: Annotated[int | None, typer.Option(help="Cancel the open runs of this experiment.", min=1)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Markdown file; the figure goes beside it.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="JSON file with everything behind the report.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Train every encoder with every seed on one dataset, score them on the same test notes, print table and figure.

    The same command again (or --resume) goes on where it was cut off: what is finished is kept, what failed is
    repeated. --out and --json write over an earlier report.
    """
    for path in (out, json_file):
        if path is not None and not path.absolute().parent.is_dir():
            raise InvalidValue(f"There is no folder {path.absolute().parent} to write {path.name!r} to.")
    with open_app() as (opened, user):
        if cancel is not None:
            ended = experimenting.cancel(opened.store, user=user, experiment_id=cancel)
            print(f"Cancelled {ended} open runs of experiment {cancel}. What is finished stays.")
            return
        if resume is not None:
            experimenting.resume(opened.store, user=user, experiment_id=resume)
            number = resume
        else:
            chosen = presets.preset(preset)
            changes = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
            hyper = replace(chosen.hyper, **{key: value for key, value in changes.items() if value is not None})
            where = _dataset(opened, user, project, dataset)
            number = _start(opened, user, where, encoders, seeds, hyper, preset=chosen.name, name=name).id
        view = _wait(opened, user, number, device=device)
        found = experiment_reports.report(opened.store, user=user, experiment_id=number)
        _print(found)
        _write(found, out=out, json_file=json_file)
    if not view.complete:
        raise typer.Exit(1)


def _dataset(opened: App, user: User, project: str, dataset: str) -> Dataset:
    everything = projects.all_projects(opened.store)
    if not project and len(everything) != 1:
        names = ", ".join(repr(p.name) for p in everything) or "none"
        raise NotFound(f"Name the project with --project. There are: {names}.")
    target = find_project(opened, project or everything[0].name)
    if not reporting.datasets(opened.store, user=user, project_id=target.id):
        raise NotFound(f"The project {target.name!r} has no dataset. Make one with `mednerapp freeze` first.")
    return find_dataset(opened, user, target, dataset)


def _start(
    opened: App,
    user: User,
    dataset: Dataset,
    encoders: str,
    seeds: str,
    hyper: HyperParameters,
    *,
    preset: str,
    name: str,
) -> Experiment:
    installed = experimenting.choosable(opened.store, user=user)
    wanted = _chosen(installed, encoders)
    if not wanted:
        raise NotFound("No encoder is installed. Install one with `mednerapp models pull BERT`.")
    for missing in experiment_reports.missing_encoders(installed) if not encoders else ():
        console.print(f"Not installed, so not compared: {missing} (mednerapp models pull {missing})", highlight=False)
    return experimenting.start(
        opened.store,
        user=user,
        project_id=dataset.project_id,
        dataset_id=dataset.id,
        encoder_ids=[encoder.id for encoder in wanted],
        seeds=_numbers(seeds),
        hyper=hyper,
        preset=preset,
        name=name,
    )


def _chosen(installed: list[Encoder], names: str) -> list[Encoder]:
    """The encoders of these names, whatever their case; all without names."""
    if not names.strip():
        return installed
    by_name = {encoder.name.casefold(): encoder for encoder in installed}
    table_names = {name.casefold(): name for name in ENCODERS}
    chosen: list[Encoder] = []
    for name in (part.strip() for part in names.split(",") if part.strip()):
        if name.casefold() in by_name:
            chosen.append(by_name[name.casefold()])
        elif name.casefold() in table_names:
            known = table_names[name.casefold()]
            raise NotFound(f"{known} is not installed. Install it with `mednerapp models pull {known}`.")
        else:
            raise NotFound(
                f"There is no encoder {name!r}. Installed: {', '.join(e.name for e in installed) or 'none'}."
            )
    return chosen


def _numbers(seeds: str) -> list[int]:
    parts = [part.strip() for part in seeds.split(",") if part.strip()]
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong:
        raise InvalidValue(f"--seeds takes whole numbers with commas between, such as 13,14,15; not {wrong[0]!r}.")
    return [int(part) for part in parts]


def _wait(opened: App, user: User, experiment_id: int, *, device: str) -> ExperimentView:
    """Until no cell is open. What is interrupted meanwhile (a worker died) is queued again."""
    from mednerapp.jobs import waiting

    store = opened.store
    view = experimenting.look(store, user=user, experiment_id=experiment_id)
    if not view.live:
        return view
    print(
        f"Experiment {experiment_id}: {len(view.cells)} runs, {view.count(CellState.DONE)} finished before. "
        f"If this is cut off, the same command (or `mednerapp compare --resume {experiment_id}`) goes on.",
    )
    repeats, finished = 0, view.count(CellState.DONE)

    def done() -> bool:
        nonlocal view, repeats, finished
        view = experimenting.look(store, user=user, experiment_id=experiment_id)
        if view.count(CellState.DONE) > finished:
            repeats, finished = 0, view.count(CellState.DONE)
        if view.count(CellState.INTERRUPTED) and repeats < MOST_REPEATS:
            repeats += 1
            experimenting.resume(store, user=user, experiment_id=experiment_id, only_interrupted=True)
            view = experimenting.look(store, user=user, experiment_id=experiment_id)
        show(view)
        return not view.live

    try:
        with waiting.a_worker(store, opened.settings, device=device) as keep, _progress() as show:
            waiting.wait_until(store, done, every=LOOK_EVERY, keep=keep)
    except KeyboardInterrupt:
        print(
            "\nStopped. What is finished is kept, and what waits goes on when a worker runs: the same command or "
            f"`mednerapp compare --resume {experiment_id}`. To drop the rest: "
            f"`mednerapp compare --cancel {experiment_id}`."
        )
        raise typer.Exit(INTERRUPTED) from None
    return view


@contextmanager
def _progress() -> Generator[Show]:
    """Bars on a terminal: all runs, then each that trains. Elsewhere a line whenever something changes."""
    if not console.is_terminal:
        yield _line_by_line()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as progress:
        overall = progress.add_task("runs", total=None, note="")
        tasks: dict[int, TaskID] = {}

        def show(view: ExperimentView) -> None:
            progress.update(overall, completed=view.count(CellState.DONE), total=len(view.cells), note=_left(view))
            training = {cell.run.id: cell for cell in view.cells if cell.state is CellState.TRAINING}
            for run_id in set(tasks) - set(training):
                progress.remove_task(tasks.pop(run_id))
            for run_id, cell in training.items():
                if run_id not in tasks:
                    tasks[run_id] = progress.add_task(f"  {cell.encoder.name}, seed {cell.run.hyper.seed}", note="")
                progress.update(tasks[run_id], completed=cell.done, total=cell.total or None, note=cell.unit)

        yield show


def _line_by_line() -> Show:
    said = ""

    def show(view: ExperimentView) -> None:
        nonlocal said
        open_cells = [cell for cell in view.cells if cell.state in OPEN - {CellState.WAITING}]
        now = ", ".join(f"{cell.encoder.name} seed {cell.run.hyper.seed} {cell.state.value}" for cell in open_cells)
        line = f"{view.count(CellState.DONE)} of {len(view.cells)} runs finished" + (f"; {now}" if now else "")
        if line != said:
            said = line
            left = _left(view)
            console.print(f"{line}; {left}" if left else line, highlight=False, soft_wrap=True)

    return show


def _left(view: ExperimentView) -> str:
    seconds = view.seconds_left
    if seconds is None or not view.live:
        return ""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"about {hours} h {minutes} min left" if hours else f"about {minutes} min left" if minutes else "soon done"


def _print(found: Report) -> None:
    view = found.view
    print(f"\nExperiment {view.experiment.id}: {view.experiment.name}, on {view.dataset.name}")
    print(documents.setting(found).capitalize())
    print(documents.basis(found))
    header = ("encoder", "seeds", "precision %", "recall %", "F1 %", "F1 % over notes", "paper: P %", "paper: F1 %")
    print(table(header, [documents.table_row(row) for row in found.rows]))
    for sentence in experiment_reports.standing(found):
        print(sentence)
    print("\u00b1: 95% t-interval over seeds; [ ]: 95% bootstrap interval over notes of the mean over seeds.")
    print("paper: on MIMIC-III, other notes and labels: not comparable with the figures beside it.")
    for missing in found.not_installed:
        print(f"Not installed: {missing} (mednerapp models pull {missing})")
    for cell in view.cells:
        if cell.state is not CellState.DONE:
            reason = f": {cell.error}" if cell.error else ""
            print(f"Run {cell.run.id} ({cell.encoder.name}, seed {cell.run.hyper.seed}) {cell.state.value}{reason}")


def _write(found: Report, *, out: Path | None, json_file: Path | None) -> None:
    if out is not None:
        picture = out.with_suffix(".svg")
        picture.write_text(documents.figure(found), encoding="utf-8")
        out.write_text(documents.markdown(found, figure=picture.name), encoding="utf-8")
        print(f"Report written to {out}, its figure to {picture}.")
    if json_file is not None:
        json_file.write_text(documents.as_json(found), encoding="utf-8")
        print(f"Data written to {json_file}.")
