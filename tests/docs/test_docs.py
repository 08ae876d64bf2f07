"""What the documents say of the product is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repository.rules import tracked
from support.server import ROOT, run

DOCUMENTS = [path for path in tracked(ROOT) if path.suffix == ".md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def slugs(document: Path) -> set[str]:
    """The anchors of its headings, as the common renderers make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def broken_links(document: Path) -> list[str]:
    broken = []
    for target in LINK.findall(document.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = document.parent / name if name else document
        if not there.exists() or (anchor and anchor not in slugs(there)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_tree_leads_somewhere(document: Path) -> None:
    assert not broken_links(document)


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("# One Two\n[a](#one-two) [b](#three) [c](b.md) [d](a.md#one-two)\n")
    assert broken_links(document) == ["#three", "b.md"]


def test_the_reference_of_the_configuration_is_up_to_date() -> None:
    printed = run("config", "schema", "--markdown")
    assert printed.returncode == 0, printed.stderr
    assert (ROOT / "docs/configuration.md").read_text() == printed.stdout, (
        "run: build/release/sluice config schema --markdown > docs/configuration.md"
    )


def test_every_metric_is_documented_with_its_labels() -> None:
    rows = (ROOT / "docs/metrics.md").read_text().splitlines()
    for line in (ROOT / "tests/golden/metrics.txt").read_text().splitlines():
        kind, name, *labels = line.split()
        row = next((row for row in rows if row.startswith("|") and f"`{name}`" in row), None)
        assert row is not None, f"docs/metrics.md has no row of {name}"
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == kind, name
        assert cells[2] == ", ".join(f"`{label}`" for label in labels), name


def test_every_api_that_can_be_mounted_is_among_the_labels() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    [listed] = re.findall(r"^`api` is (.+?);", page, re.MULTILINE | re.DOTALL)
    schema = run("config", "schema").stdout
    mounted = set(re.findall(r'"api":\s*{[^{}]*"const":\s*"(\w+)"', schema))
    assert "open_inference" in mounted
    assert mounted <= set(re.findall(r"`(\w+)`", listed))


def on_the_map() -> set[str]:
    """The folders of src/ that the map of ARCHITECTURE.md names, as `api/jobs`."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    [part] = re.findall(r"^    src/ .*\n((?:      .*\n)+)", page, re.MULTILINE)
    named: set[str] = set()
    for line in part.splitlines():
        first, *others = re.findall(r"(\w+)/", line)
        if len(line) - len(line.lstrip()) == 6:
            top = first
            named.add(top)
        else:
            others.append(first)
        named |= {f"{top}/{name}" for name in others}
    return named


def test_every_folder_of_the_sources_is_on_the_map() -> None:
    folders = {path.parent.relative_to(ROOT) for path in tracked(ROOT)}
    ours = {"/".join(folder.parts[1:]) for folder in folders if folder.parts[:1] == ("src",)}
    assert ours - {""} <= on_the_map()
