"""The models under tests/data/onnx/ are what tools/make_test_models.py makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "make_test_models.py"
FOLDER = ROOT / "tests" / "data" / "onnx"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120
    )


def test_the_committed_models_are_what_the_script_makes() -> None:
    checked = run("--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_committed_model_comes_from_the_script(tmp_path: Path) -> None:
    assert run(str(tmp_path)).returncode == 0
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in tmp_path.iterdir()}


def test_a_changed_model_is_noticed(tmp_path: Path) -> None:
    assert run(str(tmp_path)).returncode == 0
    (tmp_path / "add.onnx").write_bytes(b"else")
    checked = run("--check", str(tmp_path))
    assert checked.returncode == 1
    assert "add.onnx differs" in checked.stdout
