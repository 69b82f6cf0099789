"""Runs a Python program that ends when the process that started it is gone, however that one died.

    python -m mednerapp.jobs.lifeline -m streamlit run app.py       (or a path instead of -m and a module)

The parent holds the other end of our standard input and never writes to it. When the parent dies, even by kill -9, the
system closes that end, and we stop ourselves as politely as the parent would have. Linux can also be asked to send the
signal itself, which works while Python is busy in a library; elsewhere the pipe has to do.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from threading import Thread

GRACE = 6.0  # seconds between the polite signal and the end
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def attach(on_data: Callable[[bytes], None] = lambda _: None) -> None:
    """Tie this process to its parent, the holder of the other end of our standard input.

    on_data: told, in a thread of its own, what the parent writes all the same.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    Thread(target=_wait_for_the_end, args=(on_data,), name="lifeline", daemon=True).start()


def _wait_for_the_end(on_data: Callable[[bytes], None]) -> None:
    while data := os.read(0, 1024):  # b"": the other end is closed
        on_data(data)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def main() -> None:
    attach()
    if sys.argv[1] == "-m":
        sys.argv = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
