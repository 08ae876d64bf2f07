"""The rows of handing jobs in, and of asking for one meanwhile: embedded and over Redis."""

from __future__ import annotations

import json
import statistics
import struct
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import job_peers
from .context import BODY, Context
from .job_service import REDIS_SAID, ROUNDS_AT_MOST, JobService, job_service, redis_server
from .load import interleaved, wrk
from .processes import BOTH_CORES, Server, cpu_seconds
from .report import Row, number
from .waits import median_of

EMBEDDED_CONNECTIONS = 64
EMBEDDED_AT_LEAST = 0.3
EMBEDDED_P50_COMMITS_AT_MOST = 3.0
P99_AT_MOST_MS = 10.0
REDIS_CONNECTIONS = 32
SEED_AT_LEAST = 12.0
ARQ_AT_LEAST = 15.0
REDIS_P50_AT_MOST_MS = 1.0
GET_P99_AT_MOST_MS = 10.0


def submitting(
    context: Context,
    servers: Sequence[Server],
    port: int,
    connections: int,
    path: str = "/predict",
    body: str = BODY,
) -> dict[str, Any]:
    """One run of wrk: every request is a new job. With the processor time that the proxy, and its
    redis-server, spend on one."""
    before = [cpu_seconds(server.pid) for server in servers]
    figures = wrk(port, path, body, context.seconds, connections)
    used = [cpu_seconds(server.pid) - was for server, was in zip(servers, before, strict=True)]
    for name, seconds in zip(("cpu_us", "redis_cpu_us"), used, strict=False):
        figures[name] = seconds / max(figures["requests"], 1) * 1e6
    return figures


def cpu_note(runs: Sequence[dict[str, Any]]) -> str:
    return f"{median_of(runs, 'cpu_us'):.0f} + {median_of(runs, 'redis_cpu_us'):.0f} us"


def errors_of(**runs: Sequence[dict[str, Any]]) -> str:
    counted = {name: sum(one["errors"] for one in some) for name, some in runs.items()}
    return ", ".join(f"{count} errors from {name}" for name, count in counted.items() if count)


def commits(database: Path) -> int:
    """How many transactions have changed a database, by the header of its log's index."""
    with database.with_name(database.name + "-shm").open("rb") as index:
        count: int = struct.unpack_from("=I", index.read(12), 8)[0]
    return count


def sqlite_alone(context: Context, like: Path, rows: float, seconds: float) -> dict[str, Any]:
    """SQLite with the same schema, rows and settings as the store `like`."""
    file = like.with_name("alone.db")
    return context.native.json(
        BOTH_CORES, "sqlite_jobs", like=like, file=file, rows_per_commit=max(round(rows), 1),
        seconds=seconds,
    )  # fmt: skip


def submit_embedded(context: Context) -> list[Row]:
    """Workers stand still; every answer is on disk. SQLite alone commits as many rows at once."""
    with job_service(context, "embedded") as service:
        rows_a_commit: list[float] = []

        def ours() -> dict[str, Any]:
            before = commits(service.database)
            figures = submitting(context, service.servers, service.port, EMBEDDED_CONNECTIONS)
            made = commits(service.database) - before
            rows_a_commit.append(figures["requests"] / max(made, 1))
            return figures

        def alone() -> dict[str, Any]:
            if not rows_a_commit:
                ours()
            return sqlite_alone(context, service.database, rows_a_commit[-1], context.seconds)

        ours()  # to warm up
        found = interleaved(context.rounds, {"sluice": ours, "sqlite": alone})
        read = read_under_load(context, service, EMBEDDED_CONNECTIONS)
    mine, other = found["sluice"], found["sqlite"]
    rate, limit = median_of(mine, "per_second"), median_of(other, "rows_per_second")
    commit = median_of(other, "p50_us")
    rows = statistics.median(rows_a_commit)
    p50, p99 = median_of(mine, "p50_us"), median_of(mine, "p99_us")
    unsure = errors_of(sluice=mine)
    raw = {"sluice": mine, "sqlite": other, "rows_a_commit": rows_a_commit}
    return [
        Row(
            "jobs_submit",
            "submit, embedded / SQLite alone",
            rate / limit,
            at_least=EMBEDDED_AT_LEAST,
            note=f"{number(rate)}/s against {number(limit)}/s, both {rows:.0f} rows a commit; "
            f"{median_of(mine, 'cpu_us'):.0f} us of processor a job",
            unsure=unsure,
            raw=raw,
        ),
        Row(
            "jobs_submit_p50",
            "submit, embedded: p50 / a commit",
            p50 / commit,
            at_most=EMBEDDED_P50_COMMITS_AT_MOST,
            note=f"{p50 / 1e3:.2f} ms, a commit of {rows:.0f} rows {commit / 1e3:.2f} ms",
            unsure=unsure,
        ),
        Row(
            "jobs_submit_p99",
            "submit, embedded: p99",
            p99 / 1e3,
            "ms",
            at_most=P99_AT_MOST_MS,
            note=f"a commit's p99 {median_of(other, 'p99_us') / 1e3:.2f} ms",
            unsure=unsure,
        ),
        read_row("embedded", read),
    ]


