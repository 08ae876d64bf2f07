"""SIGHUP and gRPC listeners: all of a configuration or nothing, and calls finish as they began."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tritonclient.utils import InferenceServerException

from integration.grpc_calls import GrpcCalls, grpc_calls, listens
from integration.remote_iris import gateway_config
from support.certificates import Certificate, self_signed
from support.config import iris_path, mount
from support.fault_proxy import FaultProxy
from support.faults import Answer, Hold, http_answer
from support.server import Server
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.short

# A mount that differs from the default one by what an administrator may do there.
WITHOUT_ADMINISTRATION: dict[str, Any] = {"api": "open_inference", "administration": False}


@pytest.fixture
def hold() -> Hold:
    return Hold(then=Answer(http_answer(json={"prediction": [1.0, 0.0]})))


@pytest.fixture
def member(hold: Hold) -> Iterator[FaultProxy]:
    """A remote member that answers when the test says so."""
    with FaultProxy(standing=hold) as proxy:
        yield proxy


@pytest.fixture
def server(member: FaultProxy, tmp_path: Path) -> Iterator[Server]:
    config = gateway_config({"slow": [member.url]}, deadline="60s", remote={"timeout": "60s"})
    config.model("setosa", iris_path("setosa"))
    config.listen("grpc", mount("open_inference"), protocol="grpc")
    with Server(config, tmp_path / "server") as running:
        yield running


def reloaded(server: Server) -> bool:
    """Whether what is in the configuration now was taken over."""
    before = len(reloads(server))
    server.write_config()
    server.config.release_ports()
    server.signal(signal.SIGHUP)
    eventually(lambda: len(reloads(server)) > before, what="the reload is over")
    return bool(reloads(server)[-1]["action"] == "reloaded")


def reload(server: Server) -> None:
    assert reloaded(server), reloads(server)[-1]


def refused_reload(server: Server) -> str:
    """The reason for which the configuration is not taken over."""
    assert not reloaded(server)
    return str(reloads(server)[-1]["error"])


def reloads(server: Server) -> list[dict[str, Any]]:
    return [line for line in server.log() if line["action"] in ("reloaded", "reload_failed")]


def change_server(server: Server, number: int = 1) -> None:
    """Changes what a server keeps for life, so that another one takes its place."""
    server.config.listener("grpc")["trusted_proxies"] = [f"10.0.0.{number}"]


def answers(calls: GrpcCalls) -> bool:
    """Whether calls are answered, but for those that cross with a server's word that it leaves."""
    return eventually(
        lambda: bool(calls.infer("setosa").get_response().outputs),
        what="a call is answered",
        ignore=(InferenceServerException,),
    )


def started(calls: GrpcCalls, member: FaultProxy) -> Future[Any] | None:
    """A call that waits for the member; none when it crossed with such a word."""
    before = len(member.seen)
    call = calls.start("iris")
    eventually(lambda: len(member.seen) > before or call.done(), what="it is somewhere")
    return None if call.done() else call


def administers(server: Server) -> bool:
    """Whether the listener lets its callers administer models, over a connection of its own."""
    with grpc_calls(server) as calls:
        try:
            calls.client.load_model("setosa")
        except InferenceServerException:
            return False
        return True


@pytest.mark.parametrize("also", ["mounts", "server"])
def test_a_taken_port_changes_nothing(server: Server, also: str) -> None:
    proxy = server.http("proxy")
    assert proxy.get("/new/health").status_code == 404
    server.config.model("versicolor", iris_path("versicolor"))
    server.config.listener("proxy")["mounts"].append(
        mount("horizontal_service", "versicolor", "/new")
    )
    server.config.listener("grpc")["mounts"] = [WITHOUT_ADMINISTRATION]
    if also == "server":
        change_server(server)
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        host, port = foreign.getsockname()
        listeners = server.config.data["listeners"]
        listeners.append(
            {
                "address": f"{host}:{port}",
                "protocol": "grpc",
                "mounts": [mount("open_inference")],
            }
        )
        assert f"{host}:{port}" in refused_reload(server)
    assert proxy.get("/new/health").status_code == 404
    with grpc_calls(server) as calls:
        assert calls.infer("setosa").get_response().outputs
        assert not calls.client.is_model_ready("versicolor")
    assert administers(server)
    reload(server)  # the port is free now
    assert proxy.get("/new/health").status_code == 200
    assert listens((host, port))
    assert not administers(server)


