"""Ports for the servers of this test process: the next server of a kind gets that of the last one.

A browser keeps what it has fetched and compiled by address, so a server where one of its kind was before opens its
pages in less time.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

_left: defaultdict[str, list[int]] = defaultdict(list)


@contextmanager
def port(kind: str) -> Generator[int]:
    """One of the loopback that nobody listens on, and that is nobody else's here until the end of the block.

    `kind`: what is served. Servers of one kind serve the same files at the same paths.
    """
    chosen = next((one for one in _left[kind] if _is_free(one)), 0)
    if chosen:
        _left[kind].remove(chosen)
    else:
        chosen = unused()
    try:
        yield chosen
    finally:
        _left[kind].insert(0, chosen)


def unused() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_free(one: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what has just ended may linger
        try:
            probe.bind(("127.0.0.1", one))
        except OSError:
            return False
        return True
