"""Starting a training run, and (in the worker) carrying it out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import GoldNote, Split, share_of
from mednerapp.domain.jobs import FINISHED, JobKind
from mednerapp.domain.models import (
    LORA_TARGETS,
    Adapter,
    AdapterKind,
    EpochReport,
    HyperParameters,
    Method,
    Run,
    RunState,
)
from mednerapp.errors import InvalidValue, NotFound, NothingToTrainOn
from mednerapp.services.evaluating import queue_evaluations
from mednerapp.store import Fence, Store, Transaction

MAX_NAME = 150  # the adapter's name is this, a note which run it was, and has to fit 200 characters
LIVE = (RunState.QUEUED, RunState.RUNNING)
CHECKPOINTS_KEPT = timedelta(days=14)  # of runs that failed or were interrupted and not started again


@dataclass(frozen=True, slots=True)
class Trained:
    """What a trainer leaves behind: the folder is complete, `labels` are in the order of the head."""

    weights_hash: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """Everything that a trainer is told. `out_dir` does not exist yet; it appears only when the training succeeds."""

    name: str
    encoder_name: str
    encoder_folder: str
    encoder_hash: str
    train: Sequence[GoldNote]
    dev: Sequence[GoldNote]
    labels: tuple[str, ...]
    hyper: HyperParameters
    dataset_hash: str
    out_dir: Path


class Trainer(Protocol):
    """Trains an adapter and writes it to `order.out_dir`; `on_epoch` is called after each epoch."""

    def __call__(self, order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained: ...


def start(
    store: Store,
    *,
    user: User,
    project_id: int,
    dataset_id: int,
    encoder_id: int,
    hyper: HyperParameters,
    name: str = "",
) -> Run:
    """Queue a run. It is visible at once and starts when a worker is free."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        run = queue(
            tx,
            project_id=project_id,
            dataset_id=dataset_id,
            encoder_id=encoder_id,
            hyper=hyper,
            name=name,
            user_id=user.id,
        )
        tx.audit.add(user=user, action="run started", target=f"run:{run.id}", dataset_id=dataset_id)
    return run


def default_name(encoder: str, hyper: HyperParameters) -> str:
    return f"{encoder} + LoRA" if hyper.method is Method.LORA else f"{encoder}, all weights"


def queue(
    tx: Transaction,
    *,
    project_id: int,
    dataset_id: int,
    encoder_id: int,
    hyper: HyperParameters,
    name: str = "",
    user_id: int | None,
) -> Run:
    """A run and its job, for whoever may train and writes the audit entry."""
    _check(hyper)
    name = name.strip()
    if len(name) > MAX_NAME:
        raise InvalidValue(f"The name of a run has at most {MAX_NAME} characters, not {len(name)}.")
    dataset = tx.datasets.get(dataset_id)
    if dataset.project_id != project_id:
        raise NotFound(f"There is no dataset {dataset_id} in project {project_id}.")
    if not dataset.notes[Split.TRAIN]:
        raise NothingToTrainOn("The dataset has no training note.")
    encoder = tx.models.installed(encoder_id)
    job = tx.jobs.add(kind=JobKind.FINE_TUNE, args={}, user_id=user_id)
    return tx.runs.add(
        project_id=project_id,
        dataset_id=dataset_id,
        encoder_id=encoder_id,
        job_id=job.id,
        name=name or default_name(encoder.name, hyper),
        hyper=hyper,
        user_id=user_id,
    )


def start_again(store: Store, *, user: User, run_id: int) -> Run:
    """Queue a run again that failed, was cancelled or was interrupted: same data, same settings, same seed.

    So can one that says it is queued or running though its job has ended.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        if not queue_again(tx, run_id=run_id, user_id=user.id):
            state = tx.runs.get(run_id).state.value
            raise InvalidValue(f"Run {run_id} is {state}; only one that ended without a result can be repeated.")
        tx.audit.add(user=user, action="run started again", target=f"run:{run_id}")
        return tx.runs.get(run_id)


def queue_again(tx: Transaction, *, run_id: int, user_id: int | None) -> bool:
    """Whether the run has ended without a result (or says that it lives, though its job has ended): it waits again."""
    run = tx.runs.lock(run_id)
    alive = run.state in LIVE and tx.jobs.get(run.job_id).state not in FINISHED
    if alive or run.state is RunState.SUCCEEDED:
        return False
    job = tx.jobs.add(kind=JobKind.FINE_TUNE, args={}, user_id=user_id)
    tx.runs.requeue(run_id, job_id=job.id)
    return True


def cancel(store: Store, *, user: User, run_id: int) -> None:
    """A queued run ends at once, a running one within seconds; one that has ended stays as it is.

    One whose job has ended without it is ended here.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        if end(tx, run_id=run_id):
            tx.audit.add(user=user, action="run cancelled", target=f"run:{run_id}")


def end(tx: Transaction, *, run_id: int) -> bool:
    """Whether the run was alive: then it is cancelled, as `cancel` says."""
    if tx.runs.get(run_id).state not in LIVE:
        return False
    tx.jobs.request_cancel(tx.runs.get(run_id).job_id)
    run = tx.runs.lock(run_id)
    if run.state in LIVE and tx.jobs.get(run.job_id).state in FINISHED:
        tx.runs.set_state(run_id, RunState.CANCELLED)
    return True


