"""Engines behind a wire that die and come back, or lose their model: who is asked meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from integration.wire_engines import Start, Wire
from support import iris_jobs as jobs
from support.engines import OLLAMA, OPENAI, Dialect, Engine
from support.faults import Answer, Fault, Silent, http_answer
from support.language_models import chat
from support.waiting import eventually

pytestmark = pytest.mark.short

Make = Callable[[str, Dialect], Engine]
both_dialects = pytest.mark.parametrize("dialect", [OPENAI, OLLAMA], ids=str)

EJECTING = {"enabled": True, "consecutive_failures": 2, "base_time": "50ms", "max_time": "100ms"}


def refused(engine: Engine) -> None:
    engine.refuse()


def failing(engine: Engine) -> None:
    engine.always = engine.models = Answer(http_answer(500, {"error": "broken"}))


def well(engine: Engine) -> None:
    engine.always = lambda: engine.dialect.answer("from ", engine.name)
    engine.models = Answer(http_answer(json=engine.dialect.models))
    engine.listen()


def ejected(wire: Wire, engine: Engine) -> bool:
    return wire.metric("replica_ejected", replica=engine.url) == 1


@both_dialects
@pytest.mark.parametrize("die", [refused, failing])
def test_an_engine_that_dies_is_left_out_and_taken_in_again_when_it_is_back(
    start: Start, engine: Make, dialect: Dialect, die: Callable[[Engine], None]
) -> None:
    first, second = engine("a", dialect), engine("b", dialect)
    wire = start(first, second, ejection=EJECTING)
    assert wire.said() == "from a"
    die(first)

    def left_out() -> bool:
        assert wire.said() == "from b", "callers notice nothing"
        return ejected(wire, first)

    eventually(left_out, what="the engine is left out")
    asked = len(first.asked)
    assert [wire.said() for _ in range(5)] == ["from b"] * 5
    assert len(first.asked) == asked, "it is not asked, only probed"
    well(first)
    eventually(lambda: wire.said() == "from a", what="the engine is asked again")
    assert first.asked_for_models > 0
    assert not ejected(wire, first)
    assert wire.metric("replica_retries_total", replica=second.url) >= 1


@both_dialects
def test_an_engine_that_cannot_be_reached_is_found_away_before_a_call_comes(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    first, second = engine("a", dialect), engine("b", dialect)
    wire = start(first, second, models_every="50ms")
    eventually(lambda: wire.said() == "from a", what="the first engine is asked")
    first.refuse()
    eventually(lambda: wire.said() == "from b", what="the second engine is asked")

    def is_left_out() -> bool:
        tries = wire.metric("replica_failures_total", replica=first.url)
        assert [wire.said() for _ in range(5)] == ["from b"] * 5
        return wire.metric("replica_failures_total", replica=first.url) == tries

    eventually(is_left_out, what="no call tries the first engine")
    first.listen()
    eventually(lambda: wire.said() == "from a", what="the first engine is asked again")


@both_dialects
def test_without_an_engine_calls_are_refused_and_readiness_says_so(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    only = engine("a", dialect)
    wire = start(only, models_every="50ms")
    only.refuse()
    ready = wire.server.http("admin")
    eventually(lambda: ready.get("/health/ready").status_code == 503, what="it is not ready")
    answer = wire.client.post("/v1/chat/completions", json=chat("m"))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert only.url in answer.json()["error"]["message"]
    only.listen()
    eventually(lambda: ready.get("/health/ready").status_code == 200, what="it is ready again")
    assert wire.said() == "from a"


@both_dialects
def test_an_engine_that_has_lost_the_model_is_not_asked_until_it_has_it_again(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    first, second = engine("a", dialect), engine("b", dialect)
    wire = start(first, second, models_every="50ms")
    first.always = Answer(http_answer(404, {"error": "model 'm' not found"}))
    first.models = Answer(http_answer(json={"data": [], "models": []}))

    def knows() -> bool:
        before = len(first.asked)
        assert wire.said() == "from b", "callers notice nothing"
        return len(first.asked) == before

    eventually(knows, what="it is known that the engine lacks the model")
    before = len(first.asked)
    assert [wire.said() for _ in range(5)] == ["from b"] * 5
    assert len(first.asked) == before
    well(first)
    eventually(lambda: wire.said() == "from a", what="the engine is asked again")


def test_a_list_of_models_that_cannot_be_had_leaves_an_engine_as_it_is(
    start: Start, engine: Make
) -> None:
    odd: list[Fault] = [
        Answer(http_answer(404, {"error": "no such page"})),
        Answer(http_answer(body=b"<html>", headers={"Content-Type": "text/html"})),
        Answer(http_answer(json=["m"])),
        Silent(),
    ]
    for fault in odd:
        only = engine("a", OPENAI)
        only.models = fault
        wire = start(only, models_every="20ms")
        only.wait_for_question()
        assert wire.said() == "from a"
        assert wire.server.http("admin").get("/health/ready").status_code == 200


def submitted(client: httpx.Client) -> str:
    asked = {"messages": [{"role": "user", "content": "hi"}]}
    answer = client.post("/v1/jobs", json={"callable": "m", "input": asked})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


FAILURES: dict[str, Any] = {
    "a failure": Answer(http_answer(500, {"error": "broken"})),
    "an answer that cannot be read": Answer(http_answer(body=b"<html>")),
    "an error in the stream": OLLAMA.failing("out of memory"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_job_that_its_engine_fails_at_has_failed(start: Start, engine: Make, what: str) -> None:
    only = engine("a", OLLAMA)
    only.always = FAILURES[what]
    wire = start(only)
    found = jobs.ended(wire.client, submitted(wire.client))
    assert found["status"] == "failed", found
    assert only.url in str(found["error"])
    assert len(only.asked) == 2, "it is tried again once"


OUTAGES: dict[str, Fault] = {
    "loading": Answer(http_answer(503, {"error": "Loading model"})),
    "a full queue": Answer(http_answer(503, {"error": "server busy, please try again."})),
    "too many requests": Answer(http_answer(429, {"error": "slow down"})),
    "no such model yet": Answer(http_answer(404, {"error": "model 'm' not found"})),
}


@pytest.mark.parametrize("what", OUTAGES)
def test_a_job_waits_for_an_engine_that_is_away(start: Start, engine: Make, what: str) -> None:
    only = engine("a", OLLAMA)
    only.answers += [OUTAGES[what]] * 3  # more often than a job may fail
    wire = start(only)
    found = jobs.ended(wire.client, submitted(wire.client))
    assert found["status"] == "completed", found
    assert found["result"]["choices"][0]["message"]["content"] == "from a"
    assert len(only.asked) == 4


def test_a_job_waits_for_an_engine_that_refuses_connections(start: Start, engine: Make) -> None:
    only = engine("a", OPENAI)
    wire = start(only)
    only.refuse()
    job = submitted(wire.client)
    tries = {"replica": only.url}
    eventually(
        lambda: wire.metric("replica_failures_total", **tries) > 2,
        what="it was tried more often than a job may fail",
    )
    only.listen()
    assert jobs.ended(wire.client, job)["status"] == "completed"
