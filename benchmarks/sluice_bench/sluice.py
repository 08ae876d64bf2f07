"""Sluice itself, with the configurations that the rows need."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .context import BODY, CLASSES, MODELS, Context, model
from .processes import SERVER_CORE, MissingError, Server, free_port


@dataclass(frozen=True)
class Ports:
    service: int
    proxy: int
    infer: int
    grpc: int


def local_callables() -> dict[str, Any]:
    """The four models of models/ and the ensemble of three."""
    callables: dict[str, Any] = {
        name: {"model": {"backend": "onnx", "path": str(model(name))}} for name in CLASSES
    }
    callables["iris"] = {"model": {"backend": "onnx", "path": str(MODELS / "iris.onnx")}}
    callables["iris_ensemble"] = ensemble({name: name for name in CLASSES}, "1s")
    return callables


def ensemble(members: dict[str, str], deadline: str) -> dict[str, Any]:
    return {
        "ensemble": {
            "members": {name: {"target": target} for name, target in members.items()},
            "deadline": deadline,
            "quorum": 1,
        }
    }


def remote_callables(replicas: Sequence[int], deadline: str) -> dict[str, Any]:
    """One member for each port, in the order of CLASSES, and the ensemble over them."""
    callables: dict[str, Any] = {
        f"remote_{name}": {
            "model": {"backend": "http_predict", "replicas": [f"http://127.0.0.1:{port}"]}
        }
        for name, port in zip(CLASSES, replicas, strict=True)
    }
    members = {name: f"remote_{name}" for name in CLASSES}
    callables["iris_ensemble"] = ensemble(members, deadline)
    return callables


def configuration(callables: dict[str, Any], service: str, ports: Ports) -> dict[str, Any]:
    def listener(port: int, mount: dict[str, str], **more: str) -> dict[str, Any]:
        return {"address": f"127.0.0.1:{port}", **more, "mounts": [mount]}

    return {
        "version": 1,
        "telemetry": {"log": {"access": False}},
        "listeners": [
            listener(ports.service, {"api": "horizontal_service", "target": service}),
            listener(ports.proxy, {"api": "horizontal_proxy", "target": "iris_ensemble"}),
            listener(ports.infer, {"api": "open_inference"}),
            listener(ports.grpc, {"api": "open_inference"}, protocol="grpc"),
        ],
        "callables": callables,
    }


@dataclass(frozen=True)
class Sluice:
    server: Server
    ports: Ports


@contextmanager
def sluice(
    context: Context,
    name: str,
    callables: dict[str, Any] | None = None,
    service: str = "setosa",
    *,
    wait: bool = True,
) -> Iterator[Sluice]:
    """The release on the server core. `service` is the callable behind the service's port."""
    if not context.binary.exists():
        raise MissingError(f"{context.binary} is not built: make bench builds it")
    ports = Ports(free_port(), free_port(), free_port(), free_port())
    folder = context.out / "configurations"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / f"{name}.yaml"
    # JSON is YAML.
    document = configuration(callables or local_callables(), service, ports)
    config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    state = folder / f"{name}.state"
    command = [str(context.binary), "serve", "--config", str(config)]
    environment = {"SLUICE_DATA_DIR": str(state)}
    with Server("sluice", command, folder / f"{name}.log", environment=environment) as server:
        if wait:
            server.wait_for(ports.service, "/predict", body=BODY)
        yield Sluice(server, ports)


@contextmanager
def language_server(
    context: Context, name: str, callables: dict[str, Any], core: int | str = SERVER_CORE
) -> Iterator[Server]:
    """Language models behind OpenAI's API on one port."""
    if not context.binary.exists():
        raise MissingError(f"{context.binary} is not built: make bench builds it")
    port = free_port()
    folder = context.out / "configurations"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / f"{name}.yaml"
    document = {
        "version": 1,
        "telemetry": {"log": {"access": False}},
        "listeners": [
            {"address": f"127.0.0.1:{port}", "mounts": [{"api": "openai"}, {"api": "admin"}]}
        ],
        "callables": callables,
    }
    config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    command = [str(context.binary), "serve", "--config", str(config)]
    log = folder / f"{name}.log"
    environment = {"SLUICE_DATA_DIR": str(folder / f"{name}.state")}
    with Server("sluice", command, log, core=core, environment=environment) as server:
        server.port = port
        server.wait_for(port, "/v1/models")
        yield server
