"""A real language model behind the APIs: SmolLM2-135M-Instruct, as the set-up fetches it."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator

import httpx
import openai
import pytest

from support.config import MODELS, Config, mount
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.alone

QUESTION = "What is gravity?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config()
    config.data["callables"]["smollm2"] = {
        "model": {"backend": "llama", "path": str(MODELS / "smollm2.gguf"), "context": 2048}
    }
    config.listen("api", mount("openai"), mount("ollama"))
    with Server(config, tmp_path_factory.mktemp("smollm2") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.http("api")


@pytest.fixture(scope="module")
def official(server: Server) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{server.http('api').base_url}/v1", api_key="none", max_retries=0
    )


def held(server: Server) -> list[dict[str, object]]:
    [slots] = server.http("admin").get("/admin/slots").json()
    return list(slots["held"])


def chat(text: str = QUESTION, **members: object) -> dict[str, object]:
    return {
        "model": "smollm2",
        "messages": [{"role": "user", "content": text}],
        "temperature": 0,
        **members,
    }


def test_a_stream_says_what_a_whole_answer_says(official: openai.OpenAI) -> None:
    asked = chat(max_tokens=30)
    whole = official.chat.completions.create(**asked)  # type: ignore[call-overload]
    stream = official.chat.completions.create(**asked, stream=True)  # type: ignore[call-overload]
    parts = [event.choices[0].delta.content or "" for event in stream if event.choices]
    assert "".join(parts) == whole.choices[0].message.content
    assert len([part for part in parts if part]) > 5
    assert whole.usage.prompt_tokens > 20


def test_a_schema_is_kept(client: httpx.Client) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "legs": {"type": "integer", "minimum": 0, "maximum": 8},
        },
        "required": ["name", "legs"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "animal", "schema": schema}}
    asked = chat("Describe a cat as JSON.", max_tokens=80, response_format=form)
    answer = client.post("/v1/chat/completions", json=asked).json()
    animal = json.loads(answer["choices"][0]["message"]["content"])
    assert set(animal) == {"name", "legs"}
    assert 0 <= animal["legs"] <= 8


def test_too_long_a_prompt_is_refused_with_the_counts(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", json=chat("word " * 3000, max_tokens=5))
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert "2048" in message


def test_ollamas_durations_are_true(client: httpx.Client) -> None:
    asked = {
        "model": "smollm2",
        "prompt": QUESTION,
        "stream": False,
        "options": {"num_predict": 20},
    }
    answer = client.post("/api/generate", json=asked).json()
    parts = answer["prompt_eval_duration"] + answer["eval_duration"] + answer["load_duration"]
    assert answer["eval_count"] == 20
    assert 0.8 * answer["total_duration"] < parts <= answer["total_duration"]


def test_people_are_answered_while_background_work_goes_on(client: httpx.Client) -> None:
    """And the background says what it would have said alone."""
    article = "Summarise: " + "The quick brown fox jumps over the lazy dog. " * 30
    asked = chat(article, max_tokens=24)
    background = {"X-Sluice-Class": "best_effort"}

    def summary() -> str:
        answer = client.post("/v1/chat/completions", json=asked, headers=background, timeout=300)
        return str(answer.json()["choices"][0]["message"]["content"])

    alone = summary()
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(summary()))
    thread.start()
    for person in range(8):
        answer = client.post("/v1/chat/completions", json=chat(f"Hello {person}", max_tokens=3))
        assert answer.status_code == 200
    thread.join()
    assert said == [alone]


def test_fifty_clients_that_come_and_vanish_leave_no_slot_behind(
    server: Server, client: httpx.Client
) -> None:
    chance = random.Random(7)
    host, port = server.config.tcp("api")
    body = json.dumps(chat("Tell me a long story.", max_tokens=400, stream=True))
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"X-Sluice-Class: CLASS\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    open_sockets: list[socket.socket] = []
    for _ in range(50):
        connection = socket.create_connection((host, port))
        of_class = chance.choice(["realtime", "best_effort"])
        text = request.replace("CLASS", of_class).encode()
        connection.sendall(text[: chance.choice([len(text), len(text), len(text) // 2])])
        open_sockets.append(connection)
        if chance.random() < 0.5:
            open_sockets.pop(chance.randrange(len(open_sockets))).close()
    for connection in open_sockets:
        connection.close()
    eventually(lambda: not held(server), what="every slot is free again", timeout=60)
    assert client.post("/v1/chat/completions", json=chat(max_tokens=3)).status_code == 200
