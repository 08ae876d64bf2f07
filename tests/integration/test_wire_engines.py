"""Engines behind a wire that fail: before the first token another one is asked, later the caller
is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ollama
import openai
import pytest

from integration.wire_engines import PATHS, Start, Wire
from support.engines import (
    OLLAMA,
    OPENAI,
    Again,
    Cut,
    Dialect,
    Engine,
    Gate,
    Step,
    Talk,
    chunk,
    silent,
    stream_head,
)
from support.faults import Answer, Close, Endless, Fault, Garbage, Reset, http_answer
from support.language_models import chat
from support.waiting import eventually

pytestmark = pytest.mark.short

Make = Callable[[str, Dialect], Engine]
both_dialects = pytest.mark.parametrize("dialect", [OPENAI, OLLAMA], ids=str)

# Long enough for an engine that is well on a busy machine, and short enough to wait for.
IMPATIENT = {"first_token_timeout": "1s", "token_timeout": "1s"}
SHORT_EVENTS = {"max_event_bytes": "64KiB"}


@dataclass(frozen=True)
class Trouble:
    """What an engine does in place of an answer. Its options make it show."""

    what: str
    make: Callable[[Dialect], Fault]
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.what


def refusal(status: int, error: Any = "no", **headers: str) -> Callable[[Dialect], Fault]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(http_answer(status, {"error": error}, headers=named))


def body(text: bytes, content_type: str = "application/json") -> Callable[[Dialect], Fault]:
    return lambda _: Answer(http_answer(body=text, headers={"Content-Type": content_type}))


def ping(dialect: Dialect) -> bytes:
    """What keeps a connection open and is no part of an answer."""
    return chunk(": ping\n\n" if dialect is OPENAI else "\n")


def piece_of_event(dialect: Dialect) -> bytes:
    return chunk('data: {"choices": [' if dialect is OPENAI else '{"message": ')


def told_error(dialect: Dialect) -> bytes:
    error = json.dumps({"error": "out of memory"})
    return chunk(f"data: {error}\n\n" if dialect is OPENAI else f"{error}\n")


def talk(*steps: Step | Callable[[Dialect], bytes]) -> Callable[[Dialect], Fault]:
    """The head of a stream, then these steps."""

    def make(dialect: Dialect) -> Fault:
        return Talk(dialect.head, *(step(dialect) if callable(step) else step for step in steps))

    return make


BEFORE_THE_FIRST_TOKEN = (
    Trouble("says nothing", lambda _: silent(), IMPATIENT),
    Trouble("sends a head and stalls", talk(), IMPATIENT),
    Trouble("sends nothing but pings", lambda d: Talk(d.head, Again(ping(d), 0.05)), IMPATIENT),
    Trouble(
        "trickles what never becomes an event",
        lambda d: Talk(d.head, piece_of_event(d), Again(chunk(" "), 0.05)),
        IMPATIENT,
    ),
    Trouble("closes without a word", lambda _: Close()),
    Trouble("resets the connection", lambda _: Reset(after_request=False)),
    Trouble("is cut behind its head", talk(Cut())),
    Trouble("is reset behind its head", talk(Cut(reset=True))),
    Trouble("is cut in its first event", talk(piece_of_event, Cut())),
    Trouble("ends without a token", talk(b"0\r\n\r\n")),
    Trouble("answers nothing", body(b"", "text/event-stream")),
    Trouble("answers what is no HTTP", lambda _: Garbage()),
    Trouble("answers a page of HTML", body(b"<html><body>Sign in</body></html>\n", "text/html")),
    Trouble("answers HTML that it calls a stream", talk(chunk("<html>\n\n"), b"0\r\n\r\n")),
    Trouble("answers half a JSON", body(b'{"choices": [{"mess')),
    Trouble("answers JSON of another kind", body(b'["a"]')),
    Trouble("answers a stream that it calls JSON", body(b'data: {"choices": []}\n\n{"a"')),
    Trouble("answers bytes", body(bytes(range(256)), "application/octet-stream")),
    Trouble(
        "answers an endless line",
        lambda d: Talk(d.head, Again(chunk(b"x" * 16384))),
        SHORT_EVENTS,
    ),
    Trouble("announces more than anybody takes", lambda _: Endless()),
    Trouble("tells an error in its stream", talk(told_error)),
    Trouble("has no such model", refusal(404, {"message": "model 'm' not found", "code": None})),
    Trouble("does not take our key", refusal(401)),
    Trouble("has too much to do, for seconds", refusal(429, Retry_After="20")),
    Trouble("has too much to do, for milliseconds", refusal(429, retry_after_ms="20000")),
    Trouble("has a full queue, in Ollama's words", refusal(503, "server busy, please try again.")),
    Trouble("has failed", refusal(500)),
    Trouble("is behind a proxy that misses it", refusal(502, "Bad Gateway")),
    Trouble("is loading", refusal(503, "Loading model", Retry_After="20")),
    Trouble("is behind a proxy that waits no longer", refusal(504)),
    Trouble("has moved", lambda _: Answer(http_answer(302, headers={"Location": "/elsewhere"}))),
)


@both_dialects
@pytest.mark.parametrize("trouble", BEFORE_THE_FIRST_TOKEN, ids=str)
def test_before_the_first_token_another_engine_is_asked(
    start: Start, engine: Make, dialect: Dialect, trouble: Trouble
) -> None:
    first, second = engine("a", dialect), engine("b", dialect)
    wire = start(first, second, **trouble.options)
    first.always = trouble.make(dialect)
    answer = wire.stream(dialect.name)
    assert b"from " in answer.read_until('"b"'), answer.got
    assert b"error" not in answer.to_its_end()
    assert (len(first.asked), len(second.asked)) == (1, 1)
    wire.wait_until_idle()
    first.wait_for_running(0)


@both_dialects
def test_an_engine_that_refuses_connections_is_replaced(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    first, second = engine("a", dialect), engine("b", dialect)
    wire = start(first, second)
    first.refuse()
    assert wire.said(dialect.name) == "from b"
    first.listen()
    assert wire.said(dialect.name) == "from a"


IN_THE_MIDDLE = (
    Trouble("stalls", talk(), IMPATIENT),
    Trouble("sends nothing more but pings", lambda d: Talk(Again(ping(d), 0.05)), IMPATIENT),
    Trouble(
        "trickles what never becomes an event",
        lambda d: Talk(piece_of_event(d), Again(chunk(" "), 0.05)),
        IMPATIENT,
    ),
    Trouble("is cut", lambda _: Talk(Cut())),
    Trouble("is reset", lambda _: Talk(Cut(reset=True))),
    Trouble("is cut in an event", lambda d: Talk(piece_of_event(d), Cut())),
    Trouble("ends in an event", lambda d: Talk(piece_of_event(d), b"0\r\n\r\n")),
    Trouble("ends before it is complete", lambda _: Talk(b"0\r\n\r\n")),
    Trouble("goes on in HTML", lambda _: Talk(chunk("<html>\n\n"), b"0\r\n\r\n")),
    Trouble("goes on in HTML that it calls data", lambda d: Talk(chunk("data: <b>\n\n"), d.end)),
    Trouble("breaks the chunked coding", lambda _: Talk(b"what?\r\n")),
    Trouble("goes on in an endless line", lambda _: Talk(Again(chunk(b"x" * 16384))), SHORT_EVENTS),
    Trouble("tells an error in its stream", lambda d: Talk(told_error(d), d.end)),
)


def begun(dialect: Dialect, trouble: Trouble) -> Talk:
    """An answer of one token, on which the trouble follows."""
    made = trouble.make(dialect)
    assert isinstance(made, Talk)
    steps = [step for step in made.steps if step != dialect.head]
    return Talk(dialect.head, dialect.token("one"), *steps)


@both_dialects
@pytest.mark.parametrize("trouble", IN_THE_MIDDLE, ids=str)
def test_after_the_first_token_the_caller_is_told(
    start: Start, engine: Make, dialect: Dialect, trouble: Trouble
) -> None:
    first, second = engine("a", dialect), engine("b", dialect)
    wire = start(first, second, **trouble.options)
    first.always = lambda: begun(dialect, trouble)
    streamed = wire.stream(dialect.name)
    got = streamed.to_its_end()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b'"one"') == 1, got
    if dialect is OPENAI:
        event = got[got.index(b"event: error") :].split(b"\n")[1]
        error = json.loads(event.removeprefix(b"data: "))["error"]["message"]
        assert b"[DONE]" not in got
    else:
        line = [part for part in got.split(b"\r\n") if part.startswith(b'{"error"')]
        error = json.loads(line[0])["error"]
        assert b'"done":true' not in got
    assert first.url in error
    whole = wire.client.post(PATHS[dialect.name], json=chat("m", stream=False))
    assert whole.status_code in (500, 503)
    assert first.url in whole.text
    assert (len(first.asked), len(second.asked)) == (2, 0)
    wire.wait_until_idle()
    first.wait_for_running(0)


def test_official_clients_hear_of_an_answer_that_breaks(start: Start, engine: Make) -> None:
    only = engine("a", OPENAI)
    only.always = lambda: Talk(OPENAI.head, OPENAI.token("one"), Cut())
    wire = start(only)
    parts = openai_client(wire).chat.completions.create(**chat("m"), stream=True)
    said = [choice.delta.content for _ in range(2) for choice in next(parts).choices]
    assert "".join(text or "" for text in said) == "one"
    with pytest.raises(openai.APIError, match="http://127"):
        next(parts)
    lines = ollama.Client(host=str(wire.client.base_url), trust_env=False).chat(
        **chat("m"), stream=True
    )
    assert next(lines).message.content == "one"
    with pytest.raises(ollama.ResponseError, match="http://127"):
        next(lines)


def openai_client(wire: Wire) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{str(wire.client.base_url).rstrip('/')}/v1",
        api_key="none",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


@pytest.mark.parametrize(
    ("header", "value", "seconds", "milliseconds"),
    [("Retry-After", "7", "7", "7000"), ("retry-after-ms", "1500", "2", "1500")],
)
def test_when_all_engines_are_busy_the_caller_hears_for_how_long(
    start: Start, engine: Make, header: str, value: str, seconds: str, milliseconds: str
) -> None:
    engines = [engine("a", OPENAI), engine("b", OPENAI)]
    for each in engines:
        each.always = Answer(http_answer(429, {"error": "busy"}, headers={header: value}))
    wire = start(*engines)
    with pytest.raises(openai.RateLimitError) as refused:
        openai_client(wire).chat.completions.create(**chat("m"))
    assert refused.value.response.headers["retry-after"] == seconds
    assert refused.value.response.headers["retry-after-ms"] == milliseconds
    assert [len(each.asked) for each in engines] == [1, 1]


@pytest.mark.parametrize("status", [429, 503])
def test_an_engine_that_is_busy_is_let_alone_for_as_long_as_it_said(
    start: Start, engine: Make, status: int
) -> None:
    first, second = engine("a", OLLAMA), engine("b", OLLAMA)
    wire = start(first, second)
    busy = Answer(http_answer(status, {"error": "busy"}, headers={"retry-after-ms": "1000"}))
    first.answers.append(busy)
    assert wire.said() == "from b"
    eventually(lambda: wire.said() == "from a", what="the first engine is asked again")
    assert len(first.asked) == 2
    first.always = Answer(http_answer(status, {"error": "busy"}, headers={"Retry-After": "600"}))
    assert [wire.said() for _ in range(5)] == ["from b"] * 5
    assert len(first.asked) == 3


def test_a_request_that_is_wrong_is_the_callers_and_no_other_engine_is_asked(
    start: Start, engine: Make
) -> None:
    first, second = engine("a", OPENAI), engine("b", OPENAI)
    first.always = Answer(http_answer(400, {"error": {"message": "9000 tokens, at most 8192"}}))
    wire = start(first, second)
    with pytest.raises(openai.BadRequestError, match="9000 tokens, at most 8192"):
        openai_client(wire).chat.completions.create(**chat("m"))
    assert second.asked == []


@both_dialects
@pytest.mark.parametrize("api", PATHS)
def test_a_stream_passes_token_by_token(
    start: Start, engine: Make, dialect: Dialect, api: str
) -> None:
    """The next token is written only when the caller has the one before."""
    gates = [Gate() for _ in range(20)]
    steps: list[Step] = [dialect.head]
    for number, gate in enumerate(gates):
        steps += [gate, dialect.token(f"word{number}.")]
    only = engine("a", dialect)
    only.always = Talk(*steps, dialect.end)
    streamed = start(only).stream(api)
    for number, gate in enumerate(gates):
        assert f"word{number}.".encode() not in streamed.got
        gate.open()
        streamed.read_until(f"word{number}.")
    assert b"error" not in streamed.to_its_end()


@both_dialects
def test_an_answer_that_trickles_byte_by_byte_is_as_good(
    start: Start, engine: Make, dialect: Dialect
) -> None:
    tokens = [dialect.token(text) for text in ("one", " two", " thr\u00e9e")]
    whole = b"".join([dialect.head, *tokens, dialect.end])
    only = engine("a", dialect)
    only.always = lambda: Talk(*(bytes([byte]) for byte in whole), b"", lasts=False)
    assert start(only).said() == "one two thr\u00e9e"


ODD_BUT_WELL = (
    ("a stream of no type", None, False),
    ("a stream that it calls text", "text/plain", False),
    ("a stream with parameters", "text/event-stream; charset=utf-8", False),
    ("a stream that goes on when all is said", "text/event-stream", True),
)


@both_dialects
@pytest.mark.parametrize(("what", "content_type", "goes_on"), ODD_BUT_WELL)
def test_odd_answers_are_taken(
    start: Start, engine: Make, dialect: Dialect, what: str, content_type: str, goes_on: bool
) -> None:
    del what
    end: tuple[Step, ...] = (dialect.end,)
    if goes_on:
        end = (dialect.end.removesuffix(b"0\r\n\r\n"), Again(dialect.token("more"), 0.01))
    only = engine("a", dialect)
    only.always = lambda: Talk(stream_head(content_type), dialect.token("one"), *end)
    assert start(only).said() == "one"
    only.wait_for_running(0)
