"""Servers as pinned processes: started, waited for, measured from /proc, stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
# Where a service is several processes that share the machine with their load.
BOTH_CORES = f"{SERVER_CORE},{LOAD_CORE}"
TICKS = os.sysconf("SC_CLK_TCK")


class MissingError(Exception):
    """Something that a row needs is not here; the row says so and the others go on."""


def pinned(core: int | str, command: Sequence[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(core), *command]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def descendants(pid: int) -> list[int]:
    """The process and all that it started, as far as they live."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and of all that it started."""
    ticks = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            # After the name in brackets, which may hold spaces, they are the 12th and 13th.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def resident_mib(pid: int) -> float:
    """VmRSS of the process and of all that it started."""
    kib = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    kib += int(line.split()[1])
    return kib / 1024


class Server:
    """One server on the server core. Its output goes to a file; leaving the context ends it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        core: int | str = SERVER_CORE,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        prints_port: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                pinned(core, command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if prints_port else output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=folder,
            )
        self.port = 0
        if prints_port and self.process.stdout is not None:
            self.port = int(self.process.stdout.readline() or self.fail("printed no port"))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def fail(self, why: str) -> str:
        tail = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        raise MissingError(f"{self.name} {why}: {' / '.join(tail)}")

    def wait_for(
        self, port: int, path: str, *, body: str = "", step: float = 0.05, within: float = 30
    ) -> bytes:
        """Asks until the answer is 200, and returns it; after `within` s the row is missing."""
        while time.monotonic() - self.started < within:
            if self.process.poll() is not None:
                self.fail(f"ended with {self.process.returncode}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, answer = ask(port, path, body)
                if status == 200:
                    return answer
            time.sleep(step)
        self.fail(f"did not answer {path} within {within:g} s")
        raise AssertionError


def ask(port: int, path: str, body: str = "") -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        if body:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
        else:
            connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
