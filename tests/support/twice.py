"""Callables whose right answer is known for each input: twice the numbers of a row.

`twice` is a model of a file. `slowly` asks a server of the test, which takes its time, so that
there is always a job on its way.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import onnx_models
from support.config import Config, mount
from support.fault_proxy import FaultProxy
from support.faults import Exchange, http_answer
from support.framing import body_of
from support.redis_server import RedisServer

NAMES = ("twice", "slowly")


def row(number: int) -> list[float]:
    return [number + 1.0, number + 2.0, number + 3.0, number + 4.0]


def job_input(number: int) -> dict[str, Any]:
    data = {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": row(number)}
    return {"inputs": [data]}


def is_right(number: int, result: Any) -> bool:
    [output] = result["outputs"]
    return bool(output["data"] == [2 * value for value in row(number)])


@dataclass(frozen=True)
class _Doubles:
    delay_s: float

    async def handle(self, exchange: Exchange) -> None:
        if exchange.message.startswith(b"POST"):
            await asyncio.sleep(self.delay_s)
            [numbers] = json.loads(body_of(exchange.message))["data"]
            await exchange.send(http_answer(json={"prediction": [2 * n for n in numbers]}))
        else:
            await exchange.send(http_answer(json={"status": "ok"}))


def slow_server(delay_s: float = 0.05) -> FaultProxy:
    return FaultProxy(standing=_Doubles(delay_s))


def add_callables(config: Config, folder: Path, slow: FaultProxy | None = None) -> None:
    """Every process of a test may use the same folder."""
    path = folder / "twice.onnx"
    if not path.exists():
        onnx_models.times(path, 2.0)
    config.model("twice", path)
    if slow is not None:
        config.remote("slowly", slow.url, input="input", output="output", columns=4, classes=4)


def killable(folder: Path, slow: FaultProxy | None, redis: RedisServer | None = None) -> Config:
    """One process with these callables and a listener `jobs`, which may be killed at any time.

    A worker's death costs its jobs a second, and never the job. With Redis only workers run them.
    """
    config = Config()
    config.listener("admin")["served_by"] = "both"
    config.listen("jobs", mount("jobs"))
    add_callables(config, folder, slow)
    config.set("jobs", {"lease": "1s", "lost_leases": 100})
    if redis is not None:
        config.data["jobs"] |= {"store": "redis", "consume": False}
        config.set("stores", {"redis": {"address": redis.address}})
    return config.set("telemetry", {"log": {"level": "warn"}})
