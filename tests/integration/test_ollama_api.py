"""Ollama's API, by its official client."""

from __future__ import annotations

import json
from typing import Any

import ollama
import pytest

from support.language_models import WORDS
from support.server import Server

pytestmark = pytest.mark.short

MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": WORDS}]


@pytest.fixture(scope="module")
def client(models: Server) -> ollama.Client:
    return ollama.Client(host=f"http://{models.config.address('api')}", trust_env=False)


def test_a_prompt_is_answered_with_true_durations(client: ollama.Client) -> None:
    answer = client.generate(model="slow", prompt=WORDS)
    assert answer.response == WORDS
    assert answer.done
    assert answer.done_reason == "stop"
    assert (answer.prompt_eval_count, answer.eval_count) == (5, 5)
    ms = 1_000_000
    assert answer.prompt_eval_duration is not None
    assert answer.eval_duration is not None
    assert answer.total_duration is not None
    assert answer.prompt_eval_duration >= 25 * ms
    assert answer.eval_duration >= 60 * ms  # the first token may have come late
    assert answer.total_duration >= answer.prompt_eval_duration + answer.eval_duration


def test_streams_are_lines(client: ollama.Client) -> None:
    parts = list(client.generate(model="echo", prompt=WORDS, stream=True))
    assert "".join(part.response or "" for part in parts) == WORDS
    assert [part.done for part in parts] == [False] * 5 + [True]
    chat = list(client.chat(model="echo:latest", messages=MESSAGES, stream=True))
    assert "".join(part.message.content or "" for part in chat) == WORDS
    assert chat[-1].done_reason == "stop"


def test_a_stream_is_the_default(models: Server) -> None:
    answer = models.http("api").post("/api/generate", json={"model": "echo", "prompt": "a b"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["response"] for line in lines] == ["a", " b", ""]


def test_options_bound_an_answer(client: ollama.Client) -> None:
    answer = client.generate(model="echo", prompt=WORDS, options={"num_predict": 2})
    assert (answer.response, answer.done_reason) == ("one two", "length")
    assert client.generate(model="echo", prompt=WORDS, options={"stop": ["two"]}).response == "one "
    # The context is the model's: what does not fit it is refused, and not cut.
    assert client.generate(model="echo", prompt="a", options={"num_ctx": 1_000_000}).response == "a"
    with pytest.raises(ollama.ResponseError, match="4096"):
        client.generate(model="echo", prompt="x " * 5000, options={"num_ctx": 1_000_000})


def test_thoughts_and_logprobs_stand_beside_the_text(client: ollama.Client) -> None:
    answer = client.chat(
        model="echo", messages=MESSAGES, think="low", logprobs=True, top_logprobs=2
    )
    assert answer.message.content == WORDS
    assert answer.message.thinking == "They want it said back."
    assert answer.logprobs is not None
    assert [token.token for token in answer.logprobs][-5:] == [
        "one",
        " two",
        " three",
        " four",
        " five",
    ]
    assert len(answer.logprobs[-1].top_logprobs or []) == 2
    parts = list(client.generate(model="echo", prompt=WORDS, think=True, stream=True))
    assert "".join(part.thinking or "" for part in parts) == "They want it said back."
    assert "".join(part.response or "" for part in parts) == WORDS


def test_tools_are_called_with_arguments_that_are_an_object(client: ollama.Client) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    answer = client.chat(
        model="echo", messages=[{"role": "user", "content": "the weather"}], tools=tools
    )
    [call] = answer.message.tool_calls or []
    assert call.function.name == "weather"
    assert call.function.arguments == {"text": "the weather"}


def test_an_empty_prompt_loads(client: ollama.Client) -> None:
    assert client.generate(model="echo", keep_alive="5m").done_reason == "load"
    assert client.generate(model="echo", keep_alive=0).done_reason == "unload"
    assert client.embed(model="embedder", input="").embeddings == []
    assert client.embed(model="embedder", input=[]).embeddings == []


def test_texts_are_embedded(client: ollama.Client) -> None:
    assert len(client.embed(model="embedder", input="a", dimensions=4).embeddings[0]) == 4
    answer = client.embed(model="embedder", input=["a b", "b a"])
    assert answer.embeddings[0] == answer.embeddings[1]
    assert answer.prompt_eval_count == 4
    assert list(client.embeddings(model="embedder", prompt="a b").embedding) == list(
        answer.embeddings[0]
    )


def test_models_are_listed_and_shown(client: ollama.Client) -> None:
    names = {model.model for model in client.list().models}
    assert {"echo:latest", "embedder:latest"} <= names
    assert "echo:latest" in {model.model for model in client.ps().models}
    assert client.show("echo").capabilities == ["completion", "tools"]
    assert client.show("embedder").capabilities == ["embedding"]
    with pytest.raises(ollama.ResponseError) as unknown:
        client.show("none")
    assert unknown.value.status_code == 404


def test_errors_are_told(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as failed:
        client.generate(model="failing", prompt="a")
    assert failed.value.status_code == 503
    with pytest.raises(ollama.ResponseError, match="template"):
        client.generate(model="echo", prompt="a", template="{{ .Prompt }}")
    with pytest.raises(ollama.ResponseError, match="told to fail"):
        list(client.generate(model="breaking", prompt=WORDS, stream=True))


def test_it_says_that_it_is_there(models: Server) -> None:
    client = models.http("api")
    assert client.get("/").text == "Ollama is running"
    assert client.head("/").status_code == 200
    assert client.get("/api/version").json()["version"]
    nowhere = client.post("/api/push", json={"model": "echo"})
    assert nowhere.status_code == 404
    assert "error" in nowhere.json()


def test_what_is_served_has_been_pulled(client: ollama.Client) -> None:
    assert client.pull("echo").status == "success"
    assert [step.status for step in client.pull("echo", stream=True)] == ["success"]
    with pytest.raises(ollama.ResponseError) as unknown:
        client.pull("none")
    assert unknown.value.status_code == 404
