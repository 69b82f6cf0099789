"""A forward pass of BERT and RoBERTa without padding: windows lie back to back in one matrix (tokens, hidden).

Everything that works on single tokens (the linear layers, norms, GELU: nearly all of the work) runs on that matrix at
once; only attention looks at one window at a time. The modules of the model are called as they are, so adapters,
dropout and gradients work as in the model's own forward pass, and the result is the same.

    packed = pack(windows, config=model.config, device="cpu")
    hidden = run_layers(model, embed(model, packed), packed.lengths, first=0, stop=layer_count(model))
    scores = logits(model, hidden)  # or all of it at once: scores_of(model, packed)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from mednerapp.errors import ModelProblem
from mednerapp.ner.words import IntArray

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # older than torch 2.10
    varlen_attn = None

ARCHITECTURES = ("bert", "roberta")


@dataclass(frozen=True, slots=True)
class Packed:
    """Windows back to back, special tokens included.

    ids: (tokens,) vocabulary ids; positions: (tokens,) position ids as the model counts them, from its first one in
    every window; lengths: tokens of each window, in order, adding up to the length of `ids`.
    """

    ids: Tensor
    positions: Tensor
    lengths: tuple[int, ...]


def pack(windows: Sequence[IntArray], *, config: Any, device: str | torch.device) -> Packed:
    """Puts windows (tokens of the window,) with their special tokens back to back. `config`: the encoder's.

    Windows of equal length that stand side by side share one call of attention, so sort by length where order is free.

    Raises:
        ModelProblem: for an encoder of another architecture.
        ValueError: without a window, for an empty one, or for one longer than the encoder's positions.
    """
    begin = first_position(config)
    lengths = tuple(len(window) for window in windows)
    most = int(config.max_position_embeddings) - begin
    if not lengths or not 0 < min(lengths) <= max(lengths) <= most:
        raise ValueError(f"Windows hold 1 to {most} tokens; given: {sorted(set(lengths)) or 'no window'}.")
    ids = torch.from_numpy(np.concatenate(windows))
    positions = torch.from_numpy(np.concatenate([np.arange(begin, begin + length) for length in lengths]))
    return Packed(ids.to(device, non_blocking=True), positions.to(device, non_blocking=True), lengths)


def first_position(config: Any) -> int:
    """The position id of a window's first token. RoBERTa counts from after its padding id.

    Raises:
        ModelProblem: for an encoder of another architecture.
    """
    if config.model_type not in ARCHITECTURES or config.is_decoder or config.add_cross_attention:
        raise ModelProblem(
            f"The architecture {config.model_type!r} (as encoder) is not supported. Use an encoder of one of: "
            f"{', '.join(ARCHITECTURES)}."
        )
    return int(config.pad_token_id) + 1 if config.model_type == "roberta" else 0


def embed(model: Any, packed: Packed) -> Tensor:
    """Token vectors (tokens, hidden) before the first layer, norm and dropout applied."""
    return encoder_of(model).embeddings(input_ids=packed.ids[None], position_ids=packed.positions[None])[0]


def layer_count(model: Any) -> int:
    return len(encoder_of(model).encoder.layer)


def run_layers(model: Any, hidden: Tensor, lengths: Sequence[int], *, first: int, stop: int) -> Tensor:
    """Token vectors (tokens, hidden) after layers [first, stop), from those before layer `first`.

    Differentiable; dropout as the modules' mode says. Adapters are called as modules: nothing is merged.

    Raises:
        ValueError: for layers that the model does not have, or lengths that do not add up to the tokens.
    """
    layers = encoder_of(model).encoder.layer
    if not 0 <= first <= stop <= len(layers):
        raise ValueError(f"There are no layers [{first}, {stop}); the model has {len(layers)}.")
    if sum(lengths) != len(hidden):
        raise ValueError(f"The windows hold {sum(lengths)} tokens, the matrix {len(hidden)}.")
    bounds = Bounds(lengths, hidden.device)
    for layer in layers[first:stop]:
        part = layer.attention.self
        seen = attention(
            part.query(hidden),
            part.key(hidden),
            part.value(hidden),
            bounds,
            heads=part.num_attention_heads,
            dropout=part.dropout.p if part.training else 0.0,
        )
        attended = layer.attention.output(seen, hidden)
        hidden = layer.output(layer.intermediate(attended), attended)
    return hidden


def logits(model: Any, hidden: Tensor) -> Tensor:
    """Scores (tokens, tags) of the classification head; its dropout as the modules' mode says."""
    classifier = unwrapped(model)
    return classifier.classifier(classifier.dropout(hidden))


def scores_of(model: Any, packed: Packed) -> Tensor:
    """Scores (tokens, tags) of packed windows by the model's own modules, from the first layer to the head."""
    return logits(model, run_layers(model, embed(model, packed), packed.lengths, first=0, stop=layer_count(model)))


class Bounds:
    """Where the windows of a packed matrix begin and end, in the forms that attention needs."""

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self.longest = max(lengths)
        self.runs = [(length, len(list(same))) for length, same in groupby(lengths)]
        edges = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        varied = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _VARIED_FROM
        self.edges = torch.from_numpy(edges).to(device, non_blocking=True) if varied else None


def attention(query: Tensor, key: Tensor, value: Tensor, bounds: Bounds, *, heads: int, dropout: float = 0.0) -> Tensor:
    """Every token attends to its own window; all (tokens, hidden)."""
    if varlen_attn is not None and bounds.edges is not None and not dropout and query.dtype in _HALF:
        q, k, v = (part.unflatten(1, (heads, -1)) for part in (query, key, value))
        one: Any = varlen_attn(q, k, v, bounds.edges, bounds.edges, bounds.longest, bounds.longest)
        return one.flatten(1)
    seen: list[Tensor] = []
    at = 0
    for length, count in bounds.runs:
        inside = slice(at, at + length * count)
        at = inside.stop
        q, k, v = (part[inside].view(count, length, heads, -1).transpose(1, 2) for part in (query, key, value))
        seen_here = scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        seen.append(seen_here.transpose(1, 2).reshape(count * length, -1))
    return seen[0] if len(seen) == 1 else torch.cat(seen)


# The kernel for windows of varied lengths (FlashAttention 2) is one for half precision, from Ampere on.
_HALF = (torch.bfloat16, torch.float16)
_VARIED_FROM = (8, 0)


def unwrapped(model: Any) -> Any:
    """The transformers model inside a peft wrapper; its adapters are modules inside and stay."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def encoder_of(model: Any) -> Any:
    """Its embeddings and layers, without head and wrapper. Raises ModelProblem for another architecture."""
    inner = unwrapped(model)
    first_position(inner.config)
    return getattr(inner, inner.base_model_prefix, inner)
