"""Nothing that was accepted is lost, whatever is killed and when."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from support import long_runs, twice
from support.job_load import JobLoad
from support.random_kills import RandomKills, Victim
from support.redis_server import DURABLE, RedisServer
from support.server import Server

pytestmark = pytest.mark.timeout(long_runs.TIMEOUT_S)


def kill_under_load(
    victims: dict[str, Victim], load: JobLoad, chance: random.Random, servers: list[Server]
) -> None:
    kills = RandomKills(victims, chance)
    with load:
        load.start()
        kills.start()
        try:
            time.sleep(long_runs.KILL_S)
        finally:
            kills.stop()
        for server in servers:
            server.wait_until_ready()
        load.stop()
        try:
            load.account()
        finally:
            print(f"killed {dict(kills.kills)}; {load.summary()}")
    assert sum(kills.kills.values()) >= long_runs.KILL_S / 3
    assert len(load.accepted) >= 5 * long_runs.KILL_S
    assert load.repeated > 0, "no answer was lost: the kills missed the load"
    assert load.run_again > 0, "no worker died with a job: the kills missed the load"


def test_proxies_workers_and_redis_are_killed_at_random(tmp_path: Path) -> None:
    chance = long_runs.seeded()
    with (
        twice.slow_server() as slow,
        RedisServer(tmp_path / "redis", *DURABLE) as redis,
        Server(twice.killable(tmp_path, slow, redis), tmp_path / "proxy-1") as proxy_1,
        Server(twice.killable(tmp_path, slow, redis), tmp_path / "proxy-2") as proxy_2,
        Server(
            twice.killable(tmp_path, slow, redis), tmp_path / "worker-1", command="worker"
        ) as worker_1,
        Server(
            twice.killable(tmp_path, slow, redis), tmp_path / "worker-2", command="worker"
        ) as worker_2,
    ):
        servers = {"p1": proxy_1, "p2": proxy_2, "w1": worker_1, "w2": worker_2}
        load = JobLoad(
            [proxy_1.config.tcp("jobs"), proxy_2.config.tcp("jobs")], twice.NAMES, chance
        )
        kill_under_load({**servers, "redis": redis}, load, chance, list(servers.values()))


def test_one_process_with_the_embedded_store_is_killed_at_random(tmp_path: Path) -> None:
    chance = long_runs.seeded()
    with (
        twice.slow_server() as slow,
        Server(twice.killable(tmp_path, slow), tmp_path / "server") as server,
    ):
        load = JobLoad([server.config.tcp("jobs")], twice.NAMES, chance)
        kill_under_load({"server": server}, load, chance, [server])
