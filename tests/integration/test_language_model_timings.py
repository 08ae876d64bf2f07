"""Where the time of a generated answer went, as its client is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from support.language_models import WORDS, chat
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short

PARTS = ("queue_ms", "load_ms", "prompt_ms", "decode_ms", "overhead_ms")


def last_of_openai(lines: list[str]) -> dict[str, Any]:
    events = [line[6:] for line in lines if line.startswith("data: ")]
    assert events.pop() == "[DONE]"
    return dict(json.loads(events[-1]))


def last_of_ollama(lines: list[str]) -> dict[str, Any]:
    return dict(json.loads(lines[-1]))


STREAMS: dict[str, tuple[str, dict[str, Any], Callable[[list[str]], dict[str, Any]]]] = {
    "openai": ("/v1/chat/completions", {"max_tokens": 2}, last_of_openai),
    "ollama": ("/api/chat", {"options": {"num_predict": 2}}, last_of_ollama),
}


def held(models: Server, model: str) -> tuple[int, int]:
    """How many calls hold a slot, and how many wait for one."""
    for slots in models.http("admin").get("/admin/slots").json():
        if slots["callable"] == model:
            return len(slots["held"]), slots["realtime_waiting"]
    raise AssertionError(f"{model} has no slots")


@pytest.mark.parametrize("api", STREAMS)
def test_the_wait_for_a_slot_stands_in_a_streams_last_event(models: Server, api: str) -> None:
    path, members, last = STREAMS[api]
    client = models.http("api")
    got: list[str] = []

    def ask() -> None:
        body = chat("single", stream=True, **members)
        with models.http("api").stream("POST", path, json=body) as answer:
            got.extend(line for line in answer.iter_lines() if line)

    with client.stream("POST", path, json=chat("single", stream=True)) as first:
        lines = first.iter_lines()  # kept: the stream is closed with it
        next(lines)
        second = threading.Thread(target=ask)
        second.start()
        eventually(lambda: held(models, "single") == (1, 1), what="the second call waits")
    second.join()
    timings = last(got)["timings"]
    assert timings["queue_ms"] > 0
    assert timings["decode_ms"] >= 5  # a token takes so long
    assert timings["first_token_ms"] >= timings["queue_ms"] + timings["prompt_ms"]
    assert sum(timings[part] for part in PARTS) == pytest.approx(timings["total_ms"], abs=0.01)


def test_several_prompts_of_one_request_have_their_times(models: Server) -> None:
    body = {"model": "slow", "prompt": [WORDS, WORDS]}
    timings = models.http("api").post("/v1/completions", json=body).json()["timings"]
    assert timings["prompt_ms"] >= 25
    assert timings["decode_ms"] >= 60


def test_a_list_of_prompts_does_not_refuse_itself(models: Server) -> None:
    """One slot, and one may wait: the others of the list are asked after these."""
    body = {"model": "single", "prompt": ["a"] * 6, "max_tokens": 2}
    answer = models.http("api").post("/v1/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["choices"]) == 6
