"""A client that lives through the death of whom it asks: an answer, or None when none came."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

Address = tuple[str, int]


@dataclass(frozen=True)
class Heard:
    status: int
    headers: dict[str, str]
    body: Any
    took_s: float


class Caller:
    """One kept connection, of one thread. After a broken one the next address is tried."""

    def __init__(self, *addresses: Address, timeout_s: float = 20) -> None:
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._turn = 0
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Heard | None:
        begun = time.monotonic()
        if self._connection is None:
            host, port = self._addresses[self._turn % len(self._addresses)]
            self._connection = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        data = None if body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, path, data, headers or {})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.move_on()
            return None
        fields = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close:
            self.move_on()
        return Heard(answer.status, fields, _parsed(content), time.monotonic() - begun)

    def move_on(self) -> None:
        """Leaves the connection: the next question goes to the next address."""
        self._turn += 1
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
