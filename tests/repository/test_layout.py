"""The rules of the tree, held against the tree, and each against a small tree that breaks it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from repository import rules

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "rule",
    [
        rules.include_order,
        rules.compiled_anew,
        rules.overlong,
        rules.left_open,
        rules.tied_to_a_machine,
    ],
    ids=lambda rule: rule.__name__,
)
def test_the_repository_keeps(rule: Callable[[Path], list[str]]) -> None:
    assert not rule(ROOT)


def write(root: Path, name: str, content: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return root


def test_a_call_that_each_source_compiles_whole_is_found(tmp_path: Path) -> None:
    write(
        tmp_path, "src/base/a.cc", 'auto a = std::format("{}", 1);\nauto b = formatted("{}", 1);\n'
    )
    write(tmp_path, "benchmarks/a.cc", 'auto a = std::format("{}", 1);\n')
    assert len(rules.compiled_anew(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "include"),
    [
        ("src/base/a.h", "http/server.h"),
        ("src/http/a.cc", "backends/onnx/model.h"),
        ("src/backends/onnx/a.cc", "backends/tensorflow_serving/b.h"),
        ("src/backends/a.cc", "backends/onnx/b.h"),
        ("src/api/openai/a.cc", "api/ollama/b.h"),
        ("src/services/tags/a.cc", "app/main.h"),
        ("src/base/a.cc", "result.h"),
        ("src/odds_and_ends/a.cc", "base/result.h"),
    ],
)
def test_an_include_that_breaks_the_order_is_found(tmp_path: Path, name: str, include: str) -> None:
    assert len(rules.include_order(write(tmp_path, name, f'#include "{include}"\n'))) == 1


@pytest.mark.parametrize(
    ("name", "include"),
    [
        ("src/http/a.cc", "http/server.h"),
        ("src/http/a.cc", "base/result.h"),
        ("src/backends/onnx/a.cc", "backends/onnx/b.h"),
        ("src/backends/http_predict/a.cc", "backends/replicas/choice.h"),
        ("src/api/openai/a.cc", "gateway/registry.h"),
        ("src/app/a.cc", "services/tags/b.h"),
        ("src/rpc/a.cc", "open_inference.pb.h"),
    ],
)
def test_an_include_of_what_comes_before_is_allowed(
    tmp_path: Path, name: str, include: str
) -> None:
    assert not rules.include_order(write(tmp_path, name, f'#include "{include}"\n'))


def test_a_source_of_one_line_too_many_is_found(tmp_path: Path) -> None:
    write(tmp_path, "src/base/fits.cc", "\n" * rules.LONGEST)
    assert not rules.overlong(tmp_path)
    write(tmp_path, "src/base/long.cc", "\n" * (rules.LONGEST + 1))
    write(tmp_path, "scripts/long", "#!/bin/sh\n" + "\n" * rules.LONGEST)
    write(tmp_path, "tests/golden/long.txt", "\n" * (rules.LONGEST + 1))
    assert [finding.split(":")[0] for finding in rules.overlong(tmp_path)] == [
        str(tmp_path / "scripts/long"),
        str(tmp_path / "src/base/long.cc"),
    ]


@pytest.mark.parametrize("mark", ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
def test_a_mark_of_unfinished_work_needs_an_owner(tmp_path: Path, mark: str) -> None:
    write(tmp_path, "src/base/a.h", f"// {mark}(ada): here\n")
    assert not rules.left_open(tmp_path)
    write(tmp_path, "src/base/a.h", f"// {mark}: here\n// {mark}() and here\n// {mark}S are fine\n")
    assert len(rules.left_open(tmp_path)) == 2


@pytest.mark.parametrize("host", rules.HOSTS)
def test_the_name_of_a_registry_is_found(tmp_path: Path, host: str) -> None:
    assert rules.tied_to_a_machine(write(tmp_path, "notes.md", f"see {host}/x\n"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cache = /" + "root/.cache", True),
        ('"/' + 'home/ada/sluice"', True),
        ("/" + "work/main", True),
        ("url: /v2/" + "home/x", False),
        ("${TOP}/" + "work/x", False),
        ("~/work and /workers", False),
    ],
)
def test_a_path_of_one_machine_is_found(tmp_path: Path, line: str, found: bool) -> None:
    assert bool(rules.tied_to_a_machine(write(tmp_path, "notes.md", line + "\n"))) == found


def test_a_binary_file_is_not_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\0" + ("TO" + "DO").encode())
    assert not rules.left_open(tmp_path)
