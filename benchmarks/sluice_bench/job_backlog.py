"""The rows of a million jobs that wait: a store that is full beside one that is nearly empty."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .context import Context
from .job_service import (
    REDIS_SAID,
    ROUNDS_AT_MOST,
    SUBMIT_TINY,
    JobService,
    fresh_folder,
    job_service,
    redis_server,
)
from .job_submit import EMBEDDED_CONNECTIONS, REDIS_CONNECTIONS, errors_of
from .load import interleaved, wrk
from .processes import BOTH_CORES, MissingError, resident_mib
from .report import Row, number
from .waits import median_of

BACKLOG = 1_000_000
SMALL_BACKLOG = 200_000
SLOWER_AT_MOST = 1.2
GROWN_AT_MOST = 1.2
FILL_SECONDS = 10
FILL_CONNECTIONS = 128
FILL_STEPS_AT_MOST = 20
TAKEN_AT_ONCE = 100
LEASE = json.dumps({"callable": "tiny"})


def submits(context: Context, service: JobService, connections: int) -> dict[str, Any]:
    return wrk(service.port, "/v1/jobs", SUBMIT_TINY, context.seconds, connections)


def claims(context: Context, service: JobService, connections: int) -> dict[str, Any]:
    """Jobs that were given out, one a request; shorter, so that the empty store has enough."""
    before, _ = service.waiting("tiny")
    figures = wrk(service.port, "/v1/leases", LEASE, max(context.seconds // 2, 1), connections)
    after, _ = service.waiting("tiny")
    figures["per_second"] = (before - after) / figures["seconds"]
    figures["ran_dry"] = after == 0
    return figures


def drain(service: JobService) -> None:
    """Takes what waits, so that the store is empty again."""
    body = json.dumps({"callable": "tiny", "max": TAKEN_AT_ONCE})
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    with contextlib.closing(connection):
        while True:
            connection.request("POST", "/v1/leases", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
            if not answer.get("leases"):
                return


def fill_by_load(service: JobService) -> None:
    """Hands jobs in until so many wait."""
    for _ in range(FILL_STEPS_AT_MOST):
        wrk(service.port, "/v1/jobs", SUBMIT_TINY, FILL_SECONDS, FILL_CONNECTIONS)
        if service.waiting("tiny")[0] >= BACKLOG:
            return
    raise MissingError(f"{FILL_STEPS_AT_MOST * FILL_SECONDS} s were too few for {BACKLOG:,} jobs")


def side_by_side(
    context: Context, empty: JobService, full: JobService, connections: int
) -> dict[str, list[Any]]:
    def emptied() -> dict[str, Any]:
        figures = claims(context, empty, connections)
        for _ in range(2):
            # Fewer had come in, in a noisy moment, than went out.
            if not figures["ran_dry"]:
                break
            submits(context, empty, connections)
            figures = claims(context, empty, connections)
        drain(empty)
        return figures

    def filled() -> dict[str, Any]:
        return claims(context, full, connections)

    runs: dict[str, Callable[[], Any]] = {
        "submit_empty": lambda: submits(context, empty, connections),
        "submit_full": lambda: submits(context, full, connections),
    }
    found: dict[str, list[Any]] = {}
    for _ in range(min(context.rounds, ROUNDS_AT_MOST)):
        # Claims after submissions, which they need: the two of a kind alternate.
        one = interleaved(1, runs)
        for name, some in {
            **one, **interleaved(1, {"claim_empty": emptied, "claim_full": filled})
        }.items():  # fmt: skip
            found.setdefault(name, []).extend(some)
    return found


def backlog_rows(
    store: str, found: dict[str, list[Any]], grown: float, grown_note: str, said: str
) -> list[Row]:
    rows = []
    for kind in ("submit", "claim"):
        empty, full = found[f"{kind}_empty"], found[f"{kind}_full"]
        rates = [median_of(runs, "per_second") for runs in (empty, full)]
        dry = any(one.get("ran_dry") for one in empty)
        unsure = [errors_of(empty=empty, full=full)]
        unsure += ["the empty store ran out of jobs to claim"] if dry else []
        rows.append(
            Row(
                f"jobs_million_{kind}_{store.lower()}",
                f"{kind} at 1,000,000 pending, {store}: time / of empty",
                rates[0] / max(rates[1], 1e-9),
                at_most=SLOWER_AT_MOST,
                note=f"{number(rates[1])}/s against {number(rates[0])}/s{said}",
                unsure=", ".join(part for part in unsure if part),
                raw={"empty": empty, "full": full},
            )
        )
    return [
        *rows,
        Row(
            f"jobs_million_memory_{store.lower()}",
            f"memory at 1,000,000 pending, {store} / of fewer",
            grown,
            at_most=GROWN_AT_MOST,
            note=grown_note,
        ),
    ]


def filled_store(
    context: Context, like: Path, name: str, jobs: int, stack: ExitStack
) -> JobService:
    """A service over so many jobs, which SQLite alone writes, each like one of another store."""
    with fresh_folder(context, "filling") as folder:
        file = folder / "jobs.db"
        context.native.json(
            BOTH_CORES, "sqlite_jobs", like=like, file=file, rows=jobs, rows_per_commit=10_000
        )
        service = stack.enter_context(job_service(context, name, store=file))
    waits, _ = service.waiting("tiny")
    if waits != jobs:
        raise MissingError(f"{waits} jobs wait in the store that {jobs} were written into")
    return service


def backlog_embedded(context: Context) -> list[Row]:
    """Memory is held against a store that is small and yet larger than all that is cached of it."""
    with ExitStack() as stack:
        empty = stack.enter_context(job_service(context, "empty"))
        empty.post("/v1/jobs", SUBMIT_TINY)
        small = filled_store(context, empty.database, "small", SMALL_BACKLOG, stack)
        full = filled_store(context, empty.database, "full", BACKLOG, stack)
        found = side_by_side(context, empty, full, EMBEDDED_CONNECTIONS)
        for load in (submits, claims):
            load(context, small, EMBEDDED_CONNECTIONS)
        sizes = [resident_mib(service.server.pid) for service in (empty, small, full)]
    note = (
        f"{sizes[2]:.0f} MiB against {sizes[1]:.0f} MiB at {SMALL_BACKLOG:,}; "
        f"{sizes[0]:.0f} MiB empty, its caches too"
    )
    return backlog_rows("embedded", found, sizes[2] / sizes[1], note, "")


def backlog_redis(context: Context) -> list[Row]:
    with ExitStack() as stack:
        stores = [stack.enter_context(redis_server(context, name)) for name in ("empty", "full")]
        empty = stack.enter_context(job_service(context, "empty", redis=stores[0]))
        full = stack.enter_context(job_service(context, "full", redis=stores[1]))
        submits(context, full, FILL_CONNECTIONS)
        before = resident_mib(full.server.pid)
        fill_by_load(full)
        found = side_by_side(context, empty, full, REDIS_CONNECTIONS)
        after = resident_mib(full.server.pid)
        redis = resident_mib(stores[1].pid)
    note = f"sluice {after:.0f} MiB, {before:.0f} MiB before; redis-server {redis:.0f} MiB"
    return backlog_rows("Redis", found, after / before, note, f"; {REDIS_SAID}")
