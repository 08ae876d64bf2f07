"""What the documents show at a prompt is what the product answers."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.server import ROOT, binary
from support.waiting import DEADLINE_S, eventually

SHOWN = [
    ROOT / "README.md",
    *(ROOT / f"docs/{name}.md" for name in ("open-inference", "tensorflow-serving", "operating")),
]
PROMPT = re.compile(
    r"^    \$ ((?:curl|(?:build/release/)?sluice predict) .+)\n((?:    [^$\s].*\n)+)", re.M
)
NUMBER = re.compile(r"(-?\d+\.\d+(?:e-?\d+)?|-?\d+e-?\d+)")

TRANSCRIPTS = [
    pytest.param(command, re.sub(r"(?m)^    ", "", answer), id=f"{page.name}: {command[:60]}")
    for page in SHOWN
    for command, answer in PROMPT.findall(page.read_text())
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The built-in default on ports of the kernel's choice."""
    log: Path = tmp_path_factory.mktemp("default") / "log"
    environment = {**os.environ, "SLUICE_HTTP": "127.0.0.1:0", "SLUICE_GRPC": "127.0.0.1:0"}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [binary(), "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )

    def address() -> str | None:
        assert server.poll() is None, log.read_text()
        found = re.search(r"^sluice \S+ serves (http://\S+)$", log.read_text(), re.M)
        return found[1] if found else None

    try:
        found = eventually(address, what="the default serves")
        assert found is not None
        yield found
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == 0


def assert_alike(came: str, shown: str) -> None:
    """The same but for the last digits, which may differ from one processor to another."""
    assert NUMBER.sub("#", came) == NUMBER.sub("#", shown)
    for one, other in zip(NUMBER.findall(came), NUMBER.findall(shown), strict=True):
        assert float(one) == pytest.approx(float(other), rel=1e-3, abs=1e-5)


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 6


@pytest.mark.parametrize(("command", "shown"), TRANSCRIPTS)
def test_the_answer_is_the_one_shown(url: str, command: str, shown: str) -> None:
    words = shlex.split(command)
    if words[0] == "curl":
        words = ["curl", "--silent", *(w.replace("http://127.0.0.1:8080", url) for w in words[1:])]
    else:
        words = [str(binary()), *words[1:]]
        if "--local" not in words:
            words += ["--url", url]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert_alike(done.stdout.strip(), shown.strip())
