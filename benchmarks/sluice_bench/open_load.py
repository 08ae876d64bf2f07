"""Open loop load on language models: calls by a schedule, whatever has become of the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .context import Context
from .load import run_tool
from .processes import LOAD_CORE, MissingError


@dataclass(frozen=True)
class Call:
    """One call of the schedule. Times are seconds since its start; 0 is what never came."""

    start: float
    sent: float
    first: float
    end: float
    status: int
    retry_after_ms: int  # -1: not said
    retry_after: int

    @property
    def served(self) -> bool:
        return self.status == 200 and self.end > 0

    @property
    def refused(self) -> bool:
        return self.status in (408, 429, 503)


def offer(
    context: Context,
    port: int,
    model: str,
    rate: float,
    seconds: float,
    *,
    stream: bool = False,
    words: int = 64,
    poisson: int = 0,
    warm_up: float = 0,
) -> list[Call]:
    """One run: all calls of the schedule, after the warm-up."""
    flags = {
        "port": port, "model": model, "rate": rate, "seconds": seconds, "stream": int(stream),
        "words": words, "poisson": poisson, "warm-up": warm_up,
    }  # fmt: skip
    command = [context.native.path("open_load")]
    for name, value in flags.items():
        command += [f"--{name}", str(value)]
    said = json.loads(run_tool(LOAD_CORE, command, timeout=seconds + 60))
    calls = [Call(*(time / 1e6 for time in call[:4]), *call[4:]) for call in said["calls"]]
    lost = [call for call in calls if not call.served and not call.refused]
    if lost:
        raise MissingError(
            f"{len(lost)} of {len(calls)} calls had neither an answer nor a refusal: "
            f"{said['failure'][:200]}"
        )
    return calls


def quantile(values: Sequence[float], share: float) -> float:
    if not values:
        raise MissingError("there is nothing to take a quantile of")
    return sorted(values)[int(share * (len(values) - 1))]


def waits(calls: Sequence[Call], until: Callable[[Call], float]) -> list[float]:
    """Of those that were served, from when each was to start."""
    return [until(call) - call.start for call in calls if call.served]
