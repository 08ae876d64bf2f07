"""A server before another server, over both wires: what a client sees of the one behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ollama
import openai
import pytest

from integration.test_language_model_streams import read_until
from support.config import Config, mount
from support.engines import OLLAMA, OPENAI, Engine
from support.language_models import WORDS, chat, simulated
from support.metrics import Scrape
from support.raw_http import request
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


@dataclass
class Chain:
    front: Server
    back: Server

    def in_flight(self, server: Server, name: str) -> float:
        return Scrape(server.http("admin").get("/metrics").text).value(name)


@pytest.fixture(scope="module", params=["openai", "ollama"])
def chain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    names = ("echo", "mute", "stalling", "breaking", "failing")
    behind = Config()
    simulated(behind, "echo", prompt_time="1ms", token_time="1ms")
    simulated(behind, "mute", stall_at=0)
    simulated(behind, "stalling", stall_at=2)
    simulated(behind, "breaking", fail_at=2)
    simulated(behind, "failing", fail_at=0)
    simulated(behind, "embedder", dimensions=8)
    behind.listen("api", mount("openai"), mount("ollama"))
    with Server(behind, folder / "back") as back:
        url = f"http://{back.config.address('api')}"
        before = Config()
        for name in names:
            model = {"backend": request.param, "urls": [url], "models_every": "100ms"}
            before.data["callables"][name] = {"model": model}
        before.data["callables"]["embedder"] = {
            "model": {"backend": request.param, "urls": [url], "task": "embed"}
        }
        before.listen("api", mount("openai"), mount("ollama"))
        with Server(before, folder / "front") as front:
            yield Chain(front, back)


@pytest.fixture(scope="module")
def openai_client(chain: Chain) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"http://{chain.front.config.address('api')}/v1",
        api_key="none",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


@pytest.fixture(scope="module")
def ollama_client(chain: Chain) -> ollama.Client:
    return ollama.Client(host=f"http://{chain.front.config.address('api')}", trust_env=False)


def test_openais_client_finds_what_it_expects(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(**chat("echo"), max_tokens=2)
    [choice] = answer.choices
    assert (answer.model, choice.message.content) == ("echo", "one two")
    assert choice.finish_reason == "length"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 2)
    parts = list(
        openai_client.chat.completions.create(
            **chat("echo"), stream=True, stream_options={"include_usage": True}
        )
    )
    said = "".join(c.delta.content or "" for part in parts for c in part.choices)
    assert said == WORDS
    assert parts[-1].usage is not None
    assert parts[-1].usage.completion_tokens == 5
    completion = openai_client.completions.create(model="echo", prompt=WORDS, stop=" four")
    assert completion.choices[0].text == "one two three"


def test_ollamas_client_finds_what_it_expects(ollama_client: ollama.Client) -> None:
    answer = ollama_client.chat(**chat("echo"), options={"num_predict": 2})
    assert (answer.message.content, answer.done_reason) == ("one two", "length")
    assert (answer.prompt_eval_count, answer.eval_count) == (5, 2)
    assert answer.eval_duration is not None
    assert answer.eval_duration > 0
    parts = list(ollama_client.generate(model="echo", prompt=WORDS, stream=True))
    assert "".join(part.response or "" for part in parts) == WORDS
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]


def test_vectors_are_the_same_through_every_wire(
    chain: Chain, openai_client: openai.OpenAI, ollama_client: ollama.Client
) -> None:
    asked = {"model": "embedder", "input": ["a", "b"]}
    data = chain.back.http("api").post("/v1/embeddings", json=asked).json()["data"]
    there = [one["embedding"] for one in data]
    here = [one.embedding for one in openai_client.embeddings.create(**asked).data]  # type: ignore[arg-type]
    lines = ollama_client.embed(**asked).embeddings  # type: ignore[arg-type]
    for found in (here, lines):
        for one, other in zip(found, there, strict=True):
            assert list(one) == pytest.approx(other, abs=1e-6)


def test_failures_behind_are_told_before(
    openai_client: openai.OpenAI, ollama_client: ollama.Client
) -> None:
    with pytest.raises(openai.InternalServerError):
        openai_client.chat.completions.create(**chat("failing"))
    with pytest.raises(ollama.ResponseError):
        ollama_client.chat(**chat("failing"))
    parts = openai_client.chat.completions.create(**chat("breaking"), stream=True)
    said = [choice.delta.content for _ in range(3) for choice in next(parts).choices]
    assert "".join(text or "" for text in said) == "one two"
    with pytest.raises(openai.APIError):
        next(parts)
    lines = ollama_client.chat(**chat("breaking"), stream=True)
    with pytest.raises(ollama.ResponseError):
        list(lines)


@pytest.mark.parametrize(("model", "heard"), [("mute", ""), ("stalling", "two")])
def test_a_client_that_leaves_is_left_by_both(chain: Chain, model: str, heard: str) -> None:
    idle = chain.in_flight(chain.back, "sluice_requests_in_flight")
    connection = chain.front.raw("api")
    body = json.dumps(chat(model, stream=True)).encode()
    connection.send(request("POST", "/v1/chat/completions", body=body))
    if heard:
        read_until(connection, heard.encode())
    eventually(
        lambda: chain.in_flight(chain.back, "sluice_requests_in_flight") == idle + 1,
        what="the call has come to the server behind",
    )
    connection.close()
    eventually(
        lambda: chain.in_flight(chain.back, "sluice_requests_in_flight") == idle,
        what="the server behind has stopped",
    )
    eventually(
        lambda: chain.in_flight(chain.front, "sluice_replica_requests_in_flight") == 0,
        what="the server before has stopped",
    )


def options_of(engine: Engine) -> list[Any]:
    return [body.get("options") for body in engine.bodies()]


def test_what_a_client_of_ollama_does_not_say_is_left_to_the_engine(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    config = Config()
    with Engine("a", OLLAMA) as lines, Engine("b", OPENAI) as events:
        for name, engine in (("lines", lines), ("events", events)):
            model = {"backend": engine.dialect.name, "urls": [engine.url], "models_every": "0s"}
            config.data["callables"][name] = {"model": model}
        config.listen("api", mount("ollama"))
        with Server(config, tmp_path_factory.mktemp("options") / "server") as server:
            client = ollama.Client(host=f"http://{config.address('api')}", trust_env=False)
            client.chat(**chat("lines"))
            client.chat(**chat("lines"), options={"num_ctx": 16384, "temperature": 0.5})
            client.chat(**chat("events"), options={"num_ctx": 16384, "temperature": 0.5})
            assert options_of(lines) == [{}, {"num_ctx": 16384, "temperature": 0.5}]
            [asked] = events.bodies()
            assert asked["temperature"] == 0.5
            assert not {"top_k", "num_ctx", "options", "repeat_penalty"} & asked.keys()
            del server
