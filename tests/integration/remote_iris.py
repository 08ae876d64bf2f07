"""Three real services behind fault proxies, and gateways that have them as remote members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.config import IRIS_CLASSES, Config, mount
from support.fault_proxy import FaultProxy
from support.faults import Fault
from support.server import Server


@dataclass
class Gateway:
    """A proxy service over remote members, each behind its fault proxy."""

    server: Server
    proxies: dict[str, FaultProxy]

    @property
    def http(self) -> httpx.Client:
        return self.server.http("proxy")

    def fail(self, member: str, fault: Fault) -> None:
        self.proxies[member].standing(fault)


def gateway_config(urls: dict[str, list[str]], *, remote: Any = None, **ensemble: Any) -> Config:
    """An ensemble `iris` of http members at these URLs, served as the seed's proxy."""
    config = Config()
    for name, replicas in urls.items():
        config.remote(f"{name}_remote", *replicas, **(remote or {}))
    config.ensemble("iris", {name: f"{name}_remote" for name in urls}, **ensemble)
    return config.listen("proxy", mount("horizontal_proxy", "iris"))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The three services in one process, each on a port of its own."""
    config = Config().iris_models()
    for name in IRIS_CLASSES:
        config.listen(name, mount("horizontal_service", name))
    with Server(config, tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture
def proxies(services: Server) -> Iterator[dict[str, FaultProxy]]:
    """A fault proxy in front of every service."""
    made: dict[str, FaultProxy] = {}
    try:
        for name in IRIS_CLASSES:
            made[name] = FaultProxy(services.config.tcp(name))
        yield made
    finally:
        for proxy in made.values():
            proxy.stop()


@pytest.fixture
def gateway(
    proxies: dict[str, FaultProxy], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Gateway]:
    """A fresh gateway over the proxies; options of the ensemble by the `ensemble` marker."""
    marker = request.node.get_closest_marker("ensemble")
    options = dict(marker.kwargs) if marker else {}
    config = gateway_config({name: [proxy.url] for name, proxy in proxies.items()}, **options)
    with Server(config, tmp_path / "gateway") as running:
        yield Gateway(running, proxies)
