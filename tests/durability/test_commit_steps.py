"""The embedded store's process dies at each step that it takes on its file.

What was answered is there afterwards; what was not is there as a whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import disk_shim, long_runs, twice
from support.caller import Caller, Heard
from support.iris_jobs import TERMINAL
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.timeout(3 * long_runs.TIMEOUT_S)

# About so many of all steps are tried, unless the run is a thorough one.
A_FEW = 12


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return disk_shim.build(tmp_path_factory.mktemp("shim"))


@dataclass
class Known:
    """What the caller of the script was told; None what it does not know."""

    first: str | None = None
    first_end: dict[str, Any] | None = None
    second: str | None = None
    cancelled: bool = False

    def __str__(self) -> str:
        told = (self.first, self.first_end, self.second, self.cancelled)
        names = ("accepted", "ended", "accepted", "cancelled")
        return ", ".join(name for name, is_told in zip(names, told, strict=True) if is_told)


class Script:
    """A job that runs and one that is cancelled, each followed by the folding of the log."""

    def __init__(self, server: Server, steps: Path) -> None:
        self.known = Known()
        self._server = server
        self._steps = steps
        self._caller = Caller(server.config.tcp("jobs"))

    def run(self) -> Known:
        """Stops when the process has died."""
        with self._caller:
            if self._is_up() and self._first() and self._folded() and self._second():
                self._folded()
        return self.known

    def _alive(self) -> bool:
        return self._server.process.poll() is None

    def _is_up(self) -> bool:
        def answered() -> bool:
            return not self._alive() or self._caller.ask("GET", "/v1/queues") is not None

        eventually(answered, what="it serves or has died")
        return self._alive()

    def _ask(self, status: int, method: str, path: str, *more: Any) -> Heard | None:
        heard = self._caller.ask(method, path, *more)
        if heard is None:
            eventually(lambda: not self._alive(), what="who gives no answer has died")
            return None
        assert heard.status == status, heard
        return heard

    def _first(self) -> bool:
        if not (heard := self._ask(202, "POST", "/v1/jobs", *submission(1))):
            return False
        self.known.first = heard.body["id"]
        while True:
            heard = self._ask(200, "GET", f"/v1/jobs/{self.known.first}?wait=10s")
            if not heard:
                return False
            if heard.body["status"] in TERMINAL:
                self.known.first_end = heard.body
                return True

    def _second(self) -> bool:
        if not (heard := self._ask(202, "POST", "/v1/jobs", *submission(2, run_at="1h"))):
            return False
        self.known.second = heard.body["id"]
        if not self._ask(200, "DELETE", f"/v1/jobs/{self.known.second}"):
            return False
        self.known.cancelled = True
        return True

    def _folded(self) -> bool:
        """What ends the folding of the log into the file is a sync of the file."""

        def done() -> bool:
            last = self._steps.read_text().splitlines()[-1]
            return not self._alive() or last == "sync jobs.db"

        eventually(done, what="the log is folded")
        return self._alive()


def submission(number: int, **more: Any) -> tuple[dict[str, Any], dict[str, str]]:
    body = {"callable": "twice", "input": twice.job_input(number), **more}
    return body, {"Idempotency-Key": f"number-{number}"}


def start(folder: Path, library: Path, **environment: str) -> tuple[Server, Path]:
    config = twice.killable(folder.parent, None)
    steps = folder / "steps"
    env = {"LD_PRELOAD": str(library), "DISK_SHIM_LOG": str(steps), **environment}
    return Server(config, folder, env=env, wait=False), steps


def check_afterwards(server: Server, known: Known, folder: Path) -> None:
    """Without the shim: what was answered holds, the rest is whole or absent, and all goes on."""
    disk_shim.assert_sound(folder / "data", folder / "copy")
    server.start_again(env={"LD_PRELOAD": ""}, wait=True)
    with server, Caller(server.config.tcp("jobs")) as caller:

        def ask(method: str, path: str, *more: Any) -> Any:
            heard = caller.ask(method, path, *more)
            assert heard is not None, f"{method} {path}: {server.tail()}"
            assert heard.status in {200, 202}, f"{method} {path}: {heard}"
            return heard.body

        def end_of(job_id: str) -> dict[str, Any]:
            def look() -> dict[str, Any] | None:
                body: dict[str, Any] = ask("GET", f"/v1/jobs/{job_id}?wait=5s")
                return body if body["status"] in TERMINAL else None

            body = eventually(look, what="the job ends")
            assert body is not None
            return body

        there = {job["id"]: job for job in ask("GET", "/v1/jobs")["jobs"]}
        assert set(there) >= {job_id for job_id in (known.first, known.second) if job_id}
        assert len(there) <= 1 + (known.first_end is not None)
        if known.cancelled:
            assert there[str(known.second)]["status"] == "cancelled"
        # Under the same keys the same jobs, whether they are there yet or not.
        first = ask("POST", "/v1/jobs", *submission(1))["id"]
        second = ask("POST", "/v1/jobs", *submission(2, run_at="1h"))["id"]
        assert set(there) <= {first, second}
        assert first == (known.first or first)
        assert second == (known.second or second)
        found = end_of(first)
        assert found["status"] == "completed", found
        assert twice.is_right(1, found["result"])
        assert found == (known.first_end or found)
        assert ask("DELETE", f"/v1/jobs/{second}")["status"] == "cancelled"
        third = end_of(ask("POST", "/v1/jobs", *submission(3))["id"])
        assert twice.is_right(3, third["result"])
        assert {job["id"] for job in ask("GET", "/v1/jobs")["jobs"]} == {first, second, third["id"]}
    disk_shim.assert_sound(folder / "data", folder / "copy")


@pytest.mark.parametrize("torn", [False, True], ids=["before", "in the middle of"])
def test_a_process_that_dies_at_a_step_of_the_commit_loses_nothing(
    tmp_path: Path, library: Path, torn: bool
) -> None:
    chance = long_runs.seeded()
    server, log = start(tmp_path / "whole", library)
    try:
        known = Script(server, log).run()
        steps = log.read_text().splitlines()
    finally:
        server.kill()
    assert known.cancelled, "with no step to die at the script comes to its end"
    check_afterwards(server, known, tmp_path / "whole")
    for operation in ("write jobs.db", "write jobs.db-wal", "sync jobs.db", "sync jobs.db-wal"):
        assert operation in steps

    points = [n for n, step in enumerate(steps, 1) if not torn or step.startswith("write")]
    stride = 1 if long_runs.THOROUGH else max(1, len(points) // A_FEW)
    died = 0
    for point in points[chance.randrange(stride) :: stride]:
        folder = tmp_path / f"step-{point}"
        tear = {"DISK_SHIM_TEAR": "1"} if torn else {}
        server, log = start(folder, library, DISK_SHIM_KILL_AT=str(point), **tear)
        try:
            known = Script(server, log).run()
            died += server.process.poll() is not None
        finally:
            server.kill()
        print(f"step {point} of {len(steps)}, {log.read_text().splitlines()[-1]}: {known}")
        check_afterwards(server, known, folder)
    # Of the last ones some fall away where commits go together.
    assert died >= 0.7 * len(points[::stride])
