"""Slots before models of every kind: a file's in this process, and one of another server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support import iris_jobs as jobs
from support import onnx_models
from support.config import Config, iris_path, mount
from support.fault_proxy import FaultProxy
from support.faults import Hold
from support.raw_http import RawConnection
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short

SLOTS = {"slots": 1, "depth": 1, "realtime": {"order": "fifo"}}
# Turns of the model's loop: more than anybody waits for.
FOR_EVER = 1e9


def tensor(name: str, values: list[float]) -> dict[str, Any]:
    return {
        "inputs": [{"name": name, "shape": [1, len(values)], "datatype": "FP32", "data": values}]
    }


class Slotted:
    """A server whose callable `m` has one slot, and a call for it that lasts until it is let go."""

    def __init__(self, server: Server, lasting: dict[str, Any], name: str) -> None:
        self.server = server
        self.name = name
        self.lasting = lasting
        self.client = server.http("api")

    def slots(self) -> dict[str, Any]:
        [slots] = self.server.http("admin").get("/admin/slots").json()
        return dict(slots)

    def call(self) -> RawConnection:
        """Sends it; what comes is not awaited."""
        connection = RawConnection(self.server.config.tcp("api"))
        body = json.dumps(self.lasting)
        connection.send(
            f"POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return connection


@pytest.fixture(params=["onnx", "remote"])
def slotted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Slotted]:
    config = Config()
    config.listen("api", mount("open_inference"), mount("jobs"))
    with ExitStack() as stack:
        if request.param == "onnx":
            config.model("m", onnx_models.endless(tmp_path / "m.onnx"), slots=SLOTS)
            lasting, name = [FOR_EVER] * 64, "input"
        else:
            service = Config().model("setosa", iris_path("setosa"))
            service.listen("service", mount("horizontal_service", "setosa"))
            behind = stack.enter_context(Server(service, tmp_path / "service"))
            proxy = FaultProxy(behind.config.tcp("service"))
            stack.callback(proxy.stop)
            proxy.standing(Hold())
            config.remote("m", proxy.url, slots=SLOTS, timeout="60s")
            lasting, name = jobs.SETOSA, "input"
        server = stack.enter_context(Server(config, tmp_path / "server"))
        if request.param == "remote":
            [described] = server.http("api").get("/v2/models/m").json()["inputs"]
            name = described["name"]
        yield Slotted(server, tensor(name, lasting), name)


def test_people_jobs_and_the_bound_of_the_queue_hold_before_any_model(slotted: Slotted) -> None:
    with slotted.call():
        eventually(lambda: len(slotted.slots()["held"]) == 1, what="the first call has the slot")
        assert slotted.slots()["held"][0]["class"] == "realtime"
        job = jobs.submit(slotted.client, callable="m", input=slotted.lasting)
        eventually(lambda: slotted.slots()["best_effort_waiting"] == 1, what="the job waits")
        with slotted.call():
            eventually(lambda: slotted.slots()["realtime_waiting"] == 1, what="the second waits")
            with slotted.call() as third:
                answer = third.answer()
                assert answer.status == 429
                assert int(answer.header("Retry-After") or 0) >= 1
        eventually(lambda: slotted.slots()["realtime_waiting"] == 0, what="the second has left")
    eventually(
        lambda: [held["class"] for held in slotted.slots()["held"]] == ["best_effort"],
        what="the job has the slot of the call that left",
    )
    assert slotted.client.delete(f"/v1/jobs/{job}").status_code in (200, 202, 204)
    eventually(lambda: slotted.slots()["held"] == [], what="the job has been stopped")
