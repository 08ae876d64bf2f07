"""Two proxies behind a plain round robin and two workers: one at a time may die."""

from __future__ import annotations

import time
from itertools import cycle
from pathlib import Path

import pytest

from support import long_runs, twice
from support.config import Config, mount
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
    config = Config(lasting_ports=True)
    config.listener("admin")["served_by"] = "both"
    config.listen("jobs", mount("jobs"))
    twice.add_callables(config, folder, slow)
    config.set("jobs", {"store": "redis", "consume": False, "lease": "1s", "lost_leases": 100})
    config.set("stores", {"redis": {"address": redis.address}})
    config.set("telemetry", {"log": {"level": "warn"}})
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
        servers = [proxy_1, worker_1, proxy_2, worker_2]
        memory = dict.fromkeys(range(len(servers)), 0)

        def measure(which: int) -> None:
            memory[which] = max(memory[which], servers[which].most_resident_bytes())

        load.start()
        end = time.monotonic() + long_runs.KILL_S
        kills = 0
        for which in cycle(range(len(servers))):
            if kills >= len(servers) and time.monotonic() > end:
                break
            load.wait_for_more(JOBS_A_KILL)
            measure(which)
            servers[which].kill()
            kills += 1
            time.sleep(chance.uniform(0, 0.3))
            servers[which].start_again(wait=True)
        load.stop()
        load.account()
        for which in range(len(servers)):
            measure(which)
        print(
            f"{kills} kills; {load.summary()}; {load.answered():.3%} answered; "
            f"MiB: {[size >> 20 for size in memory.values()]}"
        )
        assert load.answered() >= ANSWERED
        for which, server in enumerate(servers):
            assert memory[which] <= (
                PROXY_BYTES if "proxy" in server.directory.name else WORKER_BYTES
            )
