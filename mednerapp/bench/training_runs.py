"""Training runs that are measured: our own loop, and `transformers.Trainer` with peft as its examples use it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from mednerapp.bench.kept import keep_row, kept_rows
from mednerapp.domain.datasets import GoldNote, Split, split_of
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import HyperParameters
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import open_classifier, open_words, quiet, window_of
from mednerapp.ner.manifest import file_hash, weights_hash
from mednerapp.ner.packed import layer_count
from mednerapp.scoring.strict import Counts
from mednerapp.training.dev import DevNotes
from mednerapp.training.encoding import IGNORED, Example, examples_of
from mednerapp.training.frozen import FrozenLayers
from mednerapp.training.loop import DevScore, Hooks, fit
from mednerapp.training.lora import add_lora, first_trained_layer
from mednerapp.training.optimizing import WARM_UP
from mednerapp.training.starter.corpora import MACCROBAT_LABELS, read_notes

LABELS = MEDICAL_SCHEMA.names
ATTENTION_DROPOUT = 0.1  # what BERT's configuration has, and so what a run without further thought trains with


@dataclass(frozen=True, slots=True)
class Timing:
    """Of the steps of the optimizer alone; `before`: seconds for what is computed once, before the first step."""

    wall: float
    cpu: float
    before: float


class Clock:
    """Wall and CPU seconds between two moments; on a GPU what was asked of it is waited for."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._wall, self._cpu = self._now()

    def read(self) -> tuple[float, float]:
        wall, cpu = self._now()
        return wall - self._wall, cpu - self._cpu

    def _now(self) -> tuple[float, float]:
        if self._device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()


def fit_ours(
    model: Any,
    examples: Sequence[Example],
    *,
    hyper: HyperParameters,
    device: str,
    dev: DevNotes | None = None,
    on_dev: Callable[[DevScore], None] = lambda _: None,
) -> Timing:
    """Our loop; with `hyper.lora_layers`, over the lower layers' results, computed once."""
    first = first_trained_layer(model, hyper)
    adapted = add_lora(model, hyper, base_name="base").to(device)
    with ExitStack() as stack:
        clock = Clock(device)

        def frozen(windows: Sequence[Any]) -> FrozenLayers | None:
            return stack.enter_context(FrozenLayers(adapted, windows, first=first, device=device)) if first else None

        lower = frozen([example.ids for example in examples])
        lower_dev = frozen(dev.windows) if dev else None
        before, _ = clock.read()

        def score_dev() -> DevScore | None:
            if dev is None:
                return None
            score = dev.score(adapted, device, lower_dev)
            on_dev(score)
            return score

        clock = Clock(device)
        hooks = Hooks(lambda _: None, None, lambda: False)
        fit(adapted, examples, hyper=hyper, device=device, score_dev=score_dev, hooks=hooks, frozen=lower)
        return Timing(*clock.read(), before)


def fit_usually(
    model: Any,
    examples: Sequence[Example],
    *,
    hyper: HyperParameters,
    device: str,
    dev: DevNotes | None = None,
    on_dev: Callable[[DevScore], None] = lambda _: None,
) -> Timing:
    """Trainer + peft: batches padded to their longest window, every layer, attention dropout as configured."""
    adapted = add_lora(model, hyper, base_name="base").to(device)
    for name, module in adapted.named_modules():
        if name.endswith("attention.self"):
            module.dropout.p = ATTENTION_DROPOUT
    steps = -(-len(examples) // hyper.batch_size) * hyper.epochs

    class AfterEpoch(TrainerCallback):
        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            if dev is not None:
                adapted.eval()
                on_dev(dev.score(adapted, device))

    with tempfile.TemporaryDirectory() as folder, quiet():
        settings = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=hyper.batch_size,
            num_train_epochs=hyper.epochs,
            learning_rate=hyper.learning_rate,
            weight_decay=hyper.weight_decay,
            max_grad_norm=hyper.max_grad_norm,
            warmup_steps=round(WARM_UP * steps),
            seed=hyper.seed,
            bf16=device != "cpu",
            use_cpu=device == "cpu",
            dataloader_pin_memory=device != "cpu",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            label_names=["labels"],
        )
        pad_id = int(model.config.pad_token_id)
        trainer = Trainer(
            model=adapted,
            args=settings,
            train_dataset=_Windows(examples),
            data_collator=lambda rows: _padded(cast("list[Example]", rows), pad_id),
            callbacks=[AfterEpoch()],
        )
        trainer.remove_callback(PrinterCallback)  # it prints to where our results go
        clock = Clock(device)
        trainer.train()
        return Timing(*clock.read(), 0.0)


