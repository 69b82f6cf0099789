"""Looking through gold: train without each fold in turn, predict it, forget the model."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.models import HyperParameters, Method
from mednerapp.domain.spans import ScoredSpan
from mednerapp.jobs.context import JobCancelled, JobContext
from mednerapp.services import predicting, suspecting

FOLDER = "suspicion"  # below the model folder; gone when the job ends


def look_through(context: JobContext) -> str:
    """`like_adapter`: the adapter over whose encoder, and with whose settings, the folds are trained."""
    from mednerapp.ner.loading import pick_device
    from mednerapp.training.loop import TrainingStopped

    args = context.job.args
    with context.store.read() as tx:
        adapter = tx.models.adapter(int(args["like_adapter"]))
        encoder = tx.models.encoder(adapter.encoder_id)
        run = tx.runs.get(adapter.run_id) if adapter.run_id else None
        dataset = tx.datasets.get(int(args["suspect_dataset"]))
        labels = tx.projects.schema(dataset.schema_id).names
    # A LoRA run whatever the adapter's was: five of them have to be affordable.
    hyper = replace(run.hyper if run else HyperParameters(), method=Method.LORA, patience=None)
    folder = context.settings.model_dir / FOLDER / f"job-{context.job.id}"
    shutil.rmtree(folder, ignore_errors=True)
    device = pick_device(context.device)

    def trainer(train: Sequence[GoldNote], *, fold: int) -> predicting.Predictor:
        return _trained(
            context,
            train,
            out_dir=folder / f"fold-{fold}",
            base=context.settings.model_folder(encoder.folder),
            encoder=(encoder.name, encoder.weights_hash),
            labels=labels,
            hyper=hyper,
            device=device,
            dataset_hash=dataset.content_hash,
        )

    try:
        found = suspecting.find(
            context.store,
            dataset_id=dataset.id,
            folds=int(args["folds"]),
            trainer=trainer,
            on_progress=lambda done, total: context.progress(done, total, "notes"),
            fence=context.fence,
            user_id=context.job.created_by,
        )
    except TrainingStopped as stopped:
        raise JobCancelled from stopped
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return f"{found} suspicious places in {dataset.name!r}."


def _trained(
    context: JobContext,
    train: Sequence[GoldNote],
    *,
    out_dir: Path,
    base: Path,
    encoder: tuple[str, str],
    labels: Sequence[str],
    hyper: HyperParameters,
    device: str,
    dataset_hash: str,
) -> predicting.Predictor:
    from mednerapp.ner.prediction import predict
    from mednerapp.ner.residency import Models
    from mednerapp.training.finetune import TrainingTask, lora_fine_tune
    from mednerapp.training.loop import Hooks

    task = TrainingTask(
        base_folder=base,
        encoder_name=encoder[0],
        encoder_hash=encoder[1],
        train=train,
        dev=(),
        labels=labels,
        hyper=hyper,
        device=device,
        out_dir=out_dir,
        name=out_dir.name,
        dataset_hash=dataset_hash,
    )
    lora_fine_tune(task, Hooks(on_epoch=lambda _: None, on_step=None, should_stop=context.cancelled))
    tagger: Any = Models(device=device, precision="fp32").tagger(out_dir, base_folder=base)

    def run(texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        return predict(tagger, texts)

    return run
