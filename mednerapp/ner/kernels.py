"""Linear layers for prediction only: weights copied once into the layout that this machine multiplies fastest.

Each kernel maps (tokens, in) to (tokens, out) and treats every row by itself, so that what a token gets does not depend
on which others are in the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from mednerapp.domain.devices import Precision

Kernel = Callable[[Tensor], Tensor]

# oneDNN compiles a program for each number of rows and keeps the last 1024 (some hundred kilobytes each), and torch as
# many again. Hardly two batches of notes have as many rows, so that is memory for nothing: what pays is the other
# layers of the same batch. Both look here when they are first used.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
os.environ.setdefault("LRU_CACHE_CAPACITY", "32")

_BF16_ROWS = 512  # of every product; as many as a batch has
_USUAL_TOKENS = 1024  # the packed layout is chosen for about this many rows and serves any number


def kernel_of(weight: Tensor, bias: Tensor, *, precision: Precision, after_gelu: bool = False) -> Kernel:
    """The layer x @ weight.T + bias. `weight`: (out, in), in bf16 for that precision and always on a GPU, else in fp32.
    `after_gelu`: whether the inputs come out of a GELU, which int8 makes use of.
    """
    if precision == "int8":
        return _after_gelu(weight, bias) if after_gelu else _int8(weight, bias)
    if weight.device.type == "cpu" and _has_onednn(weight.dtype):
        # oneDNN with weights laid out beforehand: a tenth faster than the MKL call behind F.linear on AMD's Zen 4.
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _USUAL_TOKENS)  # noqa: SLF001
        pointwise: Any = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001

        def multiply(x: Tensor) -> Tensor:
            return pointwise(x, packed, bias, "none", [], "")

        return _in_equal_parts(multiply) if precision == "bf16" else multiply
    weight = weight.contiguous()

    def plain(x: Tensor) -> Tensor:
        return linear(x, weight, bias)

    return _in_equal_parts(plain) if precision == "bf16" and weight.device.type == "cpu" else plain


def _in_equal_parts(multiply: Kernel) -> Kernel:
    """The library adds up in another order for another number of rows, which bf16 shows: so it is always the same."""

    def run(x: Tensor) -> Tensor:
        parts = [multiply(part) for part in pad(x, (0, 0, 0, -len(x) % _BF16_ROWS)).split(_BF16_ROWS)]
        return (parts[0] if len(parts) == 1 else torch.cat(parts))[: len(x)]

    return run


def _int8(weight: Tensor, bias: Tensor) -> Kernel:
    """The layer in 8-bit integers, with a scale for every output (of the weights) and for every token (of the inputs).

    The torch quantiser's one scale for all tokens of a batch would make a token depend on its neighbours; a scale per
    token also keeps the tokens with small values from drowning beside the few with huge ones. Groups of a token's
    inputs have scales of their own, so that a huge input coarsens only its group.
    """
    products = _grouped(weight, _GROUPS)

    def run(x: Tensor) -> Tensor:
        total = bias
        for multiply, start, stop in products:
            part = x[:, start:stop]
            step = part.abs().amax(dim=1, keepdim=True).clamp_(min=_LEAST).div_(127)
            # Unsigned with 128 as zero: the form that the library has fast code for.
            unsigned = (part / step).round_().add_(128).to(torch.uint8)
            product = multiply(unsigned, 128)
            total = torch.addcmul(total, product, step, out=product)  # fresh memory costs as much as the sum
        return total

    return run


def _after_gelu(weight: Tensor, bias: Tensor) -> Kernel:
    """`_int8` for inputs that are hardly negative and of which a few are huge: where 8 bits lose most.

    Counted from GELU's minimum, all 256 steps are of use, and there are more groups.
    """
    products = _grouped(weight, _GELU_GROUPS)
    shifted = bias + _GELU_MINIMUM * weight.sum(dim=1)  # what counting from the minimum adds to every output

    def run(x: Tensor) -> Tensor:
        total = shifted
        for multiply, start, stop in products:
            part = x[:, start:stop] - _GELU_MINIMUM
            step = part.amax(dim=1, keepdim=True).clamp_(min=_LEAST).div_(255)
            unsigned = part.div_(step).round_().clamp_(min=0).to(torch.uint8)
            product = multiply(unsigned, 0)
            total = torch.addcmul(total, product, step, out=product)
        return total

    return run


_LEAST = 1e-12
_GELU_MINIMUM = -0.17  # of x * Phi(x): -0.16997 at -0.7518
# Fewer groups are faster: with 1 and 4, 98.3% of the starter's spans stayed the same, with 2 and 4 99.1%, with 6 and 12
# no more than that.
_GROUPS, _GELU_GROUPS = 2, 4


def _grouped(weight: Tensor, count: int) -> list[tuple[Callable[[Tensor, int], Tensor], int, int]]:
    """Products of `count` groups of inputs, each with the first input of its group and the one behind its last."""
    groups = weight.chunk(count, dim=1)
    stops = list(accumulate(group.shape[1] for group in groups))
    return [(_integer_product(group), stop - group.shape[1], stop) for group, stop in zip(groups, stops, strict=True)]


def _integer_product(weight: Tensor) -> Callable[[Tensor, int], Tensor]:
    """Maps unsigned bytes (tokens, in) and the byte that stands for zero to x @ weight.T (tokens, out) in fp32."""
    # Without VNNI the products of unsigned and signed bytes are added up in 16 bits, which 8-bit weights overflow.
    most = 127 if torch.cpu._is_vnni_supported() else 63  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    scales = weight.abs().amax(dim=1).clamp_(min=_LEAST) / most
    integers = (weight / scales[:, None]).round_().clamp_(-most, most).to(torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(integers, None)
    zeros = torch.zeros(len(scales), dtype=torch.int64)
    multiply: Any = torch.ops.onednn.qlinear_pointwise.default
    return lambda x, zero: multiply(x, 1.0, zero, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], "")


def has_int8() -> bool:
    """Whether this build of torch has the integer kernels."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.onednn, "qlinear_pointwise")


def has_bf16() -> bool:
    """Whether this CPU multiplies bf16 by itself (AMX or AVX-512 BF16); without, it is slower than fp32."""
    return torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _has_onednn(dtype: torch.dtype) -> bool:
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001
