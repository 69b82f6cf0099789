from __future__ import annotations

import socket

import pytest

from support.network import OutgoingConnectionError


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 443)])  # addresses for documentation only
def test_no_test_reaches_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tcp, pytest.raises(OutgoingConnectionError):
        tcp.connect(address)
    with socket.socket(family, socket.SOCK_DGRAM) as udp, pytest.raises(OutgoingConnectionError):
        udp.sendto(b"x", address)


def test_no_test_asks_for_the_address_of_another_machine() -> None:
    with pytest.raises(OutgoingConnectionError):
        socket.getaddrinfo("example.org", 443)


def test_servers_on_this_machine_are_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
