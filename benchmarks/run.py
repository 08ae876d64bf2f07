#!/usr/bin/env python3
"""Measures Sluice side by side with what it stands on and what it replaces, and prints ratios.

Each server alone on core 0, the load on core 1, in short alternating rounds; ratios are of medians.
A row below its target says so; the exit status is 0 all the same. `make bench` builds what is
needed and runs this. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sluice_bench import (
    disconnects,
    job_backlog,
    job_health,
    job_submit,
    job_work,
    language_models,
    overload,
    report,
    throughput,
    waits,
    wire,
)
from sluice_bench.context import ROOT, Context, facts
from sluice_bench.load import Native
from sluice_bench.processes import MissingError
from sluice_bench.report import Row

GROUPS: dict[str, Callable[[Context], list[Row]]] = {
    "limit": throughput.against_the_limit,
    "seed_service": throughput.against_the_seed_service,
    "seed_proxy": throughput.against_the_seed_proxy,
    "mlserver": throughput.against_mlserver,
    "grpc": throughput.against_bare_grpc,
    "latency": waits.one_connection,
    "remote20": waits.three_slow_members,
    "remote5": waits.one_dead_member,
    "start": waits.start_to_first_answer,
    "memory": waits.memory,
    "jobs_submit": job_submit.submit_embedded,
    "jobs_redis": job_submit.submit_redis,
    "jobs_tiny": job_work.tiny_jobs,
    "jobs_result": job_work.submit_to_result,
    "jobs_two_workers": job_work.two_workers,
    "jobs_health": job_health.health_while_all_hangs,
    "jobs_million": job_backlog.backlog_embedded,
    "jobs_million_redis": job_backlog.backlog_redis,
    "language": language_models.short,
    "disconnect": disconnects.disconnects,
    "wire": wire.before_an_engine,
    "overload": overload.overload,
}
# Measured when they are named: these take many minutes.
LONG: dict[str, Callable[[Context], list[Row]]] = {"language_long": language_models.long}


def default_binary() -> Path:
    return next(
        (
            path
            for path in (ROOT / "build/bench/sluice", ROOT / "build/release/sluice")
            if path.exists()
        ),
        ROOT / "build/bench/sluice",
    )


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="example: benchmarks/run.py --only limit,latency --rounds 3 --seconds 1",
    )
    parser.add_argument(
        "--only",
        default=",".join(GROUPS),
        help=f"of {', '.join(GROUPS)}; `jobs` means all that begin so; and {', '.join(LONG)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="alternating runs of each (5)")
    parser.add_argument("--seconds", type=int, default=2, help="of one run (2)")
    parser.add_argument("--binary", type=Path, default=default_binary(), help="of sluice")
    parser.add_argument(
        "--native", type=Path, default=ROOT / "build/bench/benchmarks", help="tools' folder"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build/bench", help="results.json goes here"
    )
    chosen = parser.parse_args(arguments)
    chosen.groups = []
    for name in chosen.only.split(","):
        meant = (
            [name]
            if name in GROUPS or name in LONG
            else [one for one in GROUPS if one.startswith(f"{name}_")]
        )
        if not meant:
            parser.error(f"no such rows: {name}")
        chosen.groups += meant
    return chosen


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    if len(os.sched_getaffinity(0)) < 2:
        print("bench: two cores are needed, one for the server and one for the load")
        return 0
    context = Context(
        binary=chosen.binary.resolve(),
        native=Native(chosen.native.resolve()),
        out=chosen.out.resolve(),
        seconds=chosen.seconds,
        rounds=chosen.rounds,
    )
    machine = facts(context)
    print(
        f"bench: {machine['cpu']}, {machine['cores']} cores, load {machine['load_before'][0]:.1f}"
    )
    rows: list[Row] = []
    for name in chosen.groups:
        print(f"bench: measuring {name}", flush=True)
        try:
            rows += (GROUPS | LONG)[name](context)
        except MissingError as missing:
            rows.append(Row(name, name, note=str(missing)))
    results = context.out / "results.json"
    report.write(results, rows, machine)
    below = sum(row.passed is False for row in rows)
    unmeasured = sum(row.value is None for row in rows)
    print(f"\n{report.table(rows)}\n")
    print(f"{len(rows)} rows, {below} below their target, {unmeasured} not measured: {results}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
