"""Several processes that learn one run together, each on a device of its own (data parallel, through accelerate).

Every process has the whole model and every window. Of each step's windows it learns a share; the gradients are added
up, and as each was divided by what the tokens of the whole batch weigh, the sum is the gradient that one process alone
would have had. So all of them take the same step, and hold the same weights after it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Parameter

from mednerapp.training import PeerLost

PATIENCE = timedelta(days=7)  # whoever started the processes sees when one dies; a long scoring is no reason to give up


@dataclass(frozen=True, slots=True)
class Team:
    """rank: number of this process, from 0; size: how many there are. The first one speaks, scores and writes."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.size == 1

    def share(self, group: Sequence[int], lengths: Sequence[int]) -> list[int]:
        """Which windows of a step are this process's: each in turn goes, longest first, to who has least to do.

        May be none, in a batch of fewer windows than processes.
        """
        shares: list[list[int]] = [[] for _ in range(self.size)]
        loads = [0] * self.size
        for index in sorted(group, key=lambda i: (-lengths[i], i)):
            least = loads.index(min(loads))
            shares[least].append(index)
            loads[least] += lengths[index]
        return shares[self.rank]

    def seed(self, seed: int, step: int) -> None:
        """Random choices are a function of the step and the process: a run taken up again makes the same."""
        digest = hashlib.sha256(f"{seed} {step} {self.rank}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:7]))

    def add_up(self, parameters: Iterable[Parameter], loss: Tensor) -> None:
        """Puts the sum over all processes in the place of each one's gradients and of `loss`.

        A weight that got no gradient in any process has none afterwards either.
        """
        every = list(parameters)
        there = torch.tensor([float(p.grad is not None) for p in every], device=loss.device)
        parts = [p.grad.reshape(-1) if p.grad is not None else p.new_zeros(p.numel()) for p in every]
        flat = self._sum(torch.cat([*parts, there.to(parts[0].dtype)]))
        loss.copy_(self._sum(loss))
        present = flat[len(flat) - len(every) :].tolist()
        at = 0
        for p, has in zip(every, present, strict=True):
            p.grad = flat[at : at + p.numel()].view_as(p).clone() if has else None
            at += p.numel()

    def from_first(self, values: Sequence[float], *, device: str) -> list[float]:
        """What the first process has; the others give as many values, whatever they are."""
        from accelerate.utils import broadcast

        sent = torch.tensor(values, dtype=torch.float64, device=device)
        with _told():
            received: Tensor = broadcast(sent)  # pyright: ignore[reportAssignmentType]
        return received.tolist()

    def _sum(self, tensor: Tensor) -> Tensor:
        from accelerate.utils import reduce

        with _told():
            return reduce(tensor, reduction="sum")  # pyright: ignore[reportReturnType]


ALONE = Team()


@contextmanager
def join(*, rank: int, size: int, device: str, meeting: Path) -> Generator[Team]:
    """Be one of the processes. Each calls it with the same `meeting`, a file that does not exist yet.

    The processes talk over the loopback interface or, between GPUs, as NCCL finds best on one machine.
    """
    os.environ.update(LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE=str(size), LOCAL_WORLD_SIZE=str(size))
    os.environ["ACCELERATE_TORCH_DEVICE"] = device
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    from accelerate import PartialState

    with _told():
        state = PartialState(
            cpu=device == "cpu", init_method=f"file://{meeting}", rank=rank, world_size=size, timeout=PATIENCE
        )
    try:
        yield Team(rank, size)
    finally:
        state.destroy_process_group()


@contextmanager
def _told() -> Generator[None]:
    """What the libraries raise when another process is gone, by our name for it."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise PeerLost("Another process of this training is gone.") from error
