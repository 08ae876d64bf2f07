"""The proxy over members behind HTTP: the same answers as in one process, and what goes along."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from integration.remote_iris import Gateway, gateway_config
from support import iris
from support.config import IRIS_CLASSES, Config, mount
from support.fault_proxy import FaultProxy
from support.faults import Answer, Hold, http_answer
from support.framing import body_of, header_of, target_of
from support.names import DEADLINE_HEADER
from support.server import Server

pytestmark = pytest.mark.short

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_every_path_answers_as_in_one_process(gateway: Gateway, tmp_path: Path) -> None:
    config = Config().iris_models()
    config.ensemble("iris", {name: name for name in IRIS_CLASSES})
    config.listen("proxy", mount("horizontal_proxy", "iris"))
    with Server(config, tmp_path / "local") as local:
        here, there = local.http("proxy"), gateway.http
        for path in ("/health", "/health/all", "/metadata", "/predict/get/test"):
            assert there.get(path).json() == here.get(path).json(), path
        for row in iris.ROWS.values():
            for path in ("/predict", "/predict/label"):
                ask = iris.data(row)
                assert there.post(path, json=ask).json() == here.post(path, json=ask).json(), path
        assert there.post("/predict/post/test").json() == here.post("/predict/post/test").json()
        several = iris.data(*iris.ROWS.values())
        for path in ("/predict", "/predict/label"):
            assert there.post(path, json=several).json() == here.post(path, json=several).json()


def test_members_are_asked_side_by_side(gateway: Gateway) -> None:
    """All three have the request before any has answered."""
    hold = Hold()
    for proxy in gateway.proxies.values():
        proxy.standing(hold)
    with gateway.server.raw("proxy") as connection:
        body = json.dumps(iris.data(iris.SETOSA)).encode()
        connection.send(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        for proxy in gateway.proxies.values():
            proxy.wait_for_messages(1)
        hold.release()
        assert set(connection.answer().json()) == set(IRIS_CLASSES)


def test_members_get_the_seeds_request(gateway: Gateway) -> None:
    gateway.http.post("/predict", json=iris.data(iris.SETOSA))
    for proxy in gateway.proxies.values():
        (seen,) = proxy.wait_for_messages(1)
        assert seen.message.startswith(b"POST /predict HTTP/1.1\r\n")
        assert json.loads(body_of(seen.message)) == iris.data(iris.SETOSA)
        assert header_of(seen.message, "content-type") == "application/json"
        assert header_of(seen.message, "host") == proxy.address


def test_get_test_asks_the_members_get_test(gateway: Gateway) -> None:
    assert gateway.http.get("/predict/get/test").status_code == 200
    for proxy in gateway.proxies.values():
        (seen,) = proxy.wait_for_messages(1)
        assert seen.message.startswith(b"GET /predict/test HTTP/1.1\r\n")


def test_post_test_posts_the_sample(gateway: Gateway) -> None:
    sample = gateway.http.get("/metadata").json()["data_sample"]
    before = {name: len(proxy.seen) for name, proxy in gateway.proxies.items()}
    assert gateway.http.post("/predict/post/test").status_code == 200
    for name, proxy in gateway.proxies.items():
        seen = proxy.wait_for_messages(before[name] + 1)[before[name]]
        assert target_of(seen.message) == "/predict"
        assert json.loads(body_of(seen.message)) == {"data": sample}


def test_health_all_asks_every_member(gateway: Gateway) -> None:
    assert gateway.http.get("/health/all").status_code == 200
    for proxy in gateway.proxies.values():
        assert any(target_of(seen.message) == "/health" for seen in proxy.wait_for_messages(1))


def test_connections_to_members_are_kept(gateway: Gateway) -> None:
    for _ in range(20):
        assert gateway.http.post("/predict", json=iris.data(iris.SETOSA)).status_code == 200
    for proxy in gateway.proxies.values():
        assert len(proxy.seen) == 20
        assert proxy.connections <= 2


def test_trace_context_goes_along(gateway: Gateway) -> None:
    headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=value"}
    gateway.http.post("/predict", json=iris.data(iris.SETOSA), headers=headers)
    spans = set()
    for proxy in gateway.proxies.values():
        (seen,) = proxy.wait_for_messages(1)
        sent = header_of(seen.message, "traceparent") or ""
        found = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01", sent)
        assert found, sent
        assert found[1] == TRACEPARENT[3:35]
        assert found[2] != TRACEPARENT[36:52], "the span of the gateway, not of its caller"
        spans.add(found[2])
        assert header_of(seen.message, "tracestate") == "vendor=value"
    assert spans


@pytest.mark.parametrize("given", [None, "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_a_trace_begins_here_where_none_came(gateway: Gateway, given: str | None) -> None:
    headers = {"traceparent": given} if given else {}
    gateway.http.post("/predict", json=iris.data(iris.SETOSA), headers=headers)
    traces = set()
    for proxy in gateway.proxies.values():
        (seen,) = proxy.wait_for_messages(1)
        sent = header_of(seen.message, "traceparent") or ""
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", sent), sent
        traces.add(sent[3:35])
    assert len(traces) == 1
    assert traces != {"0" * 32}


def test_the_remaining_deadline_goes_along(gateway: Gateway) -> None:
    gateway.http.post("/predict", json=iris.data(iris.SETOSA), headers={DEADLINE_HEADER: "750"})
    for proxy in gateway.proxies.values():
        (seen,) = proxy.wait_for_messages(1)
        left = header_of(seen.message, DEADLINE_HEADER)
        assert left is not None
        assert 0 < float(left) <= 750


def test_host_names_with_underscores_are_names_like_any(tmp_path: Path) -> None:
    """`service_setosa` as in the seed's compose file: what fails is its look-up, not its form."""
    config = gateway_config({"setosa": ["http://service_setosa.invalid:8000"]})
    with Server(config, tmp_path / "underscore") as server:
        entry = server.http("proxy").get("/health/all").json()["setosa"]
        assert entry["error"]["code"] == "unavailable"
        assert "service_setosa.invalid" in entry["error"]["message"]


