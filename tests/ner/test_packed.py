from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig

from mednerapp.domain.models import HyperParameters
from mednerapp.errors import ModelProblem
from mednerapp.ner.loading import open_classifier
from mednerapp.ner.packed import Packed, embed, first_position, layer_count, logits, pack, run_layers
from mednerapp.ner.words import IntArray
from mednerapp.training.lora import add_lora
from tests.tiny_models import FAMILIES

LENGTHS = (40, 7, 7, 2, 19, 40)
LABELS = ("Disease", "Symptom", "Drug")


def _model(folder: Path, words: Any, *, lora: bool) -> Any:
    torch.manual_seed(3)
    model = open_classifier(folder, LABELS, words=words, keep_head=False)
    if lora:
        model = add_lora(model, HyperParameters(), base_name="tiny")
        for name, weights in model.named_parameters():
            if "lora_B" in name:  # peft starts them at zero, where an adapter that is not applied would go unnoticed
                torch.nn.init.normal_(weights, std=0.1)
    return model


def _windows(words: Any) -> list[IntArray]:
    draw = np.random.default_rng(5)
    inside = [draw.integers(5, words.vocabulary_size, length) for length in LENGTHS]
    return [np.concatenate(([words.cls_id], ids, [words.sep_id])).astype(np.int64) for ids in inside]


def _forward(model: Any, packed: Packed) -> torch.Tensor:
    hidden = run_layers(model, embed(model, packed), packed.lengths, first=0, stop=1)
    return logits(model, run_layers(model, hidden, packed.lengths, first=1, stop=layer_count(model)))


def _plain(model: Any, windows: list[IntArray]) -> torch.Tensor:
    return torch.cat([model(input_ids=torch.from_numpy(ids)[None]).logits[0] for ids in windows])


@pytest.mark.parametrize("lora", [False, True], ids=["plain", "lora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_windows_give_the_scores_and_gradients_of_the_models_own_forward_pass(
    encoder_folders: dict[str, Path], word_encoders: dict[str, Any], family: str, *, lora: bool
) -> None:
    words = word_encoders[family]
    model = _model(encoder_folders[family], words, lora=lora).eval()
    windows = _windows(words)
    packed = pack(windows, config=model.config, device="cpu")
    trained = [weights for weights in model.parameters() if weights.requires_grad]

    ours, theirs = _forward(model, packed), _plain(model, windows)
    target = torch.arange(len(ours)) % ours.shape[1]
    gradients = [
        torch.autograd.grad(torch.nn.functional.cross_entropy(scores, target), trained) for scores in (ours, theirs)
    ]

    assert float((ours - theirs).detach().abs().max()) < 1e-5
    assert len(gradients[0]) == len(trained) > 4
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)
    assert all(float(gradient.abs().max()) > 0 for gradient in gradients[0][-4:])


def test_dropout_is_applied_in_training_mode_only(
    encoder_folders: dict[str, Path], word_encoders: dict[str, Any]
) -> None:
    words = word_encoders["bert-cased"]
    model = _model(encoder_folders["bert-cased"], words, lora=True)
    packed = pack(_windows(words), config=model.config, device="cpu")

    model.eval()
    assert torch.equal(_forward(model, packed), _forward(model, packed))
    model.train()
    assert not torch.equal(_forward(model, packed), _forward(model, packed))


def test_an_encoder_of_another_architecture_is_refused_by_name() -> None:
    config = AutoConfig.for_model("electra")
    with pytest.raises(ModelProblem, match=r"'electra'.*bert, roberta"):
        first_position(config)


def test_windows_that_the_encoder_has_no_positions_for_are_refused(
    encoder_folders: dict[str, Path], word_encoders: dict[str, Any]
) -> None:
    model = _model(encoder_folders["roberta"], word_encoders["roberta"], lora=False)
    with pytest.raises(ValueError, match="1 to 128 tokens; given: \\[129\\]"):
        pack([np.zeros(129, np.int64)], config=model.config, device="cpu")
    with pytest.raises(ValueError, match="no window"):
        pack([], config=model.config, device="cpu")
    with pytest.raises(ValueError, match="hold 9 tokens, the matrix 8"):
        run_layers(model, torch.zeros(8, 32), (4, 5), first=0, stop=1)
    with pytest.raises(ValueError, match="the model has 2"):
        run_layers(model, torch.zeros(9, 32), (4, 5), first=0, stop=3)
