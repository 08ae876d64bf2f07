"""The news creator's own paths."""

from __future__ import annotations

import json

import httpx
import pytest

from support.raw_http import RawConnection
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short

ARTICLE = "The river rose by two metres in the night, and the old bridge held. " * 2


@pytest.fixture(scope="module")
def client(models: Server) -> httpx.Client:
    return models.http("news")


def test_an_article_is_summarized(client: httpx.Client) -> None:
    answer = client.post("/api/v1/summarize", json={"article_id": "a1", "content": ARTICLE})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    assert (body["article_id"], body["model"]) == ("a1", "echo")
    assert "the old bridge held" in body["summary"]
    assert body["completion_tokens"] > 0
    assert body["total_duration_ms"] > 0


def test_a_summary_is_streamed_as_json_strings(client: httpx.Client) -> None:
    answer = client.post(
        "/api/v1/summarize", json={"article_id": "a1", "content": ARTICLE, "stream": True}
    )
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    pieces = [json.loads(line[6:]) for line in answer.text.splitlines() if line[:6] == "data: "]
    assert "the old bridge held" in "".join(pieces)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"content": ARTICLE}, 422),
        ({"article_id": 1, "content": ARTICLE}, 422),
        ({"article_id": "1", "content": ARTICLE, "priority": "urgent"}, 422),
        ({"article_id": "1", "content": "short"}, 400),
        ({"article_id": "1", "content": "x" * 240_001}, 400),
    ],
)
def test_what_is_no_article_is_refused(
    client: httpx.Client, body: dict[str, object], status: int
) -> None:
    answer = client.post("/api/v1/summarize", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", {"prompt": 5}),
        ("/api/generate", {"prompt": "a", "options": []}),
        ("/api/chat", {"messages": "x"}),
    ],
)
def test_what_is_no_prompt_is_refused_as_what_is_no_article(
    client: httpx.Client, path: str, body: dict[str, object]
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("service_class", "waiting"), [("realtime", "rt_queue"), ("best_effort", "be_queue")]
)
def test_a_full_queue_is_told_and_refuses(models: Server, service_class: str, waiting: str) -> None:
    client = models.http("busy_news")
    endless = {"messages": [{"role": "user", "content": "on and on"}]}
    of_class = {"X-Sluice-Class": service_class}

    def status() -> dict[str, object]:
        return dict(client.get("/queue/status").json())

    idle = status()
    assert idle["accepting"] is True
    assert (idle["total_slots"], idle["available_slots"], idle["max_queue_depth"]) == (1, 1, 1)
    with client.stream("POST", "/api/chat", json=endless) as running:
        lines = running.iter_lines()  # kept: the stream is closed with it
        next(lines)
        with RawConnection(models.config.tcp("busy_news")) as second:
            text = json.dumps(endless)
            second.send(
                f"POST /api/chat HTTP/1.1\r\nHost: x\r\nX-Sluice-Class: {service_class}\r\n"
                f"Content-Length: {len(text)}\r\n\r\n{text}".encode()
            )
            eventually(lambda: status()[waiting] == 1, what="the second call waits")
            full = status()
            assert full["accepting"] is False
            assert (full["acquired_slots"], full["available_slots"]) == (1, 0)
            for path, body in (
                ("/api/chat", endless),
                ("/api/generate", {"prompt": "a"}),
                ("/api/v1/summarize", {"article_id": "1", "content": ARTICLE, "stream": True}),
            ):
                answer = client.post(path, json=body, headers=of_class)
                assert (answer.status_code, answer.json()) == (429, {"error": "queue full"})
                assert int(answer.headers["retry-after"]) >= 1
    eventually(lambda: status()["acquired_slots"] == 0, what="both have left")


def test_a_silent_model_is_filled_with_heartbeats(models: Server) -> None:
    body = {"article_id": "1", "content": ARTICLE, "stream": True}
    with models.http("silent_news").stream("POST", "/api/v1/summarize", json=body) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(4)] == [": heartbeat", "", ": heartbeat", ""]


def test_a_failure_in_a_stream_is_an_event(models: Server) -> None:
    client = models.http("broken_news")
    body = {"article_id": "1", "content": ARTICLE}
    streamed = client.post("/api/v1/summarize", json={**body, "stream": True})
    assert streamed.status_code == 200
    assert 'event: error\ndata: {"error":"told to fail' in streamed.text
    assert client.post("/api/v1/summarize", json=body).status_code == 502


def test_its_queue_and_health_are_told(client: httpx.Client) -> None:
    assert set(client.get("/queue/status").json()) == {
        "rt_queue",
        "be_queue",
        "total_slots",
        "available_slots",
        "accepting",
        "max_queue_depth",
        "acquired_slots",
    }
    assert client.get("/health").json()["status"] == "healthy"
    assert client.get("/health/deep").json()["model"] == "echo"


def test_ollama_and_openai_are_beside_it(client: httpx.Client) -> None:
    answer = client.post(
        "/api/generate", json={"prompt": "a b", "stream": False, "priority": "high"}
    )
    assert answer.json()["response"] == "a b"
    chat = {"model": "echo", "messages": [{"role": "user", "content": "a b"}]}
    assert client.post("/v1/chat/completions", json=chat).status_code == 200
