"""Calls of any API with `Prefer: respond-async`: they become jobs and answer as that API does."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import iris_jobs as jobs
from support.config import IRIS_CLASSES, MODELS, Config, mount
from support.redis_server import RedisServer
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short

LATER = {"Prefer": "respond-async"}


def config() -> Config:
    made = Config().model("iris", MODELS / "iris.onnx").iris_models()
    made.ensemble("all", {name: name for name in IRIS_CLASSES})
    made.listen(
        "api",
        mount("open_inference"),
        mount("tensorflow_serving"),
        mount("horizontal_proxy", "all", prefix="/proxy"),
        mount("jobs"),
    )
    return made.listen("now", mount("open_inference"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(config(), tmp_path_factory.mktemp("later") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.http("api")


def infer_body() -> dict[str, Any]:
    return jobs.iris_input()


def result(client: httpx.Client, taken: httpx.Response) -> httpx.Response:
    """What came of it, alone."""
    assert taken.status_code == 202, taken.text
    assert taken.headers["preference-applied"] == "respond-async"
    place = taken.headers["location"]
    assert place.endswith(taken.json()["id"])

    def look() -> httpx.Response | None:
        answer = client.get(f"{place}/result", params={"wait": "1s"})
        return answer if answer.status_code != 202 else None

    found = eventually(look, what="the call is made")
    assert found is not None
    return found


CALLS = {
    "open inference": ("/v2/models/iris/infer", infer_body()),
    "tensorflow serving": ("/v1/models/iris:predict", {"instances": [jobs.SETOSA]}),
    "the seed's proxy": ("/proxy/predict", {"data": [jobs.SETOSA]}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_made_later_answers_as_one_that_is_made_now(
    name: str, client: httpx.Client
) -> None:
    path, body = CALLS[name]
    now = client.post(path, json=body)
    assert now.status_code == 200, now.text
    later = result(client, client.post(path, json=body, headers=LATER))
    assert later.status_code == 200, later.text
    assert later.headers["content-type"] == now.headers["content-type"]
    assert later.json() == now.json()


def test_the_job_shows_a_json_result(client: httpx.Client) -> None:
    now = client.post("/v2/models/iris/infer", json=infer_body()).json()
    taken = client.post("/v2/models/iris/infer", json=infer_body(), headers=LATER)
    found = jobs.ended(client, taken.json()["id"])
    assert found["callable"] == "iris"
    assert found["result"] == now


def test_tensors_come_back_in_binary_where_that_was_asked_for(client: httpx.Client) -> None:
    values = struct.pack("<4f", *jobs.SETOSA)
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "input",
                    "shape": [1, 4],
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": len(values)},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    path = "/v2/models/iris/infer"
    now = client.post(path, content=head + values, headers=headers)
    assert now.status_code == 200, now.text
    taken = client.post(path, content=head + values, headers=headers | LATER)
    later = result(client, taken)
    length = "inference-header-content-length"
    assert later.headers[length] == now.headers[length]
    assert later.content == now.content
    assert "result" not in jobs.job(client, taken.json()["id"])


def test_a_call_that_could_never_be_made_is_refused_now(client: httpx.Client) -> None:
    now = client.post("/v2/models/iris/infer", json={"inputs": []})
    wrong = client.post("/v2/models/iris/infer", json={"inputs": []}, headers=LATER)
    assert wrong.status_code == now.status_code == 422
    assert wrong.json() == now.json()
    unknown = client.post("/v2/models/rose/infer", json=infer_body(), headers=LATER)
    assert unknown.status_code == 404


def test_a_repeated_call_under_one_key_is_made_once(client: httpx.Client) -> None:
    def post(row: list[float], trace: str = "1" * 32) -> httpx.Response:
        traced = {"traceparent": f"00-{trace}-1111111111111111-01"}
        return client.post(
            "/v2/models/iris/infer",
            json=jobs.iris_input(row),
            headers=LATER | {"Idempotency-Key": "the-same"} | traced,
        )

    first, again = post(jobs.SETOSA), post(jobs.SETOSA, "2" * 32)
    assert first.json()["id"] == again.json()["id"]
    other = post([1.0, 1.0, 1.0, 1.0])
    assert other.status_code == 422, other.text


def test_a_call_that_waits_says_where_to_ask_and_can_be_cancelled(client: httpx.Client) -> None:
    client.post("/v1/queues/iris/pause")
    taken = client.post("/v2/models/iris/infer", json=infer_body(), headers=LATER)
    place = taken.headers["location"]
    waiting = client.get(f"{place}/result")
    assert waiting.status_code == 202
    assert waiting.json()["status"] == "pending"
    assert waiting.headers["location"] == f"{place}/result"
    assert client.delete(place).json()["status"] == "cancelled"
    assert client.get(f"{place}/result").status_code == 409
    client.post("/v1/queues/iris/resume")


def test_where_no_jobs_are_taken_the_call_is_made_now(server: Server) -> None:
    """A preference may be passed over (RFC 7240, section 2)."""
    answer = server.http("now").post("/v2/models/iris/infer", json=infer_body(), headers=LATER)
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


def test_what_fails_later_says_why(tmp_path: Path) -> None:
    """The model's server never answers; the caller's deadline counts for each attempt."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        made = Config().remote("slow", url, columns=4, classes=3)
        made.listen("api", mount("horizontal_service", "slow"), mount("jobs"))
        made.set("jobs", {"retries": 0})
        with Server(made, tmp_path / "server") as running:
            client = running.http("api")
            taken = client.post(
                "/predict", json={"data": [jobs.SETOSA]}, headers=LATER | {"X-Deadline-Ms": "50"}
            )
            failed = result(client, taken)
            assert failed.status_code == 504, failed.text
            assert failed.json()["code"] == "timeout"
            found = jobs.job(client, taken.json()["id"])
            assert found["status"] == "failed"
            assert found["error"]["message"] == failed.json()["detail"]


def test_an_answer_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    made = config().set("jobs", {"max_output_bytes": "1KiB"})
    with Server(made, tmp_path / "server") as running:
        client = running.http("api")
        rows = {"instances": [jobs.SETOSA] * 200}
        failed = result(client, client.post("/v1/models/iris:predict", json=rows, headers=LATER))
        assert failed.status_code == 413, failed.text
        assert "max_output_bytes" in failed.json()["detail"]


def test_another_process_makes_the_call_from_a_shared_store(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:

        def shared() -> Config:
            made = config()
            made.listener("admin")["served_by"] = "both"
            made.set("jobs", {"store": "redis", "consume": False})
            return made.set("stores", {"redis": {"address": redis.address}})

        with Server(shared(), tmp_path / "proxy") as proxy:
            client = proxy.http("api")
            now = client.post("/v2/models/iris/infer", json=infer_body()).json()
            taken = client.post("/v2/models/iris/infer", json=infer_body(), headers=LATER)
            assert client.get(taken.headers["location"]).json()["status"] == "pending"
            with Server(shared(), tmp_path / "worker", command="worker"):
                assert result(client, taken).json() == now
