"""The rows of time: one connection, remote members, start, and of memory."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from . import peers
from .context import BODY, CLASSES, Context, model
from .load import interleaved
from .processes import SERVER_CORE, MissingError, ask, free_port, resident_mib
from .report import Row
from .sluice import Sluice, remote_callables, sluice

ADDED_P50_AT_MOST_US = 15.0
ADDED_P99_AT_MOST_US = 50.0
ONE_OF_THREE_AT_MOST = 1.15
IN_TURN_AT_LEAST = 2.5
FAULTY_DEADLINE_MS = 100
OVERHEAD_AT_MOST_US = 150.0
START_AT_MOST_MS = 200.0
STARTS = 11
MEMORY_AT_MOST_MIB = 100.0
IDLE_CONNECTIONS = 10_000
# Of a caller who sees the answer of a deadline: the kernel's timers and the way back.
DEADLINE_SLACK = 1.02


def median_of(figures: Sequence[dict[str, Any]], key: str) -> float:
    return statistics.median(float(one[key]) for one in figures)


def latency(context: Context, *urls: str, body: str = BODY) -> Callable[[], dict[str, Any]]:
    """One run of one caller, who asks the urls in turn."""
    return lambda: context.native.latency(urls, body, context.seconds)


def one_connection(context: Context) -> list[Row]:
    """One caller who waits for each answer: what Sluice adds to nginx and the bare run."""
    with ExitStack() as stack:
        nginx = stack.enter_context(peers.nginx(context))
        ours = stack.enter_context(sluice(context, "local"))
        found = interleaved(
            context.rounds,
            {
                "nginx": latency(context, f"{nginx.port}/health", body=""),
                "sluice": latency(context, f"{ours.ports.service}/predict"),
                "run": lambda: context.native.ort_run(model("setosa"), 0.5),
            },
        )
    run = statistics.median(found["run"])
    p50, nginx_p50 = (median_of(found[name], "p50_us") for name in ("sluice", "nginx"))
    p99, nginx_p99 = (median_of(found[name], "p99_us") for name in ("sluice", "nginx"))
    raw = {name: found[name] for name in ("sluice", "nginx", "run")}
    return [
        Row(
            "latency_p50",
            "one connection: p50 - nginx's - a bare run",
            p50 - nginx_p50 - run,
            "us",
            at_most=ADDED_P50_AT_MOST_US,
            note=f"p50 {p50:.1f} us, nginx {nginx_p50:.1f} us, run {run:.1f} us",
            raw=raw,
        ),
        Row(
            "latency_p99",
            "one connection: p99 - 1.5 x nginx's",
            p99 - 1.5 * nginx_p99,
            "us",
            at_most=ADDED_P99_AT_MOST_US,
            note=f"p99 {p99:.1f} us, nginx {nginx_p99:.1f} us",
        ),
    ]


def three_slow_members(context: Context) -> list[Row]:
    """Members of 20 ms: the ensemble against one of them, and against asking them in turn."""
    with ExitStack() as stack:
        members = [stack.enter_context(peers.slow_member(context, 20)) for _ in CLASSES]
        ports = [member.port for member in members]
        ours = stack.enter_context(
            sluice(context, "remote20", remote_callables(ports, "1s"), "remote_setosa")
        )
        urls = [f"{port}/predict" for port in ports]
        found = interleaved(
            context.rounds,
            {
                "ensemble": latency(context, f"{ours.ports.proxy}/predict"),
                "one": latency(context, urls[0]),
                "in_turn": latency(context, *urls),
            },
        )
    whole, one, turn = (median_of(found[name], "p50_us") for name in ("ensemble", "one", "in_turn"))
    note = f"ensemble {whole / 1e3:.2f} ms, one {one / 1e3:.2f} ms, in turn {turn / 1e3:.2f} ms"
    return [
        Row(
            "remote20_one",
            "three members of 20 ms / one",
            whole / one,
            at_most=ONE_OF_THREE_AT_MOST,
            note=note,
            raw=dict(found),
        ),
        Row(
            "remote20_in_turn",
            "three of 20 ms in turn / ensemble",
            turn / whole,
            at_least=IN_TURN_AT_LEAST,
            note=note,
        ),
    ]


def must_hold(ours: Sluice, live: Sequence[str], failed: Sequence[str]) -> None:
    """The ensemble's answer has predictions of the live and errors of the failed."""
    status, text = ask(ours.ports.proxy, "/predict", BODY)
    answer = json.loads(text)
    right = (
        status == 200
        and all("prediction" in answer.get(name, {}) for name in live)
        and all("error" in answer.get(name, {}) for name in failed)
    )
    if not right:
        raise MissingError(
            f"the ensemble with {', '.join(failed)} dead answered {status}: {answer}"
        )


