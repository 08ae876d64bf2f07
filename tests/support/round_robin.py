"""A plain load balancer: each HTTP request goes to the next server in turn, on a connection anew.

Where connecting is refused it goes to the one after that, as nothing was sent yet. A server that
breaks off costs the request: the client's connection is closed without an answer. That is what
nginx does by default with requests that may not be repeated. None is left out for having failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from support.caller import Address
from support.faults import http_answer
from support.framing import http_message
from support.waiting import DEADLINE_S


class RoundRobin:
    """In a thread of its own, from the beginning of `with` to its end."""

    def __init__(self, servers: Sequence[Address]) -> None:
        self._servers = servers
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="round-robin", daemon=True)
        self.address: Address = ("127.0.0.1", 0)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(DEADLINE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(DEADLINE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        server = await asyncio.start_server(self._client, *self.address, backlog=256)
        self.address = server.sockets[0].getsockname()
        self._up.set()
        await self._over.wait()
        server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while (request := await _message(reader)) is not None:
                answer = await self._passed_on(request)
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()

    async def _passed_on(self, request: bytes) -> bytes | None:
        self._turn += 1
        first = self._turn % len(self._servers)
        for server in (*self._servers[first:], *self._servers[:first]):
            with contextlib.suppress(ConnectionRefusedError):
                reader, writer = await asyncio.open_connection(*server)
                with contextlib.closing(writer):
                    try:
                        writer.write(request)
                        return await _message(reader)
                    except OSError:
                        return None
        return http_answer(502, {"detail": "no server"})


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """One message of a peer that waits for ours before its next; None when it left."""
    data = b""
    while (length := http_message(data)) is None:
        more = await reader.read(65536)
        if not more:
            return None
        data += more
    return data[:length]
