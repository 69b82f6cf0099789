"""Encoders, adapters, runs and evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mednerapp.domain.datasets import Split


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pre-trained base model that is installed here.

    `folder` is relative to the model folder.
    """

    id: int
    name: str
    source: str
    revision: str
    folder: str
    weights_hash: str


class AdapterKind(StrEnum):
    STARTER = "starter"
    LORA = "lora"


@dataclass(frozen=True, slots=True)
class Adapter:
    """Registered weights that turn an encoder into a predictor. `folder` is relative to the model folder."""

    id: int
    name: str
    kind: AdapterKind
    encoder_id: int
    project_id: int | None
    run_id: int | None
    folder: str
    weights_hash: str
    labels: tuple[str, ...]
    created_at: datetime


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # the worker died or was stopped; the run can be started again
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class HyperParameters:
    """What a fine-tuning run is told. `learning_rate` is that of Adam; `rank`, `alpha`, `dropout` are LoRA's."""

    epochs: int = 10
    learning_rate: float = 2e-3
    batch_size: int = 8
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    max_grad_norm: float = 1.0
    seed: int = 13


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One point of the curves: mean token loss on train and dev, strict micro F1 on dev (None without dev notes)."""

    epoch: int
    train_loss: float
    dev_loss: float | None
    dev_f1: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """One training execution."""

    id: int
    project_id: int
    dataset_id: int
    encoder_id: int
    job_id: int
    name: str
    hyper: HyperParameters
    state: RunState
    device: str
    error: str
    adapter_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoteLabelCount:
    """Strict counts of one label in one note: tp, fp (invented), fn (missed)."""

    note_id: int
    label: str
    tp: int
    fp: int
    fn: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One adapter on one split.

    `excluded`: notes of the split that were left out because the adapter or its base saw them in training.
    """

    id: int
    adapter_id: int
    dataset_id: int
    split: Split
    notes: int
    excluded: int
    counts: tuple[NoteLabelCount, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """A row of the paper's Table 1, in percent. None: the paper names the encoder without figures."""

    encoder: str
    precision: float | None
    f1: float | None


# "Accurate Medical Named Entity Recognition Through Specialized NLP Models", Table 1 (MIMIC-III test split).
PUBLISHED_RESULTS = (
    PublishedResult("BERT", 82.5, 81.0),
    PublishedResult("ClinicalBERT", 85.2, 83.5),
    PublishedResult("SciBERT", 84.1, 82.8),
    PublishedResult("BlueBERT", 87.3, 85.0),
    PublishedResult("BioBERT", 89.8, 87.6),
    PublishedResult("RoBERTa", None, None),
)
