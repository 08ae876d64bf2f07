"""Jobs of language models: as such, in batches, and as calls that are answered later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import iris_jobs as jobs
from support.config import Config, mount
from support.language_models import WORDS, chat, simulated
from support.redis_server import DURABLE, RedisServer
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


def endless_model(config: Config) -> None:
    """Says words until it is stopped, to one caller at a time."""
    simulated(config, "endless", token_time="50ms", tokens=100_000, context=1_000_000)
    config.set("jobs", {"queues": {"endless": {"concurrency": 1}}})


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    config = Config()
    simulated(config, "echo")
    simulated(config, "embedder", dimensions=4)
    endless_model(config)
    simulated(config, "steady", token_time="50ms", tokens=40)
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
    assert found["result"]["id"] == f"chatcmpl-{found['id']}"
    assert found["result"]["choices"][0]["message"]["content"] == WORDS


def test_a_prompt_is_answered_as_a_completion(client: httpx.Client) -> None:
    answer = submitted(client, "echo", {"prompt": WORDS})
    assert answer.status_code == 202
    found = jobs.ended(client, answer.json()["id"])
    assert found["status"] == "completed", found
    assert found["result"]["object"] == "text_completion"
    assert found["result"]["id"] == f"cmpl-{found['id']}"
    assert found["result"]["choices"][0]["text"] == WORDS


def events(client: httpx.Client, job: str) -> Iterator[dict[str, Any]]:
    """The job at each of its events."""
    with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def test_what_is_written_is_shown_before_the_job_is_completed(client: httpx.Client) -> None:
    job = submitted(client, "steady", {**asked(), "max_tokens": 50}).json()["id"]
    seen = list(events(client, job))
    *before, last = seen
    assert last["status"] == "completed"
    assert "partial" not in last
    assert last["progress"] == 1
    whole = last["result"]["choices"][0]["message"]["content"]
    running = [at for at in before if "partial" in at]
    assert running, seen
    told = ""
    for at in running:
        [choice] = at["partial"]["choices"]
        assert (choice["index"], choice["message"]["role"]) == (0, "assistant")
        text = choice["message"]["content"]
        assert text.startswith(told)
        assert whole.startswith(text)
        assert at["progress"] == len(text.split()) / 50
        told = text


def test_what_is_written_grows_until_the_job_is_cancelled(client: httpx.Client) -> None:
    job = submitted(client, "endless", {"prompt": WORDS, "max_tokens": -1}).json()["id"]
    told: list[str] = []
    statuses = []
    for at in events(client, job):
        statuses.append(at["status"])
        if "partial" not in at:
            continue
        told.append(at["partial"]["choices"][0]["text"])
        assert at["progress"] == 0, "nobody knows how long it will be"
        if len(told) == 3:
            shown = jobs.job(client, job)["partial"]["choices"][0]["text"]
            assert shown.startswith(told[-1])
            assert client.delete(f"/v1/jobs/{job}").status_code == 200
    assert told[1].startswith(told[0])
    assert told[2].startswith(told[1])
    assert len(told[0]) < len(told[1]) < len(told[2])
    assert statuses[-1] == "cancelled"
    assert "partial" not in jobs.job(client, job)
    # Its place is free: the model answers one at a time.
    following = submitted(client, "endless", {"prompt": "more", "max_tokens": -1}).json()["id"]
    assert any("partial" in at for at in until_partial(client, following))
    assert client.delete(f"/v1/jobs/{following}").status_code == 200


def until_partial(client: httpx.Client, job: str) -> Iterator[dict[str, Any]]:
    for at in events(client, job):
        yield at
        if "partial" in at:
            return


def test_another_process_shows_what_a_worker_writes(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", *DURABLE) as redis:

        def process(served_by: str) -> Config:
            config = Config()
            endless_model(config)
            config.listener("admin")["served_by"] = served_by
            config.listen("jobs", mount("jobs"))
            config.data["jobs"] |= {"store": "redis", "consume": False}
            config.data["stores"] = {"redis": {"address": redis.address}}
            return config

        with (
            Server(process("serve"), tmp_path / "proxy") as proxy,
            Server(process("worker"), tmp_path / "worker", command="worker"),
        ):
            client = proxy.http("jobs")
            job = submitted(client, "endless", asked()).json()["id"]
            told: list[str] = []
            last: dict[str, Any] = {}
            for last in events(client, job):
                if "partial" in last:
                    told.append(last["partial"]["choices"][0]["message"]["content"])
                    if len(told) == 2:
                        assert client.delete(f"/v1/jobs/{job}").status_code == 200
            assert told[1].startswith(told[0])
            assert len(told[0]) < len(told[1])
            assert (last["status"], "partial" in last) == ("cancelled", False)


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
