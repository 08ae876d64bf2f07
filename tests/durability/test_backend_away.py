"""The TensorFlow Serving that jobs ask is killed: they wait at the head, and all are done later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.config import MODELS, Config, mount
from support.iris_jobs import SETOSA, TERMINAL, job
from support.redis_server import DURABLE, RedisServer
from support.server import Server
from support.waiting import eventually


def tensorflow_serving() -> Config:
    config = Config().model("iris", MODELS / "iris.onnx")
    return config.listen("tf", mount("tensorflow_serving"), protocol="grpc")


def front(backend: str, redis: RedisServer | None) -> Config:
    config = Config().tensorflow_serving("iris", backend, watch_every="200ms")
    config.listener("admin")["served_by"] = "both"
    config.listen("proxy", mount("async_iris", "iris"), mount("jobs"))
    config.set("jobs", {"concurrency": 1})
    if redis is not None:
        config.data["jobs"] |= {"store": "redis", "consume": False}
        config.set("stores", {"redis": {"address": redis.address}})
    return config


def check(backend: Server, proxy: Server) -> None:
    client = proxy.http("proxy")

    def predict() -> str:
        answer = client.post("/predict", json={"data": [SETOSA]})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    def health() -> tuple[str, str]:
        said = client.get("/health").json()
        return said["status"], said["components"]["tensorflow_serving"]

    def all_ended(ids: list[str]) -> list[dict[str, Any]] | None:
        found = [job(client, job_id) for job_id in ids]
        return found if all(one["status"] in TERMINAL for one in found) else None

    eventually(lambda: health() == ("healthy", "ok"), what="it is well")
    before = predict()
    eventually(lambda: all_ended([before]), what="a job is done")
    backend.kill()
    ids = [predict() for _ in range(20)]
    first = eventually(
        lambda: next((one for one in ids if job(client, one)["outages"] > 0), None),
        what="a job meets the outage",
    )
    eventually(lambda: health() == ("degraded", "unavailable"), what="health says so")
    assert first == ids[0], "what came back went to the head, and nobody passed it"
    assert client.get("/metadata").status_code in {200, 503}
    backend.start_again(wait=True)
    found = eventually(lambda: all_ended(ids), what="all are done")
    assert found is not None
    assert {one["status"] for one in found} == {"completed"}
    assert {(one["failures"], one["lost_leases"]) for one in found} == {(0, 0)}
    begun = [one["started_at"] for one in found]
    assert begun == sorted(begun), "in the order in which they came"
    eventually(lambda: health() == ("healthy", "ok"), what="it is well again")


def test_jobs_of_one_process_wait_for_their_backend(tmp_path: Path) -> None:
    with Server(tensorflow_serving(), tmp_path / "backend") as backend:
        config = front(backend.config.address("tf"), None)
        with Server(config, tmp_path / "server") as server:
            check(backend, server)


@pytest.mark.timeout(150)
def test_jobs_of_proxy_and_worker_wait_for_their_backend(tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path / "redis", *DURABLE) as redis,
        Server(tensorflow_serving(), tmp_path / "backend") as backend,
    ):
        address = backend.config.address("tf")
        with (
            Server(front(address, redis), tmp_path / "proxy") as proxy,
            Server(front(address, redis), tmp_path / "worker", command="worker"),
        ):
            check(backend, proxy)
