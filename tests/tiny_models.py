"""Small real checkpoints, made at test time: the exact architectures and tokenizer families, 2 layers of width 32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mednerapp.domain.datasets import GoldNote, Split, dataset_hash
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import HyperParameters
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span
from mednerapp.ner.manifest import Manifest

Family = Literal["bert-cased", "bert-uncased", "roberta"]
FAMILIES: tuple[Family, ...] = ("bert-cased", "bert-uncased", "roberta")

# Mentions that a tiny starter learns, by label; a label that is not here gets one made-up mention.
MENTIONS: dict[str, tuple[str, ...]] = {
    "Disease": ("pneumonia", "diabetes mellitus", "asthma"),
    "Symptom": ("fever", "chest pain", "cough"),
    "Drug": ("aspirin", "metformin", "warfarin"),
    "Procedure": ("appendectomy", "hip replacement", "dialysis"),
    "Test": ("chest X-ray", "creatinine", "blood pressure"),
}
_FRAMES = (
    "The patient has {} today.",
    "No {} was found.",
    "She was given {} in 2019.",
    "Plan: {} again.",
    "{} on admission.",
)


def make_tiny_encoder(folder: Path, family: Family) -> Path:
    """A plain encoder folder of random weights, with a tokenizer trained on a few lines. Returns the folder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer, RobertaConfig, RobertaModel, RobertaTokenizer

    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    folder.mkdir(parents=True, exist_ok=True)
    if family == "roberta":
        vocabulary, merges = _byte_bpe()
        RobertaTokenizer(vocab=vocabulary, merges=merges).save_pretrained(folder)
        config = RobertaConfig(
            vocab_size=len(vocabulary),
            max_position_embeddings=130,
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
            **size,
        )
        RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    else:
        lower = family == "bert-uncased"
        vocabulary = _word_pieces(lower=lower)
        BertTokenizer(vocab=vocabulary, do_lower_case=lower).save_pretrained(folder)
        config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=128, **size)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def make_tiny_starter(folder: Path, labels: Sequence[str], *, family: Family = "bert-uncased") -> Manifest:
    """A complete full checkpoint with manifest that finds the mentions of its `toy_notes`; takes a few seconds."""
    from mednerapp.training.finetune import TrainingTask, full_fine_tune
    from mednerapp.training.loop import Hooks

    notes = toy_notes(labels)
    task = TrainingTask(
        base_folder=make_tiny_encoder(folder.parent / f"{folder.name}-encoder", family),
        encoder_name="tiny",
        train=notes,
        dev=[],
        labels=labels,
        hyper=HyperParameters(epochs=40, learning_rate=1e-2, batch_size=8),
        device="cpu",
        out_dir=folder,
        name="Tiny starter",
        dataset_hash=dataset_hash(notes),
    )
    return full_fine_tune(task, Hooks(lambda _: None, None, lambda: False), half=True)


def toy_notes(labels: Sequence[str] = MEDICAL_SCHEMA.names, *, repeat: int = 2) -> list[GoldNote]:
    """Short gold notes in which every mention of every label stands in every sentence frame."""
    pairs = [(label, mention) for label in labels for mention in MENTIONS.get(label, (f"{label.lower()}itis",))]
    notes: list[GoldNote] = []
    for turn in range(repeat):
        for at in range(len(pairs)):
            text, spans = "", list[Span]()
            for i in range(len(_FRAMES)):
                frame = _FRAMES[(at + i) % len(_FRAMES)]  # no mention is known by its place
                label, mention = pairs[(at + i * (turn + 1)) % len(pairs)]
                start = len(text) + frame.index("{}")
                text += frame.format(mention) + "\n"
                spans.append(Span(start, start + len(mention), label))
            notes.append(GoldNote(len(notes) + 1, content_hash(text), text, tuple(spans), Split.TRAIN))
    return notes


def _lines() -> list[str]:
    return [note.text for note in toy_notes()] + ["Ménière's disease, 38.5 °C, β-blocker (10 mg/day)!"] * 3


def _word_pieces(*, lower: bool) -> dict[str, int]:
    from tokenizers import BertWordPieceTokenizer

    trained = BertWordPieceTokenizer(lowercase=lower)
    trained.train_from_iterator(_lines(), vocab_size=400, min_frequency=1, show_progress=False)
    return trained.get_vocab()


def _byte_bpe() -> tuple[dict[str, int], list[tuple[str, str]]]:
    import json

    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(_lines(), vocab_size=500, min_frequency=1, special_tokens=special, show_progress=False)
    merges = json.loads(trained.to_str())["model"]["merges"]
    return trained.get_vocab(), [tuple(pair) for pair in merges]
