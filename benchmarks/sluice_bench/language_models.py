"""The rows of language models: people who wait beside background work that never ends.

Server and callers share the machine, as they would: a language model takes every processor. A
person asks with 64 tokens, reads 8, and waits 0.3 s; background callers ask with 1,500 and read
64, without end. The peer is llama.cpp's own server, built of the same source with the same flags,
with as many threads and sequences, its reuse of prompts off.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from .context import MODELS, Context
from .load import run_tool
from .processes import BOTH_CORES, MissingError, Server, free_port
from .report import Row
from .sluice import language_server

FIRST_P50_AT_MOST = 1.05
FIRST_P99_AT_MOST = 1.15
PER_TOKEN_AT_MOST = 1.05
IDLE_AT_MOST = 1.03
BACKGROUND_AT_LEAST = 0.97
LEFT_OVER_AT_LEAST = 0.95
ALONE_SECONDS = 20
PEER_SAMPLES = 3  # each takes up to a minute
SETTLE_SECONDS = 6  # the peer finishes its batch for background callers that went away
MODEL = MODELS / "smollm2.gguf"
CONTEXT = 2048
SEQUENCES = 2

Figures = dict[str, Any]


@contextmanager
def sluice(context: Context) -> Iterator[Server]:
    model = {
        "backend": "llama",
        "path": str(MODEL),
        "context": CONTEXT,
        "realtime_sequences": SEQUENCES,
        "best_effort_sequences": SEQUENCES,
    }
    callables = {"smollm2": {"model": model}}
    with language_server(context, "language_model", callables, BOTH_CORES) as server:
        yield server


@contextmanager
def llama_server(context: Context) -> Iterator[Server]:
    port = free_port()
    command = [
        str(context.llama_server()), "--model", str(MODEL), "--host", "127.0.0.1",
        "--port", str(port), "--parallel", str(SEQUENCES), "--ctx-size", str(CONTEXT * SEQUENCES),
        "--threads", "2", "--batch-size", "512", "--ubatch-size", "512", "--no-webui",
        "--cache-ram", "0", "--alias", "smollm2",
    ]  # fmt: skip
    with Server("llama-server", command, context.out / "llama-server.log", core=BOTH_CORES) as peer:
        peer.port = port
        peer.wait_for(port, "/health")
        yield peer


@dataclass
class Load:
    """Who asks at once, and for how long: so many answers of people's, or so many seconds."""

    people: int
    background: int
    samples: int = 0
    seconds: int = 600


class Side:
    """One server, and what came of each load that it was under; rounds are put together."""

    def __init__(self, context: Context, server: Server, counter: str = "") -> None:
        self.context = context
        self.server = server
        self.counter = counter  # of its metrics; else it tells the progress of prompts
        self.found: dict[str, list[Figures]] = {}

    def under(self, name: str, load: Load) -> None:
        command = [
            self.context.native.path("prompt_load"), "--port", str(self.server.port),
            "--people", str(load.people), "--background", str(load.background),
            "--samples", str(load.samples), "--seconds", str(load.seconds),
            "--warm-up", "3" if load.background else "0",
        ]  # fmt: skip
        if self.counter:
            command += ["--counter", self.counter]
        figures: Figures = json.loads(run_tool(BOTH_CORES, command, timeout=load.seconds + 60))
        self.found.setdefault(name, []).append(figures)
        if load.background:
            time.sleep(SETTLE_SECONDS)

    def samples(self, name: str, what: str) -> list[float]:
        """Milliseconds, in order."""
        return sorted(
            value / 1e3 for figures in self.found[name] for value in figures[what]["all_us"]
        )

    def first(self, name: str, share: float) -> float:
        return quantile(self.samples(name, "first"), share)

    def per_token(self, name: str) -> float:
        return quantile(self.samples(name, "per_token"), 0.5)

    def background(self, name: str) -> float:
        """Tokens a second."""
        tokens: float = sum(figures["background_tokens"] for figures in self.found[name])
        seconds: float = sum(figures["background_seconds"] for figures in self.found[name])
        return tokens / seconds if seconds else 0.0

    def busy(self, name: str) -> float:
        """Of the time, how much people's answers took."""
        answers = sum(self.samples(name, "first")) + 7 * sum(self.samples(name, "per_token"))
        seconds: float = sum(figures["seconds"] for figures in self.found[name])
        return answers / 1e3 / seconds


def quantile(values: Sequence[float], share: float) -> float:
    return values[int(share * (len(values) - 1))]


def rotated(values: Sequence[int], by: int) -> Sequence[int]:
    first = by % len(values)
    return (*values[first:], *values[:first])


