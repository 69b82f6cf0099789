"""The same result each time, also on a GPU."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

import torch

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # cuBLAS reads it when it is first used; without it torch refuses


@contextmanager
def deterministic(wanted: bool) -> Generator[None]:  # noqa: FBT001  one flag, the whole meaning of the call
    """Only algorithms without random order of summation inside, if wanted; the settings of before afterwards.

    On a CPU training is deterministic anyway, for one machine and one number of threads.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    convolution = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = convolution
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)
