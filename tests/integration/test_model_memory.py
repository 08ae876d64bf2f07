"""Language models that come into memory when they are called and leave it when they are idle."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.config import MODELS, Config, mount
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.alone

Start = Callable[[Config], AbstractContextManager[Server]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return lambda config: Server(config, tmp_path / "server")


def config_with(*names: str, memory: str = "0B", **options: Any) -> Config:
    """Callables over one file, each with weights and contexts of its own: some 100 MB."""
    config = Config()
    for name in names:
        config.data["callables"][name] = {
            "model": {
                "backend": "llama",
                "path": str(MODELS / "smollm2.gguf"),
                "context": 256,
                "realtime_sequences": 1,
                "best_effort_sequences": 1,
                **options,
            }
        }
    config.data["runtime"] = {"language_model_memory": memory}
    return config.listen("api", mount("ollama"))


def in_memory(client: httpx.Client) -> list[str]:
    models = client.get("/api/ps").json()["models"]
    return sorted(model["name"].removesuffix(":latest") for model in models)


def ask(client: httpx.Client, model: str, **members: Any) -> dict[str, Any]:
    asked = {
        "model": model,
        "prompt": "One, two, three,",
        "raw": True,
        "stream": False,
        "options": {"num_predict": 3, "temperature": 0},
        **members,
    }
    answer = client.post("/api/generate", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_two_models_with_room_for_one_take_turns_in_memory(start: Start) -> None:
    with start(config_with("a", "b", memory="160MiB")) as server:
        client = server.http("api")
        said = set()
        for model in ["a", "b", "a", "b"]:
            answer = ask(client, model)
            said.add(answer["response"])
            assert in_memory(client) == [model]
        assert answer["load_duration"] > 0
        assert len(said) == 1


def test_an_idle_model_leaves_memory_and_comes_back_for_a_call(start: Start) -> None:
    with start(config_with("a", keep_alive="200ms")) as server:
        client = server.http("api")
        said = ask(client, "a")["response"]
        eventually(lambda: not in_memory(client), what="it leaves memory")
        again = ask(client, "a", keep_alive=-1)
        assert again["response"] == said
        assert again["load_duration"] > 0
        assert in_memory(client) == ["a"]


def test_how_long_a_model_stays_changes_without_loading_it_again(start: Start) -> None:
    config = config_with("a", keep_alive="1h")
    with start(config) as server:
        client = server.http("api")
        ask(client, "a")
        before = server.most_resident_bytes()
        config.data["callables"]["a"]["model"]["keep_alive"] = "100ms"
        server.write_config()
        server.signal(signal.SIGHUP)
        server.wait_for_log(action="reloaded")
        eventually(lambda: not in_memory(client), what="it leaves memory")
        assert server.most_resident_bytes() - before < 20_000_000


def test_at_the_start_no_more_is_loaded_than_fits(start: Start) -> None:
    with start(config_with("a", "b", memory="160MiB")) as server:
        client = server.http("api")
        [first] = in_memory(client)
        for model in ["a", "b"]:
            ask(client, model)
        assert first in {"a", "b"}


def test_to_drop_a_model_that_is_not_there_loads_nothing(start: Start) -> None:
    with start(config_with("a", "b", memory="160MiB")) as server:
        client = server.http("api")
        ask(client, "a")
        for _ in range(2):
            answer = ask(client, "b", prompt="", keep_alive=0)
            assert answer["done_reason"] == "unload"
            assert in_memory(client) == ["a"]
        ask(client, "a", prompt="", keep_alive=0)
        eventually(lambda: not in_memory(client), what="it leaves memory")
