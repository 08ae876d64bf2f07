"""The rows of overload: more calls than an engine can answer, and what becomes of them.

The engine is the simulated model, whose speed is known: `SLOTS` calls at once, each of which takes
`SERVICE` seconds, and says its first token the moment that it has its slot. So everything here is
seen from outside. Calls come by a Poisson process with a set seed, whatever becomes of them.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from .context import Context
from .load import interleaved
from .open_load import Call, offer, quantile
from .report import Row
from .sluice import language_server

# Twice as many as can be served, where the queue is short: the set-up of the specification.
TWICE = 2.0
SLOTS = 2
RESERVED = 1
DEPTH = 10
# So long that the wait is over a second, and in Retry-After two.
LONG_DEPTH = 60
SERVICE = 0.05
# One and a half times as many, where the queue is as long as it comes.
HALF_MORE = 1.5
IN_TIME = 1.0
TOKENS = 6
WARM_UP = 2.0  # seconds: until the queue is full
LONG_ROUNDS = 3
RUN = 5.0  # times as long as other runs
CAPACITY = SLOTS / SERVICE  # calls a second
MODEL = "simulated"

SERVED_AT_LEAST = 0.95
REFUSED_P99_AT_MOST_MS = 5.0
RETRY_WRONG_AT_MOST = 0.30
ADAPTIVE_AT_LEAST = 2.0


def callable_with(slots: dict[str, Any]) -> dict[str, Any]:
    """Its first token comes at once, the last one after SERVICE."""
    apart = f"{SERVICE / (TOKENS - 1) * 1e3:g}ms"
    model = {"backend": "simulated", "token_time": apart, "tokens": TOKENS}
    return {"model": {**model, "slots": {"slots": SLOTS, "reserved": RESERVED, **slots}}}


def in_time(calls: Sequence[Call]) -> list[Call]:
    return [call for call in calls if call.served and call.end - call.start <= IN_TIME]


def served_of_capacity(calls: Sequence[Call]) -> float:
    """Answers in time that came while calls came, to those that the slots can give.

    What is answered in time from then on, is among the calls that are known.
    """
    begin, end = calls[0].start + IN_TIME, calls[-1].start
    answered = sum(begin <= call.end <= end for call in in_time(calls))
    return answered / ((end - begin) * CAPACITY)


def truths(calls: Sequence[Call]) -> list[tuple[float, float]]:
    """Of each refusal at a full queue: the wait that it was told, and the true one.

    Who is let in next stands behind all who waited when the refused one came, and before all who
    came later: the refused one would have got the slot that this one got. So the truth is the time
    from the refusal to the first token of the next call that is let in.
    """
    served = [call for call in calls if call.served]
    starts = [call.start for call in served]
    pairs = []
    for call in calls:
        place = bisect.bisect_right(starts, call.start)
        if call.status == 429 and place < len(served):
            pairs.append((call.retry_after_ms / 1e3, served[place].first - call.end))
    return pairs


def wrong_by(pairs: Sequence[tuple[float, float]]) -> list[float]:
    return [abs(told / true - 1) for told, true in pairs if true > 0]


def rounded_up(call: Call) -> bool:
    return call.retry_after == max(1, math.ceil(call.retry_after_ms / 1e3))


def at_twice(context: Context, order: str, rounds: int, depth: int = DEPTH) -> list[list[Call]]:
    slots = {"depth": depth, "realtime": {"order": order}}
    with language_server(context, "overload", {MODEL: callable_with(slots)}) as server:
        return [
            offer(
                context, server.port, MODEL, TWICE * CAPACITY, RUN * context.seconds,
                stream=True, poisson=seed + 1, warm_up=WARM_UP,
            )
            for seed in range(rounds)
        ]  # fmt: skip


def refused_after(calls: Sequence[Call]) -> str:
    waits = [call.end - call.start for call in calls if call.refused]
    if not waits:
        return "none refused"
    return f"{len(waits)} refused, p50 after {quantile(waits, 0.5):.3f} s"


def twice_as_many(context: Context) -> list[Row]:
    """First come, first served: who finds the queue full is told so at once."""
    rounds = at_twice(context, "fifo", context.rounds)
    calls = [call for round_ in rounds for call in round_]
    refused = [call for call in calls if call.refused]
    waited = [(call.end - call.start) * 1e3 for call in refused]
    wrong = [one for round_ in rounds for one in wrong_by(truths(round_))]
    told = [call.retry_after_ms for call in refused]
    first = [call.end - call.start for call in calls if call.served]
    return [
        Row(
            "overload_served",
            "2 x overload: served in time / capacity",
            statistics.median(served_of_capacity(round_) for round_ in rounds),
            at_least=SERVED_AT_LEAST,
            note=f"{CAPACITY:.0f} calls/s can be served, p99 of those served "
            f"{quantile(first, 0.99) * 1e3:.0f} ms, {len(refused)} of {len(calls)} refused",
        ),
        Row(
            "overload_refusal",
            "2 x overload: refusal, p99",
            quantile(waited, 0.99),
            "ms",
            at_most=REFUSED_P99_AT_MOST_MS,
            note=f"p50 {quantile(waited, 0.5):.2f} ms, {len(refused)} refusals",
        ),
        Row(
            "overload_retry",
            "2 x overload: retry-after-ms, how far from the truth, p90",
            quantile(wrong, 0.9),
            at_most=RETRY_WRONG_AT_MOST,
            note=f"p50 {quantile(wrong, 0.5):.3f}, p99 {quantile(wrong, 0.99):.3f}, "
            f"{sum(one <= RETRY_WRONG_AT_MOST for one in wrong) / len(wrong):.1%} are within; "
            f"told {min(told)} to {max(told)} ms",
            raw={"pairs": [pair for round_ in rounds for pair in truths(round_)]},
        ),
        rounded_row(context, refused),
        twice_as_many_adaptive(context),
    ]


def rounded_row(context: Context, refused: Sequence[Call]) -> Row:
    """Of those refusals, and of some at a longer queue."""
    longer = at_twice(context, "fifo", 1, LONG_DEPTH)[0]
    both = [*refused, *(call for call in longer if call.refused)]
    told = sorted({call.retry_after for call in both})
    return Row(
        "overload_rounded",
        "2 x overload: Retry-After is retry-after-ms rounded up",
        sum(rounded_up(call) for call in both) / len(both),
        at_least=1,
        note=f"Retry-After {', '.join(str(seconds) for seconds in told)}; at {LONG_DEPTH} that "
        f"wait retry-after-ms is off by {quantile(wrong_by(truths(longer)), 0.9):.3f} (p90)",
    )


def twice_as_many_adaptive(context: Context) -> Row:
    """The same in adaptive order, where the old go for the new: refusals come after a wait."""
    rounds = at_twice(context, "adaptive", min(context.rounds, LONG_ROUNDS))
    return Row(
        "overload_served_adaptive",
        "2 x overload, adaptive order: served in time / capacity",
        statistics.median(served_of_capacity(round_) for round_ in rounds),
        note=refused_after([call for round_ in rounds for call in round_]),
    )


def adaptive_against_fifo(context: Context) -> list[Row]:
    """Half as many again as can be served, from an idle start, and a queue as it comes."""
    seconds = RUN * context.seconds
    found: dict[str, list[list[Call]]] = {}
    with ExitStack() as stack:
        runs = {}
        for order in ("fifo", "adaptive"):
            callables = {MODEL: callable_with({"realtime": {"order": order}})}
            server = stack.enter_context(language_server(context, f"overload_{order}", callables))
            runs[order] = partial(
                offer, context, server.port, MODEL, HALF_MORE * CAPACITY, seconds,
                stream=True, poisson=1,
            )  # fmt: skip
        found = interleaved(min(context.rounds, LONG_ROUNDS), runs)

    def share(order: str) -> float:
        return statistics.median(len(in_time(calls)) / len(calls) for calls in found[order])

    def told(order: str) -> str:
        return refused_after([call for calls in found[order] for call in calls])

    # Nobody in time is as good as one.
    fifo = max(share("fifo"), 1 / len(found["fifo"][0]))
    return [
        Row(
            "overload_adaptive",
            "1.5 x overload: served within 1 s, adaptive / fifo",
            share("adaptive") / fifo,
            at_least=ADAPTIVE_AT_LEAST,
            note=f"adaptive {share('adaptive'):.1%} of all ({told('adaptive')}), fifo "
            f"{share('fifo'):.1%} ({told('fifo')}); at most {1 / HALF_MORE:.1%} can be, "
            f"{seconds:.0f} s from an idle start",
        )
    ]


def overload(context: Context) -> list[Row]:
    return twice_as_many(context) + adaptive_against_fifo(context)
