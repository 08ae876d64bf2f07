"""The rows of running jobs: tiny ones against other queues, one alone, two workers against one."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from . import job_peers, peers
from .context import BODY, INFER_BODY, Context
from .job_service import (
    REDIS_SAID,
    ROUNDS_AT_MOST,
    SUBMIT_IRIS,
    SUBMIT_TINY,
    job_service,
    job_worker,
    redis_server,
    submit_many,
)
from .job_submit import cpu_note, sqlite_alone
from .load import interleaved, wrk
from .processes import LOAD_CORE, MissingError, cpu_seconds
from .report import Row, number
from .waits import median_of

TINY_CONCURRENCY = 100
BULLMQ_AT_LEAST = 1.5
BULLMQ_JOBS = 20_000
ARQ_AT_LEAST = 15.0
ARQ_JOBS = 3_000
RESULT_REDIS_AT_MOST_MS = 2.0
RESULT_EMBEDDED_COMMITS = 3
RESULT_EMBEDDED_OVER_AT_MOST_MS = 1.0
SLOW_MS = 20
SLOW_JOBS = 1_600
SLOW_CONCURRENCY = 16
TWO_WORKERS_AT_LEAST = 1.9


def tiny_jobs(context: Context) -> list[Row]:
    """One worker process each, jobs that wait already. Ours run a model, theirs return a number."""
    missing = job_peers.bullmq_missing(context)
    with ExitStack() as stack:
        stores = {
            name: stack.enter_context(redis_server(context, f"tiny-{name}"))
            for name in ("sluice", "bullmq", "arq")
        }
        service = stack.enter_context(
            job_service(context, "tiny", redis=stores["sluice"], concurrency=TINY_CONCURRENCY)
        )
        worker = stack.enter_context(job_worker(context, service, "worker"))

        def ours() -> dict[str, Any]:
            service.post("/v1/queues/iris/pause")
            wrk(service.port, "/predict", BODY, context.seconds)
            jobs = service.waiting("iris")[0]
            pids = {"cpu_us": worker.pid, "redis_cpu_us": stores["sluice"].pid}
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            seconds = service.finish("iris", jobs)
            spent = {
                name: (cpu_seconds(pid) - before[name]) / jobs * 1e6 for name, pid in pids.items()
            }
            return {"jobs": jobs, "seconds": seconds, "per_second": jobs / seconds, **spent}

        runs = {
            "sluice": ours,
            "bullmq": lambda: job_peers.bullmq_worker(
                context, stores["bullmq"], BULLMQ_JOBS, TINY_CONCURRENCY
            ),
            "arq": lambda: job_peers.arq_worker(context, stores["arq"], ARQ_JOBS, TINY_CONCURRENCY),
        }
        if missing:
            del runs["bullmq"]
        found = interleaved(min(context.rounds, ROUNDS_AT_MOST), runs)
    rows = []
    rate = median_of(found["sluice"], "per_second")
    for name, what, at_least in (
        ("bullmq", "BullMQ", BULLMQ_AT_LEAST),
        ("arq", "arq", ARQ_AT_LEAST),
    ):
        row = Row(f"jobs_tiny_{name}", f"tiny jobs, Redis, one worker / {what}", at_least=at_least)
        rows.append(row)
        if name not in found:
            row.note = missing
            continue
        theirs = median_of(found[name], "per_second")
        row.value = rate / theirs
        row.note = (
            f"{number(rate)}/s against {number(theirs)}/s, {TINY_CONCURRENCY} at once; "
            f"processor a job, worker and redis-server: {cpu_note(found['sluice'])}; {REDIS_SAID}"
        )
        row.raw = {"sluice": found["sluice"], "other": found[name]}
    return rows


def round_trip(context: Context, port: int) -> dict[str, Any]:
    return context.native.json(
        LOAD_CORE,
        "job_round_trip",
        url=f"{port}/v1/jobs",
        body=SUBMIT_IRIS,
        seconds=context.seconds,
    )


def submit_to_result(context: Context) -> list[Row]:
    """One caller on an idle system: POST /v1/jobs, then GET with ?wait= until the job has ended."""
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(context, "idle"))
        proxy = stack.enter_context(job_service(context, "idle-redis", redis=store))
        stack.enter_context(job_worker(context, proxy, "worker"))
        alone = stack.enter_context(job_service(context, "idle-embedded", consume=True))
        alone.post("/v1/jobs", SUBMIT_TINY)  # it stays, for SQLite alone to be like
        found = interleaved(
            context.rounds,
            {
                "redis": lambda: round_trip(context, proxy.port),
                "embedded": lambda: round_trip(context, alone.port),
                "commit": lambda: sqlite_alone(context, alone.database, 1, 1),
            },
        )
    redis, embedded, commit = (
        median_of(found[name], "p50_us") / 1e3 for name in ("redis", "embedded", "commit")
    )
    return [
        Row(
            "jobs_result_redis",
            "submit to result, idle, Redis: p50",
            redis,
            "ms",
            at_most=RESULT_REDIS_AT_MOST_MS,
            note=f"p99 {median_of(found['redis'], 'p99_us') / 1e3:.2f} ms; proxy and worker are two"
            f" processes; {REDIS_SAID}",
            raw=dict(found),
        ),
        Row(
            "jobs_result_embedded",
            "submit to result, idle, embedded: p50 - 3 commits",
            embedded - RESULT_EMBEDDED_COMMITS * commit,
            "ms",
            at_most=RESULT_EMBEDDED_OVER_AT_MOST_MS,
            note=f"p50 {embedded:.2f} ms, a commit of one row {commit:.2f} ms",
        ),
    ]


def two_workers(context: Context) -> list[Row]:
    """Worker processes with a remote model of 20 ms, each 16 calls at once: two against one."""
    submission = json.dumps({"callable": "slow", "input": json.loads(INFER_BODY)})
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(context, "two"))
        model = stack.enter_context(peers.slow_member(context, SLOW_MS))
        service = stack.enter_context(
            job_service(context, "two", redis=store, concurrency=SLOW_CONCURRENCY, slow=model.port)
        )

        def run(workers: int) -> dict[str, Any]:
            with ExitStack() as running:
                service.post("/v1/queues/slow/pause")
                submit_many(service, submission, SLOW_JOBS)
                for index in range(workers):
                    running.enter_context(job_worker(context, service, f"worker-{index}"))
                jobs, _ = service.waiting("slow")
                if jobs != SLOW_JOBS:
                    raise MissingError(f"{jobs} jobs wait, {SLOW_JOBS} were handed in")
                return {"per_second": jobs / service.finish("slow", jobs)}

        rounds = min(context.rounds, ROUNDS_AT_MOST)
        found = interleaved(rounds, {"one": lambda: run(1), "two": lambda: run(2)})
    one, two = (median_of(found[name], "per_second") for name in ("one", "two"))
    return [
        Row(
            "jobs_two_workers",
            "two workers / one, model of 20 ms",
            two / one,
            at_least=TWO_WORKERS_AT_LEAST,
            note=f"{number(two)}/s against {number(one)}/s; {SLOW_CONCURRENCY} calls at once make"
            f" {SLOW_CONCURRENCY * 1000 // SLOW_MS}/s a worker at most",
            raw=dict(found),
        )
    ]
