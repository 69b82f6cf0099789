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
from mednerapp.ner.encoders import EncoderSpec
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
    notes += [_after_a_pill(note, len(notes) + at) for at, note in enumerate(notes[::3], start=1)]
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


def _after_a_pill(note: GoldNote, note_id: int) -> GoldNote:
    """What a sign is that no toy note has would be chance, were it never seen: it is nothing."""
    text = f"\N{PILL} {note.text}"
    spans = tuple(Span(span.start + 2, span.end + 2, span.label) for span in note.spans)
    return GoldNote(note_id, content_hash(text), text, spans, Split.TRAIN)


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


Weights = Literal["safetensors", "bin"]


def family_of(spec: EncoderSpec) -> Family:
    if spec.tokenizer == "byte-bpe":
        return "roberta"
    return "bert-cased" if spec.cased else "bert-uncased"


def make_published_folder(folder: Path, spec: EncoderSpec, *, weights: Weights) -> Path:
    """A tiny encoder as a hub repository of that kind holds it, heads and all. Returns the folder.

    "bin": as the old ones are: a pickle with tied tensors, layer norms named gamma and beta, a vocab.txt (vocab.json
    and merges.txt) alone, and a config that says neither type nor case. "safetensors": as they were converted later.
    """
    import json

    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, BertForPreTraining, RobertaForMaskedLM

    make_tiny_encoder(folder, family_of(spec))
    config = AutoConfig.from_pretrained(folder)
    torch.manual_seed(1)
    model = (RobertaForMaskedLM if spec.tokenizer == "byte-bpe" else BertForPreTraining)(config)
    torch.nn.init.normal_(model.get_input_embeddings().weight)  # words look different, so that a head learns quickly
    tensors = {_old_name(name): tensor for name, tensor in model.state_dict().items()}
    (folder / "model.safetensors").unlink()
    if weights == "safetensors":
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / "model.safetensors")
        return folder
    torch.save(tensors, folder / "pytorch_model.bin")
    made = json.loads((folder / "tokenizer.json").read_text())["model"]
    pieces = sorted(made["vocab"], key=made["vocab"].get)
    if spec.tokenizer == "byte-bpe":
        (folder / "vocab.json").write_text(json.dumps(made["vocab"]))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in made["merges"]))
    else:
        (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    stated = json.loads((folder / "config.json").read_text())
    for name in ("model_type", "architectures", "transformers_version"):
        stated.pop(name)
    (folder / "config.json").write_text(json.dumps(stated))
    return folder


def make_hub_cache(cache: Path, spec: EncoderSpec, *, weights: Weights = "safetensors") -> Path:
    """`cache` as huggingface_hub leaves it after the row's commit was downloaded. Returns the snapshot."""
    repository = cache / f"models--{spec.hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(spec.revision)
    return make_published_folder(repository / "snapshots" / spec.revision, spec, weights=weights)


def _old_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


# What the labels of a tiny starter are called in a model that looks for identifiers; the last is none to MedNER.
DEID_LABELS = {"Disease": "PATIENT", "Symptom": "DATE", "Drug": "PHONE", "Procedure": "HOSPITAL", "Test": "STATE"}


def make_deid_model(folder: Path, starter: Path) -> Path:
    """A tiny starter as other people publish a model for identifiers: their labels, no manifest. Returns the folder."""
    import json
    import shutil

    shutil.copytree(starter, folder)
    (folder / "manifest.json").unlink()
    stated = json.loads((folder / "config.json").read_text())
    for at, tag in stated["id2label"].items():
        prefix, _, label = tag.partition("-")
        stated["id2label"][at] = f"{prefix}-{DEID_LABELS[label]}" if label else tag
    stated["label2id"] = {tag: int(at) for at, tag in stated["id2label"].items()}
    (folder / "config.json").write_text(json.dumps(stated))
    return folder
