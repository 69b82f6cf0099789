"""Fine-tuning from gold notes to a model folder: LoRA by default, or every weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mednerapp import __version__
from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.models import AdapterKind, EpochReport, HyperParameters
from mednerapp.errors import InvalidValue, NothingToTrainOn
from mednerapp.ner.alignment import EncodedNote, WordEncoder, decode
from mednerapp.ner.encoders import spec_of
from mednerapp.ner.loading import (
    Tagger,
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
from mednerapp.ner.prediction import token_log_probabilities
from mednerapp.ner.tags import bio_tags
from mednerapp.scoring.strict import Counts, count_strict, micro, precision_recall_f1
from mednerapp.training.encoding import examples_of, gold_tags
from mednerapp.training.loop import DevScore, Hooks, fit
from mednerapp.training.lora import add_lora
from mednerapp.training.saving import require_free, save_model


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """What to train on what. `device`: as `pick_device` returns it; `out_dir` must be free."""

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


def fine_tune(
    *,
    base_folder: Path,
    encoder_name: str,
    train: Sequence[GoldNote],
    dev: Sequence[GoldNote],
    labels: Sequence[str],
    hyper: HyperParameters,
    device: str,
    out_dir: Path,
    name: str,
    dataset_hash: str,
    on_epoch: Callable[[EpochReport], None],
    on_step: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool],
) -> Manifest:
    """Trains a LoRA adapter with a classification head over a frozen encoder, writes it and returns its manifest.

    The head starts from the base's when that is a full checkpoint with the same labels in the same order, else new.
    `on_step` is called with (steps done, steps in all); `should_stop` is asked at every step. `out_dir` appears
    complete, with its manifest, or not at all.

    Raises:
        TrainingStopped: when `should_stop` said so.
        NothingToTrainOn: if no training note has a token.
        ModelProblem: if the base cannot be used or `out_dir` is taken.
    """
    task = TrainingTask(
        base_folder=base_folder,
        encoder_name=encoder_name,
        train=train,
        dev=dev,
        labels=labels,
        hyper=hyper,
        device=device,
        out_dir=out_dir,
        name=name,
        dataset_hash=dataset_hash,
    )
    model, words = _prepare(task)
    model = add_lora(model, hyper, base_name=_lineage(task)["source"])
    manifest = _train(task, model, words, Hooks(on_epoch, on_step, should_stop))

    def write_weights(folder: Path) -> None:
        # Token embeddings never change; without the flag peft would look on the hub whether they did.
        with quiet():
            model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # an empty form for the hub

    return save_model(out_dir, write_weights, {**manifest, "kind": AdapterKind.LORA.value})


def full_fine_tune(
    task: TrainingTask, hooks: Hooks, *, half: bool = False, lineage: Mapping[str, Any] | None = None
) -> Manifest:
    """Trains every weight and writes a full checkpoint: a plain Hugging Face folder with our manifest beside it.

    `half` stores the weights as fp16; they are trained, and after loading used, as fp32. `lineage` sets manifest
    fields by hand (where the base came from, licence). Head, completeness and errors are as for `fine_tune`.
    """
    model, words = _prepare(task)
    manifest = _train(task, model, words, hooks)

    def write_weights(folder: Path) -> None:
        stored = model.to("cpu")
        if half:
            stored = stored.half()
        with quiet():
            stored.save_pretrained(str(folder))
        words.save(folder)

    return save_model(task.out_dir, write_weights, {**manifest, **(lineage or {}), "kind": AdapterKind.STARTER.value})


def score_spans(tagger: Tagger, notes: Sequence[GoldNote], encoded: Sequence[EncodedNote]) -> tuple[Counts, float]:
    """Strict counts over all gold spans of the notes, and the mean token loss in nats."""
    scores = token_log_probabilities(tagger, encoded)
    total, loss, tokens = Counts(), 0.0, 0
    for note, one, score in zip(notes, encoded, scores, strict=True):
        found = [scored.span for scored in decode(one, score, tagger.labels)]
        total += micro(count_strict(note.spans, found))
        loss -= float(score[np.arange(len(one.ids)), gold_tags(note, one, tagger.labels)].sum())
        tokens += len(one.ids)
    return total, loss / max(tokens, 1)


def _prepare(task: TrainingTask) -> tuple[Any, WordEncoder]:
    require_free(task.out_dir)
    if task.hyper.epochs < 1 or task.hyper.batch_size < 1:
        raise InvalidValue(f"Epochs and batch size are at least 1, not {task.hyper.epochs}, {task.hyper.batch_size}.")
    torch.manual_seed(task.hyper.seed)
    words = open_words(task.base_folder)
    require_case(words, task.encoder_name)
    keep_head = can_start_from_head(task.base_folder, task.labels)
    model = open_classifier(task.base_folder, task.labels, words=words, keep_head=keep_head)
    return model, words


def _train(task: TrainingTask, model: Any, words: WordEncoder, hooks: Hooks) -> Manifest:
    """Trains the model in place; the manifest lacks only kind and weights hash."""
    plan = window_of(model.config)
    examples = examples_of(task.train, words, task.labels, plan)
    if not examples:
        raise NothingToTrainOn("No training note holds a word; confirm spans on at least one note of the train split.")
    manifest = {**_manifest(task), "window": asdict(plan)}
    tagger = Tagger(model.to(task.device), words, tuple(task.labels), plan, task.device, manifest)
    encoded_dev = words.encode([note.text for note in task.dev])

    def score_dev() -> DevScore | None:
        if not task.dev:
            return None
        hooks.check()
        counts, loss = score_spans(tagger, task.dev, encoded_dev)
        return DevScore(loss, precision_recall_f1(counts).f1)

    reports, kept = fit(
        model,
        examples,
        hyper=task.hyper,
        device=task.device,
        pad_id=words.pad_id,
        score_dev=score_dev,
        hooks=hooks,
    )
    manifest["metrics"] = {"kept_epoch": kept, "epochs": [asdict(report) for report in reports]}
    return manifest


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
