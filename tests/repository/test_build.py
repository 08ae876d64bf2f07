"""`make build` on a tree that is built: there is nothing to install, to configure or to compile."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"

# As `make test` runs it, which has just built this. Another build says nothing of it, and a tree
# that is being worked on is not to be built by a test.
pytestmark = pytest.mark.skipif(
    Path(os.environ.get("SLUICE_BIN", "")).resolve() != RELEASE / "sluice",
    reason="not a test of build/release (SLUICE_BIN)",
)


def output_of(*command: str | Path) -> list[str]:
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of the make that runs this test
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in outer},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def test_building_what_is_built_does_nothing() -> None:
    nothing = "ninja: no work to do."
    assert output_of("ninja", "-n", "-C", RELEASE, "sluice")[-1] == nothing, "build it first"
    # It says what it installs, configures or compiles.
    assert output_of("make", "build") == [nothing]
