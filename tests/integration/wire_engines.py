"""A server whose one language model `m` is engines behind a wire, and who asks it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.config import Config, mount
from support.engines import Engine
from support.language_models import chat
from support.metrics import Scrape
from support.raw_http import RawConnection, request
from support.server import Server
from support.waiting import DEADLINE_S, eventually

PATHS = {"openai": "/v1/chat/completions", "ollama": "/api/chat"}
# The first is asked while it is well, however busy: so a test knows whom a call goes to.
PREFERRED = 1000.0
ALWAYS_IN = {"enabled": False}


class Stream:
    """One call, read as its bytes come."""

    def __init__(self, connection: RawConnection) -> None:
        self.connection = connection
        self.got = b""

    def read_until(self, wanted: str) -> bytes:
        """Also while the server sends what keeps the connection open."""
        end = time.monotonic() + DEADLINE_S
        while wanted.encode() not in self.got:
            assert time.monotonic() < end, f"no {wanted!r} came, but {self.got!r}"
            part = self.connection.socket.recv(65536)
            assert part, f"closed before {wanted!r}, after {self.got!r}"
            self.got += part
        return self.got

    def to_its_end(self) -> bytes:
        return self.read_until("\r\n0\r\n\r\n")

    def leave(self) -> None:
        self.connection.close()


class Wire:
    """The server under test."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = server.http("api")
        self._admin = server.http("admin")

    def stream(
        self,
        api: str = "openai",
        *,
        stream: bool = True,
        service_class: str | None = None,
        deadline_ms: int | None = None,
    ) -> Stream:
        """Sends a call; what comes is read later."""
        connection = self.server.raw("api")
        headers = {"X-Sluice-Class": service_class} if service_class else {}
        if deadline_ms is not None:
            headers["X-Deadline-Ms"] = str(deadline_ms)
        body = json.dumps(chat("m", stream=stream)).encode()
        connection.send(request("POST", PATHS[api], body=body, headers=headers))
        return Stream(connection)

    def said(self, api: str = "openai") -> str:
        """The text of an answer that is no stream."""
        answer = self.client.post(PATHS[api], json=chat("m", stream=False))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        message = found["message"] if api == "ollama" else found["choices"][0]["message"]
        return str(message["content"])

    def slots(self) -> dict[str, Any]:
        [slots] = self._admin.get("/admin/slots").json()
        return dict(slots)

    def wait_for_slots(self, held: int, waiting: int = 0) -> None:
        def so() -> bool:
            slots = self.slots()
            waits = slots["realtime_waiting"] + slots["best_effort_waiting"]
            return (len(slots["held"]), waits) == (held, waiting)

        eventually(so, what=f"{held} slots are held and {waiting} calls wait")

    def metric(self, name: str, **labels: str) -> float:
        return Scrape(self._admin.get("/metrics").text).value(f"sluice_{name}", **labels)

    def wait_until_idle(self) -> None:
        """No slot is held, nobody waits, and no engine is thought to be at work."""
        self.wait_for_slots(0)
        eventually(
            lambda: self.metric("replica_requests_in_flight") == 0, what="no engine is at work"
        )
        # The question itself is a request that is under way.
        eventually(lambda: self.metric("requests_in_flight") <= 1, what="no call is under way")


Start = Callable[..., Wire]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server over these engines; `each` has options of one engine by its name."""
    with ExitStack() as stack:

        def begin(
            *engines: Engine, each: dict[str, dict[str, Any]] | None = None, **options: Any
        ) -> Wire:
            entries = [
                {"url": engine.url, "weight": PREFERRED if place == 0 else 1.0}
                | (each or {}).get(engine.name, {})
                for place, engine in enumerate(engines)
            ]
            config = Config()
            config.data["callables"]["m"] = {
                "model": {
                    "backend": engines[0].dialect.name,
                    "engines": entries,
                    "models_every": "0s",
                    "ejection": ALWAYS_IN,
                    **options,
                }
            }
            config.set("jobs", {"concurrency": 1, "retries": 1, "retry_base": "1ms"})
            config.listen("api", mount("openai"), mount("ollama"), mount("jobs"))
            return Wire(stack.enter_context(Server(config, tmp_path / "server")))

        yield begin


@pytest.fixture
def engine() -> Iterator[Callable[..., Engine]]:
    """Makes engines, and ends them."""
    with ExitStack() as stack:
        yield lambda name, dialect: stack.enter_context(Engine(name, dialect))
