"""Encoders, adapters, runs and evaluations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from mednerapp.domain.datasets import Split
from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pre-trained base model that is installed here.

    `source`: hub id, or where else it came from. `folder` is relative to the model folder. `weights_hash`: of its
    safetensors file. `problem`: what the check of `verified_at` found, empty when it found nothing. What is empty or
    None was not recorded, as for the encoder of the starter.
    """

    id: int
    name: str
    source: str
    revision: str
    folder: str
    weights_hash: str
    architecture: str = ""
    cased: bool | None = None
    tokenizer: str = ""
    licence: str = ""
    size_bytes: int = 0
    installed_at: datetime | None = None
    verified_at: datetime | None = None
    problem: str = ""
    removed_at: datetime | None = None


class AdapterKind(StrEnum):
    STARTER = "starter"
    LORA = "lora"
    FULL = "full"  # every weight of the encoder was trained: the folder holds a whole checkpoint


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


class Method(StrEnum):
    LORA = "lora"  # low-rank updates of some layers and a head, over a frozen encoder
    FULL = "full"  # every weight


class Schedule(StrEnum):
    LINEAR = "linear"  # warm-up over the first tenth of the steps, then down to zero
    PLATEAU = "plateau"  # constant; lowered each time the dev F1 stalls


class ClassWeights(StrEnum):
    OFF = "off"
    BALANCED = "balanced"  # rare tags weigh more


# The linear layers that LoRA can adapt: of attention; and its output with the feed-forward part, which share a name.
LORA_TARGETS = ("query", "key", "value", "dense")


@dataclass(frozen=True, slots=True)
class HyperParameters:
    """What a fine-tuning run is told. The defaults are those of the `lora` preset; see `domain.presets`.

    learning_rate: that of Adam at its highest. batch_size: windows for each step of the optimizer.
    rank, alpha, dropout, targets, lora_layers: LoRA's; `targets` are names of linear layers, `lora_layers` says how
        many layers get updates, counted from the top (None: all). Those below never change and are computed once.
    weight_decay: decoupled (AdamW); 0 is Adam.
    decay_factor, decay_patience: the plateau schedule multiplies the learning rate by the factor after more than so
        many epochs without a new best dev F1.
    patience: stop after so many epochs without a new best dev F1; None: run all epochs.
    deterministic: use only algorithms that give the same result each time, also on a GPU; slower there.
    train_share: of the training notes, for a learning curve; see `domain.datasets.share_of`.
    """

    epochs: int = 10
    learning_rate: float = 2e-3
    batch_size: int = 8
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    max_grad_norm: float = 1.0
    seed: int = 13
    method: Method = Method.LORA
    targets: tuple[str, ...] = LORA_TARGETS
    lora_layers: int | None = None
    weight_decay: float = 0.01
    schedule: Schedule = Schedule.LINEAR
    decay_factor: float = 0.5
    decay_patience: int = 3
    patience: int | None = None
    class_weights: ClassWeights = ClassWeights.OFF
    deterministic: bool = False
    train_share: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they are stored with a run and in a manifest."""
        return {**asdict(self), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> HyperParameters:
        """What `as_json` gave, now or in an earlier version: what that did not know yet was done in one way then.

        Raises:
            InvalidValue: for a setting that this version does not know.
        """
        unknown = sorted(set(stored) - {field.name for field in fields(cls)})
        if unknown:
            raise InvalidValue(f"This version of MedNER does not know the setting {unknown[0]!r}. Update MedNER.")
        values: dict[str, Any] = {**_BEFORE_PRESETS, **stored}
        for name, kind in _NOT_JSON.items():
            values[name] = kind(values[name])
        return cls(**values)


_NOT_JSON: dict[str, Callable[[Any], Any]] = {
    "method": Method,
    "targets": tuple,
    "schedule": Schedule,
    "class_weights": ClassWeights,
}

# How runs were trained before these could be chosen.
_BEFORE_PRESETS: dict[str, Any] = {
    "method": "lora",
    "targets": ("query", "key", "value", "dense"),
    "lora_layers": None,
    "weight_decay": 0.01,
    "schedule": "linear",
    "patience": None,
    "class_weights": "off",
    "deterministic": False,
}


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
class Cost:
    """What scoring took: seconds of prediction for so many characters on `device`, bytes of the model's files, the most
    bytes of memory that the process took meanwhile. 0 and '' where it was not measured.
    """

    seconds: float = 0.0
    characters: int = 0
    model_bytes: int = 0
    memory_bytes: int = 0
    device: str = ""

    @property
    def speed(self) -> float | None:
        """Characters in a second."""
        return self.characters / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class EvaluationHead:
    """One adapter on one split, without its counts.

    `excluded`: notes of the split that were left out because the adapter or its base saw them in training. `basis`: a
    hash of the notes that were scored. `detailed`: whether it is stored what became of every span.
    """

    id: int
    adapter_id: int
    dataset_id: int
    split: Split
    notes: int
    excluded: int
    created_at: datetime
    basis: str
    detailed: bool
    cost: Cost


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One adapter on one split, with its strict counts. See `EvaluationHead`."""

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


class PromotionKind(StrEnum):
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True)
class Promotion:
    """An adapter was put in force by a person ('': the product itself) instead of `previous_id`, on these numbers."""

    id: int
    adapter_id: int
    previous_id: int | None
    kind: PromotionKind
    by: str
    at: datetime
    evidence: dict[str, Any] | None
