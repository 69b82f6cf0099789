"""The engines that are compared: ours, and the pipeline of transformers as its documentation sets it up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification, pipeline

import mednerapp
from mednerapp.domain.devices import Precision
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.ner.alignment import EncodedNote, FloatArray, decode
from mednerapp.ner.compiled import Compiled
from mednerapp.ner.loading import Tagger, open_classifier, open_words, quiet, window_of
from mednerapp.ner.manifest import read_manifest
from mednerapp.ner.prediction import CPU_TOKENS, token_log_probabilities
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.windows import SPECIAL_TOKENS, WindowPlan, batches, cut
from mednerapp.ner.words import IntArray

STARTER = Path(mednerapp.__file__).parent / "assets" / "starter"
SIZES = {"base": (12, 768), "small": (6, 384), "tiny": (4, 256)}  # layers, width
LABELS = ("Disease", "Symptom", "Drug", "Procedure", "Test")


@dataclass(slots=True)
class Ours:
    """Our engine on one model. After `run`: encoded notes, log-probabilities of their tokens and spans."""

    tagger: Tagger
    notes: list[EncodedNote] = field(default_factory=list[EncodedNote])
    scores: list[FloatArray] = field(default_factory=list[FloatArray])
    spans: list[tuple[ScoredSpan, ...]] = field(default_factory=list[tuple[ScoredSpan, ...]])

    def run(self, texts: Sequence[str]) -> None:
        """What `predict` does, its steps kept for the comparison."""
        tagger = self.tagger
        self.notes = tagger.words.encode(texts)
        self.scores = token_log_probabilities(tagger, self.notes)
        pairs = zip(self.notes, self.scores, strict=True)
        self.spans = [decode(note, score, tagger.labels, calibration=tagger.calibration) for note, score in pairs]

    def windows(self) -> list[int]:
        """Tokens of every window that goes through the encoder, special ones included."""
        plan = self.tagger.window
        return [w.stop - w.start + SPECIAL_TOKENS for note in self.notes for w in cut(len(note.ids), plan)]


@dataclass(frozen=True, slots=True)
class Products:
    """The linear layers of one of our engines and nothing else, on batches of the same sizes: its time if words,
    attention, GELU, norms, sums and decoding were free.
    """

    compiled: Compiled
    windows: Callable[[], list[int]]
    width: int

    def run(self, texts: Sequence[str]) -> None:
        del texts  # those of the engine, which has encoded them
        lengths = self.windows()
        with torch.inference_mode():
            for group in batches(lengths, CPU_TOKENS):
                rows = sum(lengths[i] for i in group)
                hidden = torch.ones(rows, self.width)
                for layer in self.compiled.layers:
                    layer.query_key_value(hidden)
                    layer.attended(hidden)
                    layer.down(layer.up(hidden))


@dataclass(slots=True)
class Pipeline:
    """`pipeline("token-classification", aggregation_strategy="simple")`, with `stride` for notes over 512 tokens.

    `batch_size`: 1 calls it note by note. After `run`: the spans of every note.
    """

    pipe: Any
    stride: int
    batch_size: int
    spans: list[list[Span]] = field(default_factory=list[list[Span]])

    def run(self, texts: Sequence[str]) -> None:
        if self.batch_size == 1:
            found = [self.pipe(text) for text in texts]
        else:
            found = self.pipe(list(texts), batch_size=self.batch_size)
        self.spans = [[Span(g["start"], g["end"], g["entity_group"]) for g in groups] for groups in found]

    def chunks(self, text: str) -> list[tuple[IntArray, IntArray]]:
        """Ids and offsets (tokens, 2) of each chunk that it makes of a note, without padding."""
        made = self.pipe.tokenizer(
            text,
            truncation=True,
            return_overflowing_tokens=True,
            stride=self.stride,
            return_offsets_mapping=True,
        )
        pairs = zip(made["input_ids"], made["offset_mapping"], strict=True)
        return [(np.asarray(ids), np.asarray(offsets).reshape(-1, 2)) for ids, offsets in pairs]

    def tags(self, text: str) -> tuple[IntArray, IntArray, int]:
        """Ids and tags of a note's tokens, and its number of chunks; of shared tokens, those with the wider context."""
        chunks = self.chunks(text)
        kept: dict[tuple[int, int, int], tuple[int, int, int]] = {}
        for number, (ids, offsets) in enumerate(chunks):
            with torch.inference_mode():
                logits = self.pipe.model(input_ids=torch.from_numpy(ids)[None].to(self.pipe.device)).logits[0]
            best = logits.float().argmax(dim=1).tolist()
            seen: dict[tuple[int, int], int] = {}
            for at in range(1, len(ids) - 1):
                start, end = int(offsets[at, 0]), int(offsets[at, 1])
                nth = seen[(start, end)] = seen.get((start, end), -1) + 1  # bytes of one character share its place
                context = min(
                    at if number else len(ids) + at, len(ids) - at if number + 1 < len(chunks) else 2 * len(ids) - at
                )
                key = (start, end, nth)
                kept[key] = max(kept.get(key, (-1, 0, 0)), (context, int(ids[at]), best[at]))
        rows = [kept[key] for key in sorted(kept)]
        return np.array([i for _, i, _ in rows]), np.array([t for _, _, t in rows]), len(chunks)


