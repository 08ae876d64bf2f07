"""Waiting for what will happen: polls with a deadline, so that no test sleeps to be right."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Sanitizer builds and busy machines are slow; a right answer never waits for this.
DEADLINE_S = 20.0


def eventually(
    probe: Callable[[], T],
    *,
    what: str,
    timeout: float = DEADLINE_S,
    interval: float = 0.01,
    ignore: tuple[type[BaseException], ...] = (),
) -> T:
    """The first truthy result of `probe`; AssertionError naming `what` when the deadline passes."""
    end = time.monotonic() + timeout
    last: object = None
    while True:
        try:
            found = probe()
            if found:
                return found
            last = found
        except ignore as error:
            last = error
        if time.monotonic() >= end:
            raise AssertionError(f"{what}: not within {timeout:g} s; last seen: {last!r}")
        time.sleep(interval)
