"""The rows of language models: people who wait beside background work that never ends.

Server and callers share the machine, as they would: a language model takes every processor. A
person asks with 64 tokens, reads 8, and waits 0.3 s; background callers ask with 1,500 and read
64, without end. The peer is llama.cpp's own server, built of the same source with the same flags,
with as many threads and sequences, its reuse of prompts off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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


def load(
    context: Context, server: Server, *, people: int, background: int, samples: int, seconds: int
) -> Figures:
    tool = context.native.path("prompt_load")
    command = [
        tool, "--port", str(server.port), "--people", str(people), "--background",
        str(background), "--samples", str(samples), "--seconds", str(seconds), "--warm-up",
        "3" if background else "0",
    ]  # fmt: skip
    figures: Figures = json.loads(run_tool(BOTH_CORES, command, timeout=seconds + 60))
    return figures


def first(figures: Figures, quantile: str) -> float:
    return float(figures["first"][f"{quantile}_us"]) / 1e3


def per_token(figures: Figures) -> float:
    return float(figures["per_token"]["p50_us"]) / 1e3


def background_of(figures: Figures) -> float:
    return float(figures["background_tokens_a_second"])


def busy_share(figures: Figures) -> float:
    """Of the time, how much people's answers took."""
    answers = figures["first"]["count"]
    each = figures["first"]["mean_us"] + 7 * figures["per_token"]["mean_us"]
    return float(answers * each / 1e6 / figures["seconds"])


def people_and_background(context: Context, crowds: Sequence[int], samples: int) -> list[Row]:
    if not MODEL.exists():
        raise MissingError("models/smollm2.gguf is missing: run scripts/setup build")
    rows: list[Row] = []
    span = max(20, samples)
    with ExitStack() as stack:
        ours = stack.enter_context(sluice(context))
        idle = load(context, ours, people=1, background=0, samples=samples, seconds=600)
        alone = load(context, ours, people=0, background=SEQUENCES, samples=0, seconds=span)
        for crowd in crowds:
            busy = load(context, ours, people=1, background=crowd, samples=samples, seconds=600)
            rows += beside(crowd, idle, busy, alone)
    with llama_server(context) as peer:
        peer_idle = load(context, peer, people=1, background=0, samples=samples, seconds=600)
        peer_alone = load(context, peer, people=0, background=SEQUENCES, samples=0, seconds=span)
        few = max(3, samples // 10)
        for crowd in crowds:
            waits = load(context, peer, people=1, background=crowd, samples=few, seconds=300)
            rows.append(
                Row(
                    f"language_peer_{crowd}",
                    f"llama.cpp's server beside {crowd} background callers: first token / idle",
                    first(waits, "p50") / first(peer_idle, "p50"),
                    note=f"p50 {first(waits, 'p50'):.0f} ms, max "
                    f"{float(waits['first']['max_us']) / 1e3:.0f} ms",
                    raw={"peer": waits},
                )
            )
    rows += against_the_peer(idle, peer_idle, alone, peer_alone)
    return rows


def beside(crowd: int, idle: Figures, busy: Figures, alone: Figures) -> list[Row]:
    note = (
        f"p50 {first(busy, 'p50'):.0f} ms, p99 {first(busy, 'p99'):.0f} ms; idle p50 "
        f"{first(idle, 'p50'):.0f} ms, p99 {first(idle, 'p99'):.0f} ms"
    )
    left = background_of(alone) * (1 - busy_share(busy))
    name = f"language_{crowd}"
    return [
        Row(
            f"{name}_first_p50",
            f"first token beside {crowd} background callers / idle, p50",
            first(busy, "p50") / first(idle, "p50"),
            at_most=FIRST_P50_AT_MOST,
            note=note,
            raw={"busy": busy, "idle": idle},
        ),
        Row(
            f"{name}_first_p99",
            f"first token beside {crowd} background callers / idle, p99",
            first(busy, "p99") / first(idle, "p99"),
            at_most=FIRST_P99_AT_MOST,
            note=note,
        ),
        Row(
            f"{name}_per_token",
            f"time per token beside {crowd} background callers / idle",
            per_token(busy) / per_token(idle),
            at_most=PER_TOKEN_AT_MOST,
            note=f"{per_token(busy):.1f} ms, idle {per_token(idle):.1f} ms",
        ),
        Row(
            f"{name}_left_over",
            f"background of {crowd} callers / what people leave of it",
            background_of(busy) / left,
            at_least=LEFT_OVER_AT_LEAST,
            note=f"{background_of(busy):.0f} tokens/s, alone {background_of(alone):.0f}, people "
            f"took {busy_share(busy):.0%} of the time",
        ),
    ]


def against_the_peer(
    idle: Figures, peer_idle: Figures, alone: Figures, peer_alone: Figures
) -> list[Row]:
    return [
        Row(
            "language_idle_first",
            "first token, idle / llama.cpp's server",
            first(idle, "p50") / first(peer_idle, "p50"),
            at_most=IDLE_AT_MOST,
            note=f"{first(idle, 'p50'):.0f} ms, peer {first(peer_idle, 'p50'):.0f} ms",
            raw={"peer": peer_idle},
        ),
        Row(
            "language_idle_per_token",
            "time per token, idle / llama.cpp's server",
            per_token(idle) / per_token(peer_idle),
            at_most=IDLE_AT_MOST,
            note=f"{per_token(idle):.1f} ms, peer {per_token(peer_idle):.1f} ms",
        ),
        Row(
            "language_background",
            "background alone / llama.cpp's server",
            background_of(alone) / background_of(peer_alone),
            at_least=BACKGROUND_AT_LEAST,
            note=f"{background_of(alone):.0f} tokens/s, peer {background_of(peer_alone):.0f}",
            raw={"ours": alone, "peer": peer_alone},
        ),
    ]


def short(context: Context) -> list[Row]:
    """Four background callers."""
    return people_and_background(context, (4,), samples=30)


def long(context: Context) -> list[Row]:
    """As many people's answers as quantiles want, beside 1, 2, 4 and 8."""
    return people_and_background(context, (1, 2, 4, 8), samples=200)