def carry_out(store: Store, *, run_id: int, trainer: Trainer, device: str, model_dir: Path, fence: Fence) -> Adapter:
    """Train, register the adapter, and queue its evaluation and that of every other adapter that lacks one.

    The adapter's folder name has the job and its attempt in it, so that a repeated run never meets what an earlier one
    left, and one that is still going on somewhere writes beside it.
    """
    with store.write() as tx:
        fence(tx)
        run = tx.runs.get(run_id)
        attempt = tx.jobs.get(run.job_id).attempt
        already = tx.models.adapter_of_run(run_id)
        if already:
            return already
        tx.runs.start(run_id, device=device)
        dataset = tx.datasets.get(run.dataset_id)
        encoder = tx.models.installed(run.encoder_id)
        labels = tx.projects.schema(dataset.schema_id).names
        train, dev = (tx.datasets.gold(dataset.id, split) for split in (Split.TRAIN, Split.DEV))
        train = share_of(train, run.hyper.train_share)
    folder = f"adapters/run-{run.id}-job-{run.job_id}" + (f"-{attempt}" if attempt > 1 else "")
    order = TrainingOrder(
        name=run.name,
        encoder_name=encoder.name,
        encoder_folder=encoder.folder,
        encoder_hash=encoder.weights_hash,
        train=train,
        dev=dev,
        labels=labels,
        hyper=run.hyper,
        dataset_hash=dataset.content_hash,
        out_dir=model_dir / folder,
    )

    def on_epoch(report: EpochReport) -> None:
        with store.write() as tx:
            fence(tx)
            tx.runs.add_epoch(run_id, report)

    trained = trainer(order, on_epoch=on_epoch)
    with store.write() as tx:
        fence(tx)
        adapter = tx.models.add_adapter(
            name=f"{run.name} (run {run.id})",
            kind=AdapterKind.LORA if run.hyper.method is Method.LORA else AdapterKind.FULL,
            encoder_id=encoder.id,
            folder=folder,
            weights_hash=trained.weights_hash,
            labels=trained.labels,
            project_id=run.project_id,
            run_id=run_id,
        )
        queue_evaluations(tx, dataset_id=dataset.id, user_id=None)
    _clear_leftovers(model_dir / "adapters", f"run-{run.id}-job-", keep=(model_dir / folder).name)
    return adapter


def _clear_leftovers(adapters: Path, prefix: str, *, keep: str) -> None:
    """What attempts at the run left that were killed between writing their adapter and registering it."""
    for left in (*adapters.glob(f"{prefix}*"), *adapters.glob(f".{prefix}*.partial")):
        if left.name != keep:
            shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as the Train page shows it: with its dataset, its encoder, its curve and where its job stands."""

    run: Run
    dataset: str
    encoder: str
    epochs: tuple[EpochReport, ...]
    done: int
    total: int
    unit: str
    message: str


def runs(store: Store, *, user: User, project_id: int) -> list[RunView]:
    """The runs of the project, newest first."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        views: list[RunView] = []
        for run in tx.runs.all(project_id):
            job = tx.jobs.get(run.job_id)
            views.append(
                RunView(
                    run,
                    tx.datasets.get(run.dataset_id).name,
                    tx.models.encoder(run.encoder_id).name,
                    tuple(tx.runs.epochs(run.id)),
                    job.done,
                    job.total,
                    job.unit,
                    job.message,
                )
            )
    return views


def checkpoint_folder(model_dir: Path, run_id: int) -> Path:
    """Where a run is saved while it runs. It holds weights and the state of the optimizer, no note text."""
    return model_dir / "checkpoints" / f"run-{run_id}"


def clear_checkpoints(store: Store, *, model_dir: Path) -> None:
    """Forget the checkpoints that no run will go on from: of runs that succeeded, were cancelled or ended long ago."""
    for folder in (model_dir / "checkpoints").glob("run-*"):
        with store.read() as tx:
            try:
                run = tx.runs.get(int(folder.name.removeprefix("run-")))
            except (NotFound, ValueError):
                run = None
        if run is None or (
            run.state in (RunState.SUCCEEDED, RunState.CANCELLED)
            or (run.state not in LIVE and run.finished_at is not None and run.finished_at < now() - CHECKPOINTS_KEPT)
        ):
            shutil.rmtree(folder, ignore_errors=True)


# The least and the most that makes sense, by field.
LIMITS: dict[str, tuple[float, float]] = {
    "epochs": (1, 500),
    "learning_rate": (1e-7, 0.1),
    "batch_size": (1, 256),
    "rank": (1, 256),
    "alpha": (1, 1024),
    "dropout": (0, 0.9),
    "lora_layers": (1, 48),
    "weight_decay": (0, 1),
    "decay_factor": (0.01, 0.99),
    "decay_patience": (0, 100),
    "patience": (1, 500),
    "max_grad_norm": (1e-3, 1e6),
    "seed": (0, 2**31 - 1),
    "train_share": (0.01, 1),
}


def _check(hyper: HyperParameters) -> None:
    for name, (low, high) in LIMITS.items():
        value = getattr(hyper, name)
        if value is not None and not low <= value <= high:
            raise InvalidValue(f"The {name.replace('_', ' ')} has to be between {low:g} and {high:g}, not {value:g}.")
    unknown = [target for target in hyper.targets if target not in LORA_TARGETS]
    if unknown or not hyper.targets:
        raise InvalidValue(
            f"LoRA cannot adapt {unknown[0] if unknown else 'nothing'!r}. Valid targets: {', '.join(LORA_TARGETS)}."
        )
