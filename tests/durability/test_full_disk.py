"""A full disk under the embedded store: told clearly, nothing lost, and on when there is room."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from support import disk_shim, long_runs, twice
from support.caller import Caller
from support.config import MODELS, mount
from support.iris_jobs import ended, job, submit
from support.job_load import JobLoad
from support.server import Server
from support.waiting import eventually


def start(folder: Path, full: Path) -> Server:
    config = twice.killable(folder, None).model("iris", MODELS / "iris.onnx")
    config.listener("jobs")["mounts"] += [mount("async_iris", "iris"), mount("open_inference")]
    env = {"LD_PRELOAD": str(disk_shim.build(folder)), "DISK_SHIM_FULL": str(full)}
    return Server(config, folder / "server", env=env)


def test_a_full_disk_is_told_and_costs_nothing(tmp_path: Path) -> None:
    full = tmp_path / "full"
    with start(tmp_path, full) as server, Caller(server.config.tcp("jobs")) as caller:
        client = server.http("jobs")
        client.post("/v1/queues/iris/pause")
        accepted = [submit(client) for _ in range(20)]
        full.touch()
        body = {"callable": "iris", "input": {"inputs": [twice.job_input(1)["inputs"][0]]}}
        refused = 0
        # What the log has room for is still accepted.
        for number in range(1000):
            heard = caller.ask("POST", "/v1/jobs", body, {"Idempotency-Key": f"{number}"})
            assert heard is not None
            if heard.status == 202:
                accepted.append(heard.body["id"])
                continue
            refused += 1
            assert heard.status == 503, heard
            assert "the disk is full" in heard.body["detail"]
            assert int(heard.headers["retry-after"]) >= 1
            if refused == 20:
                break
        assert refused == 20
        assert job(client, accepted[0])["status"] == "pending", "what is there can be read"
        infer = client.post("/v2/models/iris/infer", json=body["input"])
        assert infer.status_code == 200, "what needs no store is served"
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json()["components"]["store"] != "ok"
        full.unlink()

        def resumed() -> bool:
            return client.post("/v1/queues/iris/resume").status_code == 200

        eventually(resumed, what="there is room again")
        assert {ended(client, job_id)["status"] for job_id in accepted} == {"completed"}
        assert ended(client, submit(client))["status"] == "completed"
        eventually(lambda: client.get("/health").status_code == 200, what="it is well again")
    disk_shim.assert_sound(tmp_path / "server" / "data", tmp_path / "copy")


@pytest.mark.timeout(long_runs.TIMEOUT_S)
def test_a_disk_that_is_full_now_and_then_loses_no_job(tmp_path: Path) -> None:
    chance = long_runs.seeded()
    full = tmp_path / "full"
    over = threading.Event()

    def fill_and_free() -> None:
        while not over.wait(chance.uniform(0, 0.3)):
            full.touch()
            over.wait(chance.uniform(0, 0.3))
            full.unlink()

    with (
        start(tmp_path, full) as server,
        JobLoad([server.config.tcp("jobs")], twice.NAMES[:1], chance) as load,
    ):
        disk = threading.Thread(target=fill_and_free)
        load.start()
        disk.start()
        try:
            threading.Event().wait(long_runs.KILL_S / 3)
        finally:
            over.set()
            disk.join()
        load.stop()
        load.account()
        print(load.summary())
        assert load.statuses["503"] > 0, "the disk was never full when it mattered"
    disk_shim.assert_sound(tmp_path / "server" / "data", tmp_path / "copy")
