"""sluice simulate: the examples run, and the chart is one."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.server import ROOT, run

SECONDS = 100.0  # days are simulated, and a sanitizer makes that slow

pytestmark = pytest.mark.short
EXAMPLES = sorted((ROOT / "examples/simulations").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_a_row_for_each_policy_and_load(file: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    done = run("simulate", str(file), "--svg", str(chart), timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    _, _, table = done.stdout.partition("\nPOLICY")
    rows = [line.split() for line in table.splitlines()[1:]]
    assert len(rows) >= 2
    for policy, _load, service_class, calls, served, refused, *_ in rows:
        assert policy
        assert service_class in {"realtime", "best_effort"}
        assert int(served) + int(refused) == int(calls)
    root = ElementTree.parse(chart).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.findall("{http://www.w3.org/2000/svg}polyline")


def test_the_incident_is_over_in_the_second_policy() -> None:
    done = run("simulate", str(ROOT / "examples/simulations/incident.yaml"), timeout=SECONDS)
    rows = [line.split() for line in done.stdout.splitlines()]
    in_time = {row[0]: row[6] for row in rows if len(row) > 6 and row[1] == "queue_worker"}
    assert in_time["after"] == "100.0%"
    assert float(in_time["before"].rstrip("%")) < 70


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "load.yaml"
    file.write_text("loads:\n  a: {every: {period: 1s}, class: urgent}\npolicies: {p: {}}\n")
    done = run("simulate", str(file))
    assert done.returncode == 1
    assert "load.yaml:2:" in done.stderr
    assert "realtime" in done.stderr
