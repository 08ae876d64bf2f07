"""`sluice serve` without a file: where it listens, and what it prints to be pasted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.ports import PortReservation
from support.server import ROOT, binary, run
from support.waiting import eventually

pytestmark = pytest.mark.short


def test_the_default_listens_on_loopback_alone() -> None:
    listeners = yaml.safe_load(run("config", "default").stdout)["listeners"]
    assert [listener["address"] for listener in listeners] == [
        "${SLUICE_HTTP:-127.0.0.1:8080}",
        "${SLUICE_GRPC:-127.0.0.1:8081}",
    ]


def test_the_image_serves_what_the_default_does() -> None:
    def served(text: str) -> tuple[list[tuple[Any, ...]], Any]:
        config = yaml.safe_load(text)
        mounts = [
            (listener.get("protocol", "http"), mount["api"], *map(mount.get, ("target", "prefix")))
            for listener in config["listeners"]
            for mount in listener["mounts"]
        ]
        return sorted(mounts, key=str), config["callables"]

    image = (ROOT / "deploy" / "container.yaml").read_text()
    assert served(image) == served(run("config", "default").stdout)


def test_the_line_that_it_prints_can_be_pasted(tmp_path: Path) -> None:
    http, grpc = PortReservation(), PortReservation()
    addresses = {"SLUICE_HTTP": http.address, "SLUICE_GRPC": grpc.address}
    http.release()
    grpc.release()
    out = tmp_path / "out"
    with out.open("wb") as stdout, (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [binary(), "serve"],
            stdout=stdout,
            stderr=log,
            env={**os.environ, **addresses, "SLUICE_DATA_DIR": str(tmp_path / "data")},
        )

    def line() -> str | None:
        assert server.poll() is None, (tmp_path / "log").read_text()
        lines = out.read_text().splitlines()
        return next((one.partition("try:")[2] for one in lines if "try:" in one), None)

    try:
        command = eventually(line, what="the line to paste")
        assert command is not None
        answer = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True
        )
        assert json.loads(answer.stdout)["setosa"]["prediction"][0] > 0.9
        printed = out.read_text()
        assert all(address in printed for address in addresses.values())
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
