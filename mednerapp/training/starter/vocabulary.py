"""Dropping the vocabulary rows that a field's texts never use, so that a WordPiece encoder gets smaller."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel

from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import ATTENTION, open_words, quiet
from mednerapp.ner.words import IntArray


def count_pieces(words: WordEncoder, texts: Iterable[str]) -> IntArray:
    """How often each piece of the vocabulary stands in the texts; (vocabulary,)."""
    counts = np.zeros(words.vocabulary_size, dtype=np.int64)
    for ids in words.ids_of(texts):
        counts += np.bincount(ids, minlength=len(counts))
    return counts


def pieces_to_keep(vocabulary: dict[str, int], counts: IntArray, size: int, special: Iterable[str]) -> list[str]:
    """`size` pieces in their old order: special tokens, every single character and its ## form, then the most frequent.

    With all characters there, a word whose piece was dropped is cut into smaller pieces and never becomes unknown.
    """
    kept = {piece for piece in vocabulary if len(piece.removeprefix("##")) == 1} | set(special)
    by_use = sorted(vocabulary, key=lambda piece: (-int(counts[vocabulary[piece]]), vocabulary[piece]))
    for piece in by_use:
        if len(kept) >= size or counts[vocabulary[piece]] == 0:
            break
        kept.add(piece)
    return sorted(kept, key=vocabulary.__getitem__)


def prune(source: Path, target: Path, *, texts: Iterable[str], size: int) -> None:
    """Writes the encoder of `source` with a vocabulary of at most `size` pieces as `target`, a Hugging Face folder.

    The weights are kept as fp16.
    """
    words = open_words(source)
    file: dict[str, Any] = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = file["model"]["vocab"]
    special = [token["content"] for token in file["added_tokens"]]
    kept = pieces_to_keep(vocabulary, count_pieces(words, texts), size, special)
    new_id = {piece: i for i, piece in enumerate(kept)}
    target.mkdir(parents=True)
    with quiet():
        model: Any = AutoModel.from_pretrained(str(source), local_files_only=True, add_pooling_layer=False, **ATTENTION)
        rows = torch.tensor([vocabulary[piece] for piece in kept])
        old = model.get_input_embeddings().weight.detach()
        model.resize_token_embeddings(len(kept), mean_resizing=False)
        model.get_input_embeddings().weight.data = old[rows].clone()
        model.config.pad_token_id = new_id["[PAD]"]
        model.half().save_pretrained(str(target))
    file["model"]["vocab"] = new_id
    file["truncation"] = file["padding"] = None
    for token in file["added_tokens"]:
        token["id"] = new_id[token["content"]]
    for name, token in file["post_processor"]["special_tokens"].items():
        token["ids"] = [new_id[name]]
    (target / "tokenizer.json").write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
    settings = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings.pop("name_or_path", None)
    (target / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
