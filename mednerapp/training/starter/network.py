"""An encoder under several heads: one for the labels of the product, one for each corpus's own labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel

from mednerapp.ner.loading import ATTENTION, quiet
from mednerapp.ner.packed import embed, layer_count, pack, run_layers
from mednerapp.ner.words import IntArray

PRODUCT = "product"
HEAD_DROPOUT = 0.1


class ManyHeads(nn.Module):
    """`forward` gives token vectors (tokens, hidden) of windows back to back; `scores` one head's view of them."""

    def __init__(self, folder: Path, heads: Mapping[str, int]) -> None:
        """`heads`: name → number of tags."""
        super().__init__()
        with quiet():
            # Dropout of attention weights costs much of the speed on a CPU and was not missed.
            self.encoder: Any = AutoModel.from_pretrained(
                str(folder),
                local_files_only=True,
                add_pooling_layer=False,
                attention_probs_dropout_prob=0.0,
                dtype=torch.float32,
                **ATTENTION,
            )
        self.dropout = nn.Dropout(HEAD_DROPOUT)
        width = int(self.encoder.config.hidden_size)
        self.heads = nn.ModuleDict({name: nn.Linear(width, tags) for name, tags in heads.items()})
        for head in self.heads.values():
            nn.init.normal_(head.weight, std=0.02)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(head.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, windows: Sequence[IntArray]) -> Tensor:
        device = next(self.encoder.parameters()).device
        packed = pack(windows, config=self.encoder.config, device=device)
        layers = layer_count(self.encoder)
        return run_layers(self.encoder, embed(self.encoder, packed), packed.lengths, first=0, stop=layers)

    def scores(self, head: str, vectors: Tensor) -> Tensor:
        """Logits (tokens, tags of the head)."""
        return self.heads[head](self.dropout(vectors))
