from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.nn.functional import gelu, linear

from mednerapp.domain.devices import Precision
from mednerapp.ner.kernels import kernel_of


def _layer(inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    return torch.randn(outputs, inputs, generator=draw) * 0.05, torch.randn(outputs, generator=draw)


@pytest.mark.parametrize("tokens", [1, 7, 300])
@pytest.mark.parametrize(
    ("precision", "after_gelu", "error"),
    [("fp32", False, 1e-5), ("bf16", False, 0.01), ("int8", False, 0.03), ("int8", True, 0.03)],
)
def test_a_kernel_is_the_linear_layer_and_treats_every_token_by_itself(
    precision: Precision, *, after_gelu: bool, error: float, tokens: int
) -> None:
    weight, bias = _layer(48, 20)
    x = torch.randn(tokens, 48, generator=torch.Generator().manual_seed(tokens)) * 3
    x[0] *= 100  # one token with huge values must not coarsen the others
    x = gelu(x) if after_gelu else x
    if precision == "bf16":
        weight, bias, x = weight.bfloat16(), bias.bfloat16(), x.bfloat16()
    with torch.inference_mode():
        kernel = kernel_of(weight, bias, precision=precision, after_gelu=after_gelu)
        found, wanted = kernel(x), linear(x, weight, bias)
        alone = torch.cat([kernel(row[None]) for row in x])

    size = x.norm(dim=1, keepdim=True) * weight.norm(dim=1).mean()
    assert float(((found - wanted).abs() / size).max()) < error
    torch.testing.assert_close(found.float(), alone.float(), atol=1e-4, rtol=1e-5)


def test_zeros_and_no_inputs_but_the_bias_give_the_bias() -> None:
    weight, bias = _layer(48, 20)
    for after_gelu in (False, True):
        kernel = kernel_of(weight, bias, precision="int8", after_gelu=after_gelu)
        torch.testing.assert_close(kernel(torch.zeros(3, 48)), bias.expand(3, -1), atol=0.02, rtol=0)


_MANY_SHAPES = """
import psutil, torch
from mednerapp.ner.kernels import kernel_of

kernels = [(i, kernel_of(torch.ones(o, i), torch.ones(o), precision="fp32")) for i, o in ((384, 1152), (384, 384))]
sizes = []
for tokens in [100] * 20 + list(range(101, 301)):
    for inputs, kernel in kernels:
        kernel(torch.ones(tokens, inputs))
    sizes.append(psutil.Process().memory_info().rss)
print((sizes[-1] - sizes[19]) >> 20)
"""


def test_batches_of_ever_other_lengths_do_not_fill_the_memory() -> None:
    found = subprocess.run([sys.executable, "-c", _MANY_SHAPES], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 100  # megabytes; 261 when the code for every shape was kept


@pytest.mark.parametrize(("inputs", "outputs"), [(384, 1152), (768, 3072), (3072, 768)])
def test_bf16_gives_a_token_the_same_bits_whatever_it_is_batched_with(inputs: int, outputs: int) -> None:
    weight, bias = (part.bfloat16() for part in _layer(inputs, outputs))
    x = torch.randn(700, inputs, generator=torch.Generator().manual_seed(1)).bfloat16()
    with torch.inference_mode():
        kernel = kernel_of(weight, bias, precision="bf16")
        together = kernel(x)
        for chosen in (slice(0, 1), slice(0, 130), slice(100, 612), slice(511, 700)):
            assert torch.equal(kernel(x[chosen]), together[chosen])