def people_and_background(
    context: Context, crowds: Sequence[int], *, rounds: int, idle: int, busy: int
) -> list[Row]:
    """Both servers run all the time, and are asked in turn: one that nobody asks does nothing.

    Each round begins with another of the loads: a machine that slows down or warms up within a
    round is no different beside 8 callers than beside none.
    """
    if not MODEL.exists():
        raise MissingError("models/smollm2.gguf is missing: run scripts/setup build")
    alone = Load(people=0, background=SEQUENCES, seconds=ALONE_SECONDS)
    with ExitStack() as stack:
        counter = 'sluice_engine_tokens_total{model="smollm2"'
        ours = Side(context, stack.enter_context(sluice(context)), counter)
        peer = Side(context, stack.enter_context(llama_server(context)))
        for number in range(rounds):
            for crowd in rotated((0, *crowds), number):
                if crowd:
                    ours.under(f"beside {crowd}", Load(people=1, background=crowd, samples=busy))
                    continue
                for side in (ours, peer):
                    side.under("idle", Load(people=1, background=0, samples=idle))
            for side in (ours, peer):
                side.under("alone", alone)
        for crowd in crowds:
            waits = Load(people=1, background=crowd, samples=PEER_SAMPLES, seconds=300)
            peer.under(f"beside {crowd}", waits)
    rows = [row for crowd in crowds for row in beside(crowd, ours)]
    rows += [of_the_peer(crowd, peer) for crowd in crowds]
    rows += against_the_peer(ours, peer)
    rows[0].raw = {"sluice": ours.found, "llama-server": peer.found}
    return rows


def beside(crowd: int, ours: Side) -> list[Row]:
    busy = f"beside {crowd}"
    p50, p99 = ours.first(busy, 0.5), ours.first(busy, 0.99)
    idle_p50, idle_p99 = ours.first("idle", 0.5), ours.first("idle", 0.99)
    note = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms; idle p50 {idle_p50:.0f} ms, p99 {idle_p99:.0f} ms"
    left = ours.background("alone") * (1 - ours.busy(busy))
    name = f"language_{crowd}"
    return [
        Row(
            f"{name}_first_p50",
            f"first token beside {crowd} background callers / idle, p50",
            p50 / idle_p50,
            at_most=FIRST_P50_AT_MOST,
            note=note,
        ),
        Row(
            f"{name}_first_p99",
            f"first token beside {crowd} background callers / idle, p99",
            p99 / idle_p99,
            at_most=FIRST_P99_AT_MOST,
            note=note,
        ),
        Row(
            f"{name}_per_token",
            f"time per token beside {crowd} background callers / idle",
            ours.per_token(busy) / ours.per_token("idle"),
            at_most=PER_TOKEN_AT_MOST,
            note=f"{ours.per_token(busy):.1f} ms, idle {ours.per_token('idle'):.1f} ms",
        ),
        Row(
            f"{name}_left_over",
            f"background of {crowd} callers / what people leave of it",
            ours.background(busy) / left,
            at_least=LEFT_OVER_AT_LEAST,
            note=f"{ours.background(busy):.0f} tokens/s, alone {ours.background('alone'):.0f}, "
            f"people took {ours.busy(busy):.0%} of the time",
        ),
    ]


def of_the_peer(crowd: int, peer: Side) -> Row:
    busy = f"beside {crowd}"
    return Row(
        f"language_peer_{crowd}",
        f"llama.cpp's server beside {crowd} background callers: first token / idle",
        peer.first(busy, 0.5) / peer.first("idle", 0.5),
        note=f"p50 {peer.first(busy, 0.5):.0f} ms, max {peer.first(busy, 1):.0f} ms",
    )


def against_the_peer(ours: Side, peer: Side) -> list[Row]:
    return [
        Row(
            "language_idle_first",
            "first token, idle / llama.cpp's server",
            ours.first("idle", 0.5) / peer.first("idle", 0.5),
            at_most=IDLE_AT_MOST,
            note=f"{ours.first('idle', 0.5):.0f} ms, peer {peer.first('idle', 0.5):.0f} ms",
        ),
        Row(
            "language_idle_per_token",
            "time per token, idle / llama.cpp's server",
            ours.per_token("idle") / peer.per_token("idle"),
            at_most=IDLE_AT_MOST,
            note=f"{ours.per_token('idle'):.1f} ms, peer {peer.per_token('idle'):.1f} ms",
        ),
        Row(
            "language_background",
            "background alone / llama.cpp's server",
            ours.background("alone") / peer.background("alone"),
            at_least=BACKGROUND_AT_LEAST,
            note=f"{ours.background('alone'):.0f} tokens/s, peer {peer.background('alone'):.0f}",
        ),
    ]


def short(context: Context) -> list[Row]:
    """Four background callers."""
    return people_and_background(context, (4,), rounds=3, idle=10, busy=20)


def long(context: Context) -> list[Row]:
    """As many people's answers as quantiles want, beside 1, 2, 4 and 8."""
    return people_and_background(context, (1, 2, 4, 8), rounds=10, idle=20, busy=20)
