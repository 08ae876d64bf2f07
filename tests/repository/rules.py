"""What must hold of the tree itself. Each rule is a function from a folder to its findings."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

# The order of use, as ARCHITECTURE.md has it: a folder of src/ may use those before it.
LAYERS = (
    "base",
    "config",
    "telemetry",
    "runtime",
    "inference",
    "http",
    "rpc",
    "redis",
    "sqlite",
    "access",
    "scheduling",
    "caching",
    "streams",
    "backends",
    "gateway",
    "tasks",
    "jobs",
    "consumers",
    "api",
    "services",
    "app",
)
# Folders whose subfolders stand side by side and do not know one another, but for those named here.
SIBLINGS: dict[str, frozenset[str]] = {
    "backends": frozenset({"generation_wire", "replicas"}),
    "api": frozenset({"generation"}),
    "services": frozenset({"rows"}),
}

LONGEST = 400
CODE = {".cc", ".h", ".py", ".sh"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
# Put together here so that this file does not break its own rules.
LEFT_OPEN = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b(?!\([^()\s]+\))"
)
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("deb", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("static", "crates", "io"),
        ("index", "crates", "io"),
        ("proxy", "golang", "org"),
        ("repo1", "maven", "org"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.$}{-])/(?:" + "|".join(("work", "root", "home")) + r")/[\w.-]")


def tracked(root: Path) -> list[Path]:
    """The files of a checkout that git knows or would add; all files where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [root / name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = list(root.rglob("*"))
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a text; of a binary, none."""
    content = path.read_bytes()
    if b"\0" in content:
        return
    yield from enumerate(content.decode(errors="replace").splitlines(), start=1)


def include_order(root: Path) -> list[str]:
    """Includes from a folder that comes later, or from a sibling."""
    findings = []
    for path in tracked(root):
        parts = path.relative_to(root).parts
        if parts[0] != "src" or len(parts) < 3 or path.suffix not in {".cc", ".h"}:
            continue
        if parts[1] not in LAYERS:
            findings.append(f"{path}: src/{parts[1]} has no place in the order of the folders")
            continue
        for number, line in lines_of(path):
            found = INCLUDE.match(line)
            reason = misplaced(parts[1:], Path(found[1]).parts) if found else None
            if found and reason:
                findings.append(f'{path}:{number}: includes "{found[1]}": {reason}')
    return findings


def misplaced(user: tuple[str, ...], used: tuple[str, ...]) -> str | None:
    """Why a file at `user` may not include `used`, both from src/; None where it may."""
    layer, other = user[0], used[0]
    if other not in LAYERS:
        generated = used[-1].endswith(".pb.h")
        return None if generated else "includes are written from src/, as folder/file.h"
    if LAYERS.index(other) > LAYERS.index(layer):
        return f"{other}/ comes after {layer}/"
    if layer == other and layer in SIBLINGS and len(used) > 2:
        mine = user[1] if len(user) > 2 else None
        if mine != used[1] and used[1] not in SIBLINGS[layer]:
            return f"{layer}/{used[1]} stands beside {'/'.join(user[:-1])} and is not for its use"
    return None


def compiled_anew(root: Path) -> list[str]:
    """Calls of std::format, which each source that has one compiles whole: for seconds."""
    return [
        f"{path}:{number}: write formatted(..), of base/format.h"
        for path in tracked(root)
        if path.relative_to(root).parts[0] == "src" and path.suffix in {".cc", ".h"}
        for number, line in lines_of(path)
        if "std::format(" in line or "std::format_to(" in line
    ]


def overlong(root: Path) -> list[str]:
    """Sources of more than LONGEST lines."""
    findings = []
    for path in tracked(root):
        folder = path.relative_to(root).parts[0]
        if folder in {"src", "tests", "tools", "benchmarks", "scripts", "examples"} and is_code(
            path
        ):
            count = sum(1 for _ in lines_of(path))
            if count > LONGEST:
                findings.append(f"{path}: {count} lines, more than {LONGEST}")
    return findings


def is_code(path: Path) -> bool:
    return path.suffix in CODE or (path.suffix == "" and path.read_bytes()[:2] == b"#!")


def left_open(root: Path) -> list[str]:
    """Marks of unfinished work that name nobody who will finish it."""
    return [
        f"{path}:{number}: {found[1]} without an (owner)"
        for path in tracked(root)
        for number, line in lines_of(path)
        if (found := LEFT_OPEN.search(line))
    ]


def tied_to_a_machine(root: Path) -> list[str]:
    """Names of package registries, and paths that exist on one machine only."""
    findings = []
    for path in tracked(root):
        for number, line in lines_of(path):
            findings += [f"{path}:{number}: names {host}" for host in HOSTS if host in line]
            if MACHINE_PATH.search(line):
                findings.append(f"{path}:{number}: a path of one machine")
    return findings
