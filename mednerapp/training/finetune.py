"""Fine-tuning from gold notes to a model folder: LoRA by default, or every weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from mednerapp import __version__
from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.models import AdapterKind, HyperParameters, Method
from mednerapp.errors import InvalidValue, ModelProblem, NothingToTrainOn
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.encoders import spec_of
from mednerapp.ner.loading import (
    can_start_from_head,
    manifest_or_none,
    open_classifier,
    open_words,
    quiet,
    require_case,
    revision_of,
    window_of,
)
from mednerapp.ner.manifest import FORMAT_VERSION, Manifest, weights_hash
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.windows import WindowPlan
from mednerapp.ner.words import IntArray
from mednerapp.training.calibrating import calibration_error, calibration_of
from mednerapp.training.checkpoints import Checkpoints
from mednerapp.training.dev import DevNotes
from mednerapp.training.encoding import examples_of
from mednerapp.training.frozen import FrozenLayers
from mednerapp.training.loop import DevScore, Hooks, fit
from mednerapp.training.lora import add_lora, first_trained_layer
from mednerapp.training.room import Room
from mednerapp.training.saving import require_free, save_model
from mednerapp.training.team import ALONE, Team


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """What to train on what. `device`: as `pick_device` returns it; `out_dir` must be free.

    checkpoints: where the run is saved now and then and from where it goes on; None: neither.
    """

    base_folder: Path
    encoder_name: str
    train: Sequence[GoldNote]
    dev: Sequence[GoldNote]
    labels: Sequence[str]
    hyper: HyperParameters
    device: str
    out_dir: Path
    name: str
    dataset_hash: str
    encoder_hash: str | None = None
    checkpoints: Checkpoints | None = None


def train(task: TrainingTask, hooks: Hooks, *, team: Team = ALONE) -> Manifest:
    """Trains as `task.hyper.method` says: a LoRA adapter, or every weight. Of a team, the first process calls it."""
    if task.hyper.method is Method.LORA:
        return lora_fine_tune(task, hooks, team=team)
    return full_fine_tune(task, hooks, kind=AdapterKind.FULL, team=team)


def take_part(task: TrainingTask, hooks: Hooks, *, team: Team) -> None:
    """What every process of a team but the first does: learns along, and writes nothing."""
    model, words = _prepare(task)
    first = 0
    if task.hyper.method is Method.LORA:
        first = first_trained_layer(model, task.hyper)
        model = add_lora(model, task.hyper, base_name=_lineage(task)["source"])
    _train(replace(task, dev=()), model, words, hooks, first_layer=first, team=team)


def lora_fine_tune(task: TrainingTask, hooks: Hooks, *, team: Team = ALONE) -> Manifest:
    """Trains a LoRA adapter with a classification head over a frozen encoder, writes it and returns its manifest.

    The head starts from the base's when that is a full checkpoint with the same labels in the same order, else new.
    `task.out_dir` appears complete, with its manifest, or not at all.

    Raises:
        TrainingStopped: when `hooks.should_stop` said so.
        NothingToTrainOn: if no training note has a token.
        ModelProblem: if the base cannot be used or `task.out_dir` is taken.
    """
    model, words = _prepare(task)
    first = first_trained_layer(model, task.hyper)
    model = add_lora(model, task.hyper, base_name=_lineage(task)["source"])
    manifest = _train(task, model, words, hooks, first_layer=first, team=team)

    def write_weights(folder: Path) -> None:
        # Token embeddings never change; without the flag peft would look on the hub whether they did.
        with quiet():
            model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # an empty form for the hub

    return save_model(task.out_dir, write_weights, {**manifest, "kind": AdapterKind.LORA.value})


def full_fine_tune(
    task: TrainingTask,
    hooks: Hooks,
    *,
    half: bool = False,
    lineage: Mapping[str, Any] | None = None,
    kind: AdapterKind = AdapterKind.STARTER,
    team: Team = ALONE,
) -> Manifest:
    """Trains every weight and writes a full checkpoint: a plain Hugging Face folder with our manifest beside it.

    `half` stores the weights as fp16; they are trained, and after loading used, as fp32. `lineage` sets manifest
    fields by hand (where the base came from, licence). Head, completeness and errors are as for `lora_fine_tune`.
    """
    task = replace(task, hyper=replace(task.hyper, method=Method.FULL))
    model, words = _prepare(task)
    manifest = _train(task, model, words, hooks, first_layer=0, team=team)

    def write_weights(folder: Path) -> None:
        stored = model.to("cpu")
        if half:
            stored = stored.half()
        with quiet():
            stored.save_pretrained(str(folder))
        words.save(folder)

    return save_model(task.out_dir, write_weights, {**manifest, **(lineage or {}), "kind": kind.value})


def _prepare(task: TrainingTask) -> tuple[Any, WordEncoder]:
    require_free(task.out_dir)
    if task.hyper.epochs < 1 or task.hyper.batch_size < 1:
        raise InvalidValue(f"Epochs and batch size are at least 1, not {task.hyper.epochs}, {task.hyper.batch_size}.")
    if task.encoder_hash not in (None, weights_hash(task.base_folder)):
        raise ModelProblem(
            f"The weights of the encoder {task.encoder_name!r} are not those that were installed. Check it on the page "
            "Models, and install it again."
        )
    torch.manual_seed(task.hyper.seed)
    words = open_words(task.base_folder)
    require_case(words, task.encoder_name)
    keep_head = can_start_from_head(task.base_folder, task.labels)
    model = open_classifier(task.base_folder, task.labels, words=words, keep_head=keep_head)
    return model, words


def _train(
    task: TrainingTask, model: Any, words: WordEncoder, hooks: Hooks, *, first_layer: int, team: Team
) -> Manifest:
    """Trains the model in place; the manifest lacks only kind and weights hash."""
    plan = _plan(task.base_folder, model)
    examples = examples_of(task.train, words, task.labels, plan)
    if not examples:
        raise NothingToTrainOn("No training note holds a word; confirm spans on at least one note of the train split.")
    manifest = {**_manifest(task), "window": asdict(plan)}
    model.to(task.device)
    room = Room(task.device, log=hooks.log)
    dev = DevNotes(task.dev, words, task.labels, plan, room=room, check=hooks.check)
    with ExitStack() as stack:

        def frozen(windows: Sequence[IntArray]) -> FrozenLayers | None:
            if not (first_layer and windows):
                return None
            task.out_dir.parent.mkdir(parents=True, exist_ok=True)
            made = FrozenLayers(
                model,
                windows,
                first=first_layer,
                device=task.device,
                folder=task.out_dir.parent,
                check=hooks.check,
                room=room,
            )
            return stack.enter_context(made)

        of_dev = frozen(dev.windows)

        def score_dev() -> DevScore | None:
            if not task.dev:
                return None
            hooks.check()
            return dev.score(model, task.device, of_dev)

        reports, kept = fit(
            model,
            examples,
            hyper=task.hyper,
            device=task.device,
            score_dev=score_dev,
            hooks=hooks,
            frozen=frozen([example.ids for example in examples]),
            checkpoints=task.checkpoints,
            depends_on=_depends_on(task, manifest),
            room=room,
            team=team,
        )
        model.eval()
        found = dev.found(model, task.device, of_dev)
        manifest["calibration"] = calibration_of(task.dev, found, task.labels)
        error = calibration_error(task.dev, found, task.labels)
    manifest["metrics"] = {"kept_epoch": kept, "epochs": [asdict(report) for report in reports]}
    if error is not None:
        manifest["metrics"]["calibration_error"] = error
    return manifest


def _plan(base_folder: Path, model: Any) -> WindowPlan:
    """That of a base that was trained here: it has not learnt longer windows. Else the default of the architecture."""
    base = manifest_or_none(base_folder)
    return WindowPlan(**base["window"]) if base else window_of(model.config)


def _depends_on(task: TrainingTask, manifest: Manifest) -> dict[str, Any]:
    """What a checkpoint must have been made with to be of use here; the settings are added by the loop."""
    return {
        "encoder": manifest["encoder"]["weights_hash"],
        "dataset": manifest["dataset_hash"],
        "label_schema": manifest["labels"],
        "window": manifest["window"],
        "head": manifest["head"],
        "code_version": manifest["code_version"],
        "device": task.device.partition(":")[0],
    }


def _lineage(task: TrainingTask) -> dict[str, Any]:
    """Where the encoder comes from: hub id and commit where known, else its name. Never a path of this machine."""
    spec = spec_of(task.encoder_name)
    return {
        "name": task.encoder_name,
        "source": spec.hub_id if spec else task.encoder_name,
        "revision": revision_of(task.base_folder.absolute()),
        "weights_hash": weights_hash(task.base_folder),
    }


def _manifest(task: TrainingTask) -> Manifest:
    base = manifest_or_none(task.base_folder) or {"trained_on": [], "selected_on": [], "license": ""}
    return {
        "format_version": FORMAT_VERSION,
        "name": task.name,
        "labels": list(task.labels),
        "tags": list(bio_tags(task.labels)),
        "encoder": _lineage(task),
        "trained_on": sorted({*base["trained_on"], *(note.note_hash for note in task.train)}),
        "selected_on": sorted({*base["selected_on"], *(note.note_hash for note in task.dev)}),
        "dataset_hash": task.dataset_hash,
        "hyper": task.hyper.as_json(),
        "seed": task.hyper.seed,
        "code_version": __version__,
        "head": "starter" if can_start_from_head(task.base_folder, task.labels) else "new",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "license": base["license"],
    }
