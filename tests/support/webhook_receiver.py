"""A receiver of webhooks: keeps what it is sent, checks the signatures, answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from support.waiting import eventually

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass
class Message:
    """One request, as it came."""

    path: str
    id: str
    timestamp: int
    signature: str
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw))

    def is_signed(self, key: bytes = KEY) -> bool:
        signed = f"{self.id}.{self.timestamp}.".encode() + self.raw
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        return self.signature == "v1," + base64.b64encode(digest).decode()


class WebhookReceiver:
    """On loopback. `statuses` are answered in turn, the last one for ever."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None) -> None:
        self.messages: list[Message] = []
        self._statuses = list(statuses) or [204]
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver._take(
                    Message(
                        self.path,
                        self.headers["webhook-id"],
                        int(self.headers["webhook-timestamp"]),
                        self.headers["webhook-signature"],
                        raw,
                    )
                )
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _take(self, message: Message) -> int:
        with self._lock:
            self.messages.append(message)
            return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    def wait_for(self, count: int, timeout: float = 20) -> list[Message]:
        eventually(
            lambda: len(self.messages) >= count, what=f"{count} messages came", timeout=timeout
        )
        return self.messages[:count]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
