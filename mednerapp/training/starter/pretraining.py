"""Continued pre-training: guessing masked words of unmarked medical texts.

Whole words are masked (Cui et al., 2021; as the later release of BERT does); of the chosen pieces 80% become [MASK],
10% a random piece and 10% stay (Devlin et al., NAACL 2019).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear
from transformers import AutoModel

from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import ATTENTION, open_words, quiet
from mednerapp.ner.prediction import autocast
from mednerapp.ner.words import IntArray
from mednerapp.training.starter.learning import Say
from mednerapp.training.starter.recipe import Pretraining

_SAY_EVERY = 200  # steps


class Guesser(nn.Module):
    """BERT's head for masked words: a layer, then the word embeddings used backwards."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        width = int(encoder.config.hidden_size)
        self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(encoder.config.vocab_size))
        self._embeddings = [encoder.get_input_embeddings()]  # in a list: its weight belongs to the encoder

    def forward(self, vectors: Tensor) -> Tensor:
        return linear(self.norm(gelu(self.dense(vectors))), self._embeddings[0].weight, self.bias)


def pretrain(folder: Path, out: Path, *, stream: Tensor, settings: Pretraining, device: str, say: Say) -> None:
    """Writes the encoder of `folder`, trained further on a stream of pieces (tokens,), as `out` in fp16."""
    words = open_words(folder)
    stream = stream.to(device=device, dtype=torch.int64)
    if len(stream) <= settings.length:
        raise ValueError(f"The texts hold {len(stream)} tokens, fewer than one window of {settings.length}.")
    torch.manual_seed(settings.seed)
    with quiet():
        encoder: Any = AutoModel.from_pretrained(
            str(folder),
            local_files_only=True,
            add_pooling_layer=False,
            attention_probs_dropout_prob=0.0,
            dtype=torch.float32,
            **ATTENTION,
        ).to(device)
    guesser = Guesser(encoder).to(device)
    trained = [*encoder.parameters(), *guesser.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=0.01, betas=(0.9, 0.98))
    file = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    masking = Masking(words, file["model"]["vocab"], settings, device)
    began = time.monotonic()
    encoder.train()
    for step in range(1, settings.steps + 1):
        for options in optimizer.param_groups:
            options["lr"] = settings.learning_rate * _rate(step, settings)
        given, wanted, chosen = masking.draw(stream)
        with autocast(device):
            vectors = encoder(input_ids=given).last_hidden_state[:, 1:-1][chosen]
            loss = cross_entropy(guesser(vectors).float(), wanted[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % _SAY_EVERY == 0 or step == settings.steps:
            seen = step * settings.batch_size * settings.length
            rate = seen / (time.monotonic() - began)
            say(
                f"  step {step}/{settings.steps}  loss {loss.item():.3f}  {seen / 1e6:.0f}M tokens  {rate:.0f} tokens/s"
            )
    with quiet():
        encoder.to("cpu").half().save_pretrained(str(out))
    words.save(out)


def token_stream(words: WordEncoder, texts: Iterable[str]) -> IntArray:
    """The pieces of all texts, one text after the other; (tokens,)."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *words.ids_of(texts)])


class Masking:
    """Draws windows from a stream and hides words in them."""

    def __init__(self, words: WordEncoder, vocabulary: Mapping[str, int], settings: Pretraining, device: str) -> None:
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        self._continues = torch.tensor([piece.startswith("##") for piece in pieces], device=device)
        self._ordinary = torch.tensor([i for i, piece in enumerate(pieces) if not piece.startswith("[")], device=device)
        self._mask_id, self._words, self._settings, self._device = vocabulary["[MASK]"], words, settings, device

    def draw(self, stream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows with hidden words (batch, length); the true pieces and which were chosen (batch, length - 2)."""
        rows, inner, device = self._settings.batch_size, self._settings.length - 2, self._device
        starts = torch.randint(0, len(stream) - inner, (rows, 1), device=device)
        pieces = stream[starts + torch.arange(inner, device=device)]
        word = (~self._continues[pieces]).long().cumsum(dim=1)  # 0 for the rest of a word that the window cuts
        chosen = (torch.rand(rows, inner + 1, device=device) < self._settings.masked).gather(1, word)
        how = torch.rand(rows, inner, device=device)
        other = self._ordinary[torch.randint(0, len(self._ordinary), (rows, inner), device=device)]
        given = pieces.masked_fill(chosen & (how < 0.8), self._mask_id)
        given = torch.where(chosen & (how >= 0.9), other, given)
        edge = torch.ones(rows, 1, dtype=torch.long, device=device)
        return torch.cat((edge * self._words.cls_id, given, edge * self._words.sep_id), dim=1), pieces, chosen


def _rate(step: int, settings: Pretraining) -> float:
    rising = settings.warm_up * settings.steps
    return min(1.0, step / max(1.0, rising)) * (settings.steps - step) / settings.steps
