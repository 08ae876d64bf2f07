"""Configurations for the binary under test, built in code and written as YAML.

The names of the keys stand here once, so that tests speak of listeners, models and members.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from support.ports import PortReservation

MODELS = Path(__file__).resolve().parents[2] / "models"
IRIS_CLASSES = ("setosa", "versicolor", "virginica")


class _PlainDumper(yaml.SafeDumper):
    """Writes values out where they are needed; the configuration knows no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def iris_path(name: str) -> Path:
    """The committed file of one of the seed's three classifiers."""
    return MODELS / f"iris_svc_0_{name}.onnx"


def mount(api: str, target: str | None = None, prefix: str | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"api": api}
    if target is not None:
        entry["target"] = target
    if prefix is not None:
        entry["prefix"] = prefix
    return entry


class Config:
    """One configuration. Every one has an `admin` listener, which is also asked for readiness."""

    def __init__(self) -> None:
        self._ports: dict[str, PortReservation] = {}
        self.data: dict[str, Any] = {"version": 1, "listeners": [], "callables": {}}
        self._named: dict[str, dict[str, Any]] = {}
        self.listen("admin", mount("admin"))

    # -- listeners --

    def listen(
        self, name: str, *mounts: dict[str, Any], protocol: str = "http", **options: Any
    ) -> Config:
        """A listener at a free loopback port; options go into it as they are."""
        reservation = PortReservation()
        self._ports[name] = reservation
        entry: dict[str, Any] = {"address": reservation.address}
        if protocol == "grpc":
            entry["protocol"] = "grpc"
        entry |= options
        entry["mounts"] = list(mounts)
        self._named[name] = entry
        self.data["listeners"].append(entry)
        return self

    def listen_at(self, name: str, address: str, *mounts: dict[str, Any], **options: Any) -> Config:
        """A listener at an address of the test's own choice, a Unix socket's say."""
        entry: dict[str, Any] = {"address": address, **options, "mounts": list(mounts)}
        self._named[name] = entry
        self.data["listeners"].append(entry)
        return self

    def listener(self, name: str) -> dict[str, Any]:
        """The entry of a listener, to change it before a reload."""
        return self._named[name]

    def address(self, name: str) -> str:
        return str(self._named[name]["address"])

    def endpoint(self, name: str) -> tuple[str, int] | str:
        """Where to connect: of `listen` host and port, of `listen_at` a Unix socket's path."""
        return self.tcp(name) if name in self._ports else self.address(name).removeprefix("unix:")

    def tcp(self, name: str) -> tuple[str, int]:
        """Where a listener made by `listen` is."""
        return self._ports[name].host, self._ports[name].port

    @property
    def probe(self) -> tuple[str, int]:
        return self.tcp("admin")

    # -- callables --

    def model(self, name: str, path: Path | str, **options: Any) -> Config:
        """A model of a file, run in the process."""
        model = {"backend": "onnx", "path": str(path), **options}
        self.data["callables"][name] = {"model": model}
        return self

    def remote(self, name: str, *replicas: str, **options: Any) -> Config:
        """A model behind the plain HTTP predict wire; replicas are URLs."""
        model = {"backend": "http_predict", "replicas": list(replicas), **options}
        self.data["callables"][name] = {"model": model}
        return self

    def tensorflow_serving(self, name: str, address: str, **options: Any) -> Config:
        """A model of a TensorFlow Serving at an address, over gRPC."""
        model = {"backend": "tensorflow_serving", "address": address, **options}
        self.data["callables"][name] = {"model": model}
        return self

    def ensemble(self, name: str, members: dict[str, str], **options: Any) -> Config:
        """An ensemble of callables, member name to target, which chooses the best label."""
        entry = {
            "members": {m: {"target": t} for m, t in members.items()},
            "merge": {"rule": "best_label"},
            **options,
        }
        self.data["callables"][name] = {"ensemble": entry}
        return self

    def iris_models(self) -> Config:
        """The seed's three classifiers under their names."""
        for name in IRIS_CLASSES:
            self.model(name, iris_path(name))
        return self

    def set(self, key: str, value: Any) -> Config:
        """Any other top-level key."""
        self.data[key] = value
        return self

    # -- for Server --

    def to_yaml(self) -> str:
        return yaml.dump(self.data, Dumper=_PlainDumper, sort_keys=False)

    def release_ports(self) -> None:
        """The server refuses an address that anybody else has: just before it starts."""
        for reservation in self._ports.values():
            reservation.release()

    def change_ports(self) -> None:
        """Other free ports for every listener of `listen`."""
        for name in self._ports:
            self._ports[name] = PortReservation()
            self._named[name]["address"] = self._ports[name].address
