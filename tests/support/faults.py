"""What a fault proxy does with one message: pass it on, or fail in one particular way.

A fault is an object with `async handle(exchange)`. It may read the true answer, send any bytes, end
or reset the connection, or wait. Returning means: ready for the next message.
"""

from __future__ import annotations

import asyncio
import json as json_library
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


class Exchange(Protocol):
    """One message from a client, and the means to answer it. Runs on the proxy's loop."""

    message: bytes

    async def upstream_answer(self) -> bytes: ...
    async def send(self, data: bytes) -> None: ...
    async def until_client_leaves(self) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...


class Fault(Protocol):
    async def handle(self, exchange: Exchange) -> None: ...


@dataclass(frozen=True)
class Forward:
    """No fault: the true answer."""

    async def handle(self, exchange: Exchange) -> None:
        await exchange.send(await exchange.upstream_answer())


@dataclass(frozen=True)
class Reset:
    """Ends with RST; before the message goes on, or once upstream has answered."""

    after_request: bool = False

    async def handle(self, exchange: Exchange) -> None:
        if self.after_request:
            await exchange.upstream_answer()
        exchange.reset()


@dataclass(frozen=True)
class Close:
    """Ends politely without a byte of answer."""

    async def handle(self, exchange: Exchange) -> None:
        exchange.close()


@dataclass(frozen=True)
class Silent:
    """Takes the message and never answers, until the client leaves."""

    async def handle(self, exchange: Exchange) -> None:
        await exchange.until_client_leaves()


@dataclass(frozen=True)
class Slow:
    """Waits `delay_s`, then answers, in pieces of `drip` bytes every `drip_s` where given."""

    delay_s: float = 0.0
    drip: int = 0
    drip_s: float = 0.0
    then: Fault = Forward()

    async def handle(self, exchange: Exchange) -> None:
        await asyncio.sleep(self.delay_s)
        if self.drip <= 0:
            await self.then.handle(exchange)
            return
        answer = await exchange.upstream_answer()
        for start in range(0, len(answer), self.drip):
            await exchange.send(answer[start : start + self.drip])
            await asyncio.sleep(self.drip_s)


@dataclass
class Hold:
    """Keeps every message until `release` is called, from any thread; then goes on with `then`."""

    then: Fault = field(default_factory=Forward)
    _released: threading.Event = field(default_factory=threading.Event)
    _waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def release(self) -> None:
        with self._lock:
            self._released.set()
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    async def handle(self, exchange: Exchange) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._released.is_set():
                event.set()
            else:
                self._waiting.append((asyncio.get_running_loop(), event))
        released = asyncio.ensure_future(event.wait())
        left = asyncio.ensure_future(exchange.until_client_leaves())
        try:
            await asyncio.wait({released, left}, return_when=asyncio.FIRST_COMPLETED)
            gone = left.done() and not released.done()
        finally:
            for task in (released, left):
                task.cancel()
        if not gone:
            await self.then.handle(exchange)


@dataclass(frozen=True)
class Answer:
    """A scripted answer: these bytes, or what a function makes of the message."""

    data: bytes | Callable[[bytes], bytes]
    close: bool = False

    async def handle(self, exchange: Exchange) -> None:
        await exchange.send(self.data(exchange.message) if callable(self.data) else self.data)
        if self.close:
            exchange.close()


@dataclass(frozen=True)
class Garbage:
    """Bytes of no protocol, then the end."""

    data: bytes = b"\x00\xff\x13 this is not the protocol you speak\r\n\x07\x07\x07\r\n\r\n"

    async def handle(self, exchange: Exchange) -> None:
        await exchange.send(self.data)
        exchange.close()


@dataclass(frozen=True)
class Half:
    """The first `part` of the true answer; then the end: `close`, `reset` or `silent`."""

    part: float = 0.5
    then: str = "close"

    async def handle(self, exchange: Exchange) -> None:
        answer = await exchange.upstream_answer()
        await exchange.send(answer[: max(1, int(len(answer) * self.part))])
        if self.then == "reset":
            exchange.reset()
        elif self.then == "silent":
            await exchange.until_client_leaves()
        else:
            exchange.close()


def http_answer(
    status: int = 200,
    json: Any = None,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    length: int | None = None,
    reason: str = "Scripted",
) -> bytes:
    """An HTTP answer; `length` lies about the body's length where given."""
    if body is None:
        body = b"" if json is None else json_library.dumps(json).encode()
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    if json is not None:
        lines.append("Content-Type: application/json")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def wrong_length(json: Any, by: int) -> Answer:
    """An answer whose Content-Length is off by `by`; the connection closes after it."""
    body = json_library.dumps(json).encode()
    return Answer(http_answer(body=body, length=len(body) + by), close=True)


@dataclass(frozen=True)
class Endless:
    """A well-formed answer of `size` bytes that no client should take whole."""

    size: int = 1 << 34
    piece: int = 1 << 16

    async def handle(self, exchange: Exchange) -> None:
        await exchange.send(http_answer(body=b"", length=self.size))
        sent = 0
        while sent < self.size:
            await exchange.send(b" " * min(self.piece, self.size - sent))
            sent += self.piece
