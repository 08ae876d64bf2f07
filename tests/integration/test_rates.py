"""Rates of keys and addresses, and quotas, over HTTP and gRPC."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tritonclient.grpc as grpcclient

from integration.access import (
    BODY,
    INFER,
    admitted,
    create,
    infer,
    predict,
    serving,
    with_key,
)
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(serving(), tmp_path / "server") as running:
        yield running


def limits(answer: httpx.Response) -> tuple[str | None, str | None]:
    return answer.headers.get("ratelimit-policy"), answer.headers.get("ratelimit")


def test_a_key_has_a_rate(server: Server) -> None:
    client = server.http("all")
    key = create(server, "slow", "--rate", "3/1h")
    admitted(client, key)
    answer = predict(client, key)
    assert answer.status_code == 200
    policy, state = limits(answer)
    assert policy == '"default";q=3;w=3600'
    assert re.fullmatch(r'"default";r=1;t=\d+', state or "")
    assert predict(client, key).status_code == 200
    refused = predict(client, key)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 1200
    assert re.fullmatch(r'"default";r=0;t=\d+', limits(refused)[1] or "")
    assert refused.json()["code"] == "exhausted"
    own = client.post("/v2/models/setosa/infer", json=INFER, headers=with_key(key))
    assert own.status_code == 429
    assert set(own.json()) == {"error"}
    other = create(server, "free")
    admitted(client, other)
    assert limits(predict(client, other)) == (None, None)


def test_an_address_without_a_key_has_the_rate_of_its_mount(tmp_path: Path) -> None:
    config = serving(required=False)
    entry = config.listener("all")
    entry["trusted_proxies"] = ["127.0.0.1"]
    entry["rate_per_address"] = "100/1h"
    entry["mounts"][0]["rate_per_address"] = "2/1h"
    with Server(config, tmp_path / "server") as server:
        client = server.http("all")

        def call(address: str, path: str = "/predict", body: Any = BODY) -> httpx.Response:
            headers = {"X-Forwarded-For": address}
            return client.post(path, json=body, headers=headers)

        for left in (1, 0):
            answer = call("192.0.2.1")
            assert answer.status_code == 200
            assert f'"default";r={left};' in (limits(answer)[1] or "")
        refused = call("192.0.2.1")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert call("192.0.2.2").status_code == 200
        assert [call(f"2001:db8::{i}").status_code for i in range(3)] == [200, 200, 429]
        for _ in range(5):
            assert predict(client).status_code == 200, "loopback is exempt"
        answer = call("192.0.2.1", "/v2/models/setosa/infer", INFER)
        assert limits(answer)[0] == '"default";q=100;w=3600', "another mount, the listener's rate"
        # A reload keeps what has been taken.
        server.signal(signal.SIGHUP)
        server.wait_for_log(action="reloaded")
        assert call("192.0.2.1").status_code == 429
        key = create(server, "a")
        admitted(client, key)
        headers = {"X-Forwarded-For": "192.0.2.1", **with_key(key)}
        assert client.post("/predict", json=BODY, headers=headers).status_code == 200


def test_a_quota_outlives_the_process(tmp_path: Path) -> None:
    config = serving()
    with Server(config, tmp_path / "server") as server:
        client = server.http("all")
        key = create(server, "small", "--quota", "3/month")
        admitted(client, key)
        answer = predict(client, key)
        assert answer.status_code == 200
        assert '"quota";q=3;w=' in answer.headers["ratelimit-policy"]
        assert '"quota";r=1;t=' in answer.headers["ratelimit"]
    with Server(config, tmp_path / "server") as server:
        client = server.http("all")
        assert predict(client, key).status_code == 200
        refused = predict(client, key)
        assert refused.status_code == 429
        assert "3/month" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) > 0


def test_grpc_holds_keys_to_their_rates(server: Server) -> None:
    headers = {"x-api-key": create(server, "slow", "--rate", "2/1h")}
    with grpcclient.InferenceServerClient(server.config.address("grpc")) as client:
        eventually(lambda: infer(client, "setosa", headers) == "OK", what="the key is good")
        assert infer(client, "setosa", headers) == "OK"
        refused = infer(client, "setosa", headers)
        assert refused.startswith("StatusCode.RESOURCE_EXHAUSTED: the key")
