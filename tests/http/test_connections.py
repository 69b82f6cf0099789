"""Answers leave at once, also over the kind of socket that Streamlit listens on."""

from __future__ import annotations

import asyncio
import socket

from mednerapp.http.connections import answer_at_once


async def _option_of_an_accepted_connection() -> int:
    with socket.socket(socket.AF_INET) as listening:  # protocol number 0, as Streamlit opens it
        listening.bind(("127.0.0.1", 0))
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def see(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(see, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            found = await accepted
            writer.close()
            return found


def test_a_small_answer_does_not_wait_for_the_one_before() -> None:
    answer_at_once()
    assert asyncio.run(_option_of_an_accepted_connection()) != 0
