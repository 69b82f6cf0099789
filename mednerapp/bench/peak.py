"""How fast this machine multiplies matrices: the roof that shares of the peak are given of."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from mednerapp.ner.kernels import kernel_of

# (rows, inputs, outputs): large squares, and the layers of BERT at 12x768.
_SHAPES = ((1024, 1024, 1024), (2048, 2048, 2048), (1024, 768, 3072), (1024, 3072, 768))
_GPU_SHAPES = ((8192, 8192, 8192), (16384, 4096, 4096), (32768, 768, 3072))


def matrix_peak(device: str, *, by_cpu: bool, repeats: int = 5) -> float:
    """The most floating-point operations per second of any plain matrix product tried, with the threads that torch has.

    fp32 on a CPU, by the library's product and by the packed one that predictions use; bf16 on a GPU. Each product's
    time is the median of `repeats`, after one to warm up; `by_cpu`: of this process on the CPU, else of the clock.
    """
    cuda = device.startswith("cuda")
    best = 0.0
    with torch.inference_mode():
        for rows, inputs, outputs in _GPU_SHAPES if cuda else _SHAPES:
            kind = torch.bfloat16 if cuda else torch.float32
            a = torch.randn(rows, inputs, device=device, dtype=kind)
            weight = torch.randn(outputs, inputs, device=device, dtype=kind)
            b, bias = weight.t(), torch.zeros(outputs, device=device, dtype=kind)
            packed = kernel_of(weight, bias, precision="fp32")
            for product in (partial(torch.matmul, a, b), partial(packed, a)):
                best = max(
                    best,
                    2.0
                    * rows
                    * inputs
                    * outputs
                    / _seconds(product, repeats, device, time.process_time if by_cpu else time.perf_counter),
                )
    return best


def _seconds(work: Callable[[], object], repeats: int, device: str, clock: Callable[[], float]) -> float:
    work()
    taken: list[float] = []
    for _ in range(repeats):
        synchronize(device)
        began = clock()
        work()
        synchronize(device)
        taken.append(clock() - began)
    return statistics.median(taken)


def synchronize(device: str) -> None:
    """Waits until a GPU has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
