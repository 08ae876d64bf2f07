"""The slots of engines behind a wire: who gets one, who waits, and that none is lost."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable

import pytest

from integration.wire_engines import PATHS, Start, Stream, Wire
from support.engines import OLLAMA, OPENAI, Dialect, Engine, Gate, Talk, silent
from support.faults import Answer, http_answer
from support.framing import header_of
from support.waiting import eventually

pytestmark = pytest.mark.short

Make = Callable[[str, Dialect], Engine]
both_dialects = pytest.mark.parametrize("dialect", [OPENAI, OLLAMA], ids=str)


def endless(dialect: Dialect, *, gate: Gate | None = None) -> Talk:
    """One token, and then nothing until the gate opens."""
    return Talk(dialect.head, dialect.token("one"), gate or Gate(), dialect.end)


STAGES: dict[str, Callable[[Dialect], Talk]] = {
    "before the head": lambda _: silent(),
    "before the first token": lambda dialect: Talk(dialect.head),
    "in the middle": endless,
}


@both_dialects
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_engine_is_left_as_soon_as_the_client_leaves(
    start: Start, engine: Make, dialect: Dialect, stage: str, stream: bool
) -> None:
    only = engine("a", dialect)
    answer = STAGES[stage](dialect)
    only.answers.append(answer)
    wire = start(only)
    call = wire.stream(dialect.name, stream=stream)
    answer.wait_until_begun()
    if stage == "in the middle" and stream:
        call.read_until('"one"')
    wire.wait_for_slots(1)
    assert not answer.left
    call.leave()
    answer.wait_until_left()
    wire.wait_until_idle()
    assert wire.said() == "from a"


@both_dialects
def test_a_client_that_leaves_the_queue_is_never_heard_of_by_an_engine(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    only = engine("a", dialect)
    gate = Gate()
    only.answers.append(endless(dialect, gate=gate))
    wire = start(only, each={"a": {"slots": 1}})
    running = wire.stream()
    running.read_until('"one"')
    gone, stays = wire.stream(), None
    try:
        wire.wait_for_slots(1, waiting=1)
        gone.leave()
        wire.wait_for_slots(1, waiting=0)
        stays = wire.stream()
        wire.wait_for_slots(1, waiting=1)
    finally:
        gate.open()
    running.to_its_end()
    assert b'"a"' in stays.to_its_end()
    assert len(only.asked) == 2
    wire.wait_until_idle()


def test_a_call_whose_time_is_over_leaves_engine_and_queue(start: Start, engine: Make) -> None:
    only = engine("a", OPENAI)
    answer = endless(OPENAI)
    only.answers.append(answer)
    wire = start(only, each={"a": {"slots": 1}}, timeout="1s", connect_timeout="1s")
    running = wire.stream(stream=False)
    wire.wait_for_slots(1)
    # Its time is over before the slot is free.
    waiting = wire.stream(stream=False, deadline_ms=100)
    for call in (waiting, running):
        call.read_until("HTTP/1.1 408 ")
    answer.wait_until_left()
    wire.wait_until_idle()
    assert wire.said() == "from a"


def come_and_vanish(wire: Wire, choose: random.Random) -> Callable[[], None]:
    api, streams = choose.choice(list(PATHS)), choose.random() < 0.7
    service_class = choose.choice(["realtime", "best_effort"])
    patience, reads = choose.uniform(0.0, 0.2), choose.random() < 0.7

    def run() -> None:
        call = wire.stream(api, stream=streams, service_class=service_class)
        call.connection.socket.settimeout(patience + 0.001)
        if reads:
            with contextlib.suppress(TimeoutError, AssertionError, ConnectionError):
                call.to_its_end()
        call.leave()

    return run


def moody(dialect: Dialect, choose: random.Random) -> Callable[[], Talk | Answer]:
    """Answers well, badly, slowly, or not at all."""
    kinds: list[Callable[[], Talk | Answer]] = [
        lambda: dialect.answer("one", " two"),
        lambda: endless(dialect),
        silent,
        lambda: Answer(http_answer(500, {"error": "no"})),
        lambda: Answer(http_answer(429, {"error": "no"}, headers={"retry-after-ms": "5"})),
    ]
    return lambda: choose.choice(kinds)()


@both_dialects
def test_fifty_clients_that_vanish_at_random_lose_no_slot(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    seed = random.randrange(1 << 32)
    choose = random.Random(seed)
    engines = [engine("a", dialect), engine("b", dialect)]
    each = {"a": {"slots": 3, "weight": 1.0}, "b": {"slots": 2}}
    ejection = {"enabled": True, "base_time": "50ms", "max_time": "200ms"}
    wire = start(*engines, each=each, ejection=ejection, models_every="100ms")
    for one in engines:
        one.always = moody(dialect, random.Random(choose.random()))
    threads = [threading.Thread(target=come_and_vanish(wire, choose)) for _ in range(50)]
    print(f"seed {seed}")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wire.wait_until_idle()
    for one in engines:
        one.wait_for_running(0)
        one.always = lambda name=one.name: dialect.answer("from ", name)
    eventually(
        lambda: wire.stream().to_its_end().count(b'"from "') == 1, what="a call is answered again"
    )
    # Every slot is there still: as many calls run at once as at the start.
    gates = [Gate() for _ in range(5)]
    left = iter(gates)
    for one in engines:
        one.always = lambda: endless(dialect, gate=next(left))
    calls: list[Stream] = []
    try:
        calls = [wire.stream() for _ in gates]
        for call in calls:
            call.read_until('"one"')
        wire.wait_for_slots(5)
    finally:
        for gate in gates:
            gate.open()
    for call in calls:
        call.to_its_end()
    wire.wait_until_idle()


@both_dialects
def test_calls_are_shared_among_engines_and_the_next_one_waits_for_a_slot(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    engines = [engine(name, dialect) for name in "abc"]
    gates = {one.name: Gate() for one in engines}
    for one in engines:
        one.answers.append(endless(dialect, gate=gates[one.name]))
    wire = start(*engines, each={name: {"slots": 1, "weight": 1.0} for name in "abc"})
    calls = [wire.stream() for _ in engines]
    for call in calls:
        call.read_until('"one"')
    assert [len(one.asked) for one in engines] == [1, 1, 1]
    waiting = wire.stream()
    wire.wait_for_slots(3, waiting=1)
    gates["b"].open()
    assert b'"b"' in waiting.to_its_end()
    gates["a"].open()
    gates["c"].open()
    for call in calls:
        call.to_its_end()
    assert [len(one.asked) for one in engines] == [1, 2, 1]


def test_best_effort_flows_over_and_leaves_realtime_its_slot(start: Start, engine: Make) -> None:
    main, spare = engine("main", OPENAI), engine("spare", OPENAI)
    gate = Gate()
    for one in (main, spare):
        one.always = lambda: endless(OPENAI, gate=gate)
    wire = start(
        main,
        spare,
        each={
            "main": {"slots": 3, "reserved": 1},
            "spare": {"slots": 1, "best_effort_only": True},
        },
    )
    calls = [wire.stream(service_class="best_effort") for _ in range(3)]
    try:
        for call in calls:
            call.read_until('"one"')
        assert (len(main.asked), len(spare.asked)) == (2, 1)
        calls += [wire.stream(service_class="best_effort") for _ in range(2)]
        wire.wait_for_slots(3, waiting=2)
        person = wire.stream(service_class="realtime")
        person.read_until('"one"')
        assert len(main.asked) == 3
        assert header_of(main.asked[-1], "X-Sluice-Class") == "realtime"
        classes = [held["class"] for held in wire.slots()["held"]]
        assert classes == ["best_effort"] * 3 + ["realtime"]
        person.leave()
        main.wait_for_running(2)
        wire.wait_for_slots(3, waiting=2)
    finally:
        gate.open()
    for call in calls:
        call.to_its_end()
    wire.wait_until_idle()


def test_engines_under_a_scheduler_keep_its_reserved_slot(start: Start, engine: Make) -> None:
    """Two engines of one slot each; the callable's own slots are what is shared."""
    engines = [engine("a", OPENAI), engine("b", OPENAI)]
    gate = Gate()
    for one in engines:
        one.always = lambda: endless(OPENAI, gate=gate)
    wire = start(
        *engines,
        each={"a": {"slots": 1, "weight": 1.0}, "b": {"slots": 1}},
        slots={"slots": 2, "reserved": 1},
    )
    calls = [wire.stream(service_class="best_effort") for _ in range(2)]
    try:
        wire.wait_for_slots(1, waiting=1)
        person = wire.stream(service_class="realtime")
        person.read_until('"one"')
        wire.wait_for_slots(2, waiting=1)
        assert [len(one.asked) for one in engines] == [1, 1]
    finally:
        gate.open()
    for call in [*calls, person]:
        call.to_its_end()
    wire.wait_until_idle()
