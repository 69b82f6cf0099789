"""The command line: `mednerapp COMMAND --help` says what each command takes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from mednerapp import __version__, bootstrap
from mednerapp.cli import bench_jobs, output
from mednerapp.cli.annotate import annotate
from mednerapp.cli.backup import backup
from mednerapp.cli.bench import bench
from mednerapp.cli.compare import compare
from mednerapp.cli.context import (
    AsJson,
    DatasetName,
    Device,
    ProjectName,
    announce,
    console,
    find_dataset,
    find_encoder,
    find_project,
    open_app,
)
from mednerapp.cli.deid import deid
from mednerapp.cli.exchange import export, formats
from mednerapp.cli.gold import agreement, datasets
from mednerapp.cli.intake import import_notes, watch
from mednerapp.cli.models import models
from mednerapp.cli.projects import projects
from mednerapp.cli.purge import purge, purge_overdue
from mednerapp.cli.report import report, runs
from mednerapp.cli.simulate import simulate
from mednerapp.cli.starter import STARTER_WORK, score_starter
from mednerapp.domain.accounts import Role
from mednerapp.domain.devices import first_of
from mednerapp.domain.jobs import JobState
from mednerapp.domain.models import LORA_TARGETS, ClassWeights, Schedule
from mednerapp.domain.presets import DEFAULT, PRESETS
from mednerapp.domain.presets import preset as preset_named
from mednerapp.errors import InvalidValue, MedNerError, NotFound
from mednerapp.services import (
    accounts,
    doctor,
    evaluating,
    fine_tuning,
    freezing,
    reporting,
)
from mednerapp.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Annotate, review and learn medical named entities.")
users = typer.Typer(no_args_is_help=True, help="People who may sign in.")
app.add_typer(users, name="users")
app.add_typer(projects, name="projects")
app.add_typer(bench, name="bench")
app.add_typer(deid, name="deid")
app.add_typer(models, name="models")
app.add_typer(simulate, name="simulate")
bench.command()(bench_jobs.kills)
bench.command(name="workers")(bench_jobs.workers)
app.add_typer(datasets, name="dataset")
app.command()(agreement)
app.command()(annotate)
app.command()(compare)
app.command()(export)
app.command()(formats)
app.command(name="import")(import_notes)
app.command()(watch)
app.command()(backup)
app.command()(purge)
app.command()(report)
app.command()(runs)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@app.command()
def serve(
    demo: Annotated[bool, typer.Option(help="Demo project with one-click sign-in; loopback only.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the browser when it is ready.")] = False,
) -> None:
    """Start the web process and one worker; Ctrl+C stops both."""
    from mednerapp.jobs.supervisor import serve as supervise

    given = {"demo": demo or None, "host": host or None, "port": port or None}
    settings = Settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    prepared = bootstrap.prepare(settings)
    if prepared.only_demo and not settings.demo:
        raise MedNerError(
            f"{settings.data_dir} holds the demo, whose people have no passwords. Start it with --demo, or choose "
            "another data folder with MEDNER_DATA_DIR."
        )
    announce(prepared)
    purge_overdue(settings)
    raise typer.Exit(supervise(settings, open_browser=open_browser))


@app.command()
def worker(
    worker_id: Annotated[str, typer.Option("--id", help="Stable name of this worker; default: host and process.")] = "",
    device: Device = "",
) -> None:
    """Run one worker: it highlights, trains and evaluates."""
    from mednerapp.jobs.handlers import handlers
    from mednerapp.jobs.worker import run_worker

    settings = Settings()
    raise typer.Exit(
        run_worker(settings, handlers=handlers(), device=device or settings.device, worker_id=worker_id or None)
    )


@app.command()
def migrate() -> None:
    """Create or update the database and everything that a start needs. Safe to repeat."""
    settings = Settings()
    announce(bootstrap.prepare(settings))
    print(f"Ready: {settings.data_dir.absolute()}")


@app.command()
def freeze(
    project: ProjectName,
    name: Annotated[str, typer.Option(help="Name of the dataset; default: date and size.")] = "",
    as_json: AsJson = False,
) -> None:
    """Freeze the submitted notes into a dataset, 70/15/15 by patient or record."""
    with open_app() as (opened, user):
        dataset = freezing.freeze(opened.store, user=user, project_id=find_project(opened, project).id, name=name)
        if name.strip() not in ("", dataset.name):
            console.print(f"Nothing has changed since {dataset.name!r}: that is the dataset, and {name!r} is not made.")
        output.dataset(dataset, as_json=as_json)


@app.command()
def train(
    project: ProjectName,
    dataset: DatasetName = "",
    encoder: Annotated[str, typer.Option(help="Name of the encoder; default: the shipped starter's.")] = "",
    name: Annotated[str, typer.Option(help="Name of the run.")] = "",
    preset: Annotated[str, typer.Option(help=f"Protocol: {', '.join(PRESETS)}. Sets what follows.")] = DEFAULT.name,
    epochs: Annotated[int | None, typer.Option()] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam, at its highest.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows for each step of the optimizer.")] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the LoRA matrices.")] = None,
    alpha: Annotated[int | None, typer.Option(help="LoRA scaling: alpha / rank.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Of LoRA's input.")] = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", help=f"Layer that LoRA adapts, repeated: {', '.join(LORA_TARGETS)}.")
    ] = None,
    lora_layers: Annotated[int | None, typer.Option(help="Adapt only so many layers from the top; faster.")] = None,
    weight_decay: Annotated[float | None, typer.Option()] = None,
    schedule: Annotated[
        Schedule | None, typer.Option(help="Learning rate: linear decay, or lower at a plateau.")
    ] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many epochs without a better dev F1.")] = None,
    class_weights: Annotated[ClassWeights | None, typer.Option(help="balanced: rare tags weigh more.")] = None,
    max_grad_norm: Annotated[float | None, typer.Option(help="Gradients are clipped to this norm.")] = None,
    deterministic: Annotated[bool, typer.Option(help="The same result each time, also on a GPU; slower.")] = False,
    seed: Annotated[int | None, typer.Option()] = None,
    train_share: Annotated[
        float | None, typer.Option(help="Of the training notes, for a learning curve; smaller shares are nested.")
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a model on a dataset and score it; waits for the end.

    A run that was interrupted and is started again goes on from its last checkpoint.
    """
    from mednerapp.jobs import waiting

    given = {
        "epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "rank": rank, "alpha": alpha,
        "dropout": dropout, "targets": tuple(target) if target else None, "lora_layers": lora_layers,
        "weight_decay": weight_decay, "schedule": schedule, "patience": patience, "class_weights": class_weights,
        "max_grad_norm": max_grad_norm, "deterministic": deterministic or None, "seed": seed,
        "train_share": train_share,
    }  # fmt: skip
    hyper = replace(preset_named(preset).hyper, **{key: value for key, value in given.items() if value is not None})
    with open_app() as (opened, user):
        target_project = find_project(opened, project)
        run = fine_tuning.start(
            opened.store,
            user=user,
            project_id=target_project.id,
            dataset_id=find_dataset(opened, user, target_project, dataset).id,
            encoder_id=find_encoder(opened, user, target_project, encoder).id,
            name=name,
            hyper=hyper,
        )
        with waiting.a_worker(opened.store, opened.settings, device=device), output.bars(console) as on_change:
            waiting.wait_for(opened.store, [run.job_id], on_change=on_change)
        views = fine_tuning.runs(opened.store, user=user, project_id=target_project.id)
        view = next(v for v in views if v.run.id == run.id)
        output.run(view, as_json=as_json)
        if view.run.adapter_id is None:
            raise typer.Exit(1)


