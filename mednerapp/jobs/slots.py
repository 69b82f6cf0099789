"""One GPU, one worker: a lock of the machine that the system drops with the process that holds it."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mednerapp.errors import MedNerError

GPU = Path("/dev/nvidia0")


def gpu_of(device: str) -> str | None:
    """The GPU that a worker for `device` (auto, cpu, cuda, cuda:1) may use, None when none: "cuda:0".

    Without opening it: "auto" is the first one where the machine has any and does not hide them.
    """
    if device == "auto":
        return "cuda:0" if GPU.exists() and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1") else None
    if not device.startswith("cuda"):
        return None
    return device if ":" in device else f"{device}:0"


def slot_of(device: str, worker_id: str) -> str:
    """What only one job at a time may have: a GPU of this machine, or else the worker itself."""
    gpu = gpu_of(device)
    return f"{socket.gethostname()}/{_physical(gpu)}" if gpu else f"{worker_id}/cpu"


@contextmanager
def only_worker_on(device: str) -> Generator[None]:
    """Hold the GPU of `device` against other workers of this machine; nothing where it has none.

    A worker that sleeps or hangs keeps its GPU, as it keeps the memory there; a killed one does not.

    Raises:
        MedNerError: if another worker has it.
    """
    gpu = gpu_of(device)
    if gpu is None or sys.platform == "win32":
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
