"""Reading the text that Prometheus would scrape."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Scrape:
    """One scrape, parsed strictly."""

    def __init__(self, text: str) -> None:
        self.types: dict[str, str] = {}
        self.help: dict[str, str] = {}
        self.samples: list[Sample] = []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name not in self.types, f"{name} has two TYPE lines"
                self.types[name] = kind
            elif line.startswith("# HELP "):
                name, _, text_of_help = line[7:].partition(" ")
                self.help[name] = text_of_help
            elif line:
                found = _SAMPLE.match(line)
                assert found, f"not a sample: {line!r}"
                labels = dict(_LABEL.findall(found[2] or ""))
                self.samples.append(Sample(found[1], labels, float(found[3])))

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name which have these labels; 0 where there are none."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
