"""`mednerapp models`: the encoders that runs train over."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import progress as bars
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from mednerapp.cli import output
from mednerapp.cli.context import AsJson, console, open_app
from mednerapp.domain.models import Encoder
from mednerapp.ner.encoders import DOWNLOADS, EncoderRecord
from mednerapp.services import encoders
from mednerapp.services.encoders import EncoderView

models = typer.Typer(no_args_is_help=True, help="Encoders: list, fetch, add, check, remove.")

Progress = Callable[[int, int, str, str], None]
Name = Annotated[str, typer.Option(help="What it is called here; a name of the table says which encoder it is.")]
Installed = Annotated[str, typer.Argument(help="Name of an installed encoder.")]


@models.command(name="list")
def list_encoders(as_json: AsJson = False) -> None:
    """The encoders of the paper and whatever else is installed."""
    with open_app() as (opened, user):
        found = encoders.catalogue(opened.store, user=user)
    if as_json:
        print(json.dumps([_as_json(view) for view in found], indent=2, default=str))
        return
    rows = [_row(view) for view in found]
    print(output.table(("encoder", "", "size", "hash", "paper's precision", "F1", "licence"), rows))
    if not any(view.encoder for view in found):
        print("None is installed yet: `mednerapp models pull BioBERT`, or without a connection `models add FOLDER`.")


@models.command()
def pull(
    source: Annotated[str, typer.Argument(help="A name of the table (BioBERT) or a hub id (OWNER/NAME).")],
    revision: Annotated[str, typer.Option(help="Commit, tag or branch; default: the table's commit, or main.")] = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Fetch an encoder from the hub (or its cache on this machine) and install it. The only command that goes out."""
    from mednerapp.ner import installing

    hub_id, revision = encoders.resolve(source, revision)
    wanted = name or encoders.default_name(hub_id)
    with open_app() as (opened, user), _bar() as on_progress:
        folder = opened.settings.model_dir

        def installer(target: Path) -> EncoderRecord:
            return installing.pull(
                hub_id, revision, name=wanted, target=target, downloads=folder / DOWNLOADS, on_progress=on_progress
            )

        encoder = encoders.install(opened.store, by=user, name=wanted, model_dir=folder, installer=installer)
    _print_installed(encoder, opened.settings.model_folder(encoder.folder), as_json=as_json)


@models.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Folder with config.json, tokenizer files and weights.")],
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Install a copy of an encoder folder; nothing goes out."""
    from mednerapp.ner import installing

    wanted = encoders.check_name(
        name or encoders.default_name(installing.origin_of(folder).source.removeprefix("folder "))
    )
    with open_app() as (opened, user), _bar() as on_progress:

        def installer(target: Path) -> EncoderRecord:
            return installing.add(folder, name=wanted, target=target, on_progress=on_progress)

        models_folder = opened.settings.model_dir
        encoder = encoders.install(opened.store, by=user, name=wanted, model_dir=models_folder, installer=installer)
    _print_installed(encoder, opened.settings.model_folder(encoder.folder), as_json=as_json)


@models.command()
def verify(
    name: Annotated[str, typer.Argument(help="Default: every installed encoder.")] = "", as_json: AsJson = False
) -> None:
    """Check installed encoders from the hash to a forward pass; the exit status is 1 when one is not in order."""
    from mednerapp.ner import installing

    with open_app() as (opened, user):
        installed = [view.encoder for view in encoders.catalogue(opened.store, user=user) if view.encoder]
        chosen = [encoders.find(opened.store, name)] if name else installed
        found = {
            encoder.name: installing.verify(
                opened.settings.model_folder(encoder.folder), expected_hash=encoder.weights_hash
            )
            for encoder in chosen
        }
        for encoder in chosen:
            problem = next((check.detail for check in found[encoder.name] if not check.ok), "")
            encoders.record_check(opened.store, encoder_id=encoder.id, problem=problem)
    if as_json:
        print(json.dumps({key: [asdict(check) for check in checks] for key, checks in found.items()}, indent=2))
    for key, checks in found.items() if not as_json else ():
        print(key)
        for check in checks:
            print(f"  {'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
    if not found and not as_json:
        print("No encoder is installed.")
    raise typer.Exit(0 if all(check.ok for checks in found.values() for check in checks) else 1)


@models.command()
def remove(name: Installed) -> None:
    """Delete an installed encoder that no adapter needs."""
    with open_app() as (opened, user):
        encoder = encoders.find(opened.store, name)
        encoders.remove(opened.store, by=user, encoder_id=encoder.id, model_dir=opened.settings.model_dir)
    print(f"Removed {encoder.name}.")


@contextmanager
def _bar() -> Generator[Progress]:
    """What is being done and how far it is, on the error stream."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"))
    with bars.Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None, unit="")
        yield lambda done, total, unit, message: progress.update(
            task, completed=done, total=total or None, unit=unit, description=message
        )


def _print_installed(encoder: Encoder, folder: Path, *, as_json: bool) -> None:
    from mednerapp.ner.encoders import read_record

    record = read_record(folder)
    if as_json:
        print(json.dumps(asdict(record), indent=2))
        return
    print(
        f"Installed {encoder.name}: {record.architecture}, {'cased' if record.cased else 'uncased'}, {record.licence}"
    )
    print(f"From {record.source} {record.revision}".rstrip())
    print(f"SHA-256 {record.weights_hash}")
    if record.original_hash != record.weights_hash:
        print(f"Converted from {record.original_file}, SHA-256 {record.original_hash}")
    for repair in record.repairs:
        print(f"Put right: {repair}")


def _as_json(view: EncoderView) -> dict[str, object]:
    return {
        "name": view.name,
        "hub_id": view.spec.hub_id if view.spec else None,
        "revision": view.spec.revision if view.spec else None,
        "installed": asdict(view.encoder) if view.encoder else None,
        "adapters": view.adapters,
        "published": asdict(view.published),
        "licence": view.licence,
        "pretrained_on": view.spec.pretrained_on if view.spec else "",
    }


def _row(view: EncoderView) -> tuple[str, ...]:
    encoder, paper = view.encoder, view.published
    figures = ("" if number is None else f"{number}" for number in (paper.precision, paper.f1))
    digest, size = (encoder.weights_hash[:12], f"{encoder.size_bytes / 2**20:,.0f} MB") if encoder else ("", "")
    return (view.name, _state(view), size, digest, *figures, view.licence)


def _state(view: EncoderView) -> str:
    if view.encoder is None:
        return "not installed"
    return "NOT IN ORDER" if view.encoder.problem else "installed"
