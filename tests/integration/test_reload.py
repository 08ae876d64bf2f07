"""SIGHUP and changed files: what is new takes over, what is bad changes nothing."""

from __future__ import annotations

import signal
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.remote_iris import gateway_config
from support import iris, onnx_models
from support.certificates import self_signed
from support.config import Config, iris_path, mount
from support.fault_proxy import FaultProxy
from support.faults import Answer, Hold, http_answer
from support.language_models import chat, simulated
from support.names import DEADLINE_HEADER
from support.ports import PortReservation
from support.raw_http import RawConnection, request
from support.server import Server, run
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.short

ROW = [1.0, 2.0, 3.0, 4.0]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return onnx_models.times(tmp_path / "models" / "times.onnx", 2)


@pytest.fixture
def server(model: Path, tmp_path: Path) -> Iterator[Server]:
    config = Config().model("times", model)
    config.listen("times", mount("horizontal_service", "times"))
    with Server(config, tmp_path / "server") as running:
        yield running


def factor(client: httpx.Client) -> float:
    answer = client.post("/predict", json=iris.data(ROW))
    assert answer.status_code == 200, answer.text
    prediction = answer.json()["prediction"]
    found = prediction[0] / ROW[0]
    assert prediction == [found * value for value in ROW], "never a mixture of two models"
    return float(found)


def test_a_new_configuration_takes_over(server: Server) -> None:
    config = server.config.model("setosa", iris_path("setosa"))
    config.listener("times")["mounts"].append(mount("horizontal_service", "setosa", "/setosa"))
    client = server.http("times")
    assert client.get("/setosa/health").status_code == 404
    server.write_config()
    server.signal(signal.SIGHUP)
    eventually(
        lambda: client.get("/setosa/health").status_code == 200, what="the new mount is served"
    )
    assert client.post("/setosa/predict", json=iris.data(iris.SETOSA)).status_code == 200
    assert factor(client) == 2, "what was there is there"


def test_what_only_a_restart_can_change_is_said(server: Server) -> None:
    server.config.set("limits", {"headers": 50})
    server.write_config()
    server.signal(signal.SIGHUP)
    assert "next start" in server.wait_for_log(action="needs_restart")["message"]


def test_what_is_taken_out_is_gone(server: Server) -> None:
    config = server.config
    config.model("setosa", iris_path("setosa"))
    config.listener("times")["mounts"] = [mount("horizontal_service", "setosa")]
    del config.data["callables"]["times"]
    server.write_config()
    server.signal(signal.SIGHUP)
    client = server.http("times")

    def is_setosa() -> bool:
        answer = client.post("/predict", json=iris.data(iris.SETOSA))
        return answer.status_code == 200 and len(answer.json()["prediction"]) == 2

    eventually(is_setosa, what="the other model answers")


def test_listeners_come_and_go(server: Server) -> None:
    server.config.listen("second", mount("horizontal_service", "times"))
    server.config.release_ports()
    server.write_config()
    server.signal(signal.SIGHUP)
    client = server.http("second")
    eventually(
        lambda: client.get("/health").status_code == 200,
        what="the second listener answers",
        ignore=(httpx.ConnectError,),
    )
    server.config.data["listeners"].pop()
    server.write_config()
    server.signal(signal.SIGHUP)

    def gone() -> bool:
        try:
            server.raw("second").close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # it came just as the listener closed
            return False
        return False

    eventually(gone, what="the second listener is closed")
    assert factor(server.http("times")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nlisteners: [", ["sluice.yaml"]),
        ("version: 1\nlisteners: []\nnonsense: 5\n", ["3", "nonsense"]),
        ("version: 7\n", ["version"]),
    ],
)
def test_a_bad_configuration_changes_nothing(server: Server, text: str, words: list[str]) -> None:
    server.config_path.write_text(text)
    server.signal(signal.SIGHUP)
    line = server.wait_for_log(action="reload_failed", level="ERROR")
    for word in words:
        assert word in str(line)
    assert factor(server.http("times")) == 2
    server.write_config()
    server.signal(signal.SIGHUP)
    server.wait_for_log(action="reloaded")


def test_a_changed_model_takes_over_without_a_failed_request(server: Server, model: Path) -> None:
    stop = threading.Event()
    seen: set[float] = set()
    failures: list[BaseException] = []

    def load() -> None:
        with httpx.Client(base_url=f"http://{server.config.address('times')}") as client:
            while not stop.is_set():
                try:
                    seen.add(factor(client))
                except BaseException as error:
                    failures.append(error)
                    return

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for turn in (3, 4, 5):
            onnx_models.times(model, turn)
            server.signal(signal.SIGHUP)
            eventually(lambda turn=turn: turn in seen, what=f"factor {turn}")  # type: ignore[misc]
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert not failures, failures[0]
    assert seen == {2, 3, 4, 5}


