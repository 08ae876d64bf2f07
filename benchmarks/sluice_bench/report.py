"""Rows, their marks, the table and the file of raw figures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """One line of the table: a value (none: not measured) against a target (none: stated only)."""

    name: str
    what: str
    value: float | None = None
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    unsure: str = ""  # why the value may be wrong, as when a server was not saturated
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool | None:
        if self.value is None or (self.at_least is None and self.at_most is None):
            return None
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f">= {number(self.at_least)} {self.unit}"
        if self.at_most is not None:
            return f"<= {number(self.at_most)} {self.unit}"
        return "stated"

    @property
    def mark(self) -> str:
        if self.value is None:
            return "not measured"
        if self.passed is None:
            return "stated"
        return ("pass" if self.passed else "BELOW") + (" (?)" if self.unsure else "")


def number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3f}" if abs(value) < 2 else f"{value:.1f}"


def table(rows: list[Row]) -> str:
    head = ("what", "measured", "target", "mark", "figures")
    lines = [
        (
            row.what,
            "-" if row.value is None else f"{number(row.value)} {row.unit}",
            row.target,
            row.mark,
            "; ".join(part for part in (row.note, row.unsure) if part),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(4)]

    def text(line: tuple[str, ...]) -> str:
        cells = [cell.ljust(width) for cell, width in zip(line[:4], widths, strict=True)]
        return "  ".join([*cells, line[4]]).rstrip()

    return "\n".join([text(head), "  ".join("-" * width for width in widths), *map(text, lines)])


def write(path: Path, rows: list[Row], facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": facts,
        "rows": [
            {
                "name": row.name,
                "what": row.what,
                "value": row.value,
                "unit": row.unit,
                "at_least": row.at_least,
                "at_most": row.at_most,
                "mark": row.mark,
                "note": row.note,
                "unsure": row.unsure,
                "raw": row.raw,
            }
            for row in rows
        ],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