def one_dead_member(context: Context) -> list[Row]:
    """Members of 5 ms: what the ensemble adds when all live; then one refuses, then one hangs."""
    rows: list[Row] = []
    deadline = f"{FAULTY_DEADLINE_MS}ms"
    for kind in ("live", "refusing", "silent"):
        with ExitStack() as stack:
            members = [stack.enter_context(peers.slow_member(context, 5)) for _ in CLASSES]
            ports = [member.port for member in members]
            if kind == "refusing":
                ports[2] = free_port()
            if kind == "silent":
                ports[2] = stack.enter_context(peers.slow_member(context, 5, silent=True)).port
            ours = stack.enter_context(
                sluice(
                    context, f"remote5_{kind}", remote_callables(ports, deadline), "remote_setosa"
                )
            )
            # Direct calls cross from core to core as well, as calls to another machine would.
            direct = stack.enter_context(peers.slow_member(context, 5, core=SERVER_CORE))
            hop = stack.enter_context(peers.nginx(context, behind=ports[0]))
            dead = [] if kind == "live" else ["virginica"]
            must_hold(ours, [name for name in CLASSES if name not in dead], dead)
            asked = {
                "ensemble": latency(context, f"{ours.ports.proxy}/predict"),
                "direct": latency(context, f"{direct.port}/predict"),
            }
            if kind == "live":
                asked["nginx_hop"] = latency(context, f"{hop.port}/predict")
            found = interleaved(context.rounds, asked)
            must_hold(ours, [name for name in CLASSES if name not in dead], dead)
        rows += overhead_rows(found) if kind == "live" else [deadline_row(kind, found)]
    return rows


def overhead_rows(found: dict[str, list[Any]]) -> list[Row]:
    """What the ensemble adds; and, for scale, what nginx adds that hands on to one member."""
    whole, direct, hop = (median_of(found[name], "p50_us") for name in found)
    return [
        Row(
            "remote5_added",
            "three members of 5 ms: added to a direct call",
            whole - direct,
            "us",
            at_most=OVERHEAD_AT_MOST_US,
            note=f"median {whole:.0f} us, direct {direct:.0f} us",
            raw=dict(found),
        ),
        Row(
            "remote5_nginx",
            "one member of 5 ms behind nginx: added",
            hop - direct,
            "us",
            note=f"median {hop:.0f} us, direct {direct:.0f} us",
        ),
    ]


def deadline_row(kind: str, found: dict[str, list[Any]]) -> Row:
    p50, p99 = median_of(found["ensemble"], "p50_us"), median_of(found["ensemble"], "p99_us")
    return Row(
        f"remote5_{kind}",
        f"one of three {kind}: p99 / deadline",
        p99 / 1e3 / FAULTY_DEADLINE_MS,
        at_most=DEADLINE_SLACK,
        note=f"median {p50 / 1e3:.2f} ms, p99 {p99 / 1e3:.2f} ms of {FAULTY_DEADLINE_MS} ms, "
        "the other two answered",
        raw=dict(found),
    )


def start_to_first_answer(context: Context) -> list[Row]:
    """From the start of the process to the first prediction, asking once a millisecond."""
    waits: list[float] = []
    for _ in range(STARTS):
        with sluice(context, "start", wait=False) as ours:
            ours.server.wait_for(ours.ports.service, "/predict", body=BODY, step=0.001)
            waits.append((time.monotonic() - ours.server.started) * 1e3)
    return [
        Row(
            "start",
            "start to first answer, four models",
            statistics.median(waits),
            "ms",
            at_most=START_AT_MOST_MS,
            note=f"{min(waits):.0f} to {max(waits):.0f} ms in {STARTS} starts",
            raw={"ms": waits},
        )
    ]


def open_idle(port: int, count: int, stack: ExitStack) -> int:
    """Opens connections, each with one answered request. How many the server took and keeps."""
    kept = 0
    for _ in range(count):
        connection = stack.enter_context(
            contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10))
        )
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            break
        if answer.status != 200 or not isinstance(connection.sock, socket.socket):
            break
        kept += 1
    return kept


def memory(context: Context) -> list[Row]:
    """Resident memory with the four models loaded: at rest, and while many connections idle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_CONNECTIONS + 1000
    if hard not in (resource.RLIM_INFINITY,) and hard < wanted:
        raise MissingError(f"the limit of open files is {hard}, {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with ExitStack() as stack:
            ours = stack.enter_context(sluice(context, "memory"))
            time.sleep(1)
            rest = resident_mib(ours.server.pid)
            kept = open_idle(ours.ports.service, IDLE_CONNECTIONS, stack)
            idle = resident_mib(ours.server.pid)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    raw = {"rest_mib": rest, "idle_mib": idle, "connections": kept}
    return [
        Row("memory_rest", "memory at rest", rest, "MiB", at_most=MEMORY_AT_MOST_MIB, raw=raw),
        Row(
            "memory_idle",
            f"memory with {IDLE_CONNECTIONS:,} idle connections",
            idle,
            "MiB",
            at_most=MEMORY_AT_MOST_MIB,
            note=f"{(idle - rest) * 1024 / max(kept, 1):.1f} KiB a connection",
            unsure="" if kept == IDLE_CONNECTIONS else f"only {kept} connections were taken",
        ),
    ]
