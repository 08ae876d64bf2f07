"""Where a message ends in a stream of bytes, for tools that act message by message.

A framer takes what has arrived and answers the length of the first whole message, or None.
"""

from __future__ import annotations

from collections.abc import Callable

Framer = Callable[[bytes], int | None]


def any_bytes(data: bytes) -> int | None:
    """Whatever has arrived is a message: for protocols that the tool need not understand."""
    return len(data) or None


def http_message(data: bytes) -> int | None:
    """One HTTP/1.1 request, or one answer that has a length or is chunked."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    headers: dict[bytes, bytes] = {}
    for line in data[:end].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    start = end + 4
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return _chunked_end(data, start)
    whole = start + int(headers.get(b"content-length", b"0"))
    return whole if len(data) >= whole else None


def _chunked_end(data: bytes, at: int) -> int | None:
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(data[at:line].partition(b";")[0], 16)
        at = line + 2
        if size == 0:
            return at + 2 if data[at : at + 2] == b"\r\n" else None
        at += size + 2
        if at > len(data):
            return None


def body_of(message: bytes) -> bytes:
    """The body of a whole HTTP message, chunked coding taken off."""
    head, _, rest = message.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return rest
    body = b""
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            break
        body, rest = body + rest[:size], rest[size + 2 :]
    return body


def header_of(message: bytes, name: str) -> str | None:
    """The first value of a header in an HTTP message, None where there is none."""
    head = message.partition(b"\r\n\r\n")[0].decode("latin-1")
    for line in head.split("\r\n")[1:]:
        found, _, value = line.partition(":")
        if found.strip().lower() == name.lower():
            return value.strip()
    return None


def target_of(message: bytes) -> str:
    """The request target of an HTTP request."""
    return message.split(b" ", 2)[1].decode("latin-1")
