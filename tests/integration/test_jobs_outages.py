"""A backend that is there and fails at one input: that job fails, and holds nobody up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from support.config import Config, mount
from support.jobs import submit, wait_for_end
from support.server import Server

pytestmark = pytest.mark.short

POISON = 9.5


@contextmanager
def model(status: int, body: bytes) -> Iterator[str]:
    """A prediction for each input but POISON, which is answered so; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            poison = asked["data"][0][0] == POISON
            answer = body if poison else b'{"prediction": [1, 0]}'
            self.send_response(status if poison else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def serving(url: str) -> Config:
    config = Config().remote("iris", url, columns=1, classes=2)
    config.data["callables"]["alone"] = {
        "ensemble": {"members": {"iris": {"target": "iris"}}, "quorum": 1}
    }
    config.set("jobs", {"concurrency": 1, "retries": 1, "retry_base": "1ms"})
    return config.listen("jobs", mount("jobs"))


def hand_in(client: httpx.Client, value: float, callable_: str = "iris") -> str:
    name = client.get(f"/v2/models/{callable_}").json()["inputs"][0]["name"]
    tensor = {"name": name, "datatype": "FP32", "shape": [1, 1], "data": [value]}
    return submit(client, callable_, {"inputs": [tensor]})


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b'{"error": "no"}'), (200, b"<html>"), (200, b'{"prediction": [1, 2, 3]}')],
    ids=["500", "not_json", "wrong_shape"],
)
@pytest.mark.parametrize("callable_", ["iris", "alone"])
def test_an_answer_that_is_an_error_is_the_calls_failure(
    tmp_path: Path, status: int, body: bytes, callable_: str
) -> None:
    with model(status, body) as url:
        config = serving(url)
        config.listener("jobs")["mounts"].append(mount("open_inference"))
        with Server(config, tmp_path / "server") as server:
            client = server.http("jobs")
            client.post(f"/v1/queues/{callable_}/pause")
            poison = hand_in(client, POISON, callable_)
            behind = [hand_in(client, 1.0, callable_) for _ in range(5)]
            client.post(f"/v1/queues/{callable_}/resume")
            for job in behind:
                assert wait_for_end(client, job)["status"] == "completed"
            end = wait_for_end(client, poison)
            assert end["status"] == "failed"
            # An ensemble that too few answer for is unavailable, whatever became of its members.
            assert end["error"]["code"] == ("internal" if callable_ == "iris" else "unavailable")
            assert (end["failures"], end["outages"]) == (2, 0)