@dataclass(frozen=True, slots=True)
class Bench:
    """One model in every engine. `layers`, `width`: its encoder's; `ours`: by precision."""

    title: str
    layers: int
    width: int
    ours: dict[Precision, Ours]
    pipelines: dict[int, Pipeline]


def open_bench(size: str, *, device: str, precisions: Sequence[Precision]) -> Bench:
    """The engines over one set of weights: random ones of a size in `SIZES`, or those of a full checkpoint's folder.

    On a GPU every engine computes in bf16.
    """
    if size in SIZES:
        model, folder, labels = _random_model(size), STARTER, LABELS
        window, manifest = window_of(model.config), {}
        title = f"random weights, {SIZES[size][0]}x{SIZES[size][1]}"
    else:
        folder = Path(size)
        manifest = read_manifest(folder)
        labels = tuple(manifest["labels"])
        model = open_classifier(folder, labels, words=open_words(folder), keep_head=True)
        window = WindowPlan(manifest["window"]["size"], manifest["window"]["overlap"])
        title = f"{manifest['name']}, {model.config.num_hidden_layers}x{model.config.hidden_size}"
    model = model.to(device).eval()
    words = open_words(folder)
    ours: dict[Precision, Ours] = {}
    for precision in precisions:
        compiled = Compiled(model, precision=precision)
        ours[precision] = Ours(Tagger(model, words, labels, window, device, manifest, compiled))
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        tokenizer.model_max_length = model.config.max_position_embeddings - (model.config.model_type == "roberta") * 2
        # A model of its own, so that bf16 does not round the weights that ours are copied from.
        theirs = type(model)(model.config)
        theirs.load_state_dict(model.state_dict())
        theirs = theirs.to(device=device, dtype=torch.float32 if device == "cpu" else torch.bfloat16).eval()
        pipe = pipeline(
            "token-classification",
            model=theirs,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
            stride=window.overlap,
            device=device,
        )
    pipelines = {size: Pipeline(pipe, window.overlap, size) for size in (1, 8)}
    return Bench(title, model.config.num_hidden_layers, model.config.hidden_size, ours, pipelines)


def _random_model(size: str) -> Any:
    layers, width = SIZES[size]
    tags = bio_tags(LABELS)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=open_words(STARTER).vocabulary_size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        id2label=dict(enumerate(tags)),
        label2id={tag: i for i, tag in enumerate(tags)},
    )
    model: Any = BertForTokenClassification(config)
    torch.nn.init.normal_(model.classifier.weight, std=0.5)  # a new head hardly tells tokens apart
    return model
