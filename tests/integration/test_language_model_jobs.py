"""Jobs of language models: as such, in batches, and as calls that are answered later."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from support import iris_jobs as jobs
from support.config import Config, mount
from support.language_models import WORDS, chat, simulated
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    config = Config()
    simulated(config, "echo")
    simulated(config, "embedder", dimensions=4)
    config.listen("api", mount("openai"), mount("jobs"))
    with Server(config, tmp_path_factory.mktemp("model_jobs") / "server") as running:
        yield running.http("api")


def asked(text: str = WORDS) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}]}


def submitted(client: httpx.Client, callable_name: str, asked_for: object) -> httpx.Response:
    return client.post("/v1/jobs", json={"callable": callable_name, "input": asked_for})


def test_a_conversation_is_answered_as_a_job(client: httpx.Client) -> None:
    answer = submitted(client, "echo", asked())
    assert answer.status_code == 202
    found = jobs.ended(client, answer.json()["id"])
    assert found["status"] == "completed", found
    assert found["result"]["object"] == "chat.completion"
    assert found["result"]["choices"][0]["message"]["content"] == WORDS


def test_a_prompt_is_answered_as_a_completion(client: httpx.Client) -> None:
    answer = submitted(client, "echo", {"prompt": WORDS})
    assert answer.status_code == 202
    found = jobs.ended(client, answer.json()["id"])
    assert found["status"] == "completed", found
    assert found["result"]["object"] == "text_completion"
    assert found["result"]["choices"][0]["text"] == WORDS


def test_texts_are_embedded_as_a_job(client: httpx.Client) -> None:
    answer = submitted(client, "embedder", {"input": ["a", "b"]})
    found = jobs.ended(client, answer.json()["id"])
    assert [len(one["embedding"]) for one in found["result"]["data"]] == [4, 4]


def test_what_is_no_conversation_is_refused_at_once(client: httpx.Client) -> None:
    answer = submitted(client, "echo", {"messages": [{"role": "user", "content": 5}]})
    assert answer.status_code == 422
    assert "messages" in answer.json()["detail"]
    assert submitted(client, "echo", {"inputs": []}).status_code == 422


def test_a_batch_of_conversations_is_answered_line_by_line(client: httpx.Client) -> None:
    lines = "\n".join(
        json.dumps({"custom_id": str(i), "input": asked(f"number {i}")}) for i in range(5)
    )
    batch = client.post(
        "/v1/jobs/batches?callable=echo",
        content=lines,
        headers={"Content-Type": "application/jsonl"},
    ).json()

    def ended() -> bool:
        return bool(client.get(f"/v1/jobs/batches/{batch['id']}").json()["status"] == "completed")

    eventually(ended, what="the batch ends")
    output = client.get(f"/v1/jobs/batches/{batch['id']}/output").text.splitlines()
    said = {
        (line := json.loads(text))["custom_id"]: line["output"]["choices"][0]["message"]["content"]
        for text in output
    }
    assert said == {str(i): f"number {i}" for i in range(5)}


def test_a_call_of_openais_api_may_be_answered_later(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/chat/completions", json=chat("echo"), headers={"Prefer": "respond-async"}
    )
    assert answer.status_code == 202
    job = answer.headers["location"]
    assert eventually(
        lambda: client.get(job).json()["status"] == "completed", what="the call is answered"
    )
    result = client.get(f"{job}/result").json()
    assert result["object"] == "chat.completion"
    assert result["choices"][0]["message"]["content"] == WORDS
