"""Batches on a Redis server: one process takes the file, others run its lines, any may die."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.config import Config, iris_path, mount
from support.fault_proxy import FaultProxy
from support.faults import Silent, Slow
from support.jobs import ENDED, INFER
from support.redis_server import RedisServer
from support.server import Server
from support.waiting import eventually

LINES = 1000


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(
        tmp_path / "redis", "--appendonly", "yes", "--appendfsync", "always"
    ) as server:
        yield server


def on_redis(redis: RedisServer, made: Config) -> Config:
    made.listener("admin")["served_by"] = "both"
    made.listen("proxy", mount("jobs"))
    made.data["jobs"] = {"store": "redis", "consume": False, "lease": "1s"}
    made.data["stores"] = {"redis": {"address": redis.address}}
    return made


def config(redis: RedisServer) -> Config:
    return on_redis(redis, Config().model("setosa", iris_path("setosa")))


@contextmanager
def killed(config: Config, folder: Path, command: str = "serve") -> Iterator[Server]:
    """A process that is killed at the end."""
    server = Server(config, folder, command=command)
    try:
        yield server
    finally:
        server.kill()


def jsonl(count: int) -> bytes:
    lines = ({"input": INFER, "custom_id": f"c{i}"} for i in range(1, count + 1))
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def hand_in(client: httpx.Client, body: Any) -> str:
    answer = client.post("/v1/jobs/batches?callable=setosa", content=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def batch(client: httpx.Client, batch_id: str) -> dict[str, Any]:
    answer = client.get(f"/v1/jobs/batches/{batch_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(client: httpx.Client, batch_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = batch(client, batch_id)
        return found if found["status"] in ENDED else None

    found = eventually(look, what="the batch ends", timeout=60, interval=0.05)
    assert found is not None
    return found


def lines(client: httpx.Client, batch_id: str, what: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/jobs/batches/{batch_id}/{what}")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_what_a_killed_worker_had_of_a_file_is_run_by_another(
    redis: RedisServer, tmp_path: Path
) -> None:
    """The first asks a slow server, which falls silent in the middle of the file."""
    service = Config().model("setosa", iris_path("setosa"))
    service.listen("service", mount("horizontal_service", "setosa"))
    with (
        Server(service, tmp_path / "service") as model,
        FaultProxy(model.config.tcp("service")) as between,
    ):
        between.standing(Slow(delay_s=0.05))
        remote = on_redis(redis, Config().remote("setosa", between.url))
        with killed(config(redis), tmp_path / "taker") as taker:
            made = hand_in(taker.http("proxy"), jsonl(LINES) + b"{not json\n")
            seen = batch(taker.http("proxy"), made)
            assert (seen["status"], seen["lines"]) == ("running", LINES + 1)
        with Server(config(redis), tmp_path / "other") as other:
            client = other.http("proxy")
            with killed(remote, tmp_path / "doomed", command="worker"):
                eventually(
                    lambda: batch(client, made)["counts"]["completed"] >= 1, what="lines are run"
                )
                between.standing(Silent())
                eventually(
                    lambda: batch(client, made)["counts"]["processing"] >= 1, what="some are stuck"
                )
            seen = batch(client, made)
            assert seen["status"] == "running"
            assert 0 < seen["counts"]["completed"] < LINES
            assert len(lines(client, made, "output")) >= seen["counts"]["completed"]
            with Server(config(redis), tmp_path / "worker", command="worker"):
                end = ended(client, made)
            assert end["status"] == "completed"
            assert end["counts"] == {
                "pending": 0, "processing": 0, "completed": LINES, "failed": 1, "cancelled": 0,
            }  # fmt: skip
            out = lines(client, made, "output")
            assert [line["line"] for line in out] == list(range(1, LINES + 1))
            assert [line["custom_id"] for line in out] == [f"c{i}" for i in range(1, LINES + 1)]
            assert all(line["output"]["outputs"] for line in out)
            assert [line["line"] for line in lines(client, made, "errors")] == [LINES + 1]


def test_the_server_may_be_killed_in_the_middle_of_a_file(
    redis: RedisServer, tmp_path: Path
) -> None:
    many = 5 * LINES
    with (
        Server(config(redis), tmp_path / "taker") as taker,
        Server(config(redis), tmp_path / "worker", command="worker"),
    ):
        client = taker.http("proxy")
        made = hand_in(client, jsonl(many))
        for _ in range(3):
            eventually(lambda: batch(client, made)["counts"]["completed"] >= 1, what="some are run")
            redis.kill()
            redis.start()
            eventually(
                lambda: client.get(f"/v1/jobs/batches/{made}").status_code == 200, what="it is back"
            )
        assert ended(client, made)["counts"]["completed"] == many
        assert [line["line"] for line in lines(client, made, "output")] == list(range(1, many + 1))


def test_a_batch_is_made_once_under_a_key_through_any_process(
    redis: RedisServer, tmp_path: Path
) -> None:
    with (
        Server(config(redis), tmp_path / "taker") as taker,
        Server(config(redis), tmp_path / "other") as other,
    ):

        def upload(server: Server, body: bytes) -> httpx.Response:
            headers = {"Idempotency-Key": "once"}
            path = "/v1/jobs/batches?callable=setosa"
            return server.http("proxy").post(path, content=body, headers=headers)

        first = upload(taker, jsonl(LINES))
        assert first.status_code == 202, first.text
        again = upload(other, jsonl(LINES))
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert again.json()["lines"] == LINES
        assert upload(other, jsonl(1)).status_code == 422
        assert len(other.http("proxy").get("/v1/jobs/batches").json()["batches"]) == 1


def test_a_batch_is_cancelled_through_any_process(redis: RedisServer, tmp_path: Path) -> None:
    with (
        Server(config(redis), tmp_path / "taker") as taker,
        Server(config(redis), tmp_path / "other") as other,
    ):
        made = hand_in(taker.http("proxy"), jsonl(LINES))
        assert other.http("proxy").delete(f"/v1/jobs/batches/{made}").status_code == 200
        end = ended(taker.http("proxy"), made)
        assert (end["status"], end["counts"]["cancelled"]) == ("cancelled", LINES)
        assert len(lines(taker.http("proxy"), made, "errors")) == LINES


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing_to_run(
    redis: RedisServer, tmp_path: Path
) -> None:
    with Server(config(redis), tmp_path / "other") as other:
        client = other.http("proxy")
        with (
            killed(config(redis), tmp_path / "taker") as taker,
            taker.raw("proxy") as connection,
        ):
            connection.send(
                b"POST /v1/jobs/batches?callable=setosa HTTP/1.1\r\nHost: a\r\n"
                b"Content-Length: 10000000\r\n\r\n" + jsonl(LINES)
            )
            eventually(
                lambda: any(
                    one["lines"] >= 500 for one in client.get("/v1/jobs/batches").json()["batches"]
                ),
                what="lines are there",
            )
            taker.kill()  # before the connection ends: it is not told of that
        (found,) = client.get("/v1/jobs/batches").json()["batches"]
        assert found["status"] == "receiving", "until nobody has heard of it for five minutes"
        with Server(config(redis), tmp_path / "worker", command="worker"):
            # What is handed in later is run, what is held is not.
            made = hand_in(client, jsonl(10))
            assert ended(client, made)["counts"]["completed"] == 10
        assert batch(client, found["id"])["counts"]["completed"] == 0
        assert client.delete(f"/v1/jobs/batches/{found['id']}").status_code == 200
        assert ended(client, found["id"])["status"] == "cancelled"
