"""SIGTERM: readiness first, then no new calls, those in flight to their end, exit status 0.

Over HTTP and over gRPC alike.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tritonclient.utils import InferenceServerException

from integration.grpc_calls import grpc_calls, listens
from integration.remote_iris import gateway_config
from support import iris
from support.config import Config, mount
from support.fault_proxy import FaultProxy
from support.faults import Answer, Hold, http_answer
from support.names import DEADLINE_HEADER
from support.raw_http import RawConnection
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def hold() -> Hold:
    return Hold(then=Answer(http_answer(json={"prediction": [1.0, 0.0]})))


@pytest.fixture
def member(hold: Hold) -> Iterator[FaultProxy]:
    """A remote member that answers when the test says so."""
    with FaultProxy(standing=hold) as proxy:
        yield proxy


def config(member: FaultProxy, **shutdown: str) -> Config:
    made = gateway_config({"setosa": [member.url]}, deadline="60s", remote={"timeout": "60s"})
    made.listen("grpc", mount("open_inference"), protocol="grpc")
    return made.set("shutdown", shutdown)


def call(server: Server) -> RawConnection:
    """A call that stays in flight until the member answers."""
    connection = server.raw("proxy")
    body = json.dumps(iris.data(iris.SETOSA)).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\n{DEADLINE_HEADER}: 60000\r\n"
    connection.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return connection


def refused(server: Server) -> bool:
    try:
        server.raw("proxy").close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it came just as the listener closed
        return False
    return False


def test_a_call_in_flight_finishes(member: FaultProxy, hold: Hold, tmp_path: Path) -> None:
    with Server(config(member), tmp_path / "s") as server:
        connection = call(server)
        member.wait_for_messages(1)
        server.signal(signal.SIGTERM)
        eventually(lambda: refused(server), what="new connections are refused")
        assert server.process.poll() is None, "it waits for the call"
        hold.release()
        answer = connection.answer()
        assert answer.status == 200
        assert answer.header("connection") == "close"
        assert connection.closed_by_peer()
        assert server.wait_for_exit() == 0


def test_idle_connections_are_closed(member: FaultProxy, tmp_path: Path) -> None:
    with Server(config(member), tmp_path / "s") as server:
        used, fresh = server.raw("proxy"), server.raw("proxy")
        used.send(HEALTH)
        assert used.answer().status == 200
        server.signal(signal.SIGTERM)
        assert used.closed_by_peer()
        assert fresh.closed_by_peer()
        assert server.wait_for_exit() == 0


def test_with_a_delay_readiness_turns_false_while_calls_are_taken(
    member: FaultProxy, hold: Hold, tmp_path: Path
) -> None:
    hold.release()
    with Server(config(member, drain_delay="1500ms"), tmp_path / "s") as server:
        admin = server.http("admin")
        assert admin.get("/health/ready").status_code == 200
        server.signal(signal.SIGTERM)
        eventually(
            lambda: admin.get("/health/ready").status_code == 503, what="readiness turned false"
        )
        assert admin.get("/health/live").status_code == 200
        with call(server) as connection:
            assert connection.answer().status == 200
        assert server.wait_for_exit() == 0


def test_calls_that_never_end_are_cut_off(member: FaultProxy, tmp_path: Path) -> None:
    with Server(config(member, drain_timeout="200ms"), tmp_path / "s") as server, call(server):
        member.wait_for_messages(1)
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit() == 0, "an orchestrator that stops it is told of no fault"
        member.wait_until_left()
    actions = [line["action"] for line in server.log()]
    assert actions.index("draining") < actions.index("drain_timeout")
    assert actions[-1] == "stopped"


def test_a_second_sigterm_ends_at_once(member: FaultProxy, tmp_path: Path) -> None:
    with Server(config(member, drain_timeout="3600s"), tmp_path / "s") as server, call(server):
        member.wait_for_messages(1)
        server.signal(signal.SIGTERM)
        eventually(lambda: refused(server), what="new connections are refused")
        assert server.process.poll() is None
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit() == 0
    assert server.log()[-1]["action"] == "stopped_at_once"


def test_sigint_is_as_sigterm(member: FaultProxy, tmp_path: Path) -> None:
    with Server(config(member), tmp_path / "s") as server:
        server.signal(signal.SIGINT)
        assert server.wait_for_exit() == 0


def test_begin_and_end_are_logged(member: FaultProxy, tmp_path: Path) -> None:
    with Server(config(member), tmp_path / "s") as server:
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit() == 0
    actions = [line["action"] for line in server.log()]
    assert "started" in actions
    assert "draining" in actions
    assert actions[-1] == "stopped"


# -- over gRPC. `iris` is an ensemble, `setosa_remote` its member.


@pytest.mark.parametrize("model", ["iris", "setosa_remote"])
def test_a_grpc_call_in_flight_finishes(
    member: FaultProxy, hold: Hold, tmp_path: Path, model: str
) -> None:
    with Server(config(member), tmp_path / "s") as server, grpc_calls(server) as calls:
        call = calls.start(model)
        member.wait_for_messages(1)
        server.signal(signal.SIGTERM)
        eventually(
            lambda: not listens(server.config.tcp("grpc")), what="new connections are refused"
        )
        assert server.process.poll() is None, "it waits for the call"
        assert not call.done()
        hold.release()
        assert call.result().get_response().outputs
        assert server.wait_for_exit() == 0
    actions = [line["action"] for line in server.log()]
    assert actions.index("draining") < actions.index("request")
    assert actions[-1] == "stopped", "after the last answer"


def test_with_a_delay_grpc_calls_are_taken_though_it_is_not_ready(
    member: FaultProxy, hold: Hold, tmp_path: Path
) -> None:
    hold.release()
    made = config(member, drain_delay="1500ms")
    with Server(made, tmp_path / "s") as server, grpc_calls(server) as calls:
        assert calls.client.is_server_ready()
        server.signal(signal.SIGTERM)
        eventually(lambda: not calls.client.is_server_ready(), what="readiness turned false")
        server.signal(signal.SIGHUP)  # which does not end the delay
        assert calls.client.is_server_live()
        assert calls.infer("iris").get_response().outputs
        assert server.wait_for_exit() == 0


def test_grpc_calls_that_never_end_are_cancelled(member: FaultProxy, tmp_path: Path) -> None:
    made = config(member, drain_timeout="200ms")
    with Server(made, tmp_path / "s") as server, grpc_calls(server) as calls:
        held = [calls.start("iris"), calls.start("setosa_remote")]
        member.wait_for_messages(2)
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit() == 0
        member.wait_until_left()
        for call in held:
            with pytest.raises(InferenceServerException):
                call.result()
    actions = [line["action"] for line in server.log()]
    assert "request" in actions, "their end is logged"
    assert actions[-1] == "stopped"


def test_a_second_sigterm_does_not_wait_for_grpc_calls(member: FaultProxy, tmp_path: Path) -> None:
    made = config(member, drain_timeout="3600s")
    with Server(made, tmp_path / "s") as server, grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        server.signal(signal.SIGTERM)
        eventually(
            lambda: not listens(server.config.tcp("grpc")), what="new connections are refused"
        )
        assert server.process.poll() is None
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit() == 0
        with pytest.raises(InferenceServerException):
            call.result()
    assert server.log()[-1]["action"] == "stopped_at_once"
