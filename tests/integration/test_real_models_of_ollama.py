"""Real models behind the APIs for them, by the official clients: what only a real one shows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

import ollama
import openai
import pytest

from support.config import MODELS, Config, mount
from support.server import Server

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config()
    for name, context in (("smollm2", 2048), ("minilm", 0)):
        model = {"backend": "llama", "path": str(MODELS / f"{name}.gguf"), "context": context}
        config.data["callables"][name] = {"model": model}
    config.listen("api", mount("openai"), mount("ollama"))
    with Server(config, tmp_path_factory.mktemp("real") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> ollama.Client:
    return ollama.Client(host=f"http://{server.config.address('api')}", trust_env=False)


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def test_a_schema_is_kept(client: ollama.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"legs": {"type": "integer", "minimum": 0, "maximum": 8}},
        "required": ["legs"],
        "additionalProperties": False,
    }
    message = {"role": "user", "content": "How many legs has a cat? Answer as JSON."}
    answer = client.chat(
        model="smollm2", messages=[message], format=schema, options={"num_predict": 40}
    )
    assert 0 <= json.loads(answer.message.content or "")["legs"] <= 8


def test_any_json_is_kept(client: ollama.Client) -> None:
    """It may be cut off where it grows long, but no word stands before it."""
    answer = client.generate(
        model="smollm2",
        prompt="Describe a cat as JSON.",
        format="json",
        options={"num_predict": 60, "temperature": 0},
    )
    text = (answer.response or "").lstrip()
    assert text.startswith("{")
    if answer.done_reason == "stop":
        json.loads(text)


def test_the_context_ends_an_answer_that_may_be_longer(client: ollama.Client) -> None:
    """The number of tokens is a ceiling, and no reason to refuse."""
    answer = client.generate(
        model="smollm2", prompt="Say hello.", options={"num_predict": 100_000, "stop": [" "]}
    )
    assert answer.done_reason == "stop"


def test_texts_become_the_same_vectors_by_both_apis(server: Server, client: ollama.Client) -> None:
    texts = ["The cat sits on the mat.", "A kitten rests on a rug.", "Stocks fell sharply."]
    by_ollama = client.embed(model="minilm", input=texts).embeddings
    official = openai.OpenAI(
        base_url=f"{server.http('api').base_url}/v1", api_key="none", max_retries=0
    )
    answer = official.embeddings.create(model="minilm", input=texts)
    for one, other in zip(by_ollama, answer.data, strict=True):
        assert len(one) == 384
        assert cosine(one, other.embedding) == pytest.approx(1, abs=1e-3)
    cat, kitten, stocks = by_ollama
    assert cosine(cat, kitten) > cosine(cat, stocks) + 0.2
    assert answer.usage.prompt_tokens > 10
