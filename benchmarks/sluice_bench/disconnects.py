"""How soon the work of a client that has gone away ends: its slot is free for others then.

A language model takes every processor, so the server has both cores. A client asks for a stream
and closes its connection while its prompt of some 1,500 tokens is read, or while its answer comes;
the time runs until the administration shows that nobody holds a slot.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import time

from .context import Context
from .language_models import MODEL, quantile, sluice
from .processes import MissingError
from .report import Row

AT_MOST_MS = 50.0
SAMPLES = 25  # of each class and stage
GIVE_UP_SECONDS = 30
WORDS = 700


class Asking:
    def __init__(self, port: int) -> None:
        self.port = port
        self.admin = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
        self.random = random.Random(7)

    def held(self) -> int:
        self.admin.request("GET", "/admin/slots")
        answer = json.loads(self.admin.getresponse().read())
        return sum(len(callable_["held"]) for callable_ in answer)

    def ask(self, service_class: str, words: int) -> socket.socket:
        # No two begin alike, so that nothing of a prompt is known before.
        text = " ".join(str(self.random.randrange(10)) for _ in range(words))
        body = json.dumps(
            {
                "model": "smollm2",
                "stream": True,
                "max_tokens": 400,
                "ignore_eos": True,
                "messages": [{"role": "user", "content": text}],
            }
        )
        client = socket.create_connection(("127.0.0.1", self.port), timeout=GIVE_UP_SECONDS)
        client.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Sluice-Class: {service_class}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return client

    def until(self, wanted: int) -> None:
        stop = time.monotonic() + GIVE_UP_SECONDS
        while self.held() != wanted:
            if time.monotonic() > stop:
                raise RuntimeError(f"there are still {self.held()} calls, {wanted} were expected")

    def leave(self, service_class: str, while_reading: bool) -> float:
        """Milliseconds until its slot was free."""
        client = self.ask(service_class, WORDS if while_reading else 5)
        if while_reading:
            self.until(1)
            time.sleep(self.random.uniform(0.02, 0.2))
        else:
            client.recv(1)
        begun = time.monotonic()
        client.close()
        self.until(0)
        return (time.monotonic() - begun) * 1e3


def disconnects(context: Context) -> list[Row]:
    if not MODEL.exists():
        raise MissingError("models/smollm2.gguf is missing: run scripts/setup build")
    taken: dict[str, list[float]] = {}
    with sluice(context) as server:
        asking = Asking(server.port)
        for service_class in ("realtime", "best_effort"):
            for stage, while_reading in (("prompt", True), ("answer", False)):
                taken[f"{service_class}, {stage}"] = sorted(
                    asking.leave(service_class, while_reading) for _ in range(SAMPLES)
                )
    everything = sorted(ms for times in taken.values() for ms in times)
    note = "; ".join(
        f"{name}: p50 {quantile(times, 0.5):.1f}, max {times[-1]:.1f} ms"
        for name, times in taken.items()
    )
    return [
        Row(
            "disconnect",
            "a client that leaves: its slot is free, p99",
            quantile(everything, 0.99),
            "ms",
            at_most=AT_MOST_MS,
            note=note,
            raw=dict(taken),
        )
    ]
