"""Redis away for a while, dead or hung: refused at once, well without a restart, nothing lost."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest

from support import long_runs, twice
from support.caller import Address, Caller
from support.config import MODELS, mount
from support.fault_proxy import FaultProxy
from support.iris_jobs import SETOSA
from support.job_load import JobLoad
from support.redis_server import DURABLE, RedisServer
from support.server import Server
from support.waiting import eventually

# The bound for a question to a server that hangs. Once it is known to, all is refused at once.
COMMAND_TIMEOUT_S = 1.0
RESPONSE_TIMEOUT_S = 2.0
# What a busy machine may add to one answer, and to the middle one of all.
SLACK_S = 3.0
AT_ONCE_S = 0.1


@dataclass
class Asked:
    """One question again and again from a thread of its own, within `with`."""

    address: Address
    method: str
    path: str
    body: Any = None
    heard: list[tuple[float, int, float]] = field(default_factory=list)  # when, status, seconds
    _over: threading.Event = field(default_factory=threading.Event)
    _error: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._error and kind is None:
            raise self._error[0]

    def _run(self) -> None:
        try:
            with Caller(self.address) as caller:
                while not self._over.wait(0.01):
                    at = time.monotonic()
                    heard = caller.ask(self.method, self.path, self.body)
                    assert heard is not None, f"{self.path} was dropped"
                    if heard.status == 503 and self.path != "/health":
                        assert int(heard.headers["retry-after"]) >= 1, heard
                    self.heard.append((at, heard.status, heard.took_s))
        except BaseException as error:
            self._error.append(error)

    def assert_refused(self, begin: float, end: float, known: float) -> None:
        """While the store was away, and once it was known to be."""
        # What was asked shortly before its return may have been answered by it.
        surely = {status for status, _ in self._between(begin, end - COMMAND_TIMEOUT_S)}
        slowest = max(took for _, took in self._between(begin, end))
        later = statistics.median(took for _, took in self._between(known, end))
        print(f"{self.path}: slowest refusal {slowest:.3f} s, median then {later * 1000:.2f} ms")
        assert surely == {503}
        assert slowest < COMMAND_TIMEOUT_S + SLACK_S
        assert later < AT_ONCE_S

    def assert_prompt(self, begin: float, end: float) -> None:
        took = [took for _, _, took in self.heard]
        middle = statistics.median(took)
        print(f"{self.path}: median {middle * 1000:.2f} ms, slowest {max(took):.3f} s")
        assert middle < AT_ONCE_S
        assert max(took) < SLACK_S
        assert 503 in {status for status, _ in self._between(begin, end)}

    def _between(self, begin: float, end: float) -> list[tuple[int, float]]:
        return [(status, took) for at, status, took in self.heard if begin <= at < end]


def start(folder: Path, name: str, redis: RedisServer, slow: FaultProxy, command: str) -> Server:
    config = twice.killable(folder, slow, redis).model("iris", MODELS / "iris.onnx")
    config.listener("jobs")["mounts"].append(mount("async_iris", "iris"))
    config.data["stores"]["redis"] |= {
        "command_timeout": f"{COMMAND_TIMEOUT_S * 1000:.0f}ms",
        "response_timeout": f"{RESPONSE_TIMEOUT_S * 1000:.0f}ms",
    }
    return Server(config, folder / name, command=command)


def hang(redis: RedisServer) -> None:
    redis.signal(SIGSTOP)
    status = Path(f"/proc/{redis.process.pid}/status")
    eventually(lambda: "State:\tT" in status.read_text(), what="it has stopped")


def go_on(redis: RedisServer) -> None:
    redis.signal(SIGCONT)


@pytest.mark.timeout(long_runs.TIMEOUT_S)
@pytest.mark.parametrize(
    ("leave", "come_back", "known_after_s"),
    [
        pytest.param(RedisServer.kill, RedisServer.start, 0.5, id="killed"),
        pytest.param(hang, go_on, RESPONSE_TIMEOUT_S + SLACK_S / 3, id="hung"),
    ],
)
def test_redis_is_away(
    tmp_path: Path,
    leave: Callable[[RedisServer], None],
    come_back: Callable[[RedisServer], None],
    known_after_s: float,
) -> None:
    chance = long_runs.seeded()
    with (
        twice.slow_server() as slow,
        RedisServer(tmp_path / "redis", *DURABLE) as redis,
        start(tmp_path, "proxy", redis, slow, "serve") as proxy,
        start(tmp_path, "worker", redis, slow, "worker") as worker,
        JobLoad([proxy.config.tcp("jobs")], twice.NAMES, chance) as load,
    ):
        address = proxy.config.tcp("jobs")
        processes = [proxy.process, worker.process]
        health = Asked(address, "GET", "/health")
        asked = [
            Asked(address, "POST", "/predict", {"data": [SETOSA]}),
            Asked(address, "GET", "/job/a1b2c3"),
            Asked(address, "GET", "/v1/jobs"),
        ]
        load.start()
        load.wait_for_more(50)
        with ExitStack() as running:
            for one in (health, *asked):
                running.enter_context(one)
            eventually(lambda: all(one.heard for one in asked), what="all are answered")
            leave(redis)
            begin = time.monotonic()
            time.sleep(long_runs.AWAY_S)
            end = time.monotonic()
            come_back(redis)
            load.wait_for_more(50)
            eventually(lambda: health.heard[-1][1] == 200, what="it is well again")
        load.stop()
        assert [process.poll() for process in processes] == [None, None]

        for one in asked:
            one.assert_refused(begin, end, begin + known_after_s)
        health.assert_prompt(begin, end)
        print(load.summary())
        load.account()
