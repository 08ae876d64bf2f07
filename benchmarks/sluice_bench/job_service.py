"""Sluice's jobs, and redis-server, as the rows about jobs need them: on both cores."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .context import MODELS, ROW, Context
from .processes import BOTH_CORES, MissingError, Server, ask, free_port

# For whoever stands on Redis, the peers too: what was answered survives a crash of the server.
# Rewriting its log would fall on whoever is measured at that moment.
REDIS_SETTINGS = (
    "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
    "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction",
)  # fmt: skip
REDIS_SAID = "appendonly yes, appendfsync everysec for all"

# Where a round is long or has three sides.
ROUNDS_AT_MOST = 3
SUBMIT_TINY = json.dumps({"callable": "tiny", "input": {"data": [ROW]}})
SUBMIT_IRIS = json.dumps(
    {
        "callable": "iris",
        "input": {
            "inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": ROW}],
        },
    }
)


@contextmanager
def fresh_folder(context: Context, name: str) -> Iterator[Path]:
    """Emptied before, gone after: what a row stores is large and of no further use."""
    folder = context.out / "jobs" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(context: Context, name: str) -> Iterator[Server]:
    port = free_port()
    with fresh_folder(context, f"redis-{name}") as folder:
        command = [context.program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--dir", str(folder), *REDIS_SETTINGS]
        log = context.out / "jobs" / f"redis-{name}.log"
        with Server("redis-server", command, log, core=BOTH_CORES) as server:
            server.port = port
            until = time.monotonic() + 30
            while not redis_answers(port):
                if server.process.poll() is not None or time.monotonic() > until:
                    server.fail("did not answer")
                time.sleep(0.02)
            yield server


def redis_answers(port: int) -> bool:
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=2) as connection,
    ):
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


@dataclass(frozen=True)
class JobPorts:
    service: int  # /predict, /job/.. and /v1/jobs
    worker: int  # metrics and health of a worker


def job_configuration(
    ports: JobPorts,
    *,
    redis: int | None = None,
    consume: bool = False,
    concurrency: int = 16,
    slow: int | None = None,
    hung: int | None = None,
) -> dict[str, Any]:
    """The asynchronous classifier with the model in the process, or in a TensorFlow Serving at the
    port `hung`; `slow` is the port of another remote one.

    Over Redis it shares the specification's keys, as examples/async-iris/redis.yaml does. Leases
    last longer than a row, so that none ends meanwhile.
    """
    callables: dict[str, Any] = {
        "iris": {"model": {"backend": "onnx", "path": str(MODELS / "iris.onnx")}},
        "tiny": {"external": {"description": "taken over /v1/leases"}},
    }
    if hung is not None:
        address = f"127.0.0.1:{hung}"
        callables["iris"] = {"model": {"backend": "tensorflow_serving", "address": address}}
    if slow is not None:
        replicas = [f"http://127.0.0.1:{slow}"]
        callables["slow"] = {"model": {"backend": "http_predict", "replicas": replicas}}
    jobs: dict[str, Any] = {"consume": consume, "concurrency": concurrency, "lease": "1h"}
    stores: dict[str, Any] = {}
    if redis is not None:
        jobs |= {"store": "redis", "seed_queue": {"callable": "iris"}}
        stores = {"redis": {"address": f"127.0.0.1:{redis}"}}
    return {
        "version": 1,
        "telemetry": {"log": {"access": False, "level": "warn"}},
        "listeners": [
            {
                "address": f"127.0.0.1:{ports.service}",
                "mounts": [{"api": "async_iris", "target": "iris"}, {"api": "jobs"}],
            },
            {
                "address": f"127.0.0.1:{ports.worker}",
                "served_by": "worker",
                "mounts": [{"api": "admin"}],
            },
        ],
        "callables": callables,
        "jobs": jobs,
        "stores": stores,
    }


@dataclass(frozen=True)
class JobService:
    """A proxy that takes jobs, and perhaps runs them; over Redis with its redis-server."""

    server: Server
    port: int
    folder: Path
    redis: Server | None

    @property
    def servers(self) -> list[Server]:
        return [self.server] if self.redis is None else [self.server, self.redis]

    @property
    def database(self) -> Path:
        """Of the embedded store."""
        return self.folder / "jobs.db"

    def post(self, path: str, body: str = "{}") -> dict[str, Any]:
        status, answer = ask(self.port, path, body)
        if not 200 <= status < 300:
            raise MissingError(f"POST {path} answered {status}: {answer[:200]!r}")
        found: dict[str, Any] = json.loads(answer or b"{}")
        return found

    def waiting(self, callable_name: str) -> tuple[int, int]:
        """Jobs of a callable that are pending, and those that somebody runs."""
        status, answer = ask(self.port, "/v1/queues")
        if status != 200:
            raise MissingError(f"GET /v1/queues answered {status}: {answer[:200]!r}")
        for queue in json.loads(answer)["queues"]:
            if queue["callable"] == callable_name:
                return queue["pending"], queue["processing"]
        return 0, 0

    def finish(self, callable_name: str, count: int) -> float:
        """Lets a paused queue of `count` jobs go; seconds until none of them is left."""
        began = time.monotonic()
        self.post(f"/v1/queues/{callable_name}/resume")
        while any(self.waiting(callable_name)):
            if time.monotonic() - began > 60:
                raise MissingError(f"{count} jobs were not done within a minute")
            time.sleep(0.004)
        return time.monotonic() - began


def process(
    context: Context, name: str, command: str, config: Path, state: Path | None = None
) -> Server:
    if not context.binary.exists():
        raise MissingError(f"{context.binary} is not built: make bench builds it")
    return Server(
        f"sluice {command}",
        [str(context.binary), command, "--config", str(config)],
        context.out / "jobs" / f"{name}.log",
        core=BOTH_CORES,
        environment={"SLUICE_DATA_DIR": str(state or config.parent)},
    )


@contextmanager
def job_service(
    context: Context,
    name: str,
    *,
    redis: Server | None = None,
    store: Path | None = None,
    **more: Any,
) -> Iterator[JobService]:
    """`sluice serve`; `store` is a file that is to be its embedded store."""
    ports = JobPorts(free_port(), free_port())
    with fresh_folder(context, name) as folder:
        if store is not None:
            store.rename(folder / "jobs.db")
        config = folder / "sluice.yaml"
        document = job_configuration(ports, redis=redis.port if redis else None, **more)
        config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        with process(context, name, "serve", config) as server:
            server.wait_for(ports.service, "/v1/queues")
            yield JobService(server, ports.service, folder, redis)


@contextmanager
def job_worker(context: Context, service: JobService, name: str) -> Iterator[Server]:
    """`sluice worker` over a service's configuration, with a port of its own."""
    port = free_port()
    document = json.loads((service.folder / "sluice.yaml").read_text(encoding="utf-8"))
    document["listeners"][1]["address"] = f"127.0.0.1:{port}"
    config = service.folder / f"{name}.yaml"
    config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    state = service.folder / name
    state.mkdir(exist_ok=True)
    with process(context, f"{service.folder.name}-{name}", "worker", config, state) as server:
        server.wait_for(port, "/health/ready")
        yield server


def submit_many(service: JobService, body: str, count: int) -> None:
    """Hands in exactly so many, one after another on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    with contextlib.closing(connection):
        for _ in range(count):
            connection.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 202:
                raise MissingError(f"POST /v1/jobs answered {answer.status}: {text[:200]!r}")
