"""Requests sent one behind the other without waiting: all are answered, and others too."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from support.config import Config, mount
from support.server import ROOT, Server

pytestmark = pytest.mark.short

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config().iris_models().listen("setosa", mount("horizontal_service", "setosa"))
    config.model("same", ROOT / "tests" / "data" / "onnx" / "identity_fp32.onnx").listen(
        "v2", mount("open_inference")
    )
    config.data["runtime"] = {"io_threads": 1}
    with Server(config, tmp_path_factory.mktemp("pipelines")) as running:
        yield running


def test_more_answers_than_a_connection_keeps_unsent_all_come_in_order(server: Server) -> None:
    count = 200
    with server.raw("admin") as connection:
        connection.send(METRICS * count)
        answers = [connection.answer() for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    # Far more together than is kept for a client that does not read.
    assert sum(len(answer.body) for answer in answers) > 1_000_000


def test_more_requests_than_a_turn_handles_are_all_answered(server: Server) -> None:
    count = 5000
    with server.raw("setosa") as connection:
        connection.send(HEALTH * count)
        assert {connection.answer().status for _ in range(count)} == {200}


def test_a_request_behind_one_with_a_large_answer_of_the_pool_is_answered(server: Server) -> None:
    numbers = [i + 0.123 for i in range(60_000)]
    tensor = {"name": "x", "shape": [1, len(numbers)], "datatype": "FP32", "data": numbers}
    body = json.dumps({"inputs": [tensor]}).encode()
    infer = b"POST /v2/models/same/infer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    live = b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    with server.raw("v2") as connection:
        connection.send(infer % len(body) + body + live * 100)
        first = connection.answer()
        assert first.status == 200
        assert len(first.body) > 256 * 1024
        assert {connection.answer().status for _ in range(100)} == {200}


def test_a_client_that_pipelines_without_end_does_not_keep_others_waiting(server: Server) -> None:
    enough = threading.Event()
    with server.raw("setosa") as flood:

        def send_on() -> None:
            try:
                while not enough.is_set():
                    flood.socket.sendall(HEALTH * 1000)
            except OSError:
                pass  # it was closed while it sent

        def read_on() -> None:
            try:
                while not enough.is_set() and flood.socket.recv(1 << 20):
                    pass
            except OSError:
                pass

        threads = [threading.Thread(target=send_on), threading.Thread(target=read_on)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(50):
                with server.raw("setosa") as other:
                    other.send(HEALTH)
                    assert other.answer().status == 200
        finally:
            enough.set()
            flood.socket.shutdown(2)
            for thread in threads:
                thread.join()