class _Windows(Dataset[Example]):
    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:
        return self._examples[index]


def _padded(rows: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """Dynamic padding: to the longest window of the batch; each (windows, tokens)."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), longest), pad_id)
    tags = torch.full((len(rows), longest), IGNORED)
    mask = torch.zeros((len(rows), longest), dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.from_numpy(row.ids)
        tags[i, : len(row.ids)] = torch.from_numpy(row.tags)
        mask[i, : len(row.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": tags}


@dataclass(frozen=True, slots=True)
class Site:
    """An encoder and a corpus, ready for runs that differ in their settings only."""

    encoder: Path
    words: WordEncoder
    layers: int
    examples: list[Example]
    dev: DevNotes


def open_site(encoder: Path, corpus: Path) -> Site:
    """`corpus`: MACCROBAT as gzipped JSON lines; its notes lie on the side of the split where the product puts them."""
    notes: list[GoldNote] = []
    for note in read_notes(corpus):
        spans = {Span(s.start, s.end, MACCROBAT_LABELS[s.label]) for s in note.spans if s.label in MACCROBAT_LABELS}
        note_hash = content_hash(note.text)
        split = split_of(patient_key=None, content_hash=note_hash)
        notes.append(GoldNote(len(notes) + 1, note_hash, note.text, tuple(sorted(spans)), split))
    words = open_words(encoder)
    model = open_classifier(encoder, LABELS, words=words, keep_head=False)
    plan = window_of(model.config)
    train, dev = ([note for note in notes if note.split is split] for split in (Split.TRAIN, Split.DEV))
    return Site(
        encoder, words, layer_count(model), examples_of(train, words, LABELS, plan), DevNotes(dev, words, LABELS, plan)
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """curve: dev F1 after each epoch; per_note: strict counts of each dev note after the best epoch."""

    curve: list[float]
    per_note: list[Counts]
    seconds: float

    @property
    def f1(self) -> float:
        return max(self.curve)


def run(site: Site, hyper: HyperParameters, *, device: str, usual: bool = False) -> Outcome:
    """One run over the site's encoder with a new head."""
    torch.manual_seed(hyper.seed)
    model = open_classifier(site.encoder, LABELS, words=site.words, keep_head=False)
    curve: list[float] = []
    best: list[list[Counts]] = []

    def on_dev(score: DevScore) -> None:
        if not curve or score.f1 > max(curve):
            best[:] = [list(score.per_note)]
        curve.append(score.f1)

    began = time.perf_counter()
    train = fit_usually if usual else fit_ours
    train(model, site.examples, hyper=hyper, device=device, dev=site.dev, on_dev=on_dev)
    return Outcome(curve, best[0], time.perf_counter() - began)


class KeptRuns:
    """Finished runs in a file of JSON lines, so that a comparison of hours can be cut and taken up again, or shared
    out over processes. A run is known by the encoder's weights, corpus and settings.
    """

    def __init__(self, file: Path | None, *, encoder: Path, corpus: Path) -> None:
        self._file = file
        self._site = {"encoder": weights_hash(encoder), "corpus": file_hash(corpus)}
        self._outcomes: dict[str, Outcome] = {}
        for row in kept_rows(file):
            counts = [Counts(*three) for three in row["per_note"]]
            self._outcomes[json.dumps(row["run"])] = Outcome(row["curve"], counts, row["seconds"])

    def get(self, hyper: HyperParameters, *, usual: bool) -> Outcome | None:
        return self._outcomes.get(json.dumps(self._named(hyper, usual=usual)))

    def add(self, outcome: Outcome, hyper: HyperParameters, *, usual: bool) -> None:
        row = {
            "run": self._named(hyper, usual=usual),
            "curve": outcome.curve,
            "per_note": [(counts.tp, counts.fp, counts.fn) for counts in outcome.per_note],
            "seconds": outcome.seconds,
        }
        keep_row(self._file, row)

    def _named(self, hyper: HyperParameters, *, usual: bool) -> dict[str, Any]:
        return {**self._site, "usual": usual, "hyper": hyper.as_json()}
