"""How much memory the models take, and whether an error says that there was not enough. Loads no torch by itself."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_STATUS = Path("/proc/self/statm")


def in_use(device: str) -> int:
    """Bytes that torch holds on a GPU, else those of this process that lie in memory; 0 where nobody says."""
    torch = sys.modules.get("torch")
    if device.startswith("cuda") and torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.memory_reserved(device))
    return int(_STATUS.read_text(encoding="ascii").split()[1]) * _PAGE if _STATUS.exists() else 0


def is_exhausted(error: BaseException) -> bool:
    """Whether there was not enough memory, on a GPU or in the machine; for the latter torch has no class of its own."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def release() -> None:
    """Give back what nobody holds any more, so that the next try has room."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def give_back_free_memory() -> None:
    """Hand what the C library's allocator holds free back to the system, where it can; some milliseconds.

    Batches of ever other sizes leave holes, which in a process that runs for hours add up to a hundred megabytes.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
