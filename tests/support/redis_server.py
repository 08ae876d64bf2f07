"""A redis-server of a test's own."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.ports import PortReservation
from support.waiting import eventually

# What was answered is on disk.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


class RedisServer:
    """On a loopback port, in a folder; every answered command is on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server")
        assert program is not None, "no redis-server: run scripts/setup test"
        folder.mkdir(parents=True, exist_ok=True)
        reservation = PortReservation()
        self.port = reservation.port
        reservation.release()
        self._log = folder / "redis.log"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1"]
        self._command += ["--dir", str(folder), "--save", "", *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

        def answers() -> bool:
            with contextlib.suppress(OSError, AssertionError):  # it may be loading
                return self.ask("PING") == "PONG"
            return False

        eventually(answers, what="redis-server answers")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "redis-server does not run"
        return self._process

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def start_again(self) -> None:
        self.start()

    def ask(self, *words: str) -> str | None:
        """One command; its answer as text, none for nil."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
            connection.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
            reader = connection.makefile("rb")
            line = reader.readline().decode().rstrip("\r\n")
            assert not line.startswith("-"), line
            if not line.startswith("$"):
                return line[1:]
            size = int(line[1:])
            return None if size < 0 else reader.read(size).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
