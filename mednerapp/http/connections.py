"""What the connections of the web process are like."""

from __future__ import annotations

import asyncio
import socket


def answer_at_once() -> None:
    """Small answers leave at once (TCP_NODELAY) instead of waiting for the client to confirm what came before: 40 ms.

    asyncio asks for that on every TCP connection, but recognises one by the protocol number of the listening socket,
    which Streamlit opens with number 0. So the number is not looked at here.
    """
    asyncio.base_events._set_nodelay = _set_nodelay  # type: ignore[attr-defined]  # noqa: SLF001  no public place


def _set_nodelay(sock: socket.socket) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
