"""One GPU, one worker, which may have several: a lock of the machine that the system drops with its process."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mednerapp.domain.devices import devices_of
from mednerapp.domain.jobs import SLOT_SEPARATOR
from mednerapp.errors import MedNerError

GPU = Path("/dev/nvidia0")


def gpus_of(device: str) -> tuple[str, ...]:
    """The GPUs that a worker for `device` (auto, cpu, cuda, cuda:1, or several of the latter) may use: ("cuda:0",).

    Without opening them: "auto" is the first one where the machine has any and does not hide them.
    """
    found = (_gpu_of(name) for name in devices_of(device))
    return tuple(gpu for gpu in found if gpu)


def _gpu_of(device: str) -> str | None:
    if device == "auto":
        return "cuda:0" if GPU.exists() and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1") else None
    if not device.startswith("cuda"):
        return None
    return device if ":" in device else f"{device}:0"


def slot_of(device: str, worker_id: str) -> str:
    """What only one job at a time may have: the GPUs of this machine that it names, or else the worker itself."""
    gpus = sorted(map(_physical, gpus_of(device)))
    return SLOT_SEPARATOR.join(f"{socket.gethostname()}/{gpu}" for gpu in gpus) or f"{worker_id}/cpu"


@contextmanager
def only_worker_on(device: str) -> Generator[None]:
    """Hold the GPUs of `device` against other workers of this machine; nothing where it has none.

    A worker that sleeps or hangs keeps its GPU, as it keeps the memory there; a killed one does not.

    Raises:
        MedNerError: if another worker has one of them.
    """
    with ExitStack() as stack:
        for gpu in gpus_of(device):
            stack.enter_context(_held(gpu))
        yield


@contextmanager
def _held(gpu: str) -> Generator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    path = Path(tempfile.gettempdir()) / f"mednerapp-{_physical(gpu).replace(':', '-')}.lock"
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    except PermissionError:  # another person's file in a sticky folder: it can be locked all the same
        handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MedNerError(
            f"Another worker of this machine uses {gpu}. Stop it, or give this one another device with --device."
        ) from None
    else:
        yield
    finally:
        os.close(handle)


def _physical(gpu: str) -> str:
    """The same name whatever a process is shown: CUDA_VISIBLE_DEVICES=1 makes cuda:0 the second GPU."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in shown.split(",") if name.strip()]
    number = int(gpu.partition(":")[2])
    return f"cuda:{names[number]}" if number < len(names) else gpu
