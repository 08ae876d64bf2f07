"""A TCP proxy that fails on demand, between the binary and what it calls.

It runs in a thread of its own and acts per message (see framing): every message that arrives takes
the next fault of the script, or the standing one. With no upstream it is a scripted server. The
framer is all that it knows of a protocol, so it serves for HTTP, Redis or gRPC alike.

    with FaultProxy(upstream=("127.0.0.1", port)) as proxy:
        proxy.standing(Slow(delay_s=0.2))
        proxy.script(Reset(), Half())        # for the next two messages
        ...
        proxy.wait_for_messages(3)
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType
from typing import Any, Self

from support.faults import Fault, Forward
from support.framing import Framer, http_message
from support.waiting import DEADLINE_S


@dataclass(frozen=True)
class Seen:
    """One message that arrived: on which connection, its bytes, when, and what was done with it."""

    connection: int
    message: bytes
    at: float
    fault: Fault


class _Connection:
    """A client's connection and, once it is needed, its twin towards upstream."""

    def __init__(
        self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.message = b""
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.ended = False

    async def next_message(self) -> bool:
        while (length := self._proxy.framer(self._buffer)) is None:
            data = await self._reader.read(65536)
            if not data:
                return False
            self._buffer += data
        self.message, self._buffer = self._buffer[:length], self._buffer[length:]
        return True

    async def upstream_answer(self) -> bytes:
        assert self._proxy.upstream is not None, "this proxy has no upstream to ask"
        if self._upstream is None:
            self._upstream = await asyncio.open_connection(*self._proxy.upstream)
        reader, writer = self._upstream
        writer.write(self.message)
        await writer.drain()
        answer = b""
        while (length := self._proxy.framer(answer)) is None:
            data = await reader.read(65536)
            if not data:
                self._upstream = None
                return answer
            answer += data
        return answer[:length]

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def until_client_leaves(self) -> None:
        while data := await self._reader.read(65536):
            self._buffer += data
        self.ended = True

    def close(self) -> None:
        self.ended = True
        self._writer.close()

    def reset(self) -> None:
        """Zero linger makes the kernel send RST instead of FIN."""
        self.ended = True
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def end(self) -> None:
        self._writer.close()
        if self._upstream is not None:
            self._upstream[1].close()


class FaultProxy:
    """See the module. Methods are for the test's thread; the loop's thread is private."""

    def __init__(
        self,
        upstream: tuple[str, int] | None = None,
        *,
        framer: Framer = http_message,
        standing: Fault | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.upstream = upstream
        self.framer = framer
        self.host = host
        self.seen: list[Seen] = []
        self.connections = 0
        self.open = 0
        self._standing: Fault = standing or Forward()
        self._cycle: Iterable[Fault] | None = None
        self._script: deque[Fault] = deque()
        self._changed = threading.Condition()
        self._live: dict[_Connection, asyncio.Task[Any]] = {}
        self._accepting: asyncio.Task[None] | None = None
        # Bound for the whole life and never listening: the port stays ours while it refuses.
        self._reserve = self._bound(0)
        self.port: int = self._reserve.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="fault-proxy", daemon=True
        )
        self._thread.start()
        self.listen()

    # -- what the test steers --

    def standing(self, fault: Fault) -> None:
        """What happens to every message from now on, once the script is used up."""
        with self._changed:
            self._standing, self._cycle = fault, None

    def alternate(self, *faults: Fault) -> None:
        """A flapping peer: the faults in turn, for ever."""
        with self._changed:
            self._cycle = cycle(faults)

    def script(self, *faults: Fault) -> None:
        """What happens to the next messages, one each."""
        with self._changed:
            self._script.extend(faults)

    def refuse(self) -> None:
        """Stops listening and drops the open connections: connecting is refused."""
        self._run(self._stop_listening())
        self.drop()

    def listen(self) -> None:
        """Accepts connections (again), at the same port."""
        if self._accepting is None:
            self._run(self._start_listening())

    def drop(self) -> None:
        """Ends every open connection, idle ones too."""
        self._run(self._drop())

    def wait_for_messages(self, count: int, timeout: float = DEADLINE_S) -> list[Seen]:
        """Blocks until `count` messages have arrived in all."""
        self._wait(lambda: len(self.seen) >= count, f"{count} messages", timeout)
        return list(self.seen)

    def wait_for_connections(self, count: int, timeout: float = DEADLINE_S) -> None:
        self._wait(lambda: self.connections >= count, f"{count} connections", timeout)

    def wait_until_left(self, timeout: float = DEADLINE_S) -> None:
        """Blocks until no client is connected: the sign that a call was cancelled."""
        self._wait(lambda: self.open == 0, "no open connection", timeout)

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._run(self._stop_listening())
        self._run(self._drop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()
        self._reserve.close()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # -- the loop's side --

    def _bound(self, port: int) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((self.host, port))
        return bound

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    def _wait(self, ready: Any, what: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        with self._changed:
            while not ready():
                left = end - time.monotonic()
                assert left > 0, (
                    f"fault proxy: not {what} in {timeout:g} s; {len(self.seen)} messages, "
                    f"{self.connections} connections, {self.open} open"
                )
                self._changed.wait(left)

    async def _start_listening(self) -> None:
        listener = self._bound(self.port)
        listener.listen(256)
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))

    async def _stop_listening(self) -> None:
        if self._accepting is not None:
            accepting, self._accepting = self._accepting, None
            accepting.cancel()
            await asyncio.wait({accepting})

    async def _accept(self, listener: socket.socket) -> None:
        # Not asyncio.start_server: closing that loses a connection which is just coming in.
        with listener:
            while True:
                client, _ = await self._loop.sock_accept(listener)
                try:
                    streams = await asyncio.open_connection(sock=client)
                except asyncio.CancelledError:
                    client.close()
                    raise
                connection = _Connection(self, *streams)
                self._live[connection] = asyncio.create_task(self._serve(connection))

    async def _drop(self) -> None:
        live, self._live = self._live, {}
        for task in live.values():
            task.cancel()
        await asyncio.gather(*live.values(), return_exceptions=True)
        for connection in live:  # a task cancelled before its first step ends nothing
            connection.end()

    async def _serve(self, connection: _Connection) -> None:
        with self._changed:
            self.connections += 1
            self.open += 1
            number = self.connections
            self._changed.notify_all()
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                while not connection.ended and await connection.next_message():
                    await self._next_fault(number, connection.message).handle(connection)
        finally:
            connection.end()
            self._live.pop(connection, None)
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    def _next_fault(self, connection: int, message: bytes) -> Fault:
        with self._changed:
            if self._script:
                fault = self._script.popleft()
            elif self._cycle is not None:
                fault = next(iter(self._cycle))
            else:
                fault = self._standing
            self.seen.append(Seen(connection, message, time.monotonic(), fault))
            self._changed.notify_all()
            return fault
