"""What a model takes: bytes of its files, and the most memory of this process while it ran."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def size_of(folders: Iterable[Path]) -> int:
    """Bytes of the weights in these folders, each counted once."""
    return sum(path.stat().st_size for folder in set(folders) for path in folder.glob("*.safetensors"))


class PeakMemory:
    """From its making on: on Linux the kernel's mark is put back first; elsewhere it is that of the process's life."""

    def __init__(self) -> None:
        with suppress(OSError):
            _CLEAR.write_text("5")  # proc(5): resets the peak resident set size

    def bytes(self) -> int:
        try:
            lines = _STATUS.read_text().splitlines()
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
        except (OSError, StopIteration, ValueError):
            unit = 1 if sys.platform == "darwin" else 1024
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
