"""HTTP/1.1 by hand: any bytes out, answers parsed strictly, closes seen."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from support.waiting import DEADLINE_S


class ClosedError(Exception):
    """The peer ended the connection before an answer was whole."""


@dataclass
class Answer:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    version: str = "HTTP/1.1"
    interim: list[int] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


class RawConnection:
    """One connection; `family` unix takes a path, else (host, port)."""

    def __init__(
        self,
        address: tuple[str, int] | str,
        *,
        timeout: float = DEADLINE_S,
        tls: ssl.SSLContext | None = None,
        server_name: str = "localhost",
    ) -> None:
        if isinstance(address, str):
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            plain.settimeout(timeout)
            plain.connect(address)
        else:
            plain = socket.create_connection(address, timeout=timeout)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(plain, server_hostname=server_name) if tls else plain
        self._buffer = b""
        self._eof = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends all; a peer that has already refused and closed is no error here."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def end(self) -> None:
        """Half-closes: no more bytes from here."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def _fill(self) -> bool:
        if self._eof:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._eof = True
            return False
        self._buffer += data
        return True

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._fill():
                raise ClosedError(f"closed with {len(self._buffer)} of {size} bytes")
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if not self._fill():
                raise ClosedError(f"closed in a line: {self._buffer[:80]!r}")
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _head(self) -> Answer:
        version, _, rest = self._line().decode("latin-1").partition(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"not an answer: {version!r} {rest!r}"
        code, _, reason = rest.partition(" ")
        headers = []
        while line := self._line():
            name, colon, value = line.decode("latin-1").partition(":")
            assert colon, f"a header line without a colon: {line!r}"
            assert name == name.strip(), f"space around a header name: {line!r}"
            headers.append((name, value.strip()))
        return Answer(int(code), reason, headers, version=version)

    def answer(self, *, to_head: bool = False) -> Answer:
        """The next final answer; interim ones are listed in it."""
        interim = []
        while True:
            answer = self._head()
            if answer.status >= 200:
                break
            interim.append(answer.status)
        answer.interim = interim
        length, coding = answer.header("content-length"), answer.header("transfer-encoding")
        assert not (length and coding), "both Content-Length and Transfer-Encoding"
        if to_head or answer.status in (204, 304):
            return answer
        if coding is not None:
            assert coding.lower() == "chunked", coding
            answer.body = self._chunks()
        elif length is not None:
            answer.body = self._take(int(length))
        else:
            while self._fill():
                pass
            answer.body, self._buffer = self._buffer, b""
        return answer

    def interim(self) -> int:
        """The status of the next answer's head, meant for a 1xx that comes alone."""
        return self._head().status

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._line().partition(b";")[0], 16):
            body += self._take(size)
            assert self._line() == b"", "a chunk does not end with CRLF"
        while self._line():
            pass
        return body

    def rest(self) -> bytes:
        """Everything until the peer closes. Raises TimeoutError when it does not."""
        while self._fill():
            pass
        rest, self._buffer = self._buffer, b""
        return rest

    def closed_by_peer(self) -> bool:
        """Waits for the end; bytes that come instead are an error of the peer."""
        left = self.rest()
        assert left == b"", f"more bytes before the close: {left[:200]!r}"
        return True


def request(
    method: str,
    target: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    host: str = "localhost",
) -> bytes:
    """A well-formed request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")
