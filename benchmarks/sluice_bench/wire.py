"""What a gateway adds before an engine behind a wire, whole answers and first tokens.

The engine answers a constant at once. It is asked directly and through the gateway, in turn, by
calls on a fixed schedule. Engine and gateway share the server core, so that both ways cross from
the load's core to the server's and back once, and what differs is the gateway alone.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from .context import Context
from .load import interleaved
from .open_load import Call, offer, quantile, waits
from .processes import MissingError, Server, free_port
from .report import Row
from .sluice import language_server

RATE = 1000
# What LiteLLM holds on one core with room to spare.
LITELLM_RATE = 50
ADDED_P50_AT_MOST_US = 100.0
ADDED_P99_AT_MOST_US = 1000.0
ADDED_FIRST_AT_MOST_US = 200.0
# A stream's tokens, so far apart that each is a piece of its own.
TOKENS = 8
TOKEN_MS = 2
WARM_UP = 0.3  # seconds of each run
# From exec to its first answer: it reads hundreds of modules.
LITELLM_STARTS_WITHIN = 120.0
MODEL = "simulated"


@contextmanager
def engine(context: Context) -> Iterator[Server]:
    command = [
        context.native.path("wire_engine"), "--tokens", str(TOKENS), "--token-ms", str(TOKEN_MS),
    ]  # fmt: skip
    log = context.out / "wire_engine.log"
    with Server("wire engine", command, log, prints_port=True) as server:
        yield server


@contextmanager
def sluice(context: Context, behind: Server) -> Iterator[Server]:
    model = {
        "backend": "openai",
        "urls": [f"http://127.0.0.1:{behind.port}"],
        "engine_slots": 256,
    }
    with language_server(context, "wire", {MODEL: {"model": model}}) as server:
        yield server


@contextmanager
def litellm(context: Context, behind: Server) -> Iterator[Server]:
    """LiteLLM's proxy with one model and nothing else: no keys, database, log or telemetry."""
    folder = context.out / "litellm"
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {
        "model": f"openai/{MODEL}",
        "api_base": f"http://127.0.0.1:{behind.port}/v1",
        "api_key": "none",
    }
    document = {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "litellm_settings": {"telemetry": False},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    port = free_port()
    command = [
        str(context.python("litellm").with_name("litellm")), "--config", str(config),
        "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False",
    ]  # fmt: skip
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "NO_PROXY": "127.0.0.1",
    }
    with Server("LiteLLM", command, folder / "log", environment=environment) as server:
        server.port = port
        server.wait_for(port, "/v1/models", step=0.5, within=LITELLM_STARTS_WITHIN)
        yield server


@dataclass(frozen=True)
class Added:
    """The medians over the rounds, directly and through a gateway; microseconds."""

    direct: dict[str, float]
    through: dict[str, float]

    def of(self, key: str) -> float:
        return self.through[key] - self.direct[key]

    def note(self, key: str) -> str:
        return f"{self.through[key]:.0f} us, directly {self.direct[key]:.0f} us"


def figures(calls: Sequence[Call], *, first: bool) -> dict[str, float]:
    times = waits(calls, (lambda call: call.first) if first else (lambda call: call.end))
    return {
        "p50": quantile(times, 0.5) * 1e6,
        "p99": quantile(times, 0.99) * 1e6,
        "max": max(times) * 1e6,
        "late_p99": quantile([call.sent - call.start for call in calls], 0.99) * 1e6,
        "calls": len(times),
    }


def added(
    context: Context, behind: Server, gateway: Server, rate: float
) -> tuple[Added, Added, dict[str, Any]]:
    """Of whole answers, and of streams to their first token."""

    def run(port: int, *, stream: bool) -> dict[str, float]:
        calls = offer(
            context, port, MODEL, rate, context.seconds, stream=stream, warm_up=WARM_UP
        )  # fmt: skip
        return figures(calls, first=stream)

    found = interleaved(
        context.rounds,
        {
            "direct": lambda: run(behind.port, stream=False),
            "through": lambda: run(gateway.port, stream=False),
            "direct_first": lambda: run(behind.port, stream=True),
            "through_first": lambda: run(gateway.port, stream=True),
        },
    )

    def median(name: str) -> dict[str, float]:
        return {
            key: statistics.median(round_[key] for round_ in found[name]) for key in ("p50", "p99")
        }

    return (
        Added(median("direct"), median("through")),
        Added(median("direct_first"), median("through_first")),
        found,
    )


def rows_of_sluice(whole: Added, first: Added, raw: dict[str, Any]) -> list[Row]:
    what = f"added before a wire engine, {RATE} calls/s:"
    return [
        Row("wire_p50", f"{what} p50", whole.of("p50"), "us", at_most=ADDED_P50_AT_MOST_US,
            note=whole.note("p50"), raw=raw),
        Row("wire_p99", f"{what} p99", whole.of("p99"), "us", at_most=ADDED_P99_AT_MOST_US,
            note=whole.note("p99")),
        Row("wire_first_p50", f"{what} first token, p50", first.of("p50"), "us",
            at_most=ADDED_FIRST_AT_MOST_US, note=first.note("p50")),
        Row("wire_first_p99", f"{what} first token, p99", first.of("p99"), "us",
            note=first.note("p99")),
    ]  # fmt: skip


def rows_of_litellm(whole: Added, first: Added, raw: dict[str, Any]) -> list[Row]:
    what = f"LiteLLM's proxy, {LITELLM_RATE} calls/s:"
    return [
        Row("wire_litellm_p50", f"{what} p50", whole.of("p50"), "us",
            note=whole.note("p50"), raw=raw),
        Row("wire_litellm_p99", f"{what} p99", whole.of("p99"), "us", note=whole.note("p99")),
        Row("wire_litellm_first", f"{what} first token, p50", first.of("p50"), "us",
            note=first.note("p50")),
    ]  # fmt: skip


def before_an_engine(context: Context) -> list[Row]:
    """Sluice at 1,000 calls a second, LiteLLM at what it holds, before the same engine."""
    with ExitStack() as stack:
        behind = stack.enter_context(engine(context))
        with sluice(context, behind) as ours:
            rows = rows_of_sluice(*added(context, behind, ours, RATE))
        try:
            with litellm(context, behind) as theirs:
                rows += rows_of_litellm(*added(context, behind, theirs, LITELLM_RATE))
        except MissingError as missing:
            rows.append(Row("wire_litellm", "LiteLLM's proxy", note=str(missing)))
    return rows
