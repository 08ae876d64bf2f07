"""Whom the rows about jobs are measured against: proxies on FastAPI, arq's worker, BullMQ's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from .context import BODY, Context
from .load import run_tool
from .peers import PEERS, uvicorn
from .processes import BOTH_CORES, MissingError, Server


@contextmanager
def proxy(context: Context, app: str, redis: Server) -> Iterator[Server]:
    environment = {"REDIS_PORT": str(redis.port)}
    with uvicorn(context, app, environment, folder="jobs", core=BOTH_CORES) as server:
        server.wait_for(server.port, "/predict", body=BODY)
        yield server


def queue_proxy(context: Context, redis: Server) -> AbstractContextManager[Server]:
    """The specification's: FastAPI, redis-py, uvicorn with one process."""
    return proxy(context, "queue_proxy:app", redis)


def arq_proxy(context: Context, redis: Server) -> AbstractContextManager[Server]:
    return proxy(context, "arq_proxy:app", redis)


def jobs_per_second(command: list[str]) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(run_tool(BOTH_CORES, command).splitlines()[-1])
    return {**figures, "per_second": figures["jobs"] / figures["seconds"]}


def arq_worker(context: Context, redis: Server, jobs: int, concurrency: int) -> dict[str, Any]:
    script = PEERS / "jobs" / "arq_worker.py"
    command = [context.python("benchmarks"), script, redis.port, jobs, concurrency]
    return jobs_per_second([str(word) for word in command])


def bullmq_worker(context: Context, redis: Server, jobs: int, concurrency: int) -> dict[str, Any]:
    # Modules are looked for beside the script.
    script = context.node_modules("bullmq").parent / "worker.js"
    shutil.copyfile(PEERS / "bullmq" / "worker.js", script)
    command = [context.program("node"), script, redis.port, jobs, concurrency]
    return jobs_per_second([str(word) for word in command])


def bullmq_missing(context: Context) -> str:
    """Why BullMQ cannot be measured here; empty where it can."""
    try:
        context.program("node")
        context.node_modules("bullmq")
    except MissingError as missing:
        return str(missing)
    return ""
