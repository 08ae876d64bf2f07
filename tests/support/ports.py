"""Free loopback ports from the kernel, held until a server is about to take them."""

from __future__ import annotations

import random
import socket
from pathlib import Path


class PortReservation:
    """A loopback port that nobody else is given while this object lives.

    The socket is bound and never listens: connecting is refused. `release` frees the port. One that
    lasts is of those that the kernel gives to nobody by itself, so that a process which was killed
    finds it free when it comes again.
    """

    def __init__(self, host: str = "127.0.0.1", *, lasting: bool = False) -> None:
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket: socket.socket | None = socket.socket(family, socket.SOCK_STREAM)
        if lasting:
            _bind_outside_of_the_kernels_range(self._socket, host)
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _bind_outside_of_the_kernels_range(unbound: socket.socket, host: str) -> None:
    kernels = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    first, beyond = (15_000, int(kernels[0])) if int(kernels[0]) > 16_000 else (1_025, 65_536)
    choice = random.SystemRandom()
    for _ in range(100):
        try:
            return unbound.bind((host, choice.randrange(first, beyond)))
        except OSError:
            continue
    raise AssertionError(f"no free port from {first} to {beyond - 1}")


def closed_port(host: str = "127.0.0.1") -> PortReservation:
    """A port at which every connection is refused while the reservation is held."""
    return PortReservation(host)
