"""What a job of each kind does, wired to the models. Only the worker imports this; torch is loaded by the first job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import Adapter, EpochReport
from mednerapp.domain.spans import ScoredSpan
from mednerapp.errors import ModelProblem
from mednerapp.jobs import encoder_jobs
from mednerapp.jobs.context import Handler, JobCancelled, JobContext
from mednerapp.jobs.measuring import PeakMemory, size_of
from mednerapp.services import evaluating, fine_tuning, predicting
from mednerapp.services.evaluating import Footprint
from mednerapp.services.fine_tuning import Trained, TrainingOrder


class Taggers:
    """The models of this worker: adapters of one encoder share its weights, and switching back is quick."""

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}

    def get(self, context: JobContext, adapter: Adapter, *, exact: bool = False) -> Any:
        """The tagger of an adapter, over its encoder. `exact`: in fp32 on a CPU whatever the setting says."""
        from mednerapp.ner.loading import pick_device
        from mednerapp.ner.residency import Models

        device = pick_device(context.device)
        precision = context.settings.precision if device == "cpu" and not exact else "fp32"
        models = self._models.setdefault(precision, Models(device=device, precision=precision))
        with context.store.read() as tx:
            encoder = tx.models.encoder(adapter.encoder_id)
        folders = context.settings.model_folder
        tagger = models.tagger(folders(adapter.folder), base_folder=folders(encoder.folder))
        if tagger.manifest["weights_hash"] != adapter.weights_hash:
            raise ModelProblem(
                f"The weights of {adapter.name!r} are not those that were registered. Copy its folder back, or "
                "choose another model."
            )
        return tagger


def handlers() -> dict[JobKind, Handler]:
    """One table: a further kind of job is a further row."""
    taggers = Taggers()
    return {
        JobKind.PREDICT: lambda context: predict(context, taggers),
        JobKind.EVALUATE: lambda context: evaluate(context, taggers),
        JobKind.FINE_TUNE: fine_tune,
        JobKind.PULL: encoder_jobs.pull,
        JobKind.ADD_ENCODER: encoder_jobs.add,
        JobKind.VERIFY: encoder_jobs.verify,
    }


def _predictor(tagger: Any) -> predicting.Predictor:
    from mednerapp.ner.prediction import predict as predict_texts

    def run(texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        return predict_texts(tagger, texts)

    return run


def _adapter(context: JobContext) -> Adapter:
    with context.store.read() as tx:
        return tx.models.adapter(int(context.job.args["adapter_id"]))


def predict(context: JobContext, taggers: Taggers) -> str:
    adapter = _adapter(context)
    count = predicting.predict_missing(
        context.store,
        project_id=int(context.job.args["project_id"]),
        adapter_id=adapter.id,
        predictor=_predictor(taggers.get(context, adapter)),
        on_progress=lambda done, total: context.progress(done, total, "notes"),
        fence=context.fence,
    )
    return f"{count} notes highlighted by {adapter.name}."


def evaluate(context: JobContext, taggers: Taggers) -> str:
    from mednerapp.ner.loading import pick_device
    from mednerapp.ner.manifest import seen_notes

    adapter = _adapter(context)
    tagger = taggers.get(
        context, adapter, exact=True
    )  # or adapters scored before and after a setting would not compare
    with context.store.read() as tx:
        encoder = tx.models.encoder(adapter.encoder_id)
    folder, memory = context.settings.model_folder, PeakMemory()

    def footprint() -> Footprint:
        return Footprint(
            size_of([folder(adapter.folder), folder(encoder.folder)]), memory.bytes(), pick_device(context.device)
        )

    evaluating.evaluate(
        context.store,
        adapter_id=adapter.id,
        dataset_id=int(context.job.args["dataset_id"]),
        split=Split.TEST,
        predictor=_predictor(tagger),
        seen=seen_notes(tagger.manifest),
        on_progress=lambda done, total: context.progress(done, total, "notes"),
        fence=context.fence,
        footprint=footprint,
    )
    return f"{adapter.name} scored on the test notes."


def fine_tune(context: JobContext) -> str:
    """Goes on from the run's checkpoint where there is one, whichever worker wrote it."""
    from mednerapp.ner.loading import pick_device
    from mednerapp.training.checkpoints import Checkpoints
    from mednerapp.training.finetune import TrainingTask, train
    from mednerapp.training.loop import Hooks, TrainingStopped

    device, model_dir = pick_device(context.device), context.settings.model_dir
    with context.store.read() as tx:
        run = tx.runs.of_job(context.job.id)
    if run is None:
        return "The run was started again as another job."
    fine_tuning.clear_checkpoints(context.store, model_dir=model_dir)
    checkpoints = Checkpoints(fine_tuning.checkpoint_folder(model_dir, run.id))
    resumed: list[str] = []

    def trainer(order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        task = TrainingTask(
            base_folder=context.settings.model_folder(order.encoder_folder),
            encoder_name=order.encoder_name,
            encoder_hash=order.encoder_hash,
            train=order.train,
            dev=order.dev,
            labels=order.labels,
            hyper=order.hyper,
            device=device,
            out_dir=order.out_dir,
            name=order.name,
            dataset_hash=order.dataset_hash,
            checkpoints=checkpoints,
        )
        hooks = Hooks(
            on_epoch=on_epoch,
            on_step=lambda done, total: context.progress(done, total, "steps", "".join(resumed)),
            should_stop=context.cancelled,
            on_resume=lambda epoch, _: resumed.append(f"Resumed at epoch {epoch}. "),
        )
        manifest = train(task, hooks)
        return Trained(manifest["weights_hash"], tuple(manifest["labels"]))

    try:
        adapter = fine_tuning.carry_out(
            context.store,
            run_id=run.id,
            trainer=trainer,
            device=device,
            model_dir=model_dir,
            fence=context.fence,
        )
    except (TrainingStopped, JobCancelled) as stopped:
        with context.store.read() as tx:
            cancelled = tx.jobs.get(context.job.id).cancel_requested  # else the worker stops, and the run can go on
            if cancelled and tx.runs.of_job(context.job.id):  # and not already goes on as another job
                checkpoints.remove()
        raise JobCancelled from stopped
    checkpoints.remove()
    return f"{''.join(resumed)}Adapter {adapter.name!r} is ready; its score appears on the dashboard."
