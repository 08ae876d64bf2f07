"""What an operator sees: metrics, log lines, timings, health."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.grpc as grpcclient

from support import iris
from support.config import IRIS_CLASSES, Config, mount
from support.language_models import simulated
from support.metrics import Scrape
from support.server import ROOT, Server

pytestmark = pytest.mark.short

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("operations")
    config = Config().iris_models().model("broken", folder / "gone.onnx")
    config.ensemble("iris", {**{name: name for name in IRIS_CLASSES}, "broken": "broken"})
    config.remote("away", "http://127.0.0.1:9")
    config.set("access", {"keys": [{"name": "k", "sha256": "0" * 64, "quota": "1/day"}]})
    simulated(config, "talker", slots={"slots": 1})
    config.listen("service", mount("horizontal_service", "setosa"))
    config.listen("proxy", mount("horizontal_proxy", "iris"))
    config.listen("open", mount("open_inference"))
    config.listen("jobs", mount("jobs"))
    config.listen("grpc", mount("open_inference"), protocol="grpc")
    with Server(config, folder / "server") as running:
        yield running


def scrape(server: Server) -> Scrape:
    answer = server.http("admin").get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return Scrape(answer.text)


def test_metric_names_are_those_agreed_on(server: Server) -> None:
    """tests/golden/metrics.txt: kind, name, labels. Every one is there from the start."""
    server.http("service").post("/predict", json=iris.data(iris.SETOSA))
    server.http("proxy").post("/predict", json=iris.data(iris.SETOSA))
    agreed = {}
    for line in (ROOT / "tests" / "golden" / "metrics.txt").read_text().splitlines():
        kind, name, *rest = line.split()
        agreed[name] = (kind, set(rest))
    seen = scrape(server)
    assert {name: kind for name, kind in seen.types.items() if name not in agreed} == {}
    assert set(agreed) - set(seen.types) == set()
    for name, (kind, labels) in agreed.items():
        assert seen.types[name] == kind, name
        assert seen.help[name].endswith("."), name
        for sample in seen.samples:
            if re.sub("_(bucket|sum|count)$", "", sample.name) == name or sample.name == name:
                assert set(sample.labels) - {"le"} == labels, sample


def test_requests_are_counted_by_api_callable_and_code(server: Server) -> None:
    before = scrape(server)
    client = server.http("service")
    for _ in range(3):
        client.post("/predict", json=iris.data(iris.SETOSA))
    client.post("/predict", json={"data": [[1, 2]]})
    client.get("/nowhere")
    after = scrape(server)
    labels = {"api": "horizontal_service", "callable": "setosa"}

    def more(name: str, **wanted: str) -> float:
        return after.value(name, **wanted) - before.value(name, **wanted)

    assert more("sluice_requests_total", code="ok", **labels) == 3
    assert more("sluice_requests_total", code="invalid", **labels) == 1
    assert more("sluice_request_duration_seconds_count", **labels) == 4
    assert more("sluice_requests_total", code="not_found") == 1
    assert more("sluice_model_run_duration_seconds_count", model="setosa") >= 3
    assert more("sluice_model_batch_rows_sum", model="setosa") >= 3
    assert more("sluice_stage_duration_seconds_count", stage="run") >= 3
    assert after.value("sluice_requests_in_flight") == 0


def test_members_are_counted_by_outcome(server: Server) -> None:
    before = scrape(server)
    server.http("proxy").post("/predict", json=iris.data(iris.SETOSA))
    after = scrape(server)
    for member, code in (("setosa", "ok"), ("broken", "unavailable")):
        labels = {"ensemble": "iris", "member": member, "code": code}
        name = "sluice_member_calls_total"
        assert after.value(name, **labels) - before.value(name, **labels) == 1


def test_connections_are_counted(server: Server) -> None:
    listener = server.config.address("service")
    with server.raw("service") as connection:
        connection.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.answer()
        seen = scrape(server)
        assert seen.value("sluice_connections", listener=listener) >= 1
        assert seen.value("sluice_connections_total", listener=listener) >= 1


def test_refusals_are_counted_by_reason(server: Server) -> None:
    before = scrape(server)
    for raw in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ):
        with server.raw("service") as connection:
            connection.send(raw)
            connection.answer()
    after = scrape(server)
    for reason in ("malformed", "headers"):
        name = "sluice_refusals_total"
        assert after.value(name, reason=reason) - before.value(name, reason=reason) == 1


def test_the_process_and_the_build_are_described(server: Server) -> None:
    seen = scrape(server)
    assert seen.value("sluice_build_info") == 1
    assert seen.value("process_resident_memory_bytes") > 1e6
    assert seen.value("process_open_fds") > 3


# -- the log


def test_a_request_is_a_line_of_json(server: Server) -> None:
    headers = {"traceparent": TRACEPARENT, "X-Request-Id": "log-shape"}
    server.http("service").post("/predict", json=iris.data(iris.SETOSA), headers=headers)
    line = server.wait_for_log(action="request", request_id="log-shape")
    stamp = datetime.fromisoformat(line["timestamp"])
    assert stamp.utcoffset() is not None
    assert line["level"] == "INFO"
    assert line["component"] == "http"
    assert line["trace_id"] == TRACEPARENT[3:35]
    assert line["client"] == "127.0.0.1"
    assert line["method"] == "POST"
    assert line["path"] == "/predict"
    assert line["api"] == "horizontal_service"
    assert line["callable"] == "setosa"
    assert line["status"] == 200
    assert line["code"] == "ok"
    assert line["outcome"] == "ok"
    assert 0 < line["duration_ms"] < 60_000
    assert line["bytes_in"] > 10
    assert line["bytes_out"] > 10


@pytest.mark.parametrize(
    ("number", "path", "body", "status", "outcome"),
    [
        ("log-422", "/predict", b'{"data": []}', 422, "refused"),
        ("log-400", "/predict", b"{", 400, "refused"),
        ("log-404", "/nowhere", b"", 404, "refused"),
    ],
)
def test_refused_requests_say_so(
    server: Server, number: str, path: str, body: bytes, status: int, outcome: str
) -> None:
    server.http("service").post(path, content=body, headers={"X-Request-Id": number})
    line = server.wait_for_log(action="request", request_id=number)
    assert (line["status"], line["outcome"]) == (status, outcome)


def test_every_line_has_the_fields_of_the_log(server: Server) -> None:
    server.http("service").get("/metadata", headers={"X-Request-Id": "log-fields"})
    server.wait_for_log(action="request", request_id="log-fields")
    for line in server.log():
        assert {"timestamp", "level", "component", "action"} <= set(line)
        assert line["level"] in ("DEBUG", "INFO", "WARN", "ERROR")
        assert re.fullmatch("[a-z_]+", line["component"])
        assert re.fullmatch("[a-z_]+", line["action"])


def test_a_call_over_grpc_is_a_line_with_names_of_its_own(server: Server) -> None:
    host, port = server.config.tcp("grpc")
    with grpcclient.InferenceServerClient(f"{host}:{port}") as client:
        rows = grpcclient.InferInput("float_input", [1, 4], "FP32")
        rows.set_data_from_numpy(np.array([iris.SETOSA], dtype=np.float32))
        client.infer("setosa", [rows])
        client.infer("setosa", [rows], headers={"x-request-id": "grpc-1"})
        client.infer("setosa", [rows], headers={"traceparent": TRACEPARENT})
    given = server.wait_for_log(action="request", request_id="grpc-1", method="GRPC")
    assert given["client"].startswith("ipv4:127.0.0.1:")
    assert re.fullmatch(r"[0-9a-f]{32}", given["trace_id"])
    traced = server.wait_for_log(action="request", trace_id=TRACEPARENT[3:35], method="GRPC")
    assert re.fullmatch(r"[0-9a-f]{32}", traced["request_id"])


def test_health_and_queries_are_not_in_the_log(server: Server) -> None:
    client = server.http("service")
    client.get("/health", headers={"X-Request-Id": "log-health"})
    client.get("/metadata?key=secret", headers={"X-Request-Id": "log-query"})
    server.wait_for_log(action="request", request_id="log-query")
    assert "secret" not in server.tail(100_000)
    assert "log-health" not in server.tail(100_000)


def test_a_request_id_that_would_break_the_log_is_replaced(server: Server) -> None:
    evil = 'a","level":"ERROR'
    server.http("service").get("/metadata", headers={"X-Request-Id": evil})
    server.http("service").get("/metadata", headers={"X-Request-Id": "log-after-evil"})
    server.wait_for_log(action="request", request_id="log-after-evil")
    assert evil not in server.tail(100_000)


# -- timings and health


def test_server_timing_names_the_stages(server: Server) -> None:
    answer = server.http("service").post("/predict", json=iris.data(iris.SETOSA))
    found = dict(re.findall(r"(\w+);dur=([0-9.]+)", answer.headers["server-timing"]))
    assert {"parse", "run", "total"} <= set(found)
    assert float(found["total"]) >= float(found["run"])


def test_threads_are_called_by_what_they_do(server: Server) -> None:
    """As `top -H -p PID` shows them."""
    kinds = {re.sub(r"-\d+$", "", name) for name in server.thread_names()}
    assert kinds >= {"sluice-io", "sluice-run", "sluice-idle", "sluice-grpc", "sluice-log"}
    assert {"sluice-jobs", "sluice-db-write", "sluice-keys"} <= kinds


def test_health_paths(server: Server) -> None:
    admin = server.http("admin")
    assert admin.get("/health/live").status_code == 200
    assert admin.get("/health/ready").status_code == 200


def test_nothing_ready_is_not_ready(tmp_path: Path) -> None:
    config = Config().model("broken", tmp_path / "gone.onnx")
    config.listen("open", mount("open_inference"))
    with Server(config, tmp_path / "server", wait=False) as server:
        server.wait_for_log(action="started")
        client: httpx.Client = server.http("admin")
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        assert server.http("open").get("/v2/health/ready").status_code != 200