def read_under_load(
    context: Context, service: JobService, connections: int
) -> list[dict[str, Any]]:
    """GET /job/{id} by one caller, again and again, while wrk hands jobs in. A job a round."""
    found = []
    with ThreadPoolExecutor(1) as beside:
        for _ in range(min(context.rounds, ROUNDS_AT_MOST)):
            job = service.post("/predict", BODY)["job_id"]
            seconds = context.seconds + 1
            load = beside.submit(wrk, service.port, "/predict", BODY, seconds, connections)
            time.sleep(0.3)
            url = f"{service.port}/job/{job}"
            figures = context.native.latency([url], "", context.seconds)
            answer = json.loads(figures["answer"])
            found.append({**figures, "status": answer["status"], "load": load.result()})
    return found


def read_row(store: str, read: list[dict[str, Any]]) -> Row:
    load = [one["load"] for one in read]
    return Row(
        f"jobs_get_{store.lower()}",
        f"GET /job/ID meanwhile, {store}: p99",
        median_of(read, "p99_us") / 1e3,
        "ms",
        at_most=GET_P99_AT_MOST_MS,
        note=f"p50 {median_of(read, 'p50_us') / 1e3:.2f} ms; "
        f"{number(median_of(load, 'per_second'))} jobs/s came in beside",
        unsure=errors_of(load=load),
        raw={"runs": read},
    )


def submit_redis(context: Context) -> list[Row]:
    """The specification's proxy and arq's, each with a redis-server of its own, as ours has."""
    with ExitStack() as stack:
        stores = {
            name: stack.enter_context(redis_server(context, name))
            for name in ("sluice", "seed", "arq")
        }
        service = stack.enter_context(job_service(context, "over-redis", redis=stores["sluice"]))
        seed = stack.enter_context(job_peers.queue_proxy(context, stores["seed"]))
        arq = stack.enter_context(job_peers.arq_proxy(context, stores["arq"]))
        servers = {
            "sluice": service.servers,
            "seed": [seed, stores["seed"]],
            "arq": [arq, stores["arq"]],
        }
        ports = {"sluice": service.port, "seed": seed.port, "arq": arq.port}
        for port in ports.values():
            wrk(port, "/predict", BODY, 1, REDIS_CONNECTIONS)
        found = interleaved(
            min(context.rounds, ROUNDS_AT_MOST),
            {
                name: lambda name=name: submitting(  # type: ignore[misc]
                    context, servers[name], ports[name], REDIS_CONNECTIONS
                )
                for name in ports
            },
        )
        read = read_under_load(context, service, REDIS_CONNECTIONS)
    mine = found["sluice"]
    rate, p50 = median_of(mine, "per_second"), median_of(mine, "p50_us")
    rows = []
    for name, what, at_least in (
        ("seed", "seed's proxy", SEED_AT_LEAST),
        ("arq", "FastAPI + arq", ARQ_AT_LEAST),
    ):
        theirs = median_of(found[name], "per_second")
        rows.append(
            Row(
                f"jobs_redis_{name}",
                f"submit, Redis / {what}",
                rate / theirs,
                at_least=at_least,
                note=f"{number(rate)}/s against {number(theirs)}/s; processor a job, proxy and "
                f"redis-server: {cpu_note(mine)} against {cpu_note(found[name])}; {REDIS_SAID}",
                unsure=errors_of(sluice=mine, other=found[name]),
                raw={"sluice": mine, "other": found[name]},
            )
        )
    return [
        *rows,
        Row(
            "jobs_redis_p50",
            "submit, Redis: p50",
            p50 / 1e3,
            "ms",
            at_most=REDIS_P50_AT_MOST_MS,
            note=f"p99 {median_of(mine, 'p99_us') / 1e3:.2f} ms",
            unsure=errors_of(sluice=mine),
        ),
        read_row("Redis", read),
    ]
