"""A server that asks for keys, and `sluice keys` over its state folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from support import iris
from support.config import Config, iris_path, mount
from support.server import Server, run
from support.waiting import eventually

KEY = re.compile(r"sk-sluice-([0-9a-z]{8})-[0-9a-z]{36}")
BODY = iris.data(iris.SETOSA)
INFER = {
    "inputs": [
        {"name": "float_input", "shape": [1, 4], "datatype": "FP32", "data": iris.SETOSA},
    ]
}


def keys(server: Server, *arguments: str) -> str:
    """One `sluice keys` command over the server's state folder; what it printed."""
    done = run("keys", *arguments, env={"SLUICE_DATA_DIR": str(data_dir(server))})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def data_dir(server: Server) -> Path:
    return server.directory / "data"


def create(server: Server, name: str, *options: str) -> str:
    key = keys(server, "create", "--name", name, *options)
    assert KEY.fullmatch(key), key
    return key


def with_key(key: str) -> dict[str, str]:
    return {"X-API-Key": key}


def serving(*, required: bool | None = True, **access: Any) -> Config:
    config = Config().model("setosa", iris_path("setosa")).model("other", iris_path("versicolor"))
    config.listen(
        "all", mount("horizontal_service", "setosa"), mount("open_inference"), mount("admin")
    )
    config.listen("grpc", mount("open_inference"), protocol="grpc")
    if required is not None:
        access["required"] = required
    return config.set("access", access) if access else config


def predict(client: httpx.Client, key: str | None = None) -> httpx.Response:
    return client.post("/predict", json=BODY, headers=with_key(key) if key else {})


def admitted(client: httpx.Client, key: str) -> None:
    eventually(lambda: predict(client, key).status_code == 200, what="the key is good")


def infer(
    client: grpcclient.InferenceServerClient, model: str, headers: dict[str, str] | None = None
) -> str:
    """OK, or the name of the status and its message."""
    entry = grpcclient.InferInput("float_input", [1, 4], "FP32")
    entry.set_data_from_numpy(np.array([iris.SETOSA], dtype=np.float32))
    try:
        client.infer(model, [entry], headers=headers)
    except InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return "OK"