def test_a_port_that_others_share_is_taken(server: Server) -> None:
    """A listener that allows sharing would get half of the calls without a word."""
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        address = f"127.0.0.1:{foreign.getsockname()[1]}"
        server.config.data["listeners"].append(
            {"address": address, "protocol": "grpc", "mounts": [mount("open_inference")]}
        )
        assert address in refused_reload(server)


def test_a_certificate_that_is_none_changes_nothing(server: Server, tmp_path: Path) -> None:
    pair = self_signed(tmp_path / "tls")
    pair.certificate.write_text("no certificate")
    server.config.listener("grpc")["tls"] = {
        "certificate": str(pair.certificate),
        "key": str(pair.key),
    }
    server.config.model("versicolor", iris_path("versicolor"))
    assert str(pair.certificate) in refused_reload(server)
    with grpc_calls(server) as calls:
        assert calls.infer("setosa").get_response().outputs
        assert not calls.client.is_model_ready("versicolor")


def test_an_ensemble_of_itself_changes_nothing(server: Server) -> None:
    server.config.listener("grpc")["mounts"] = [WITHOUT_ADMINISTRATION]
    server.config.ensemble("round", {"again": "round"})
    assert "round" in refused_reload(server)
    assert administers(server)


def test_changed_mounts_take_over_and_calls_in_flight_finish(
    server: Server, member: FaultProxy, hold: Hold
) -> None:
    assert administers(server)
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        server.config.listener("grpc")["mounts"] = [WITHOUT_ADMINISTRATION]
        reload(server)
        assert not call.done(), "the reload waits for no call"
        assert not administers(server)
        hold.release()
        assert call.result().get_response().outputs


def test_changed_mounts_fail_no_call(server: Server) -> None:
    stop = threading.Event()
    answered = [0] * 4
    failures: list[BaseException] = []

    def load(client: int) -> None:
        with grpc_calls(server) as calls:
            while not stop.is_set() and not failures:
                try:
                    calls.infer("setosa")
                    answered[client] += 1
                except InferenceServerException as error:
                    failures.append(error)

    threads = [threading.Thread(target=load, args=(client,)) for client in range(len(answered))]
    for thread in threads:
        thread.start()
    try:
        for turn in range(5):
            before = list(answered)
            server.config.listener("grpc")["mounts"][0]["key"] = f"key {turn}"
            reload(server)
            eventually(
                lambda before=before: failures or all(map(int.__lt__, before, answered)),  # type: ignore[misc]
                what="every client is answered after the reload",
            )
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert not failures, failures[0]


def test_another_server_takes_over_and_calls_in_flight_finish(
    server: Server, member: FaultProxy, hold: Hold
) -> None:
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        change_server(server)
        server.config.listener("grpc")["mounts"] = [WITHOUT_ADMINISTRATION]
        reload(server)
        assert not call.done(), "the reload waits for no call"
        eventually(lambda: not administers(server), what="the new one has all connections")
        assert answers(calls), "the client finds its way"
        hold.release()
        assert call.result().get_response().outputs


def test_calls_in_flight_have_so_long_after_a_reload(server: Server, member: FaultProxy) -> None:
    server.config.set("shutdown", {"drain_timeout": "200ms"})
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        change_server(server)
        reload(server)
        with pytest.raises(InferenceServerException):
            call.result()
        member.wait_until_left()
        assert answers(calls)


def test_a_listener_that_goes_lets_its_calls_finish(
    server: Server, member: FaultProxy, hold: Hold
) -> None:
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        server.config.data["listeners"].remove(server.config.listener("grpc"))
        reload(server)
        eventually(lambda: not listens(server.config.tcp("grpc")), what="it is closed")
        hold.release()
        assert call.result().get_response().outputs


def test_calls_that_a_reload_left_in_flight_finish_at_the_end(
    server: Server, member: FaultProxy, hold: Hold
) -> None:
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        change_server(server)
        reload(server)
        server.signal(signal.SIGTERM)
        eventually(lambda: not listens(server.config.tcp("grpc")), what="it is closed")
        assert server.process.poll() is None, "it waits for the call"
        hold.release()
        assert call.result().get_response().outputs
        assert server.wait_for_exit() == 0


