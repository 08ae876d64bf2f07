"""Simulated language models behind the APIs for them."""

from __future__ import annotations

from typing import Any

from support.config import Config, mount

WORDS = "one two three four five"


def simulated(config: Config, name: str, **options: Any) -> Config:
    """A callable that says the last message back; options as in the configuration."""
    config.data["callables"][name] = {"model": {"backend": "simulated", **options}}
    return config


def language_models() -> Config:
    """Models of every behaviour, behind all APIs on one listener."""
    config = Config()
    simulated(config, "echo")
    simulated(config, "slow", prompt_time="5ms", token_time="20ms")
    simulated(config, "endless", token_time="20us", tokens=100_000, context=1_000_000)
    simulated(
        config,
        "single",
        token_time="5ms",
        tokens=100_000,
        context=1_000_000,
        slots={"slots": 1, "depth": 1, "realtime": {"order": "fifo"}},
    )
    simulated(config, "failing", fail_at=0)
    simulated(config, "breaking", fail_at=2)
    simulated(config, "stalling", stall_at=2)
    simulated(config, "mute", stall_at=0)
    simulated(config, "embedder", dimensions=8)
    config.listen("api", mount("openai"), mount("ollama"))
    config.listen("news", {**mount("news_creator", "echo"), "heartbeat": "50ms"}, mount("openai"))
    config.listen("silent_news", {**mount("news_creator", "mute"), "heartbeat": "50ms"})
    config.listen("broken_news", mount("news_creator", "breaking"))
    config.listen("busy_news", mount("news_creator", "single"))
    return config


def chat(model: str, content: str = WORDS, **members: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **members}