@pytest.mark.parametrize("kind", ["truncated", "not_onnx", "unknown_operator"])
def test_a_model_changed_for_the_worse_leaves_the_old_one(
    server: Server, model: Path, kind: str
) -> None:
    if kind == "truncated":
        model.write_bytes(model.read_bytes()[:-20])
    elif kind == "not_onnx":
        model.write_text("this is no model")
    else:
        onnx_models.unknown_operator(model)
    server.signal(signal.SIGHUP)

    def told() -> bool:
        return any("times.onnx" in str(line) for line in server.log() if line["level"] != "INFO")

    eventually(told, what="the log names the file")
    assert factor(server.http("times")) == 2


def test_broken_models_at_start_leave_the_others_serving(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "text.onnx").write_text("this is no model")
    (folder / "truncated.onnx").write_bytes(iris_path("setosa").read_bytes()[:500])
    onnx_models.unknown_operator(folder / "unknown.onnx")
    config = Config().model("times", model).listen("times", mount("horizontal_service", "times"))
    for name in ("missing", "text", "truncated", "unknown"):
        config.model(name, folder / f"{name}.onnx")
        config.listen(name, mount("horizontal_service", name))
    with Server(config, tmp_path / "server") as server:
        assert factor(server.http("times")) == 2
        for name in ("missing", "text", "truncated", "unknown"):
            answer = server.http(name).post("/predict", json=iris.data(iris.SETOSA))
            assert answer.status_code == 503
            assert f"{name}.onnx" in answer.json()["detail"]
        lines = [str(line) for line in server.log() if line["level"] in ("WARN", "ERROR")]
        for name in ("missing", "text", "truncated", "unknown"):
            assert any(f"{name}.onnx" in line for line in lines), name
        assert any("Frobnicate" in line for line in lines)


@pytest.mark.parametrize("path", ["/predict", "/metadata"])
def test_a_call_under_way_is_answered_as_it_began(path: str, model: Path, tmp_path: Path) -> None:
    """Its ensemble gets other members, then goes, while a member still has the question."""
    hold = Hold(then=Answer(http_answer(json={"prediction": [0.25, 0.75]})))
    with FaultProxy(standing=hold) as slow:
        urls = {"first": [slow.url], "second": [slow.url]}
        config = gateway_config(urls, deadline="60s", remote={"timeout": "60s"})
        config.model("newcomer", model)
        with Server(config, tmp_path / "server") as server, ThreadPoolExecutor(1) as calls:

            def reload() -> None:
                server.write_config()
                url = f"http://{server.config.address('admin')}"
                done = run("reload", "--url", url)
                assert done.returncode == 0, done.stderr

            def call() -> httpx.Response:
                client = server.http("proxy", headers={DEADLINE_HEADER: "60000"})
                if path == "/metadata":
                    return client.get(path)
                return client.post(path, json=iris.data(iris.SETOSA))

            began = calls.submit(call)
            slow.wait_for_messages(2)
            config.ensemble("iris", {"newcomer": "newcomer"})
            reload()
            del config.data["callables"]["iris"]
            config.ensemble("renamed", {"newcomer": "newcomer"})
            config.listener("proxy")["mounts"] = [mount("horizontal_proxy", "renamed")]
            reload()
            hold.release()
            answer = began.result(DEADLINE_S)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            told = told["prediction_sample"] if path == "/metadata" else told
            assert set(told) == {"first", "second"}
            assert "error" not in answer.text


