"""Opening model folders. Nothing here runs code from a folder or reaches the network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from mednerapp.domain.devices import Precision, devices_of, first_of
from mednerapp.domain.models import AdapterKind
from mednerapp.errors import ModelProblem
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.encoders import RECORD, read_record, spec_of
from mednerapp.ner.manifest import Manifest, read_manifest
from mednerapp.ner.packed import Packed
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.windows import WindowPlan, plan_for
from mednerapp.scoring.calibration import Calibration

# Torch's own attention, whatever a config.json says: it could name a kernel of the hub, which is native code. The
# library lets the config's private key win over the public argument, but not over the private key as an argument.
ATTENTION: dict[str, Any] = {"attn_implementation": "sdpa", "_attn_implementation": "sdpa"}
_SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True, slots=True)
class Tagger:
    """A model that is ready to predict.

    model: a classifier of transformers, perhaps wrapped by peft. compiled: its layers as a copy made for prediction,
    used instead of them; without it the model's own layers run, as they are at that moment. calibration: by label, for
    the labels whose scores need one.
    """

    model: Any
    words: WordEncoder
    labels: tuple[str, ...]
    window: WindowPlan
    device: str
    manifest: Manifest
    compiled: Callable[[Packed], Tensor] | None = None
    calibration: Mapping[str, Calibration] = field(default_factory=dict[str, Calibration])

    @property
    def tag_count(self) -> int:
        """Of the head: BIO of its labels, unless the manifest lists others, as that of a foreign model does."""
        return len(self.manifest.get("tags", ())) or 1 + 2 * len(self.labels)


def load_tagger(folder: Path, *, base_folder: Path | None, device: str, precision: Precision = "fp32") -> Tagger:
    """Opens a model folder for prediction.

    Args:
        folder: a full checkpoint (starter), or a LoRA adapter with its head.
        base_folder: the encoder under a LoRA adapter; ignored for a full checkpoint.
        device: as `pick_device` returns it.
        precision: "int8" is for the CPU only; "bf16" is what a GPU always computes in.

    Raises:
        ModelProblem: if the folder is incomplete or damaged, or the base is not the adapter's.
    """
    from mednerapp.ner.residency import Models

    return Models(device=device, precision=precision).tagger(folder, base_folder=base_folder)


def open_words(folder: Path) -> WordEncoder:
    """The tokenizer of a folder.

    Raises:
        ModelProblem: if it is missing or not a fast one.
    """
    with problems_of(folder), quiet():
        tokenizer = AutoTokenizer.from_pretrained(str(folder), **_SAFE)
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelProblem(f"The encoder {folder.name!r} has no fast tokenizer; add its tokenizer.json to the folder.")
    return WordEncoder(tokenizer)


def require_case(words: WordEncoder, encoder_name: str) -> None:
    """Raises ModelProblem when the tokenizer treats case otherwise than the encoder of the table was trained with.

    The old configurations of some cased encoders do not say that they are cased, which ruins them silently.
    """
    spec = spec_of(encoder_name)
    if spec and spec.cased != words.is_cased():
        was, does = ("cased", "lower-cases") if spec.cased else ("uncased", "does not lower-case")
        raise ModelProblem(
            f'{spec.name} is {was}, but the tokenizer in its folder {does} the text. Set "do_lower_case" to '
            f"{str(not spec.cased).lower()} in its tokenizer_config.json (and tokenizer.json) and add it again."
        )


def open_classifier(folder: Path, labels: Sequence[str], *, words: WordEncoder, keep_head: bool) -> Any:
    """The encoder of a folder with a linear layer over the token vectors, in fp32 on the CPU.

    `keep_head`: use the folder's own classification layer; else a new one, drawn from torch's global generator.
    """
    tags = bio_tags(labels)
    model, report = _open(
        folder,
        num_labels=len(tags),
        id2label=dict(enumerate(tags)),
        label2id={tag: i for i, tag in enumerate(tags)},
        ignore_mismatched_sizes=not keep_head,
    )
    _require_complete(folder, [key for key in report if keep_head or not key.startswith("classifier.")])
    if not keep_head:
        torch.nn.init.normal_(model.classifier.weight, std=model.config.initializer_range)
        torch.nn.init.zeros_(model.classifier.bias)
    _require_pieces(folder, words, model)
    return model


def open_head(folder: Path, *, words: WordEncoder) -> Any:
    """A token classifier as its makers left it, with its own labels, in fp32 on the CPU."""
    model, missing = _open(folder)
    _require_complete(folder, missing)
    _require_pieces(folder, words, model)
    return model


def _open(folder: Path, **options: Any) -> tuple[Any, list[str]]:
    """(model, names of the tensors that the weights lack)."""
    with problems_of(folder), quiet():
        model, report = AutoModelForTokenClassification.from_pretrained(
            str(folder),
            dtype=torch.float32,
            # On a CPU, attention dropout costs more training time than all else that dropout does: attention leaves
            # its fast path. The hidden dropout stays as configured.
            attention_probs_dropout_prob=0.0,
            use_safetensors=True,
            **ATTENTION,
            output_loading_info=True,
            **options,
            **_SAFE,
        )
    return model, sorted(report["missing_keys"])


def _require_complete(folder: Path, lacking: Sequence[str]) -> None:
    if lacking:  # the library would fill them with noise
        raise ModelProblem(
            f"The weights of {folder.name!r} lack {len(lacking)} tensors, {lacking[0]!r} first: they are not those of "
            "its config.json. Copy the whole folder again."
        )


def _require_pieces(folder: Path, words: WordEncoder, model: Any) -> None:
    if words.vocabulary_size > model.config.vocab_size:
        raise ModelProblem(
            f"The tokenizer of {folder.name!r} knows {words.vocabulary_size:,} pieces, its weights only "
            f"{model.config.vocab_size:,}: the files are not from the same encoder. Copy the folder again."
        )


def window_of(config: Any) -> WindowPlan:
    """The window plan for an encoder. RoBERTa counts positions from after its padding id, so it has fewer of them."""
    offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return plan_for(config.max_position_embeddings - offset)


def can_start_from_head(base_folder: Path, labels: Sequence[str]) -> bool:
    """Whether the folder is a full checkpoint with exactly these labels."""
    manifest = manifest_or_none(base_folder)
    return manifest is not None and manifest["labels"] == list(labels)


def manifest_or_none(base_folder: Path) -> Manifest | None:
    """The manifest of a base: None for a plain encoder.

    Raises:
        ModelProblem: if the base is itself a LoRA adapter.
    """
    if not (base_folder / "manifest.json").is_file():
        return None
    manifest = read_manifest(base_folder)
    if manifest["kind"] == AdapterKind.LORA.value:
        raise ModelProblem(f"{base_folder.name!r} is an adapter; train over its encoder instead.")
    return manifest


def revision_of(folder: Path) -> str:
    """The commit of an installed encoder or of a folder in the hub cache, '' where none is known."""
    if (folder / RECORD).is_file():
        return read_record(folder).revision
    return folder.name if folder.parent.name == "snapshots" else ""


def pick_device(wanted: str) -> str:
    """The device to use for 'auto', 'cpu', 'cuda' or 'cuda:1'; of several ('cuda:0,cuda:1') the first.

    Raises:
        ModelProblem: if there is no such device here.
    """
    wanted = first_of(wanted)
    if wanted == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind == "cpu" and not number:
        return "cpu"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and (number or "0").isdecimal() and int(number or 0) < count:
        return f"cuda:{int(number or 0)}"
    here = ["auto", "cpu", *(f"cuda:{i}" for i in range(count))]
    raise ModelProblem(f"There is no device {wanted!r} here. Valid devices: {', '.join(here)}.")


def pick_devices(wanted: str) -> tuple[str, ...]:
    """The device of each process that trains: of 'cpu:0,cpu:1' twice 'cpu'. One device is one process.

    Raises:
        ModelProblem: if one of them is not here.
        InvalidValue: if the list cannot be understood.
    """
    names = devices_of(wanted)
    if len(names) == 1:
        return (pick_device(wanted),)
    return tuple("cpu" if name.startswith("cpu:") else pick_device(name) for name in names)


@contextmanager
def problems_of(folder: Path) -> Generator[None]:
    """Turns what the libraries raise about a bad folder into a message that says what to do."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError, SafetensorError) as error:
        reason = str(error).strip().split("\n", 1)[0][:300].replace(str(folder), folder.name)
        raise ModelProblem(
            f"The model folder {folder.name!r} cannot be opened ({type(error).__name__}: {reason}). Check that it is a "
            "BERT or RoBERTa encoder with config.json, tokenizer files and complete safetensors weights."
        ) from error


@contextmanager
def quiet() -> Generator[None]:
    """Without the libraries' notes on a new head and their progress bars; what matters is raised."""
    before = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # The libraries warn about each other's old names, which nobody who runs MedNER can change.
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        transformers_logging.set_verbosity(before)
        if bars:
            transformers_logging.enable_progress_bar()
