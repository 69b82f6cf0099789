"""A copy of a model's layers that can only predict.

Query, key and value in one product, adapters folded into the copied weights, every weight in the layout of the fastest
kernel. The model that it was made from is not changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from mednerapp.domain.devices import Precision
from mednerapp.errors import ModelProblem
from mednerapp.ner.kernels import Kernel, has_bf16, has_int8, kernel_of
from mednerapp.ner.packed import Bounds, Packed, attention, encoder_of, unwrapped


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, hidden: Tensor) -> Tensor:
        return layer_norm(hidden, (len(self.bias),), self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class _Layer:
    query_key_value: Kernel
    attended: Kernel
    attended_norm: _Norm
    up: Kernel
    activation: Any
    down: Kernel
    norm: _Norm

    def __call__(self, hidden: Tensor, bounds: Bounds, heads: int) -> Tensor:
        query, key, value = self.query_key_value(hidden).chunk(3, dim=1)
        seen = self.attended(attention(query, key, value, bounds, heads=heads))
        hidden = self.attended_norm(seen.add_(hidden))
        return self.norm(self.down(self.activation(self.up(hidden))).add_(hidden))


class Compiled:
    """Called with packed windows, gives scores (tokens, tags) in fp32, as the model itself would without dropout.

    On a GPU, and on a CPU with `precision="bf16"`, weights and token vectors are bf16. "int8" is for the CPU.

    Raises:
        ModelProblem: for another architecture, an adapter of a kind that cannot be folded, a precision that this
            machine has no units for.
    """

    def __init__(self, model: Any, *, precision: Precision = "fp32") -> None:
        encoder = encoder_of(model)
        weights = encoder.embeddings.word_embeddings.weight
        on_cpu = weights.device.type == "cpu"
        if precision == "int8" and not (on_cpu and has_int8()):
            raise ModelProblem("8-bit prediction needs a CPU and torch with oneDNN. Set the precision to fp32.")
        if precision == "bf16" and on_cpu and not has_bf16():
            raise ModelProblem("This CPU has no units for bf16 and would be slower with it. Set the precision to fp32.")
        self._dtype = torch.bfloat16 if precision == "bf16" or not on_cpu else torch.float32
        self._precision: Precision = precision
        self._heads = int(encoder.config.num_attention_heads)
        self._exact_gelu = encoder.config.hidden_act == "gelu"
        self._embeddings = encoder.embeddings
        self.device = weights.device
        with torch.inference_mode():
            self._layers = [self._copy(layer) for layer in encoder.encoder.layer]
            head = _active(unwrapped(model).classifier)
            self._head_dtype = torch.float32 if on_cpu else self._dtype
            self._head = (head.weight.detach().to(self._head_dtype), head.bias.detach().to(self._head_dtype))

    @property
    def layers(self) -> tuple[_Layer, ...]:
        """The encoder's layers, first to last."""
        return tuple(self._layers)

    def __call__(self, packed: Packed) -> Tensor:
        with torch.inference_mode():
            hidden = _embedded(self._embeddings, packed).to(self._dtype)
            bounds = Bounds(packed.lengths, hidden.device)
            for layer in self._layers:
                hidden = layer(hidden, bounds, self._heads)
            return linear(hidden.to(self._head_dtype), *self._head).float()

    def _copy(self, layer: Any) -> _Layer:
        own, attended, up, down = layer.attention.self, layer.attention.output, layer.intermediate, layer.output
        return _Layer(
            self._kernel(own.query, own.key, own.value),
            self._kernel(attended.dense),
            self._norm(attended.LayerNorm),
            self._kernel(up.dense),
            # In place: fresh memory of this size costs as much as the function itself.
            torch.ops.aten.gelu_.default if self._exact_gelu else up.intermediate_act_fn,
            self._kernel(down.dense, after_gelu=self._exact_gelu),
            self._norm(down.LayerNorm),
        )

    def _kernel(self, *parts: Any, after_gelu: bool = False) -> Kernel:
        """One kernel for layers with the same input."""
        weights, biases = zip(*(_folded(part) for part in parts), strict=True)
        weight = torch.cat(weights).to(self._dtype)
        bias = torch.cat(biases).to(self._dtype)
        return kernel_of(weight, bias, precision=self._precision, after_gelu=after_gelu)

    def _norm(self, norm: Any) -> _Norm:
        return _Norm(norm.weight.detach().to(self._dtype), norm.bias.detach().to(self._dtype), norm.eps)


def _embedded(embeddings: Any, packed: Packed) -> Tensor:
    """As the module does, without its dropout."""
    hidden = embeddings.word_embeddings(packed.ids) + embeddings.token_type_embeddings.weight.select(0, 0)
    hidden += embeddings.position_embeddings(packed.positions)
    return embeddings.LayerNorm(hidden)


def _folded(part: Any) -> tuple[Tensor, Tensor]:
    """Weight (out, in) and bias of a linear layer, in new tensors with its active adapters added."""
    if not hasattr(part, "base_layer"):
        return part.weight.detach(), part.bias.detach()
    weight, bias = part.base_layer.weight.detach(), part.base_layer.bias.detach()
    active = [name for name in part.active_adapters if name in getattr(part, "lora_A", {})]
    if any(name in getattr(part, "lora_variant", {}) or part.lora_bias[name] for name in active):
        raise ModelProblem("This adapter is not plain LoRA and cannot be folded into its encoder.")
    for name in active:
        weight = weight + part.get_delta_weight(name).detach()
    return weight, bias


def _active(head: Any) -> Any:
    """The head of the active adapter, where peft keeps one for each."""
    if not hasattr(head, "modules_to_save"):
        return head
    return head.modules_to_save[next(iter(head.active_adapters))]
