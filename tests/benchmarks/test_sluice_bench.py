"""The machinery of `make bench`: what it concludes from figures, and what it reads from /proc."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.server import binary

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import run
from sluice_bench import processes, report
from sluice_bench.job_service import JobPorts, job_configuration
from sluice_bench.job_submit import commits, errors_of
from sluice_bench.load import Rate, Rates, interleaved
from sluice_bench.report import Row
from sluice_bench.sluice import Ports, configuration, local_callables, remote_callables
from sluice_bench.throughput import limit_row, ratio_row


def rates(*per_second: float, share: float = 1.0, errors: int = 0) -> Rates:
    return Rates(
        tuple(Rate(value, errors, share, value / share, 100.0, 200.0) for value in per_second)
    )


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        (Row("a", "a", 0.96, at_least=0.95), "pass"),
        (Row("a", "a", 0.94, at_least=0.95), "BELOW"),
        (Row("a", "a", 15.1, "us", at_most=15), "BELOW"),
        (Row("a", "a", 15.0, "us", at_most=15), "pass"),
        (Row("a", "a", 2.0, at_least=1.0, unsure="it was not saturated"), "pass (?)"),
        (Row("a", "a", 2.0), "stated"),
        (Row("a", "a", at_least=1.0), "not measured"),
    ],
)
def test_a_row_is_marked_by_its_target(row: Row, mark: str) -> None:
    assert row.mark == mark


def test_a_ratio_is_of_the_medians_so_that_one_bad_round_does_not_count() -> None:
    row = ratio_row("a", "a", rates(100, 90, 10), rates(30, 31, 3000), at_least=2.0)
    assert row.value == pytest.approx(90 / 31)
    assert row.mark == "pass"


def test_the_limit_is_an_nginx_request_and_the_bare_runs_one_after_another() -> None:
    # 5 us + 3 us + 2 us: 100,000 a second.
    row = limit_row("a", "a", rates(80_000), rates(200_000), [3.0, 2.0])
    assert row.value == pytest.approx(0.8)


def test_a_server_that_had_not_its_core_or_erred_makes_its_row_unsure() -> None:
    idle = ratio_row("a", "a", rates(100, share=0.8), rates(50), at_least=1.0)
    assert idle.mark == "pass (?)"
    assert "80%" in idle.unsure
    assert "3 errors" in ratio_row("a", "a", rates(100, errors=3), rates(50), None).unsure


def test_runs_alternate_and_the_order_turns_round() -> None:
    seen: list[str] = []
    found = interleaved(2, {name: lambda name=name: seen.append(name) for name in "ab"})  # type: ignore[misc]
    assert seen == ["a", "b", "b", "a"]
    assert {name: len(values) for name, values in found.items()} == {"a": 2, "b": 2}


def test_the_table_has_a_line_for_each_row_and_the_file_their_raw_figures(tmp_path: Path) -> None:
    rows = [Row("one", "first", 1.5, at_least=1.0, raw={"runs": [1, 2]}), Row("two", "second")]
    lines = report.table(rows).splitlines()
    assert len(lines) == 4
    assert lines[2].split() == ["first", "1.500", "x", ">=", "1", "x", "pass"]
    assert "not measured" in lines[3]
    report.write(tmp_path / "results.json", rows, {"cores": 2})
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert written["machine"] == {"cores": 2}
    assert written["rows"][0]["raw"] == {"runs": [1, 2]}


def test_processor_time_and_memory_of_a_process_and_its_children_are_read() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        assert {os.getpid(), child.pid} <= set(processes.descendants(os.getpid()))
        assert processes.cpu_seconds(os.getpid()) > 0
        whole, part = (processes.resident_mib(pid) for pid in (os.getpid(), child.pid))
        assert whole > part > 0
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    "document",
    [
        configuration(local_callables(), "setosa", Ports(9000, 9001, 9002, 9003)),
        configuration(
            remote_callables([1, 2, 3], "100ms"), "remote_setosa", Ports(9000, 9001, 9002, 9003)
        ),
        job_configuration(JobPorts(9000, 9001), consume=True),
        job_configuration(JobPorts(9000, 9001), redis=6379, concurrency=100, slow=9002),
    ],
    ids=["local", "remote", "jobs", "jobs-on-redis"],
)
def test_sluice_takes_the_configurations_that_it_is_measured_with(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    config = tmp_path / "sluice.yaml"
    config.write_text(json.dumps(document), encoding="utf-8")
    checked = subprocess.run(
        [binary(), "check", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_server_that_ends_at_once_is_missing_with_its_last_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such file >&2; exit 3"]
    with processes.Server("peer", command, tmp_path / "log") as server:
        server.process.wait()
        with pytest.raises(processes.MissingError, match="peer ended with 3: no such file"):
            server.wait_for(1, "/")


def test_the_commits_of_a_database_in_use_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE jobs (seq INTEGER PRIMARY KEY)")
        before = commits(file)
        for _ in range(7):
            database.execute("BEGIN")
            database.executemany("INSERT INTO jobs VALUES (NULL)", [()] * 5)
            database.execute("COMMIT")
        assert commits(file) - before == 7


def test_errors_of_each_side_are_told_and_none_are_not() -> None:
    assert errors_of(sluice=[{"errors": 0}], other=[{"errors": 1}, {"errors": 2}]) == (
        "3 errors from other"
    )
    assert errors_of(sluice=[{"errors": 0}]) == ""


def test_rows_can_be_chosen_by_what_their_names_begin_with() -> None:
    chosen = run.options(["--only", "start,jobs"]).groups
    assert chosen[0] == "start"
    assert chosen[1:] == [name for name in run.GROUPS if name.startswith("jobs_")]
    with pytest.raises(SystemExit):
        run.options(["--only", "job"])
