"""Free loopback ports, held until a server is about to take them."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

# More test processes than this at once share ports, and try the next where one is taken.
PROCESSES = 8


class PortReservation:
    """A loopback port that nobody else is given while this object lives, nor soon after.

    The socket is bound and never listens: connecting is refused. `release` frees the port, for a
    server that takes a second to start: so it is none of those that the kernel gives out by itself,
    to connections say, and no other test process chooses it.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port, self._socket = _bound(host)

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def release(self) -> None:
        self._socket.close()


def _candidates() -> Iterator[int]:
    kernels = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    first, beyond = (15_000, int(kernels[0])) if int(kernels[0]) > 16_000 else (1_025, 65_536)
    share = (beyond - first) // PROCESSES
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    # From anywhere, as the tests of another clone may run beside these.
    for place in count(random.SystemRandom().randrange(share)):
        yield first + worker * share + place % share


_ports = _candidates()


def _bound(host: str) -> tuple[int, socket.socket]:
    for _ in range(100):
        unbound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        port = next(_ports)
        try:
            unbound.bind((host, port))
        except OSError:
            unbound.close()
            continue
        return port, unbound
    raise AssertionError(f"a hundred ports up to {port} are all taken")


def closed_port(host: str = "127.0.0.1") -> PortReservation:
    """A port at which every connection is refused while the reservation is held."""
    return PortReservation(host)
