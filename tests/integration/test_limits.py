"""Every bound holds, and says what happened: connections, calls in flight, times, sizes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integration.remote_iris import gateway_config
from support import iris, onnx_models
from support.config import Config, mount
from support.fault_proxy import FaultProxy
from support.faults import Answer, Hold, http_answer
from support.metrics import Scrape
from support.names import DEADLINE_HEADER
from support.raw_http import RawConnection, request
from support.server import Server, timed
from support.waiting import eventually

pytestmark = pytest.mark.short

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def limited(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A service with the limits that the test is parametrized with."""
    config = Config().iris_models().set("limits", request.param)
    config.listen("setosa", mount("horizontal_service", "setosa"))
    with Server(config, tmp_path / "server") as server:
        yield server


def refusals(server: Server, reason: str) -> float:
    text = server.http("admin").get("/metrics").text
    return Scrape(text).value("sluice_refusals_total", reason=reason)


def limits(**values: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("limited", [values], indirect=True)


@limits(connections=8)
def test_connections_beyond_the_bound_get_503_and_are_closed(limited: Server) -> None:
    # Those by which the server was asked whether it is there are gone.
    admin = limited.http("admin")
    eventually(
        lambda: Scrape(admin.get("/metrics").text).value("sluice_connections") == 1,
        what="nothing is open but the connection that asks",
    )
    with ExitStack() as stack:
        held = []
        for _ in range(12):
            connection = stack.enter_context(limited.raw("setosa"))
            connection.send(HEALTH)
            held.append((connection, connection.answer()))
        refused = [(c, a) for c, a in held if a.status == 503]
        assert [a.status for _, a in held if a.status != 503] == [200] * (12 - len(refused))
        assert 4 <= len(refused) <= 5, "the admin connection may count too"
        for connection, answer in refused:
            assert int(answer.header("retry-after") or "0") >= 1
            assert connection.closed_by_peer()
        held[0][0].close()

        def served() -> bool:
            with limited.raw("setosa") as again:
                again.send(HEALTH)
                return again.answer().status == 200

        eventually(served, what="a place is free again")


def test_calls_in_flight_beyond_the_bound_get_503(tmp_path: Path) -> None:
    hold = Hold(then=Answer(http_answer(json={"prediction": [1.0, 0.0]})))
    with FaultProxy(standing=hold) as member, ExitStack() as stack:
        config = gateway_config({"setosa": [member.url]}, deadline="60s")
        config.set("limits", {"in_flight": 3})
        server = stack.enter_context(Server(config, tmp_path / "server"))
        body = json.dumps(iris.data(iris.SETOSA)).encode()
        ask = request("POST", "/predict", body=body, headers={DEADLINE_HEADER: "60000"})
        calls = [stack.enter_context(server.raw("proxy")) for _ in range(3)]
        for number, call in enumerate(calls):
            call.send(ask)
            member.wait_for_messages(number + 1)
        with server.raw("proxy") as connection:
            connection.send(ask)
            answer = connection.answer()
            assert answer.status == 503
            assert int(answer.header("retry-after") or "0") >= 1
            connection.send(HEALTH)
            assert connection.answer().status == 200, "the connection lives, and health answers"
        assert refusals(server, "requests") == 1
        hold.release()
        for call in calls:
            assert call.answer().status == 200


@limits(head_timeout="100ms")
def test_headers_must_come_in_time(limited: Server) -> None:
    with limited.raw("setosa") as connection:
        connection.send(b"GET /health HTTP/1.1\r\nHost: a\r\n")
        answer = connection.answer()
        assert answer.status == 408
        assert connection.closed_by_peer()
    assert refusals(limited, "slow") == 1


@limits(head_timeout="150ms")
def test_a_byte_now_and_then_does_not_stretch_the_time_for_headers(limited: Server) -> None:
    with limited.raw("setosa") as connection:
        connection.socket.settimeout(0.02)
        connection.send(b"GET /health HTTP/1.1\r\nHost: a\r\nX: ")

        def refused() -> bool:
            connection.send(b"y")
            try:
                return connection.socket.recv(12) == b"HTTP/1.1 408"
            except TimeoutError:
                return False

        eventually(refused, what="the slow head is refused")


@limits(body_idle_timeout="100ms")
def test_a_body_must_not_stand_still(limited: Server) -> None:
    with limited.raw("setosa") as connection:
        connection.send(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{")
        assert connection.answer().status == 408
        assert connection.closed_by_peer()


@limits(keep_alive_timeout="100ms")
def test_idle_connections_are_closed(limited: Server) -> None:
    with limited.raw("setosa") as connection:
        connection.send(HEALTH)
        assert connection.answer().status == 200
        assert connection.closed_by_peer()


@limits(write_timeout="200ms", body_bytes=100_000_000)
def test_a_client_that_takes_no_answer_is_dropped(limited: Server) -> None:
    """It asks for far more than socket buffers hold and reads nothing."""
    body = json.dumps(iris.data(*[iris.SETOSA] * 200_000)).encode()
    with limited.raw("setosa") as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(request("POST", "/predict", body=body))

        def dropped() -> bool:
            scrape = Scrape(limited.http("admin").get("/metrics").text)
            listener = limited.config.address("setosa")
            return scrape.value("sluice_connections", listener=listener) == 0

        eventually(dropped, what="the connection is dropped")


@limits(body_bytes=2048)
def test_a_body_of_the_bound_is_taken_and_one_byte_more_is_not(limited: Server) -> None:
    sample = json.dumps(iris.data(iris.SETOSA)).encode()
    for size, status in ((2048, 200), (2049, 413)):
        for chunked in (False, True):
            body = sample.ljust(size)
            if chunked:
                raw = b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                raw += b"%x\r\n" % size + body + b"\r\n0\r\n\r\n"
            else:
                raw = request("POST", "/predict", body=body)
            with limited.raw("setosa") as connection:
                connection.send(raw)
                assert connection.answer().status == status, (size, chunked)


@limits(head_bytes=1024, headers=8)
def test_a_head_of_the_bound_is_taken_and_one_byte_more_is_not(limited: Server) -> None:
    base = b"GET /health HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
    for size, status in ((1024, 200), (1025, 431)):
        raw = base.replace(b"X: ", b"X: " + b"y" * (size - len(base)))
        assert len(raw) == size
        with limited.raw("setosa") as connection:
            connection.send(raw)
            assert connection.answer().status == status
    for count, status in ((8, 200), (9, 431)):
        raw = b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * (count - 1) + b"\r\n"
        with limited.raw("setosa") as connection:
            connection.send(raw)
            assert connection.answer().status == status


def test_a_flood_of_pipelined_requests_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A client that asks and never reads: the server stops reading, and goes on when it reads."""
    config = Config().iris_models().listen("setosa", mount("horizontal_service", "setosa"))
    with Server(config, tmp_path / "server") as server, server.raw("setosa") as connection:
        connection.socket.setblocking(False)
        sent = 0
        # As long as their answers, so that fewer of them fill what the kernel takes.
        one = request("GET", "/metadata", headers={"X-Padding": "x" * 350})
        piece = one * 10
        try:
            while sent < 1 << 26:
                sent += connection.socket.send(piece)
        except BlockingIOError:
            pass
        assert sent < 1 << 26, "the server went on reading"
        connection.socket.settimeout(20)
        for _ in range(sent // len(one)):
            assert connection.answer().status == 200


# -- deadlines and cancellation of work in this process

SIZE = 64


def endless_body(turns: float) -> bytes:
    return json.dumps({"data": [[turns] + [0.0] * (SIZE - 1)]}).encode()


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Server]:
    """A model that works as long as its input says, on one thread for which three may wait."""
    config = Config().model("endless", onnx_models.endless(tmp_path / "endless.onnx", SIZE))
    config.set("runtime", {"compute_threads": 1, "compute_queue": 3})
    config.listen("endless", mount("horizontal_service", "endless"))
    with Server(config, tmp_path / "server") as server:
        yield server


def quick(server: Server) -> RawConnection:
    connection = server.raw("endless")
    connection.send(request("POST", "/predict", body=endless_body(1)))
    return connection


def test_a_deadline_stops_a_run(working: Server) -> None:
    headers = {DEADLINE_HEADER: "200"}
    with working.raw("endless") as connection:
        connection.send(request("POST", "/predict", body=endless_body(1e9), headers=headers))
        answer, took = timed(connection.answer)
        assert answer.status == 504
        assert took < 10
    with quick(working) as connection:
        assert connection.answer().status == 200, "the only thread is free again"


def test_a_client_that_leaves_stops_its_run(working: Server) -> None:
    with working.raw("endless") as connection:
        connection.send(request("POST", "/predict", body=endless_body(1e9)))
        eventually(lambda: _in_flight(working) == 1, what="the call is under way")
    with quick(working) as connection:
        assert connection.answer().status == 200, "the only thread is free again"


@pytest.mark.parametrize("headers", [{}, {DEADLINE_HEADER: "100"}], ids=["left", "late"])
def test_calls_that_nobody_waits_for_keep_no_place_in_the_queue(
    working: Server, headers: dict[str, str]
) -> None:
    waits = request("POST", "/predict", body=endless_body(1), headers=headers)
    with working.raw("endless") as runs:
        runs.send(request("POST", "/predict", body=endless_body(1e9)))
        eventually(lambda: _in_flight(working) == 1, what="the call is under way")
        for _ in range(3):
            with ExitStack() as stack:
                waiting = [stack.enter_context(working.raw("endless")) for _ in range(3)]
                for connection in waiting:
                    connection.send(waits)
                if headers:
                    assert [connection.answer().status for connection in waiting] == [504] * 3
                else:
                    eventually(lambda: _in_flight(working) == 4, what="they wait")
                    with quick(working) as beyond:
                        assert beyond.answer().status == 429, "the queue is full"
            eventually(lambda: _in_flight(working) == 1, what="they have left")
        with quick(working) as live:
            eventually(lambda: _in_flight(working) == 2, what="it waits, and is not refused")
            runs.close()
            assert live.answer().status == 200


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1e3", ""])
def test_a_deadline_that_is_no_number_is_refused(working: Server, value: str) -> None:
    headers = {DEADLINE_HEADER: value}
    answer = working.http("endless").post("/predict", content=endless_body(1), headers=headers)
    assert answer.status_code in (400, 422)
    assert DEADLINE_HEADER in answer.json()["detail"]


def _in_flight(server: Server) -> float:
    text = server.http("admin").get("/metrics").text
    return Scrape(text).value("sluice_requests_in_flight")
