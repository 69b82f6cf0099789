"""Jobs about encoders, done by the worker: fetching one from the hub, adding one from a folder, checking one."""

from __future__ import annotations

from pathlib import Path

from mednerapp.errors import ModelProblem
from mednerapp.jobs.context import JobContext
from mednerapp.ner.encoders import DOWNLOADS, INCOMING, EncoderRecord
from mednerapp.services import encoders


def pull(context: JobContext) -> str:
    from mednerapp.ner import installing

    args, models = context.job.args, context.settings.model_dir
    hub_id, name = str(args["hub_id"]), encoders.default_name(str(args["hub_id"]))

    def installer(target: Path) -> EncoderRecord:
        return installing.pull(
            hub_id,
            str(args["revision"]),
            name=name,
            target=target,
            downloads=models / DOWNLOADS,
            on_progress=context.progress,
        )

    return _install(context, name, installer)


def add(context: JobContext) -> str:
    from mednerapp.ner import installing

    name, folder = (
        str(context.job.args["name"]),
        context.settings.model_dir / INCOMING / str(context.job.args["folder"]),
    )

    def installer(target: Path) -> EncoderRecord:
        return installing.add(folder, name=name, target=target, on_progress=context.progress)

    return _install(context, name, installer)


def verify(context: JobContext) -> str:
    from mednerapp.ner import installing

    with context.store.read() as tx:
        encoder = tx.models.encoder(int(context.job.args["encoder_id"]))
    if encoder.removed_at:
        return "The encoder was removed meanwhile."
    found = installing.verify(
        context.settings.model_folder(encoder.folder),
        expected_hash=encoder.weights_hash,
        on_progress=context.progress,
    )
    problem = next((check.detail for check in found if not check.ok), "")
    encoders.record_check(context.store, encoder_id=encoder.id, problem=problem, fence=context.fence)
    if problem:
        raise ModelProblem(problem)
    return f"{encoder.name} is in order: {len(found)} checks."


def _install(context: JobContext, name: str, installer: encoders.Installer) -> str:
    encoder = encoders.install(
        context.store,
        by=None,
        name=name,
        model_dir=context.settings.model_dir,
        installer=installer,
        fence=context.fence,
    )
    return f"{encoder.name} is installed ({encoder.weights_hash[:12]})."
