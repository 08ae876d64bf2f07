"""Two proxies behind a plain round robin and two workers: one at a time may die."""

from __future__ import annotations

import time
from itertools import cycle
from pathlib import Path

import pytest

from support import long_runs, twice
from support.fault_proxy import FaultProxy
from support.job_load import JobLoad
from support.redis_server import DURABLE, RedisServer
from support.round_robin import RoundRobin
from support.server import Server

ANSWERED = 0.995
# How often one dies is by the load, so that a slow machine has no worse share. All that a proxy can
# take with it is one request of each thread: five of some 750.
JOBS_A_KILL = 600
PROXY_BYTES = 256 << 20
WORKER_BYTES = 512 << 20


def start(folder: Path, name: str, redis: RedisServer, slow: FaultProxy, command: str) -> Server:
    config = twice.killable(folder, slow, redis)
    return Server(config, folder / name, command=command)


@pytest.mark.timeout(long_runs.TIMEOUT_S)
def test_nearly_every_request_is_answered(tmp_path: Path) -> None:
    chance = long_runs.seeded()
    with (
        twice.slow_server() as slow,
        RedisServer(tmp_path / "redis", *DURABLE) as redis,
        start(tmp_path, "proxy-1", redis, slow, "serve") as proxy_1,
        start(tmp_path, "proxy-2", redis, slow, "serve") as proxy_2,
        start(tmp_path, "worker-1", redis, slow, "worker") as worker_1,
        start(tmp_path, "worker-2", redis, slow, "worker") as worker_2,
        RoundRobin([proxy_1.config.tcp("jobs"), proxy_2.config.tcp("jobs")]) as balancer,
        JobLoad([balancer.address], twice.NAMES, chance, threads=4, pause_s=0.004) as load,
    ):
        servers = {"p1": proxy_1, "w1": worker_1, "p2": proxy_2, "w2": worker_2}
        memory = dict.fromkeys(servers, 0)

        def measure(name: str) -> None:
            memory[name] = max(memory[name], servers[name].most_resident_bytes())

        load.start()
        end = time.monotonic() + long_runs.KILL_S
        kills = 0
        for name in cycle(servers):
            if kills >= len(servers) and time.monotonic() > end:
                break
            load.wait_for_more(JOBS_A_KILL)
            measure(name)
            servers[name].kill()
            kills += 1
            time.sleep(chance.uniform(0, 0.3))
            servers[name].start_again(wait=True)
        load.stop()
        load.account()
        for name in servers:
            measure(name)
        sizes = {name: f"{size >> 20} MiB" for name, size in memory.items()}
        print(f"{kills} kills; {load.summary()}; {load.answered():.3%} answered; {sizes}")
        assert load.answered() >= ANSWERED
        assert not load.refusals, "who serves has its store"
        for name, size in memory.items():
            assert size <= (PROXY_BYTES if name.startswith("p") else WORKER_BYTES), name
