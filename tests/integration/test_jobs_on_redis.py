"""Jobs on a Redis server: a process that takes them, workers that run them, and what fails."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.config import MODELS, Config, mount
from support.iris_jobs import SETOSA, TERMINAL, ended, submit
from support.metrics import Scrape
from support.redis_server import DURABLE, RedisServer
from support.server import Server, run, timed
from support.waiting import eventually


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", *DURABLE) as server:
        yield server


def config(redis: RedisServer, **jobs: Any) -> Config:
    made = Config().model("iris", MODELS / "iris.onnx")
    made.listener("admin")["served_by"] = "both"
    made.listen("proxy", mount("async_iris", "iris"), mount("jobs"))
    made.data["jobs"] = {
        "store": "redis",
        "consume": False,
        "seed_queue": {"callable": "iris"},
        **jobs,
    }
    made.data["stores"] = {"redis": {"address": redis.address}}
    return made


def result(client: httpx.Client, job_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(f"/job/{job_id}").json()
        return found if found["status"] in TERMINAL else None

    found = eventually(look, what="the job ends")
    assert found is not None
    return found


def predict(client: httpx.Client, **fields: Any) -> str:
    answer = client.post("/predict", json={"data": [SETOSA], **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


def test_one_process_takes_a_job_and_another_runs_it(redis: RedisServer, tmp_path: Path) -> None:
    with Server(config(redis), tmp_path / "proxy") as proxy:
        client = proxy.http("proxy")
        first = predict(client)
        assert client.get(f"/job/{first}").json() == {"job_id": first, "status": "pending"}
        assert client.get("/health").json()["components"]["redis"] == "ok"
        with Server(config(redis), tmp_path / "worker", command="worker") as worker:
            assert result(client, first)["result"]["class_name"] == "setosa"
            general = submit(client, priority="high")
            assert ended(client, general)["status"] == "completed"
            worker.wait_for_log(action="prediction_completed", job_id=first, result="setosa")
            with pytest.raises(httpx.ConnectError):
                worker.http("proxy").get("/health")


def test_a_proxy_and_a_worker_of_others_use_the_same_keys(
    redis: RedisServer, tmp_path: Path
) -> None:
    body = json.dumps({"data": [SETOSA]})
    with Server(config(redis), tmp_path / "proxy") as proxy:
        client = proxy.http("proxy")
        mine = predict(client)
        assert redis.ask("RPOP", "queue:predict") == mine
        assert json.loads(redis.ask("GET", f"job:{mine}:data") or "") == json.loads(body)
        redis.ask("SET", f"job:{mine}:status", "processing")
        redis.ask("SET", f"job:{mine}:result", '{"prediction": 0}')
        redis.ask("SET", f"job:{mine}:status", "completed")
        assert result(client, mine)["result"] == {"prediction": 0}
        with Server(config(redis), tmp_path / "worker", command="worker"):
            redis.ask("SET", "job:a1b2c3:data", body)
            redis.ask("LPUSH", "queue:predict", "a1b2c3")
            assert result(client, "a1b2c3")["result"]["class_name"] == "setosa"
            assert redis.ask("GET", "job:a1b2c3:status") == "completed"


def test_whatever_a_worker_of_others_left_is_one_line_of_json(
    redis: RedisServer, tmp_path: Path
) -> None:
    with Server(config(redis), tmp_path / "proxy") as server:
        client = server.http("proxy")
        for left, read in (
            ('{\n  "prediction": 0\n}\n', {"prediction": 0}),
            ("setosa\nor so", "setosa\nor so"),
        ):
            job_id = predict(client)
            assert redis.ask("RPOP", "queue:predict") == job_id
            redis.ask("SET", f"job:{job_id}:result", left)
            redis.ask("SET", f"job:{job_id}:status", "completed")
            assert result(client, job_id)["result"] == read
            events = client.get(f"/v1/jobs/{job_id}/events").text
            data = [line for line in events.splitlines() if line.startswith("data: ")]
            assert json.loads(data[-1].removeprefix("data: "))["result"] == read


def test_what_is_no_id_is_said_and_the_servers_use_is_shown(
    redis: RedisServer, tmp_path: Path
) -> None:
    redis.ask("SET", "job:a b:data", "kept")
    redis.ask("LPUSH", "queue:predict", "a b")
    with Server(config(redis), tmp_path / "worker", command="worker") as worker:
        line = worker.wait_for_log(action="foreign_id_dropped", level="WARN")
        assert line["id"] == "a b"
        assert redis.ask("GET", "job:a b:data") == "kept"
        assert redis.ask("LLEN", "queue:predict") == "0"
        admin = worker.http("admin")

        def shown() -> bool:
            scrape = Scrape(admin.get("/metrics").text)
            return (
                scrape.value("sluice_redis_memory_bytes") > 100_000
                and scrape.value("sluice_redis_keys") > 0
                and scrape.value("sluice_redis_expired_keys") >= 0
            )

        eventually(shown, what="the server's use")


def test_what_a_killed_worker_had_is_run_by_another(redis: RedisServer, tmp_path: Path) -> None:
    """The first asks a server that never answers, and is killed; its lease runs out."""
    proxy_config = config(redis, lease="1s")
    stuck_config = config(redis, lease="1s")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        stuck_config.remote("iris", url, columns=4, classes=3)
        with Server(proxy_config, tmp_path / "proxy") as proxy:
            client = proxy.http("proxy")
            job_id = predict(client)
            stuck = Server(stuck_config, tmp_path / "stuck", command="worker")
            try:
                eventually(
                    lambda: client.get(f"/job/{job_id}").json()["status"] == "processing",
                    what="the job is taken",
                )
            finally:
                stuck.kill()
            with Server(config(redis, lease="1s"), tmp_path / "worker", command="worker"):
                assert result(client, job_id)["status"] == "completed"
            assert client.get(f"/v1/jobs/{job_id}").json()["attempt"] == 2


def test_without_the_server_all_is_refused_at_once(redis: RedisServer, tmp_path: Path) -> None:
    with Server(config(redis, consume=True), tmp_path / "server") as server:
        client = server.http("proxy")
        before = predict(client)
        assert result(client, before)["status"] == "completed"
        redis.kill()
        eventually(
            lambda: client.get("/health").json()["components"]["redis"] == "unavailable",
            what="it notices",
        )
        for _ in range(3):
            refused, took = timed(lambda: client.post("/predict", json={"data": [SETOSA]}))
            assert refused.status_code == 503
            assert refused.json()["detail"] == "Service temporarily unavailable"
            assert int(refused.headers["retry-after"]) >= 1
            assert took < 5
        assert client.get(f"/job/{before}").status_code == 503
        redis.start()
        eventually(
            lambda: client.get("/health").json()["components"]["redis"] == "ok",
            what="it is back without a restart",
        )
        assert result(client, before)["status"] == "completed", "what was answered is still there"
        assert result(client, predict(client))["status"] == "completed"


def test_a_hung_server_does_not_hold_health_up(redis: RedisServer, tmp_path: Path) -> None:
    with Server(config(redis), tmp_path / "server") as server:
        client = server.http("proxy")
        redis.ask("CLIENT", "PAUSE", "4000", "ALL")
        eventually(
            lambda: client.get("/health").json()["components"]["redis"] == "unavailable",
            what="it notices",
        )
        refused, took = timed(lambda: client.post("/predict", json={"data": [SETOSA]}))
        assert refused.status_code in {200, 503}
        assert took < 15


def test_a_server_that_may_lose_jobs_is_warned_of(tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path / "redis", "--maxmemory-policy", "allkeys-lru") as redis,
        Server(config(redis), tmp_path / "server") as server,
    ):
        eventually(
            lambda: (
                "allkeys-lru" in (server.tail() or "")
                and server.wait_for_log(action="redis_may_lose_jobs", level="WARN")
            ),
            what="it warns",
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stores": {}}, "stores.redis"),
        ({"jobs": {"seed_queue": {"callable": "iris"}}}, "set jobs.store to redis"),
        ({"jobs": {"store": "redis", "seed_queue": {"callable": "rose"}}}, "no callable 'rose'"),
        (
            {"jobs": {"store": "redis", "seed_queue": {"callable": "iris", "format": "x"}}},
            "expected async_iris/1",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_start(
    change: dict[str, Any], said: str, redis: RedisServer, tmp_path: Path
) -> None:
    made = config(redis)
    made.data.update(change)
    file = tmp_path / "wrong.yaml"
    file.write_text(made.to_yaml())
    checked = run("check", file)
    assert checked.returncode == 1
    assert said in checked.stderr


def test_a_worker_needs_a_store_that_others_share(tmp_path: Path) -> None:
    file = tmp_path / "embedded.yaml"
    file.write_text(Config().to_yaml())
    started = run("worker", "--config", file)
    assert started.returncode == 1
    assert "set it to redis" in started.stderr
