"""The row of GET /health while what it tells of gives no answer."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time

from .context import Context
from .job_service import job_service, redis_server
from .report import Row

REQUESTS = 2_000
P99_AT_MOST_MS = 10.0


def health_while_all_hangs(context: Context) -> list[Row]:
    """redis-server stands still, and TensorFlow Serving takes connections and says nothing."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        redis_server(context, "health") as redis,
        job_service(context, "health", redis=redis, hung=silent.getsockname()[1]) as service,
    ):
        os.kill(redis.pid, signal.SIGSTOP)
        try:
            took_ms, statuses = ask_health(service.port)
        finally:
            os.kill(redis.pid, signal.SIGCONT)
    took_ms.sort()
    return [
        Row(
            "jobs_health",
            "GET /health, Redis and TensorFlow Serving hang: p99",
            took_ms[len(took_ms) * 99 // 100],
            "ms",
            at_most=P99_AT_MOST_MS,
            note=f"p50 {took_ms[len(took_ms) // 2]:.2f} ms, longest {took_ms[-1]:.2f} ms, "
            f"of {len(took_ms)} requests one after another",
            unsure="" if statuses <= {200, 503} else f"it answered {statuses}",
            raw={"took_ms": took_ms},
        )
    ]


def ask_health(port: int) -> tuple[list[float], set[int]]:
    took_ms: list[float] = []
    statuses: set[int] = set()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        took_ms.append((time.perf_counter() - began) * 1e3)
        statuses.add(answer.status)
    connection.close()
    return took_ms, statuses
