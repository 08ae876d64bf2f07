"""The command line: every command, its help, its errors, and the default without a config file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from support import iris
from support.config import IRIS_CLASSES, Config, iris_path, mount
from support.ports import PortReservation
from support.server import Server, binary, run
from support.waiting import eventually

pytestmark = pytest.mark.short

COMMANDS = ["serve", "check", "models", "predict", "jobs", "batch", "backup", "restore"]
COMMANDS += ["keys", "reload", "config", "version", "simulate"]
ROW = ["5.1", "3.5", "1.4", "0.2"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config().iris_models()
    config.ensemble("iris", {name: name for name in IRIS_CLASSES})
    config.model("broken", tmp_path_factory.getbasetemp() / "gone.onnx")
    config.listen("all", mount("open_inference"))
    with Server(config, tmp_path_factory.mktemp("command_line")) as running:
        yield running


def test_version() -> None:
    done = run("version")
    assert done.returncode == 0
    assert re.search(r"\bsluice \d+\.\d+\.\d+", done.stdout)
    assert run("--version").returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        [],
        *[[command] for command in COMMANDS],
        *[["config", "schema"], ["config", "default"]],
        *[["keys", "create"], ["keys", "list"], ["keys", "revoke"]],
    ],
)
def test_help_shows_an_example(command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0, done.stderr
    _, heading, footer = done.stdout.partition("\nExample")
    assert heading, done.stdout
    # Of the command itself: what is not given a footer inherits that of the whole.
    examples = [words for line in footer.splitlines() if (words := line.split())[:1] == ["sluice"]]
    assert examples, done.stdout
    for words in examples:
        assert words[1 : len(command) + 1] == command, " ".join(words)


def test_help_lists_the_commands() -> None:
    text = run("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\b", text, re.MULTILINE), command


@pytest.mark.parametrize("arguments", [["frobnicate"], ["serve", "--nonsense"], ["check"], []])
def test_wrong_use_is_told_on_standard_error(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode != 0
    assert done.stderr
    assert not done.stdout


# -- serve and config


def test_serve_of_no_file(tmp_path: Path) -> None:
    done = run("serve", "--config", tmp_path / "none.yaml")
    assert done.returncode != 0
    assert "none.yaml" in done.stdout + done.stderr


def test_an_address_that_is_taken_is_named(server: Server, tmp_path: Path) -> None:
    taken = server.config.address("all")
    path = tmp_path / "sluice.yaml"
    path.write_text(
        yaml.safe_dump(
            {"version": 1, "listeners": [{"address": taken, "mounts": [{"api": "open_inference"}]}]}
        )
    )
    done = run("serve", "--config", path)
    assert done.returncode != 0
    assert taken in done.stdout + done.stderr


def test_config_schema_is_a_json_schema(server: Server) -> None:
    done = run("config", "schema")
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"version", "listeners", "callables"} <= set(schema["properties"])
    for key in server.config.data:
        assert key in schema["properties"]


# -- models and predict, against a server and without


def test_models_of_a_server(server: Server) -> None:
    done = run("models", "--url", f"http://{server.config.address('all')}")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "setosa" in rows
    assert "iris" in rows
    assert "gone.onnx" in done.stdout


def test_models_of_nobody() -> None:
    closed = PortReservation()
    done = run("models", "--url", f"http://{closed.address}")
    assert done.returncode != 0
    assert closed.address in done.stderr
    closed.release()


def test_predict_against_a_server(server: Server) -> None:
    url = f"http://{server.config.address('all')}"
    done = run("predict", "--url", url, "setosa", *ROW)
    assert done.returncode == 0, done.stderr
    assert re.search(r"0\.9\d", done.stdout)
    ensemble = run("predict", "--url", url, "iris", *ROW)
    assert ensemble.returncode == 0, ensemble.stderr
    for name in IRIS_CLASSES:
        assert name in ensemble.stdout


def test_predict_locally(server: Server) -> None:
    done = run("predict", "--local", "--config", server.config_path, "setosa", *ROW)
    assert done.returncode == 0, done.stderr
    url = f"http://{server.config.address('all')}"
    assert done.stdout == run("predict", "--url", url, "setosa", *ROW).stdout


def test_predict_locally_with_the_default() -> None:
    done = run("predict", "--local", "setosa", *ROW)
    assert done.returncode == 0, done.stderr
    assert re.search(r"0\.9\d", done.stdout)


@pytest.mark.parametrize("how", [["--local"], []])
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nobody", *ROW], "nobody"),
        (["setosa", "1", "2"], "4"),
        (["setosa", "a", "b", "c", "d"], "a"),
    ],
)
def test_predict_says_what_is_wrong(
    server: Server, how: list[str], arguments: list[str], word: str
) -> None:
    if how:
        where: list[str] = ["--config", str(server.config_path)]
    else:
        where = ["--url", f"http://{server.config.address('all')}"]
    done = run("predict", *how, *where, *arguments)
    assert done.returncode != 0
    assert word in done.stderr


# -- the default


def test_serve_without_a_file_serves_everything_on_loopback(tmp_path: Path) -> None:
    http, grpc = PortReservation(), PortReservation()
    env = {"SLUICE_HTTP": http.address, "SLUICE_GRPC": grpc.address}
    for reservation in (http, grpc):
        reservation.release()
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [str(binary()), "serve"],
            env={**env, "SLUICE_DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}
            | {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        ) as process,
        httpx.Client(base_url=f"http://{http.address}", trust_env=False) as client,
    ):
        try:
            eventually(
                lambda: client.get("/health/ready").status_code == 200,
                what="the default is ready",
                ignore=(httpx.TransportError,),
            )
            answer = client.post("/iris/predict/label", json=iris.data(iris.SETOSA))
            assert answer.json()["prediction"]["label"] == "setosa"
            for name in IRIS_CLASSES:
                body = client.post(f"/{name}/predict", json=iris.data(iris.ROWS[name])).json()
                assert body["prediction"][0] > 0.5
            assert client.get("/v2/models/iris").status_code == 200
            assert "sluice_requests_total" in client.get("/metrics").text
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_committed_models_are_there() -> None:
    for name in IRIS_CLASSES:
        assert iris_path(name).is_file()
