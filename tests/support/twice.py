"""Callables whose right answer is known for each input: twice the numbers of a row.

`twice` is a model of a file. `slowly` asks a server of the test, which takes its time, so that
there is always a job on its way.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import onnx_models
from support.config import Config
from support.fault_proxy import FaultProxy
from support.faults import Exchange, http_answer
from support.framing import body_of

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


def add_callables(config: Config, folder: Path, slow: FaultProxy | None = None) -> Sequence[str]:
    """Their names. Every process of a test may use the same folder."""
    path = folder / "twice.onnx"
    if not path.exists():
        onnx_models.times(path, 2.0)
    config.model("twice", path)
    if slow is None:
        return NAMES[:1]
    config.remote("slowly", slow.url, input="input", output="output", columns=4, classes=4)
    return NAMES