def test_slots_change_without_those_of_others_or_the_calls_that_run(tmp_path: Path) -> None:
    config = simulated(Config(), "changed", slots={"slots": 1})
    simulated(config, "same", stall_at=1, slots={"slots": 1})
    config.listen("api", mount("openai"))
    call = chat("same") | {"stream": True}
    with Server(config, tmp_path / "server") as server:
        admin, api = server.http("admin"), server.http("api")

        def slots_of(name: str) -> dict[str, Any]:
            entries = admin.get("/admin/slots").json()
            return next(entry for entry in entries if entry["callable"] == name)

        def reload() -> None:
            server.write_config()
            server.signal(signal.SIGHUP)

        with api.stream("POST", "/v1/chat/completions", json=call) as running:
            assert running.status_code == 200
            (held,) = slots_of("same")["held"]
            simulated(config, "changed", slots={"slots": 3})
            reload()
            eventually(lambda: slots_of("changed")["slots"] == 3, what="it has new slots")
            assert [one["holder"] for one in slots_of("same")["held"]] == [held["holder"]]

            config.set("classes", {"realtime": {"depth": 0}})
            reload()
            eventually(lambda: slots_of("same")["held"] == [], what="it has new slots as well")
            with api.stream("POST", "/v1/chat/completions", json=call) as beside:
                assert beside.status_code == 200
                assert api.post("/v1/chat/completions", json=call).status_code == 429
            assert next(running.iter_lines()).startswith("data: "), "what ran goes on"


def test_certificates_are_read_again(tmp_path: Path, model: Path) -> None:
    def serial(address: tuple[str, int]) -> str:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with RawConnection(address, tls=context) as connection:
            connection.send(request("GET", "/health"))
            assert connection.answer().status == 200
            assert isinstance(connection.socket, ssl.SSLSocket)
            shown = connection.socket.getpeercert(binary_form=True)
            assert shown is not None
            return shown.hex()

    pair = self_signed(tmp_path / "tls")
    tls = {"certificate": str(pair.certificate), "key": str(pair.key)}
    config = Config().model("times", model)
    config.listen("tls", mount("horizontal_service", "times"), tls=tls)
    with Server(config, tmp_path / "server") as server:
        first = serial(config.tcp("tls"))
        assert serial(config.tcp("tls")) == first
        self_signed(tmp_path / "tls")
        server.signal(signal.SIGHUP)
        eventually(lambda: serial(config.tcp("tls")) != first, what="the new certificate is shown")
        pair.certificate.write_text("no certificate")
        server.signal(signal.SIGHUP)
        server.wait_for_log(action="reload_failed", level="ERROR")
        serial(config.tcp("tls"))


def test_the_command_waits_for_what_becomes_of_a_reload(server: Server) -> None:
    url = f"http://{server.config.address('admin')}"
    server.config.model("setosa", iris_path("setosa"))
    server.config.listener("times")["mounts"].append(
        mount("horizontal_service", "setosa", "/setosa")
    )
    server.write_config()
    done = run("reload", "--url", url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{url}: reloaded\n"
    assert server.http("times").get("/setosa/health").status_code == 200, "it is over by then"

    server.config_path.write_text("version: 1\nlisteners: []\nnonsense: 5\ndoubtful: 6\n")
    done = run("reload", "--url", url)
    assert done.returncode == 1
    assert not done.stdout
    assert done.stderr.startswith(f"sluice reload: {url} answered 422: ")
    for word in ("sluice.yaml:3:1", "nonsense", "sluice.yaml:4:1", "doubtful"):
        assert word in done.stderr
    assert factor(server.http("times")) == 2


def test_the_command_says_why_it_reaches_nobody(server: Server) -> None:
    closed = PortReservation()
    for url, words in (
        (f"http://{closed.address}", "refused"),
        (f"http://{server.config.address('times')}", "answered 404"),
        ("nonsense://", "nonsense"),
    ):
        done = run("reload", "--url", url)
        assert done.returncode == 1
        assert done.stderr.startswith("sluice reload: ")
        assert words in done.stderr


def test_the_command_shows_the_key_of_administration(server: Server) -> None:
    server.config.listener("admin")["mounts"] = [mount("admin") | {"key": "secret"}]
    server.write_config()
    asks = ("reload", "--url", f"http://{server.config.address('admin')}")
    assert run(*asks).returncode == 0, "before it there was none"
    refused = run(*asks)
    assert refused.returncode == 1
    assert "answered 401" in refused.stderr
    assert run(*asks, "--key", "secret").returncode == 0
    assert run(*asks, env={"SLUICE_API_KEY": "secret"}).returncode == 0


def test_a_reload_that_comes_too_late_is_answered(tmp_path: Path, model: Path) -> None:
    config = Config().model("times", model).set("shutdown", {"drain_delay": "3600s"})
    with Server(config, tmp_path / "server") as server:
        admin = server.http("admin")
        server.signal(signal.SIGTERM)
        eventually(lambda: admin.get("/health/ready").status_code == 503, what="it goes down")
        answer = admin.post("/admin/reload")
        assert answer.status_code == 503
        assert "going down" in answer.json()["detail"]
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit() == 0
