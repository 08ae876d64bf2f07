"""Load on a server, by wrk and by benchmarks/native, with the server's share of its core."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .processes import LOAD_CORE, SERVER_CORE, MissingError, Server, cpu_seconds, pinned

CONNECTIONS = 32
SATURATED = 0.95


@dataclass(frozen=True)
class Rate:
    """One run of load: what came back, and how busy the server was with it."""

    per_second: float
    errors: int
    server_share: float  # of its core, 1 = saturated
    per_cpu_second: float  # what a core gives without the neighbours' noise
    p50_us: float
    p99_us: float


@dataclass(frozen=True)
class Rates:
    """Alternating runs against one server."""

    runs: tuple[Rate, ...]

    @property
    def per_second(self) -> float:
        return statistics.median(run.per_second for run in self.runs)

    @property
    def per_cpu_second(self) -> float:
        return statistics.median(run.per_cpu_second for run in self.runs)

    @property
    def saturated(self) -> bool:
        return statistics.median(run.server_share for run in self.runs) >= SATURATED

    @property
    def errors(self) -> int:
        return sum(run.errors for run in self.runs)

    def raw(self) -> list[dict[str, Any]]:
        return [asdict(run) for run in self.runs]


def run_tool(
    core: int | str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> str:
    """Standard output of a tool on its core; MissingError with its complaint when it fails."""
    try:
        done = subprocess.run(
            pinned(core, command),
            capture_output=True,
            text=True,
            check=True,
            timeout=timeout,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError as error:
        raise MissingError(f"{error.filename} is not installed") from error
    except subprocess.CalledProcessError as error:
        complaint = (error.stderr or error.stdout or "").strip()
        raise MissingError(f"{Path(command[0]).name} failed: {complaint[-300:]}") from error
    return done.stdout


def measured(servers: Sequence[Server], load: Callable[[], dict[str, Any]]) -> Rate:
    """Runs `load` (per_second, errors, p50_us, p99_us) and watches the servers meanwhile."""
    before, began = sum(cpu_seconds(server.pid) for server in servers), time.monotonic()
    figures = load()
    wall = time.monotonic() - began
    used = sum(cpu_seconds(server.pid) for server in servers) - before
    # The load's own start and end are part of the wall time, not of what it measured.
    share = used / min(wall, figures.get("seconds", wall))
    return Rate(
        per_second=figures["per_second"],
        errors=figures["errors"],
        server_share=min(share, 1.0),
        per_cpu_second=figures["per_second"] / max(share, 1e-6),
        p50_us=figures["p50_us"],
        p99_us=figures["p99_us"],
    )


def wrk(
    port: int, path: str, body: str, seconds: int, connections: int = CONNECTIONS
) -> dict[str, Any]:
    script = Path(__file__).with_name("request.lua")
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "--latency",
        "-s",
        str(script),
    ]
    output = run_tool(LOAD_CORE, [*command, f"http://127.0.0.1:{port}{path}"], {"BENCH_BODY": body})
    found = [line[8:] for line in output.splitlines() if line.startswith("FIGURES ")]
    if not found:
        raise MissingError(f"wrk said nothing about {path}: {output[-200:]}")
    figures: dict[str, Any] = json.loads(found[0])
    figures["per_second"] = figures["requests"] / figures["seconds"]
    return figures


class Native:
    """The tools built from benchmarks/native."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, tool: str) -> str:
        path = self.folder / tool
        if not path.exists():
            raise MissingError(f"{path} is not built: cmake --build --preset bench")
        return str(path)

    def json(self, core: int | str, tool: str, **flags: object) -> dict[str, Any]:
        command = [self.path(tool)]
        for name, value in flags.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                command += [f"--{name}", str(one)]
        figures: dict[str, Any] = json.loads(run_tool(core, command))
        return figures

    def ort_run(self, model: Path, seconds: float) -> float:
        """Microseconds of one run, on the core where servers are measured."""
        return float(self.json(SERVER_CORE, "ort_run", model=model, seconds=seconds)["us_per_run"])

    def latency(self, urls: Sequence[str], body: str, seconds: float) -> dict[str, Any]:
        """Distribution of one caller's waits; several PORT/PATH are asked in turn."""
        flags: dict[str, object] = {"url": list(urls), "seconds": seconds}
        if body:
            flags["body"] = body
        figures = self.json(LOAD_CORE, "http_latency", **flags)
        if figures["errors"]:
            raise MissingError(
                f"{figures['errors']} bad answers from {urls}: {figures['answer'][:200]}"
            )
        return figures

    def grpc(self, port: int, seconds: float) -> dict[str, Any]:
        figures = self.json(
            LOAD_CORE,
            "grpc_load",
            port=port,
            model="setosa",
            connections=4,
            depth=8,
            seconds=seconds,
        )
        figures["per_second"] = figures["requests_per_second"]
        return figures


def interleaved(rounds: int, runs: Mapping[str, Callable[[], Any]]) -> dict[str, list[Any]]:
    """Every run once a round, `rounds` times: a noisy minute then falls on all of them alike."""
    found: dict[str, list[Any]] = {name: [] for name in runs}
    for index in range(rounds):
        # Back and forth, so that none is always the first after a pause.
        order = list(runs) if index % 2 == 0 else list(runs)[::-1]
        for name in order:
            found[name].append(runs[name]())
    return found
