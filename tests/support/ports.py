"""Free loopback ports from the kernel, held until a server is about to take them."""

from __future__ import annotations

import socket


class PortReservation:
    """A loopback port that nobody else is given while this object lives.

    The socket is bound and never listens: connecting is refused. `release` frees the port.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket: socket.socket | None = socket.socket(family, socket.SOCK_STREAM)
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


def closed_port(host: str = "127.0.0.1") -> PortReservation:
    """A port at which every connection is refused while the reservation is held."""
    return PortReservation(host)
