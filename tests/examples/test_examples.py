"""Every example runs, by its smoke scripts; so do the configurations of deploy/."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from support.server import ROOT, binary, run

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*/smoke-*-process*.sh"))


def relative(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def test_the_examples_are_found() -> None:
    assert [relative(path) for path in SCRIPTS] == [
        "async-iris/smoke-one-process.sh",
        "async-iris/smoke-redis-processes.sh",
        "external-worker/smoke-one-process.sh",
        "horizontal-iris/smoke-four-processes.sh",
        "horizontal-iris/smoke-one-process.sh",
        "news-creator/smoke-one-process.sh",
    ]


# A language model's best effort runs where nobody else wants to.
ALONE = [script for script in SCRIPTS if "news-creator" in script.parts]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, marks=[pytest.mark.alone] if script in ALONE else [])
        for script in SCRIPTS
    ],
    ids=[relative(script) for script in SCRIPTS],
)
def test_the_example_answers_as_it_says(script: Path) -> None:
    done = subprocess.run(
        [script],
        env={**os.environ, "SLUICE_BIN": str(binary())},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*/compose.yaml")), ids=relative)
def test_the_containers_run_what_is_there(file: Path) -> None:
    services = yaml.safe_load(file.read_text())["services"]
    ours = [service for service in services.values() if service["image"] == "sluice"]
    assert ours
    for service in ours:
        command, option, config = service["command"]
        assert command in {"serve", "worker"}
        assert option == "--config"
        assert (ROOT / config).is_file()
        known = (ROOT / config).read_text()
        for name in service["environment"]:
            assert name.startswith("SLUICE_") or f"${{{name}" in known, name


@pytest.mark.parametrize(
    "config",
    [
        path
        for folder in (EXAMPLES, ROOT / "deploy")
        for path in sorted(folder.rglob("*.yaml"))
        # Those of simulations are loads: tests/integration/test_simulate.py runs them.
        if path.name != "compose.yaml" and path.parent.name != "simulations"
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_configuration_is_in_order(config: Path) -> None:
    checked = run("check", config)
    assert checked.returncode == 0, checked.stdout + checked.stderr
