"""What a job of each kind does, wired to the models. Only the worker imports this; torch is loaded by the first job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import Adapter, AdapterKind, EpochReport
from mednerapp.domain.spans import ScoredSpan
from mednerapp.errors import ModelProblem
from mednerapp.jobs import encoder_jobs, suspicion_jobs
from mednerapp.jobs.context import Handler, JobCancelled, JobContext, JobPaused
from mednerapp.jobs.failures import MEMORY
from mednerapp.jobs.measuring import PeakMemory, size_of
from mednerapp.jobs.together import train_together
from mednerapp.ner.memory import is_exhausted, release
from mednerapp.services import boards, evaluating, fine_tuning, predicting
from mednerapp.services.evaluating import Footprint
from mednerapp.services.fine_tuning import Trained, TrainingOrder
from mednerapp.store import Transaction

if TYPE_CHECKING:
    from mednerapp.training.finetune import TrainingTask
    from mednerapp.training.loop import Hooks

SCORED = "Its scores are stored."  # in the transaction that stores them, so that no attempt does it again
SMALL_BATCH = 256  # tokens of a batch of predictions once the memory did not suffice for the usual one


class Taggers:
    """The models of this worker: adapters of one encoder share its weights, and switching back is quick."""

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}

    def get(self, context: JobContext, adapter: Adapter, *, exact: bool = False) -> Any:
        """The tagger of an adapter, over its encoder. `exact`: in fp32 on a CPU whatever the setting says."""
        from mednerapp.ner.loading import pick_device
        from mednerapp.ner.residency import Models

        context.device = device = pick_device(context.device)
        precision = context.settings.precision if device == "cpu" and not exact else "fp32"
        models = self._models.setdefault(precision, Models(device=device, precision=precision))
        with context.store.read() as tx:
            encoder = tx.models.encoder(adapter.encoder_id)
        folders = context.settings.model_folder
        for name, folder in ((adapter.name, adapter.folder), (encoder.name, encoder.folder)):
            needed = folder == adapter.folder or adapter.kind is AdapterKind.LORA
            if needed and not folders(folder).is_dir():
                raise ModelProblem(
                    f"The folder of the model {name!r} ({folder}) is not there. Bring it back, or use another model."
                )
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


def _predictor(context: JobContext, tagger: Any) -> predicting.Predictor:
    """Asks before every batch whether the job is still wanted. Out of memory: smaller batches, from then on."""
    from mednerapp.ner.prediction import predict as predict_texts

    tokens: list[int] = []  # most in a batch; empty: what suits the device

    def run(texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        def attempt() -> Sequence[Sequence[ScoredSpan]]:
            most = tokens[0] if tokens else None
            return predict_texts(tagger, texts, batch_tokens=most, on_progress=lambda _: context.check())

        try:
            return attempt()
        except Exception as error:
            if not is_exhausted(error):
                raise
            if tokens:
                raise ModelProblem(MEMORY) from None
        release()
        tokens.append(SMALL_BATCH)
        context.log(f"Out of memory on {context.device}: from now on {SMALL_BATCH} tokens at a time.")
        try:
            return attempt()
        except Exception as error:
            if not is_exhausted(error):
                raise
            raise ModelProblem(MEMORY) from None

    return run


def _adapter(context: JobContext) -> Adapter:
    with context.store.read() as tx:
        return tx.models.adapter(int(context.job.args["adapter_id"]))


def predict(context: JobContext, taggers: Taggers) -> str:
    adapter = _adapter(context)

    def on_progress(done: int, total: int) -> None:
        if done:
            context.kept()  # these notes have their predictions, whatever becomes of the job
        context.progress(done, total, "notes")

    count = predicting.predict_missing(
        context.store,
        project_id=int(context.job.args["project_id"]),
        adapter_id=adapter.id,
        predictor=_predictor(context, taggers.get(context, adapter)),
        on_progress=on_progress,
        fence=context.fence,
        part=int(context.job.args.get("part", 0)),
        parts=int(context.job.args.get("parts", 1)),
    )
    return f"{count} notes highlighted by {adapter.name}."


def evaluate(context: JobContext, taggers: Taggers) -> str:
    from mednerapp.ner.loading import pick_device
    from mednerapp.ner.manifest import seen_notes

    if "suspect_dataset" in context.job.args:  # gold against models that have not seen it, and not a model against gold
        return suspicion_jobs.look_through(context)
    adapter, dataset_id = _adapter(context), int(context.job.args["dataset_id"])
    with context.store.read() as tx:
        encoder = tx.models.encoder(adapter.encoder_id)
        scored = tx.job_records.said(context.job.id, SCORED)
    done = f"{adapter.name} scored on the test notes."
    if scored:  # by an attempt that died over what comes after
        boards.refresh(context.store, dataset_id=dataset_id)
        return done
    # Exact: or adapters scored before and after a setting would not compare.
    tagger = taggers.get(context, adapter, exact=True)
    folder, memory = context.settings.model_folder, PeakMemory()

    def footprint() -> Footprint:
        return Footprint(
            size_of([folder(adapter.folder), folder(encoder.folder)]), memory.bytes(), pick_device(context.device)
        )

    def fence(tx: Transaction) -> None:
        context.fence(tx)
        tx.job_records.log(context.job.id, attempt=context.job.attempt, text=SCORED)

    evaluating.evaluate(
        context.store,
        adapter_id=adapter.id,
        dataset_id=dataset_id,
        split=Split.TEST,
        predictor=_predictor(context, tagger),
        seen=seen_notes(tagger.manifest),
        on_progress=lambda done, total: context.progress(done, total, "notes"),
        fence=fence,
        footprint=footprint,
    )
    return done


def fine_tune(context: JobContext) -> str:
    """Goes on from the run's checkpoint where there is one, whichever worker wrote it."""
    from mednerapp.ner.loading import pick_devices
    from mednerapp.training.checkpoints import Checkpoints
    from mednerapp.training.finetune import TrainingTask, train
    from mednerapp.training.loop import Hooks, TrainingStopped

    devices = pick_devices(context.device)
    device = devices[0]
    context.device = ",".join(map(str.strip, context.device.split(","))) if len(devices) > 1 else device
    model_dir = context.settings.model_dir
    with context.store.read() as tx:
        run = tx.runs.of_job(context.job.id)
    if run is None:
        return "The run was started again as another job."
    fine_tuning.clear_checkpoints(context.store, model_dir=model_dir)
    attempt = f"job-{context.job.id}-{context.job.attempt}"
    folder = fine_tuning.checkpoint_folder(model_dir, run.id)
    checkpoints = Checkpoints(folder, attempt=attempt, every=context.settings.checkpoint_seconds)
    resumed: list[str] = []
    first_epoch = 1  # of this attempt

    def on_resume(epoch: int, step: int) -> None:
        nonlocal first_epoch
        first_epoch = epoch
        resumed.append(f"Resumed at epoch {epoch}. ")
        context.log(f"Goes on from a checkpoint: epoch {epoch}, {step} steps of it done.")

    def trainer(order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        def report(epoch: EpochReport) -> None:
            on_epoch(epoch)
            if epoch.epoch >= first_epoch:
                context.log(_said_of_epoch(epoch))

        if not context.settings.model_folder(order.encoder_folder).is_dir():
            raise ModelProblem(
                f"The folder of the encoder {order.encoder_name!r} ({order.encoder_folder}) is not there. Bring it "
                "back, or install the encoder again; then start the run again."
            )
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
            on_epoch=report,
            on_step=lambda done, total: context.progress(done, total, "steps", "".join(resumed)),
            should_stop=context.cancelled,
            on_resume=on_resume,
            on_save=context.kept,
            log=context.log,
            should_pause=context.should_pause,
        )
        if len(devices) > 1:
            return _together(context, task, hooks, devices)
        manifest = train(task, hooks)
        return Trained(manifest["weights_hash"], tuple(manifest["labels"]))

    try:
        adapter = fine_tuning.carry_out(
            context.store,
            run_id=run.id,
            trainer=trainer,
            device=context.device,
            model_dir=model_dir,
            fence=context.fence,
        )
    except (TrainingStopped, JobCancelled) as stopped:
        with context.store.read() as tx:
            cancelled = tx.jobs.get(context.job.id).cancel_requested  # else the worker stops, and the run can go on
            if cancelled and tx.runs.of_job(context.job.id):  # and not already goes on as another job
                checkpoints.remove()
        raise (JobPaused if context.overtaken and not cancelled else JobCancelled) from stopped
    checkpoints.remove()
    return f"{''.join(resumed)}Adapter {adapter.name!r} is ready; its score appears on the dashboard."


def _together(context: JobContext, task: TrainingTask, hooks: Hooks, devices: Sequence[str]) -> Trained:
    context.log(f"Trains on {context.device}, with a process for each.")
    taken = 0

    def on_memory(size: int) -> None:
        nonlocal taken
        taken = size

    context.memory = lambda: taken
    return train_together(task, hooks, devices=devices, on_memory=on_memory)


def _said_of_epoch(report: EpochReport) -> str:
    dev = "" if report.dev_f1 is None else f", dev F1 {report.dev_f1:.4f}"
    return f"Epoch {report.epoch}: train loss {report.train_loss:.4f}{dev}, {report.seconds:.1f} s."