def test_a_member_that_is_late_for_a_listener_that_has_gone_harms_nobody(
    server: Server, hold: Hold
) -> None:
    """Its answer comes home to a thread that must still be there."""
    server.config.data["callables"]["iris"]["ensemble"] |= {"deadline": "100ms"}
    reload(server)
    with grpc_calls(server) as calls, pytest.raises(InferenceServerException):
        calls.infer("iris", timeout=None)
    server.config.data["listeners"].remove(server.config.listener("grpc"))
    reload(server)
    hold.release()
    assert server.http("proxy").get("/health").status_code == 200


def shown_certificate(server: Server, pair: Certificate) -> bool:
    """Whether the listener speaks TLS, and with this certificate."""
    context = ssl.create_default_context(cafile=str(pair.certificate))
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(server.config.tcp("grpc")) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost"):
                return True
        except (ssl.SSLError, ConnectionError):
            return False


def test_tls_takes_over_at_the_same_address(
    server: Server, member: FaultProxy, hold: Hold, tmp_path: Path
) -> None:
    pairs = [self_signed(tmp_path / name) for name in ("first", "second")]
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        for pair in pairs:
            server.config.listener("grpc")["tls"] = {
                "certificate": str(pair.certificate),
                "key": str(pair.key),
            }
            reload(server)
            eventually(lambda pair=pair: shown_certificate(server, pair), what=str(pair))  # type: ignore[misc]
        assert not shown_certificate(server, pairs[0])
        hold.release()
        assert call.result().get_response().outputs, "in the clear, as it began"


def test_certificates_are_read_again_when_told(server: Server, tmp_path: Path) -> None:
    pair = self_signed(tmp_path / "tls")
    server.config.listener("grpc")["tls"] = {
        "certificate": str(pair.certificate),
        "key": str(pair.key),
    }
    reload(server)
    old = pair.kept_in(tmp_path / "old")
    eventually(lambda: shown_certificate(server, old), what="the listener speaks TLS")
    self_signed(tmp_path / "tls")
    assert shown_certificate(server, old), "nobody has said that there is a new one"
    reload(server)
    assert shown_certificate(server, pair)
    assert not shown_certificate(server, old)

    renewed = pair.kept_in(tmp_path / "renewed")
    self_signed(tmp_path / "tls")
    pair.key.write_text(old.key.read_text())
    server.config.model("versicolor", iris_path("versicolor"))
    assert str(pair.key) in refused_reload(server), "the key is another certificate's"
    assert shown_certificate(server, renewed)
    self_signed(tmp_path / "tls")
    reload(server)
    assert shown_certificate(server, pair)


def test_a_unix_socket_takes_over_and_is_removed_at_the_end(
    server: Server, member: FaultProxy, hold: Hold, tmp_path: Path
) -> None:
    path = tmp_path / "grpc.sock"
    server.config.data["listeners"].remove(server.config.listener("grpc"))
    server.config.listen_at("grpc", f"unix:{path}", mount("open_inference"), protocol="grpc")
    reload(server)
    with grpc_calls(server) as calls:
        call = calls.start("iris")
        member.wait_for_messages(1)
        change_server(server)
        server.config.listener("grpc")["mounts"] = [WITHOUT_ADMINISTRATION]
        reload(server)
        assert not administers(server)
        hold.release()
        assert call.result().get_response().outputs
        assert not administers(server), "what is left is the new one's"
    assert [each.name for each in tmp_path.glob("grpc.sock*")] == ["grpc.sock"]
    server.signal(signal.SIGTERM)
    assert server.wait_for_exit() == 0
    assert not path.exists()


def test_a_unix_socket_of_another_program_is_left_alone(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "foreign.sock"
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        foreign.listen()
        server.config.listen_at("unix", f"unix:{path}", mount("open_inference"), protocol="grpc")
        assert str(path) in refused_reload(server)
        assert listens(str(path))


def test_so_many_listeners_may_be_leaving(server: Server, member: FaultProxy, hold: Hold) -> None:
    with grpc_calls(server) as held:
        for turn in range(17):
            assert answers(held)
            call = eventually(lambda: started(held, member), what=f"call {turn} is in flight")
            assert call is not None
            last = call
            change_server(server, turn)
            if turn == 16:
                assert "still answer calls" in refused_reload(server)
            else:
                reload(server)
        hold.release()
        assert last.result().get_response().outputs
    eventually(lambda: reloaded(server), what="the listeners have ended")
