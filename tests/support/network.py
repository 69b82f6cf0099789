"""No test talks to anything outside this machine."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any


class OutgoingConnectionError(Exception):
    """A test tried to reach another machine."""


def forbid_outgoing() -> None:
    """Refuse connections and name look-ups that leave this machine, for the rest of the process.

    An audit hook sees every socket of the process, whichever library opened it, and cannot be undone by a test.
    """
    own_name = socket.gethostname()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            sock, address = args
            if sock.family != socket.AF_UNIX and not _is_local(str(address[0]), own_name):
                raise OutgoingConnectionError(f"{event} to {address[0]!r}: tests stay on this machine.")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            host = args[0].decode() if isinstance(args[0], bytes) else args[0]
            if host and not _is_local(host, own_name):
                raise OutgoingConnectionError(f"{event} of {host!r}: tests stay on this machine.")

    sys.addaudithook(hook)


def _is_local(host: str, own_name: str) -> bool:
    if host in ("localhost", own_name):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
