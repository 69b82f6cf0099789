from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from mednerapp.ner.loading import open_words
from mednerapp.training.starter.vocabulary import count_pieces, pieces_to_keep, prune
from tests.tiny_models import make_tiny_encoder, toy_notes

TEXTS = [note.text for note in toy_notes()[:4]]


def hidden(folder: Path, text: str) -> torch.Tensor:
    [note] = open_words(folder).encode([text])
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()
    with torch.inference_mode():
        return model(input_ids=torch.from_numpy(note.ids)[None]).last_hidden_state


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    source = make_tiny_encoder(tmp_path / "whole", "bert-uncased")
    prune(source, tmp_path / "pruned", texts=TEXTS, size=150)
    return source, tmp_path / "pruned"


def test_texts_that_use_kept_pieces_only_are_read_exactly_as_before(folders: tuple[Path, Path]) -> None:
    source, pruned = folders
    counts = count_pieces(open_words(source), TEXTS)
    assert (counts > 0).sum() < open_words(pruned).vocabulary_size <= 150 < len(counts)
    for text in TEXTS:
        torch.testing.assert_close(hidden(pruned, text), hidden(source, text), rtol=0, atol=5e-3)  # fp16 weights


def test_a_word_whose_piece_was_dropped_is_cut_smaller_and_never_unknown(folders: tuple[Path, Path]) -> None:
    source, pruned = folders
    text = "appendectomy pneumonia creatinine"
    before, after = open_words(source).encode([text])[0], open_words(pruned).encode([text])[0]
    unknown = pruned_vocabulary(pruned)["[UNK]"]
    assert len(after.ids) > len(before.ids)
    assert unknown not in after.ids


def test_special_tokens_and_single_characters_stay_whatever_the_size() -> None:
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "a": 2, "##a": 3, "fever": 4, "##itis": 5, "never": 6}
    counts = np.array([0, 0, 0, 0, 3, 9, 0])
    assert pieces_to_keep(vocabulary, counts, 5, ["[PAD]", "[UNK]"]) == ["[PAD]", "[UNK]", "a", "##a", "##itis"]
    assert pieces_to_keep(vocabulary, counts, 99, ["[PAD]", "[UNK]"]) == [
        *("[PAD]", "[UNK]", "a", "##a", "fever", "##itis")
    ]


def pruned_vocabulary(folder: Path) -> dict[str, int]:
    import json

    return json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
