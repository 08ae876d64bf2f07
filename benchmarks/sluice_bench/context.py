"""What every row is given: places, durations, and how to make the environment's pieces."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .load import Native
from .processes import MissingError

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
MODELS = ROOT / "models"
CLASSES = ("setosa", "versicolor", "virginica")

ROW = [5.1, 3.5, 1.4, 0.2]
BODY = '{"data": [[5.1, 3.5, 1.4, 0.2]]}'
INFER_BODY = (
    '{"inputs": [{"name": "float_input", "shape": [1, 4], "datatype": "FP32", '
    '"data": [5.1, 3.5, 1.4, 0.2]}]}'
)


def model(name: str) -> Path:
    return MODELS / f"iris_svc_0_{name}.onnx"


@dataclass(frozen=True)
class Context:
    binary: Path
    native: Native
    out: Path  # configurations, logs and results
    seconds: int  # of one run of load
    rounds: int  # of each run

    def python(self, environment: str) -> Path:
        """The interpreter of one of the Python environments that scripts/setup makes."""
        found = subprocess.run(
            [ROOT / "scripts" / "setup", "--print", f"venv-{environment}"],
            capture_output=True,
            text=True,
            check=False,
        )
        path = Path(found.stdout.strip()) / "bin" / "python"
        if found.returncode != 0 or not path.exists():
            raise MissingError(f"no Python environment '{environment}': run scripts/setup bench")
        return path

    def node_modules(self, name: str) -> Path:
        """The folder of one of the sets of Node modules that scripts/setup makes."""
        found = subprocess.run(
            [ROOT / "scripts" / "setup", "--print", f"node-{name}"],
            capture_output=True,
            text=True,
            check=False,
        )
        path = Path(found.stdout.strip()) / "node_modules"
        if found.returncode != 0 or not path.exists():
            raise MissingError(f"no Node modules '{name}': run scripts/setup bench")
        return path

    def llama_server(self) -> Path:
        """llama.cpp's server, as scripts/setup builds it."""
        found = subprocess.run(
            [ROOT / "scripts" / "setup", "--print", "llama"],
            capture_output=True,
            text=True,
            check=False,
        )
        path = Path(found.stdout.strip()) / "bin" / "llama-server"
        if not path.exists():
            raise MissingError("llama.cpp's server is not built: run scripts/setup bench")
        return path

    def program(self, name: str) -> str:
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if path is None:
            raise MissingError(f"{name} is not installed: run scripts/setup bench")
        return path


def first_line(*command: str | Path) -> str:
    """What a program says of its version, on either stream."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError:
        return "not installed"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else ""


def facts(context: Context) -> dict[str, Any]:
    """What the figures depend on."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_before": list(os.getloadavg()),
        "sluice": first_line(context.binary, "version"),
        "commit": first_line("git", "rev-parse", "--short=12", "HEAD"),
        "nginx": first_line("/usr/sbin/nginx", "-v"),
        "wrk": first_line("wrk", "-v"),
        "redis": first_line("redis-server", "--version"),
        "node": first_line("node", "--version"),
        "seconds_per_run": context.seconds,
        "rounds": context.rounds,
    }
