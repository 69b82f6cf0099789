"""`mednerapp annotate IN OUT`: spans of many notes, from files to files, without the database holding them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mednerapp.bootstrap import App
from mednerapp.cli.context import AsJson, Device, console, find_project, open_app
from mednerapp.cli.intake import Columns, Encoding, Types, documents_of, options_of
from mednerapp.domain.devices import Precision
from mednerapp.domain.models import Adapter
from mednerapp.domain.spans import ScoredSpan
from mednerapp.errors import ModelProblem, NotFound
from mednerapp.formats.table import format_named
from mednerapp.services import bulk_annotating
from mednerapp.services.bulk_annotating import BulkProgress
from mednerapp.services.bulk_on_ray import found_on_ray
from mednerapp.services.predicting import Predictor


class Engine(StrEnum):
    LOCAL = "local"
    RAY = "ray"


def annotate(
    source: Annotated[Path, typer.Argument(metavar="IN", help="File or folder of notes.", exists=True)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the parts; the same one to go on.")],
    project: Annotated[
        str, typer.Option("--project", "-p", help="Take the model in use there; default: the shipped starter.")
    ] = "",
    format_key: Annotated[str, typer.Option("--format", "-f", help="See `mednerapp formats`.")] = "jsonl",
    column: Columns = None,
    note_type: Types = None,
    encoding: Encoding = "",
    part: Annotated[int, typer.Option(help="Notes of a file.", min=1)] = bulk_annotating.PART,
    device: Device = "auto",
    engine: Annotated[
        Engine, typer.Option(help="ray: Ray Data, on the cluster of RAY_ADDRESS or on this machine.")
    ] = Engine.LOCAL,
    actors: Annotated[int, typer.Option(help="Processes of --engine ray that find spans.", min=1)] = 1,
    as_json: AsJson = False,
) -> None:
    """Find the spans of all notes in files; run again after an interruption, it goes on where it was."""
    row = format_named(format_key)
    options = options_of(column, note_type, encoding)
    started = time.monotonic()
    with open_app() as (opened, _):
        adapter = _adapter(opened, project)
        load = _loading(opened, adapter, device)
        read = partial(documents_of, [source.absolute()], "", options)
        before: BulkProgress | None = None
        with console.status("Loading") as status:

            def show(now: BulkProgress) -> None:
                nonlocal before
                before = before or now
                rate = (now.notes - before.notes) / max(time.monotonic() - started, 0.001)
                status.update(
                    f"{now.notes:,} notes, {now.spans:,} spans, {now.rejected:,} rejected, {rate:.0f} notes/s"
                )

            if engine is Engine.RAY:
                from mednerapp.ner.loading import pick_device

                gpus = float(pick_device(device) != "cpu")
                work = partial(found_on_ray, read=read, load=load, part=part, actors=actors, gpus=gpus)
                done = bulk_annotating.write(work, out, row=row, model=adapter.name, part=part, on_progress=show)
            else:
                done = bulk_annotating.annotate(
                    read(), out, row=row, predictor=load(), model=adapter.name, part=part, on_progress=show
                )
    if as_json:
        print(json.dumps({"notes": done.notes, "spans": done.spans, "rejected": done.rejected, "parts": done.parts}))
        return
    print(f"{done.notes:,} notes with {done.spans:,} spans in {done.parts:,} parts; {done.rejected:,} rows rejected")
    print(f"Written to {out}, {row.name}; what was rejected and why is beside it")


def _adapter(opened: App, project: str) -> Adapter:
    with opened.store.read() as tx:
        if project:
            target = find_project(opened, project)
            if target.active_adapter_id is None:
                raise NotFound(f"No model is in use in {project!r}.")
            return tx.models.adapter(target.active_adapter_id)
        for found in tx.projects.all():
            for adapter in tx.models.adapters(found.id):
                if adapter.project_id is None:
                    return adapter
    raise NotFound("The shipped starter is not registered; run `mednerapp migrate`.")


def _loading(opened: App, adapter: Adapter, device: str) -> Callable[[], Predictor]:
    """What opens the model, here or in a process elsewhere that sees the same files."""
    with opened.store.read() as tx:
        encoder = tx.models.encoder(adapter.encoder_id)
    return partial(
        _load, adapter=adapter, folder=opened.settings.model_folder(adapter.folder).absolute(),
        base_folder=opened.settings.model_folder(encoder.folder).absolute(), device=device,
        precision=opened.settings.precision,
    )  # fmt: skip


def _load(*, adapter: Adapter, folder: Path, base_folder: Path, device: str, precision: Precision) -> Predictor:
    from mednerapp.ner.loading import pick_device
    from mednerapp.ner.memory import give_back_free_memory
    from mednerapp.ner.prediction import predict
    from mednerapp.ner.residency import Models

    where = pick_device(device)
    models = Models(device=where, precision=precision if where == "cpu" else "fp32")
    tagger = models.tagger(folder, base_folder=base_folder)
    if tagger.manifest["weights_hash"] != adapter.weights_hash:
        raise ModelProblem(f"The weights of {adapter.name!r} are not those that were registered.")

    def run(texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        found = predict(tagger, texts)
        give_back_free_memory()
        return found

    return run
