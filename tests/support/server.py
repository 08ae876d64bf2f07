"""The real binary as a child process: started from a config, watched, ended in good order."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from support.config import Config
from support.raw_http import RawConnection
from support.waiting import DEADLINE_S, eventually

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"


def binary() -> Path:
    """The binary under test: SLUICE_BIN, else the release build."""
    path = Path(os.environ.get("SLUICE_BIN", ROOT / "build" / "release" / "sluice")).resolve()
    assert path.is_file(), f"no binary at {path}: run `make build` or set SLUICE_BIN"
    return path


def run(
    *arguments: str | Path,
    timeout: float = DEADLINE_S,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs one command of the binary to its end."""
    return subprocess.run(
        [str(binary()), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        check=False,
    )


class Server:
    """`sluice serve --config`, or `worker`, over one Config. Owned by a fixture; ends with it.

    Its log (standard error) goes to a file as JSON lines: `log` reads it.
    """

    def __init__(
        self,
        config: Config,
        directory: Path,
        *,
        env: dict[str, str] | None = None,
        wait: bool = True,
        command: str = "serve",
    ) -> None:
        self._command = command
        self.config = config
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.config_path = directory / "sluice.yaml"
        self.log_path = directory / "sluice.log"
        self.out_path = directory / "sluice.out"
        self._env = {**os.environ, "SLUICE_DATA_DIR": str(directory / "data"), **(env or {})}
        self._clients: list[httpx.Client] = []
        self.process = self._start()
        if wait:
            self._wait_at_start()

    def start_again(self, *, env: dict[str, str] | None = None, wait: bool = False) -> None:
        """After `kill`: a new process at the same addresses, which goes on in the same files."""
        assert self.process.poll() is not None
        self._env |= env or {}
        self.process = self._start("ab")
        if wait:
            self.wait_until_ready()

    def _start(self, mode: str = "wb") -> subprocess.Popen[bytes]:
        self.write_config()
        self.config.release_ports()
        with self.log_path.open(mode) as log, self.out_path.open(mode) as out:
            return subprocess.Popen(
                [str(binary()), self._command, "--config", str(self.config_path)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=self._env,
            )

    def _wait_at_start(self) -> None:
        """Between the release of a port and its use another process may get it: then once more."""
        for attempt in range(3):
            try:
                self.wait_until_ready()
                return
            except AssertionError:
                if attempt == 2 or "in use" not in self.tail():
                    raise
            self.config.change_ports()
            self.process = self._start()

    def write_config(self) -> None:
        """Writes the config as it is now: before a reload, say."""
        text = self.config.to_yaml()
        temporary = self.config_path.with_suffix(".new")
        temporary.write_text(text)
        temporary.rename(self.config_path)

    # -- its state --

    def wait_until_ready(self, timeout: float = DEADLINE_S) -> None:
        host, port = self.config.probe

        def ready() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode} at start"
            with contextlib.suppress(ConnectionRefusedError), RawConnection((host, port)) as probe:
                probe.send(b"GET /health/ready HTTP/1.1\r\nHost: probe\r\n\r\n")
                return probe.answer().status == 200
            return False

        try:
            eventually(ready, what="the server is ready", timeout=timeout)
        except BaseException as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.tail()}") from error

    def tail(self, size: int = 4000) -> str:
        return self.log_path.read_text(errors="replace")[-size:]

    def log(self) -> list[dict[str, Any]]:
        """Every log line so far; one that is not JSON fails the test."""
        lines = self.log_path.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def wait_for_log(self, timeout: float = DEADLINE_S, **fields: Any) -> dict[str, Any]:
        """The first log line with these fields."""

        def found() -> dict[str, Any] | None:
            for line in self.log():
                if all(line.get(name) == value for name, value in fields.items()):
                    return line
            return None

        line = eventually(found, what=f"a log line with {fields}", timeout=timeout)
        assert line is not None
        return line

    def most_resident_bytes(self) -> int:
        """The most memory that the running process ever had resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def thread_names(self) -> list[str]:
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sorted((task / "comm").read_text().strip() for task in tasks)

    # -- talking to it --

    def http(self, listener: str, **options: Any) -> httpx.Client:
        """A client of one listener, closed with the server."""
        client = httpx.Client(
            base_url=f"http://{self.config.address(listener)}",
            timeout=DEADLINE_S,
            trust_env=False,
            **options,
        )
        self._clients.append(client)
        return client

    def raw(self, listener: str) -> RawConnection:
        return RawConnection(self.config.endpoint(listener))

    # -- its end --

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_exit(self, timeout: float = DEADLINE_S) -> int:
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"did not exit in {timeout:g} s\n{self.tail()}") from error

    def stop(self) -> None:
        """SIGTERM, and the exit status must be 0."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.wait_for_exit()
        assert code == 0, f"exit status {code}\n{self.tail()}"

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            code = self.process.poll()
            state = "running" if code is None else f"ended with {code}"
            self.kill()
            error.add_note(f"{self.config_path}: {state}; its log ends:\n{self.tail()}")


def timed(work: Any) -> tuple[Any, float]:
    """What `work()` returns, and how long it took in seconds: for bounds, not for speed."""
    start = time.monotonic()
    return work(), time.monotonic() - start
