"""scripts/setup, with nothing installed: what it finds missing, and where Debian 13 comes from."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOKWORM = 'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12"\n'
TRIXIE = 'ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian GNU/Linux 13"\n'


def shell(script: str, root: Path, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a script with the functions of scripts/lib, on the machine whose /etc lies in `root`."""
    preamble = "set -euo pipefail; source scripts/lib/common.sh; source scripts/lib/apt.sh;"
    path = os.environ["PATH"] if tools is None else f"{tools}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", preamble + script],
        cwd=ROOT,
        env={**os.environ, "SLUICE_SETUP_ROOT": str(root), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def machine(root: Path, release: str, **files: str) -> Path:
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/apt/preferences.d").mkdir()
    (root / "etc/os-release").write_text(release)
    for name, content in files.items():
        place = "sources.list" if name == "list" else f"sources.list.d/{name}.sources"
        (root / "etc/apt" / place).write_text(content)
    return root


def stanza(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name: value.strip() for name, value in pairs}


def derived(root: Path) -> dict[str, str]:
    done = shell("derived_trixie_source", root)
    assert done.returncode == 0, done.stderr
    return stanza(done.stdout)


def test_debian_13_comes_from_the_stanza_that_has_debian_12(tmp_path: Path) -> None:
    sources = """# a comment
Types: deb
URIs: https://other.example/x
Suites: bookworm
Components: contrib

Enabled: no
Types: deb
URIs: https://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
# a comment inside
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/mirror.gpg
Check-Valid-Until: no
"""
    assert derived(machine(tmp_path, BOOKWORM, debian=sources)) == {
        "Types": "deb",
        "URIs": "https://mirror.example/debian",
        "Suites": "trixie",
        "Components": "main",
        "Signed-By": "/usr/share/keyrings/mirror.gpg",
        "Check-Valid-Until": "no",
    }


def test_debian_13_comes_from_the_line_that_has_debian_12(tmp_path: Path) -> None:
    lines = """# deb https://off.example/debian bookworm main
deb-src https://mirror.example/debian bookworm main
deb https://security.example/debian-security bookworm-security main
deb [arch=amd64,arm64 signed-by=/etc/m.gpg] https://mirror.example/debian bookworm main # me
"""
    assert derived(machine(tmp_path, BOOKWORM, list=lines)) == {
        "Types": "deb",
        "URIs": "https://mirror.example/debian",
        "Suites": "trixie",
        "Components": "main",
        "Architectures": "amd64 arm64",
        "Signed-By": "/etc/m.gpg",
    }


def test_preparing_debian_12_writes_the_source_and_its_low_priority_once(tmp_path: Path) -> None:
    machine(tmp_path, BOOKWORM, list="deb https://mirror.example/debian bookworm main\n")
    # Writing below the test's own folder needs no root.
    script = 'as_root() { "$@"; }; prepare_apt; echo "${apt_target[*]}"'
    first = shell(script, tmp_path)
    assert (first.returncode, first.stdout) == (0, "-t trixie\n"), first.stderr
    assert "writing" in first.stderr
    written = tmp_path / "etc/apt/sources.list.d/sluice-trixie.sources"
    assert stanza(written.read_text())["URIs"] == "https://mirror.example/debian"
    pin = (tmp_path / "etc/apt/preferences.d/sluice-trixie").read_text()
    assert "Pin: release n=trixie\nPin-Priority: 100\n" in pin

    again = shell(script, tmp_path)
    assert again.stdout == "-t trixie\n"
    assert "writing" not in again.stderr


@pytest.mark.parametrize("suite", ["trixie", "stable"])
def test_debian_13_is_left_as_it_is(tmp_path: Path, suite: str) -> None:
    machine(tmp_path, TRIXIE, list=f"deb https://mirror.example/debian {suite} main\n")
    done = shell('prepare_apt; echo "${#apt_target[@]}"', tmp_path)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert not list((tmp_path / "etc/apt/sources.list.d").iterdir())


def test_another_distribution_is_pointed_to_the_dockerfile(tmp_path: Path) -> None:
    machine(tmp_path, 'ID=other\nPRETTY_NAME="Other 9"\n')
    done = shell("prepare_apt", tmp_path)
    assert done.returncode == 1
    assert "Other 9" in done.stderr
    assert "Dockerfile" in done.stderr


def test_a_machine_without_a_debian_source_is_told_so(tmp_path: Path) -> None:
    done = shell("prepare_apt", machine(tmp_path, BOOKWORM))
    assert done.returncode == 1
    assert "package sources" in done.stderr


def test_what_is_absent_or_too_old_is_missing(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    answers = (
        "cmake installed 3.18.4-2",
        "ninja-build installed 1.11.1-2",
        "ccache config-files 4.8-1",
        "libspdlog-dev installed 1:1.10.0-1",
    )
    fake = tools / "dpkg-query"
    fake.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in answers) + "exit 1\n")
    fake.chmod(0o755)
    done = shell("missing_packages build", tmp_path, tools)
    assert done.returncode == 0, done.stderr
    missing = done.stdout.split()
    assert {"cmake", "ccache", "libspdlog-dev", "g++-14"} <= set(missing)
    assert "ninja-build" not in missing
    assert "wrk" not in missing


def test_what_another_package_provides_is_not_missing(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = tools / "dpkg-query"
    fake.write_text("#!/bin/sh\necho 'nodejs installed 20.1-1 nodejs-dev (= 20), npm'\nexit 1\n")
    fake.chmod(0o755)
    done = shell("missing_packages bench", tmp_path, tools)
    assert done.returncode == 0, done.stderr
    missing = done.stdout.split()
    assert "wrk" in missing
    assert not {"nodejs", "npm"} & set(missing)


def test_what_is_fetched_outside_debian_is_pinned_by_version_and_digest() -> None:
    pins = dict(
        line.split("=", 1)
        for line in (ROOT / "scripts/pins").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+", pins["onnxruntime_version"])
    for architecture in ("x86_64", "aarch64"):
        assert re.fullmatch(r"[0-9a-f]{64}", pins[f"onnxruntime_sha256_{architecture}"])


def test_every_requirement_is_locked_to_a_digest() -> None:
    locked = [path for path in ROOT.glob("*/requirements*.txt") if path.parent.name != "build"]
    assert len(locked) == 6
    for path in locked:
        for requirement in re.split(r"\n(?=[a-z])", path.read_text())[1:]:
            assert re.match(r"[\w.-]+==\S+", requirement), (path, requirement[:60])
            assert "--hash=sha256:" in requirement, (path, requirement[:60])


def test_every_node_module_is_locked_to_a_digest_and_to_no_registry() -> None:
    locks = list(ROOT.glob("benchmarks/peers/*/package-lock.json"))
    assert [lock.parent.name for lock in locks] == ["bullmq"]
    for lock in locks:
        packages = json.loads(lock.read_text())["packages"]
        assert packages.pop("")["dependencies"]
        for name, package in packages.items():
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, name


def test_the_places_of_things_can_be_asked(tmp_path: Path) -> None:
    def ask(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "scripts/setup", "--print", name],
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert ask("cache").stdout == f"{tmp_path}/sluice\n"
    assert ask("onnxruntime").stdout.startswith(f"{tmp_path}/sluice/onnxruntime-")
    assert ask("venv-tests").stdout.startswith(f"{tmp_path}/sluice/venv-tests-")
    assert ask("node-bullmq").stdout.startswith(f"{tmp_path}/sluice/node-bullmq-")
    unknown = ask("attic")
    assert unknown.returncode == 1
    assert "attic" in unknown.stderr
