"""Scripted engines of language models, which speak OpenAI's or Ollama's API and fail on demand.

An engine is a fault proxy without an upstream. What asks it for its models (probes too) is answered
by `models`; what asks it for text takes the next entry of `answers`, or answers "from NAME" whole.

    engine = Engine("a", OPENAI)
    talk = Talk(OPENAI.head, OPENAI.token("one"), gate := Gate(), OPENAI.token("two"), OPENAI.end)
    engine.answers.append(talk)
    ...
    gate.open()
    talk.wait_until_left()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.fault_proxy import FaultProxy
from support.faults import Answer, Exchange, Fault, http_answer
from support.framing import body_of, target_of
from support.waiting import DEADLINE_S


def chunk(text: str | bytes) -> bytes:
    """One chunk of the chunked coding."""
    data = text.encode() if isinstance(text, str) else text
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def stream_head(content_type: str | None) -> bytes:
    typed = f"Content-Type: {content_type}\r\n" if content_type else ""
    return f"HTTP/1.1 200 OK\r\n{typed}Transfer-Encoding: chunked\r\n\r\n".encode()


@dataclass(frozen=True)
class Dialect:
    """The pieces of a streamed answer, and what asks for one."""

    name: str
    content_type: str
    asks_for_models: str
    write: Callable[[str | None], str]  # a token as it stands in a stream; None: the end
    models: Any

    def __str__(self) -> str:
        return self.name

    @property
    def head(self) -> bytes:
        return stream_head(self.content_type)

    def token(self, text: str) -> bytes:
        return chunk(self.write(text))

    @property
    def end(self) -> bytes:
        return chunk(self.write(None)) + b"0\r\n\r\n"

    def failing(self, error: str) -> Talk:
        """An answer that is an error, told in the stream."""
        line = json.dumps({"error": error})
        return Talk(self.head, chunk(f"data: {line}\n\n" if self is OPENAI else f"{line}\n"))

    def answer(self, *tokens: str) -> Talk:
        return Talk(self.head, *map(self.token, tokens), self.end)


def _openai(text: str | None) -> str:
    delta = {} if text is None else {"content": text}
    reason = "stop" if text is None else None
    event = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    return f"data: {json.dumps(event)}\n\n" + ("data: [DONE]\n\n" if text is None else "")


def _ollama(text: str | None) -> str:
    line: dict[str, Any] = {"message": {"role": "assistant", "content": text or ""}, "done": False}
    if text is None:
        line |= {"done": True, "done_reason": "stop"}
    return json.dumps(line) + "\n"


OPENAI = Dialect("openai", "text/event-stream", "/v1/models", _openai, {"data": [{"id": "m"}]})
OLLAMA = Dialect(
    "ollama", "application/x-ndjson", "/api/tags", _ollama, {"models": [{"name": "m:latest"}]}
)


@dataclass
class Gate:
    """A point of an answer that is passed when the test opens it, from any thread."""

    _opened: threading.Event = field(default_factory=threading.Event)
    _waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        with self._lock:
            self._opened.set()
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    async def passed(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._opened.is_set():
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        await event.wait()


@dataclass(frozen=True)
class Again:
    """The same bytes again and again, until the client leaves."""

    data: bytes
    every_s: float = 0.0


@dataclass(frozen=True)
class Cut:
    """The end of the connection: in good order, or by a reset."""

    reset: bool = False


Step = bytes | Gate | Again | Cut


class Talk:
    """An answer step by step. After its last step it is silent, unless that ended the answer."""

    def __init__(self, *steps: Step, lasts: bool = True) -> None:
        self.steps = steps
        self.lasts = lasts and not (
            isinstance(steps[-1], bytes) and steps[-1].endswith(b"0\r\n\r\n")
        )
        self._begun = threading.Event()
        self._left = threading.Event()

    def wait_until_begun(self) -> None:
        assert self._begun.wait(DEADLINE_S), "nobody asked the engine"

    def wait_until_left(self) -> None:
        """Until the client has closed the connection: what tells an engine to stop."""
        assert self._left.wait(DEADLINE_S), "the client did not leave the engine"

    @property
    def left(self) -> bool:
        return self._left.is_set()

    async def handle(self, exchange: Exchange) -> None:
        self._begun.set()
        leaving = asyncio.ensure_future(exchange.until_client_leaves())
        telling = asyncio.ensure_future(self._tell(exchange))
        try:
            await asyncio.wait({leaving, telling}, return_when=asyncio.FIRST_COMPLETED)
            failed = telling.done() and telling.exception() is not None
            if failed or not telling.done():
                self._left.set()
        finally:
            for task in (leaving, telling):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await task

    async def _tell(self, exchange: Exchange) -> None:
        for step in self.steps:
            match step:
                case bytes():
                    await exchange.send(step)
                case Gate():
                    await step.passed()
                case Again():
                    while True:
                        await exchange.send(step.data)
                        await asyncio.sleep(step.every_s)
                case Cut():
                    exchange.reset() if step.reset else exchange.close()
                    return
        if self.lasts:
            await asyncio.Event().wait()


def silent() -> Talk:
    """Takes the request and says nothing, not even a head."""
    return Talk(b"")


class _ByPath:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def handle(self, exchange: Exchange) -> None:
        engine = self._engine
        if exchange.message.startswith(b"GET "):
            with engine.changed:
                engine.asked_for_models += 1
                engine.changed.notify_all()
            await engine.models.handle(exchange)
            return
        fault = engine.answers.popleft() if engine.answers else engine.always
        with engine.changed:
            engine.asked.append(exchange.message)
            engine.running += 1
            engine.changed.notify_all()
        try:
            await (fault() if callable(fault) else fault).handle(exchange)
        finally:
            with engine.changed:
                engine.running -= 1
                engine.changed.notify_all()


class Engine(FaultProxy):
    """See the module. `always` answers when `answers` is used up; a function makes one each."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self.name = name
        self.dialect = dialect
        self.answers: deque[Fault | Callable[[], Fault]] = deque()
        self.always: Fault | Callable[[], Fault] = lambda: dialect.answer("from ", name)
        self.models: Fault = Answer(http_answer(json=dialect.models))
        self.asked: list[bytes] = []
        self.asked_for_models = 0
        self.running = 0
        self.changed = threading.Condition()
        super().__init__(standing=_ByPath(self))

    def wait_for(self, ready: Callable[[], bool], what: str) -> None:
        with self.changed:
            done = self.changed.wait_for(ready, DEADLINE_S)
        assert done, f"{self.name}: not {what}: {len(self.asked)} asked, {self.running} running"

    def wait_for_question(self) -> None:
        """Until somebody asks which models it has."""
        self.wait_for(lambda: self.asked_for_models > 0, "asked for its models")

    def wait_for_running(self, count: int) -> None:
        """Until so many answers are under way at once."""
        self.wait_for(lambda: self.running == count, f"{count} answers under way")

    def bodies(self) -> list[Any]:
        """What it was asked, as JSON."""
        return [json.loads(body_of(message)) for message in self.asked]

    def paths(self) -> list[str]:
        return [target_of(message) for message in self.asked]