@app.command()
def evaluate(
    project: Annotated[str, typer.Option("--project", "-p", help="Name of the project.")] = "",
    dataset: DatasetName = "",
    starter: Annotated[
        bool, typer.Option("--starter", help="Score the starter on open corpora instead; needs --corpora.")
    ] = False,
    corpora: Annotated[Path | None, typer.Option(help="Folder of the open corpora, see docs/starter.md.")] = None,
    folds: Annotated[int, typer.Option(help="With --starter: cross-validate its recipe in so many folds.")] = 0,
    init: Annotated[Path | None, typer.Option(help="With --folds: folder of the initial weights.")] = None,
    work: Annotated[Path, typer.Option(help="With --folds: where the stages are kept.")] = STARTER_WORK,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score every adapter on the dataset's test notes (what is missing is computed) and print the comparison."""
    if starter:
        score_starter(corpora=corpora, folds=folds, init=init, work=work, device=device, as_json=as_json)
        return
    if not project:
        raise InvalidValue("Name the project whose adapters to score (--project), or ask for --starter.")
    from mednerapp.jobs import waiting

    with open_app() as (opened, user):
        target = find_project(opened, project)
        chosen = find_dataset(opened, user, target, dataset)
        evaluating.request(opened.store, user=user, dataset_id=chosen.id)
        jobs = evaluating.open_jobs(opened.store, user=user, dataset_id=chosen.id)
        failures: list[str] = []
        if jobs:
            with waiting.a_worker(opened.store, opened.settings, device=device), output.bars(console) as on_change:
                ended = waiting.wait_for(opened.store, jobs, on_change=on_change)
            failures = [job.message for job in ended if job.state is not JobState.SUCCEEDED]
        output.comparison(reporting.compare(opened.store, user=user, dataset_id=chosen.id), as_json=as_json)
        for message in failures:
            print(f"mednerapp: {message}", file=sys.stderr)
        if failures:
            raise typer.Exit(1)


@app.command(name="doctor")
def examine(as_json: AsJson = False) -> None:
    """Look the installation over; the exit status is 1 when something is not in order."""
    with open_app() as (opened, _):
        checks = doctor.examine(
            opened.store, settings=opened.settings, has_bf16=lambda: _bf16_on_the_cpu(opened.settings.device)
        )
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    for check in checks if not as_json else ():
        print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def _bf16_on_the_cpu(device: str) -> bool | None:
    from mednerapp.ner.kernels import has_bf16
    from mednerapp.ner.loading import pick_device

    return has_bf16() if pick_device(first_of(device)).startswith("cpu") else None


@users.command(name="list")
def list_users(as_json: AsJson = False) -> None:
    """Everybody who may sign in."""
    with open_app() as (opened, _):
        everybody = accounts.list_users(opened.store, by=None)
    output.people(everybody, as_json=as_json)


@users.command()
def add(
    email: str,
    role: Role,
    name: Annotated[str, typer.Option()] = "",
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
) -> None:
    """Add a person; the password is asked for."""
    with open_app() as (opened, _):
        user = accounts.create_user(opened.store, by=None, email=email, name=name, role=role, password=password)
    print(f"Added {user.email} as {user.role.value}.")


@users.command()
def change(
    email: str,
    role: Annotated[Role | None, typer.Option()] = None,
    disabled: Annotated[bool | None, typer.Option("--disable/--enable")] = None,
    new_password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
) -> None:
    """Change a person's role or password, or keep them from signing in."""
    if role is None and disabled is None and not new_password:
        raise InvalidValue("Say what to change: --role, --disable, --enable or --password.")
    with open_app() as (opened, _):
        found = next((u for u in accounts.list_users(opened.store, by=None) if u.email == email.lower()), None)
        if found is None:
            raise NotFound(f"There is no user {email!r}.")
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True)) if new_password else None
        accounts.change_user(opened.store, by=None, user_id=found.id, role=role, disabled=disabled, password=password)
    print(f"Changed {found.email}.")


def main() -> None:
    """Entry point: an expected error is one line, not a traceback."""
    os.umask(0o077)  # what is written holds patient data: for nobody else on this machine
    try:
        app()
    except MedNerError as error:
        print(f"mednerapp: {error}", file=sys.stderr)
        sys.exit(1)
    except FileExistsError as error:
        print(f"mednerapp: {error.filename} is there already; choose another file.", file=sys.stderr)
        sys.exit(1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        print(f"mednerapp: {error.filename}: {error.strerror}.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