def test_a_member_may_be_a_host_name(services: Server, tmp_path: Path) -> None:
    _, port = services.config.tcp("setosa")
    config = gateway_config({"setosa": [f"http://localhost:{port}"]})
    with Server(config, tmp_path / "name") as server:
        answer = server.http("proxy").post("/predict", json=iris.data(iris.SETOSA)).json()
        iris.assert_prediction(answer["setosa"], is_class=True)


def test_a_name_that_does_not_resolve_costs_its_member_only(
    services: Server, tmp_path: Path
) -> None:
    setosa = f"http://{services.config.address('setosa')}"
    urls = {"setosa": [setosa], "nobody": ["http://nobody.invalid:8000"]}
    with Server(gateway_config(urls), tmp_path / "unresolved") as server:
        answer = server.http("proxy").post("/predict", json=iris.data(iris.SETOSA))
        assert answer.status_code == 200
        entries = answer.json()
        iris.assert_prediction(entries["setosa"], is_class=True)
        assert entries["nobody"]["error"]["code"] == "unavailable"


SEED_ANSWERS: list[dict[str, Any]] = [
    {"prediction": [0.98, 0.02]},
    {"prediction": [1, 0]},
    {"prediction": [9.8e-1, 2e-2], "extra": {"of": ["another", "program"]}},
]


@pytest.mark.parametrize("said", SEED_ANSWERS)
def test_a_member_may_be_another_program(tmp_path: Path, said: dict[str, Any]) -> None:
    """What the seed's own Python service would answer is enough."""
    with (
        FaultProxy(standing=Answer(http_answer(json=said))) as other,
        Server(gateway_config({"setosa": [other.url]}), tmp_path / "other") as server,
    ):
        answer = server.http("proxy").post("/predict", json=iris.data(iris.SETOSA)).json()
        assert answer["setosa"]["prediction"] == pytest.approx(said["prediction"])


def test_a_client_that_leaves_cancels_the_members(gateway: Gateway) -> None:
    for proxy in gateway.proxies.values():
        proxy.standing(Hold())
    connection = gateway.server.raw("proxy")
    body = json.dumps(iris.data(iris.SETOSA)).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\n{DEADLINE_HEADER}: 60000\r\n"
    connection.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    for proxy in gateway.proxies.values():
        proxy.wait_for_messages(1)
    connection.close()
    for proxy in gateway.proxies.values():
        proxy.wait_until_left()
