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
from functools import partial
from typing import Any

from .context import Context
from .load import interleaved
from .open_load import Call, offer, quantile, waits
from .peers import nginx
from .processes import MissingError, Server, free_port
from .report import Row
from .sluice import language_server

RATE = 1000
# What LiteLLM holds on one core with room to spare.
LITELLM_RATE = 10
ADDED_P50_AT_MOST_US = 100.0
ADDED_P99_AT_MOST_US = 1000.0
ADDED_FIRST_AT_MOST_US = 200.0
TOKENS = 8
# Of an engine that takes no time, for whole answers; and of one whose tokens are so far apart that
# each is a piece of its own, for first tokens. Names of the models, too.
APART_MS = {"whole": 0, "streamed": 2}
WARM_UP = 0.3  # seconds of each run
# Calls that start later than this (p99) say that something else was busy.
LATE_AT_MOST_US = 300.0
# From exec to its first answer: it reads hundreds of modules.
LITELLM_STARTS_WITHIN = 120.0
ENGINE_MODEL = "simulated"


@contextmanager
def engines(context: Context) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        found: dict[str, Server] = {}
        for name, apart in APART_MS.items():
            command = [
                context.native.path("wire_engine"), "--tokens", str(TOKENS),
                "--token-ms", str(apart),
            ]  # fmt: skip
            log = context.out / f"wire_engine_{name}.log"
            server = Server(f"engine {name}", command, log, prints_port=True)
            found[name] = stack.enter_context(server)
        yield found


@contextmanager
def sluice(context: Context, behind: dict[str, Server]) -> Iterator[Server]:
    callables = {
        name: {
            "model": {
                "backend": "openai",
                "urls": [f"http://127.0.0.1:{server.port}"],
                "engine_model": ENGINE_MODEL,
                "engine_slots": 256,
            }
        }
        for name, server in behind.items()
    }
    with language_server(context, "wire", callables) as server:
        yield server


@contextmanager
def litellm(context: Context, behind: dict[str, Server]) -> Iterator[Server]:
    """LiteLLM's proxy with two models and nothing else: no keys, database, log or telemetry."""
    folder = context.out / "litellm"
    folder.mkdir(parents=True, exist_ok=True)

    def parameters(server: Server) -> dict[str, str]:
        address = f"http://127.0.0.1:{server.port}/v1"
        return {"model": f"openai/{ENGINE_MODEL}", "api_base": address, "api_key": "none"}

    document = {
        "model_list": [
            {"model_name": name, "litellm_params": parameters(server)}
            for name, server in behind.items()
        ],
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
        # What it would fetch, it has with it.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
        "LITELLM_LOCAL_BLOG_POSTS": "True",
        "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
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

    @property
    def unsure(self) -> str:
        late = max(self.direct["late_p99"], self.through["late_p99"])
        return f"calls started {late:.0f} us late (p99)" if late > LATE_AT_MOST_US else ""

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


def measured(
    context: Context, behind: dict[str, Server], through: dict[str, Server], rate: float
) -> dict[str, list[dict[str, float]]]:
    """Whole answers, and streams to their first token: of the engines and of what is before them.

    `through`: by a name of its own. A stream is asked of what is named "gateway".
    """

    def run(name: str, port: int) -> dict[str, float]:
        stream = name == "streamed"
        seconds = context.seconds
        calls = offer(context, port, name, rate, seconds, stream=stream, warm_up=WARM_UP)
        return figures(calls, first=stream)

    runs = {
        "direct": lambda: run("whole", behind["whole"].port),
        "direct_first": lambda: run("streamed", behind["streamed"].port),
        "gateway_first": lambda: run("streamed", through["gateway"].port),
    }
    for name, server in through.items():
        runs[name] = partial(run, "whole", server.port)
    return interleaved(context.rounds, runs)


def added(found: dict[str, list[dict[str, float]]], through: str, direct: str = "direct") -> Added:
    def median(name: str) -> dict[str, float]:
        return {
            key: statistics.median(round_[key] for round_ in found[name])
            for key in ("p50", "p99", "late_p99")
        }

    return Added(median(direct), median(through))


def row(
    name: str, what: str, taken: Added, key: str, at_most: float | None = None, **more: Any
) -> Row:
    return Row(
        name,
        what,
        taken.of(key),
        "us",
        at_most=at_most,
        note=taken.note(key),
        unsure=taken.unsure,
        **more,
    )


def rows_of_sluice(found: dict[str, Any]) -> list[Row]:
    whole, first = added(found, "gateway"), added(found, "gateway_first", "direct_first")
    hop = added(found, "nginx")
    what = f"added before a wire engine, {RATE} calls/s:"
    by_nginx = f"nginx before the same engine, {RATE} calls/s:"
    return [
        row("wire_p50", f"{what} p50", whole, "p50", ADDED_P50_AT_MOST_US, raw=found),
        row("wire_p99", f"{what} p99", whole, "p99", ADDED_P99_AT_MOST_US),
        row("wire_first_p50", f"{what} first token, p50", first, "p50", ADDED_FIRST_AT_MOST_US),
        row("wire_first_p99", f"{what} first token, p99", first, "p99"),
        row("wire_nginx_p50", f"{by_nginx} p50", hop, "p50"),
        row("wire_nginx_p99", f"{by_nginx} p99", hop, "p99"),
    ]


def rows_of_litellm(found: dict[str, Any]) -> list[Row]:
    whole, first = added(found, "gateway"), added(found, "gateway_first", "direct_first")
    what = f"LiteLLM's proxy, {LITELLM_RATE} calls/s:"
    return [
        row("wire_litellm_p50", f"{what} p50", whole, "p50", raw=found),
        row("wire_litellm_p99", f"{what} p99", whole, "p99"),
        row("wire_litellm_first_p50", f"{what} first token, p50", first, "p50"),
        row("wire_litellm_first_p99", f"{what} first token, p99", first, "p99"),
    ]


def before_an_engine(context: Context) -> list[Row]:
    """Sluice at 1,000 calls a second, LiteLLM at what it holds, before the same engine.

    For scale, what nginx adds that hands on: it reads no JSON, holds no slots and makes no stream.
    """
    with ExitStack() as stack:
        behind = stack.enter_context(engines(context))
        with sluice(context, behind) as ours, nginx(context, behind["whole"].port) as hop:
            through = {"gateway": ours, "nginx": hop}
            rows = rows_of_sluice(measured(context, behind, through, RATE))
        try:
            with litellm(context, behind) as theirs:
                found = measured(context, behind, {"gateway": theirs}, LITELLM_RATE)
                rows += rows_of_litellm(found)
        except MissingError as missing:
            rows.append(Row("wire_litellm", "LiteLLM's proxy", note=str(missing)))
    return rows
