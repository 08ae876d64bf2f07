"""OpenAI's API, by its official client."""

from __future__ import annotations

import math
from typing import Any

import openai
import pytest

from support.language_models import WORDS, chat
from support.server import Server

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def client(models: Server) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"http://{models.config.address('api')}/v1",
        api_key="none",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def test_a_chat_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**chat("echo"))
    assert answer.object == "chat.completion"
    assert answer.model == "echo"
    [choice] = answer.choices
    assert choice.message.content == WORDS
    assert choice.message.role == "assistant"
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 5)
    assert answer.usage.total_tokens == 10


def test_a_chat_is_streamed(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(**chat("slow"), stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == WORDS
    assert len(chunks) == 7  # the role, five words, the reason
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(c.choices[0].finish_reason is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


def test_a_stream_tells_its_usage_when_asked(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            **chat("echo"), stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5
    assert all(c.usage is None for c in chunks[:-1])


@pytest.mark.parametrize(
    ("members", "text", "reason"),
    [
        ({"max_tokens": 2}, "one two", "length"),
        ({"max_completion_tokens": 3}, "one two three", "length"),
        ({"stop": " four"}, "one two three", "stop"),
        ({"stop": ["ee", "five"]}, "one two thr", "stop"),
    ],
)
def test_an_answer_ends_where_it_is_told_to(
    client: openai.OpenAI, members: dict[str, Any], text: str, reason: str
) -> None:
    [choice] = client.chat.completions.create(**chat("echo"), **members).choices
    assert (choice.message.content, choice.finish_reason) == (text, reason)
    chunks = list(client.chat.completions.create(**chat("echo"), **members, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == text
    assert chunks[-1].choices[0].finish_reason == reason


def test_several_choices_with_logprobs(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**chat("echo"), n=2, logprobs=True, top_logprobs=3)
    assert [choice.index for choice in answer.choices] == [0, 1]
    logprobs = answer.choices[1].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(token.token for token in logprobs.content) == WORDS
    assert len(logprobs.content[0].top_logprobs) == 3
    assert bytes(logprobs.content[1].bytes or []) == b" two"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 10


def test_tools_are_called(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    asked = chat("echo", "how is the weather")
    [choice] = client.chat.completions.create(**asked, tools=tools).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    [call] = choice.message.tool_calls or []
    assert call.id
    assert call.type == "function"
    assert call.function.name == "weather"
    chunks = list(client.chat.completions.create(**asked, tools=tools, stream=True))
    [delta] = [c.choices[0].delta for c in chunks if c.choices[0].delta.tool_calls]
    assert delta.tool_calls
    assert delta.tool_calls[0].function
    assert delta.tool_calls[0].function.name == "weather"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="echo", prompt=WORDS, max_tokens=2, logprobs=2)
    [choice] = answer.choices
    assert (choice.text, choice.finish_reason) == ("one two", "length")
    assert choice.logprobs is not None
    assert choice.logprobs.tokens == ["one", " two"]
    assert choice.logprobs.text_offset == [0, 3]
    chunks = list(client.completions.create(model="echo", prompt=WORDS, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == WORDS


def test_a_list_of_prompts_is_answered_as_one(client: openai.OpenAI) -> None:
    prompts = [f"prompt {i}" for i in range(9)]
    answer = client.completions.create(model="echo", prompt=prompts, n=2, echo=True)
    assert [choice.index for choice in answer.choices] == list(range(18))
    assert [choice.text for choice in answer.choices] == [
        prompt * 2 for prompt in prompts for _ in range(2)
    ]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 18
    texts = [""] * 9
    for chunk in client.completions.create(model="echo", prompt=prompts, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == prompts


def test_a_completion_has_sixteen_tokens_unless_more_are_wanted(client: openai.OpenAI) -> None:
    words = " ".join("abcdefghijklmnopqrst")
    assert client.completions.create(model="echo", prompt=words).choices[0].text == words[:31]
    more = client.completions.create(model="echo", prompt=words, max_tokens=50)
    assert more.choices[0].text == words


def test_thoughts_stand_beside_the_text(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**chat("echo"), reasoning_effort="low")
    assert answer.choices[0].message.content == WORDS
    assert answer.choices[0].message.reasoning_content == "They want it said back."
    thought = said = ""
    for chunk in client.chat.completions.create(
        **chat("echo"), reasoning_effort="low", stream=True
    ):
        delta = chunk.choices[0].delta
        thought += getattr(delta, "reasoning_content", None) or ""
        said += delta.content or ""
    assert (thought, said) == ("They want it said back.", WORDS)


def test_embeddings_in_both_encodings(client: openai.OpenAI) -> None:
    numbers = client.embeddings.create(
        model="embedder", input=["a b", "b a", "c"], encoding_format="float"
    )
    assert [item.index for item in numbers.data] == [0, 1, 2]
    assert numbers.data[0].embedding == numbers.data[1].embedding
    assert math.isclose(sum(x * x for x in numbers.data[2].embedding), 1, rel_tol=1e-5)
    assert numbers.usage.prompt_tokens == 5
    packed = client.embeddings.create(model="embedder", input="a b")  # base64 on the wire
    assert packed.data[0].embedding == pytest.approx(numbers.data[0].embedding)
    short = client.embeddings.create(model="embedder", input="a b c d e", dimensions=4)
    assert len(short.data[0].embedding) == 4
    assert math.isclose(sum(x * x for x in short.data[0].embedding), 1, rel_tol=1e-5)
    with pytest.raises(openai.BadRequestError, match="vectors have 8") as longer:
        client.embeddings.create(model="embedder", input="a", dimensions=9)
    assert longer.value.param == "dimensions"
    with pytest.raises(openai.BadRequestError, match="send the texts"):
        client.embeddings.create(model="embedder", input=[[15339, 1917]])


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert {"echo", "embedder", "slow"} <= names
    assert client.models.retrieve("echo").id == "echo"
    assert client.models.retrieve("echo:latest").id == "echo"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none")


def test_errors_have_the_classes_that_clients_know(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(**chat("none"))
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(**chat("echo"), extra_body={"temperature": "hot"})
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.BadRequestError, match="4096") as long:
        client.chat.completions.create(**chat("echo", "x " * 5000))
    assert (long.value.code, long.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(openai.BadRequestError, match="takes texts to embed") as other:
        client.chat.completions.create(**chat("embedder"))
    assert other.value.param == "model"
    with pytest.raises(openai.NotFoundError) as nowhere:
        client.images.generate(prompt="a cat")
    assert nowhere.value.code == "not_found"
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(**chat("failing"))
    assert failed.value.status_code == 503


def test_a_failure_in_a_stream_is_told_in_it(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**chat("breaking"), stream=True)
    got = [next(stream).choices[0].delta.content for _ in range(3)]
    assert "".join(filter(None, got)) == "one two"
    with pytest.raises(openai.APIError, match="told to fail"):
        next(stream)


def test_a_failure_before_a_stream_is_a_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(**chat("failing"), stream=True)
    assert failed.value.status_code == 503


def test_a_deadline_is_a_408(models: Server) -> None:
    answer = models.http("api").post(
        "/v1/chat/completions", json=chat("mute"), headers={"X-Deadline-Ms": "50"}
    )
    assert answer.status_code == 408
    assert answer.json()["error"]["code"] == "timeout"


def test_what_the_server_refuses_itself_has_the_same_form(models: Server) -> None:
    client = models.http("api")
    answer = client.get("/v1/chat/completions")
    assert answer.status_code == 405
    assert answer.json()["error"]["type"] == "invalid_request_error"
    broken = client.post("/v1/chat/completions", content=b'{"model": ')
    assert broken.status_code == 400
    assert "byte" in broken.json()["error"]["message"]


def test_timings_add_up_and_are_told_everywhere(models: Server) -> None:
    client = models.http("api")
    answer = client.post("/v1/chat/completions", json=chat("slow"))
    timings = answer.json()["timings"]
    parts = [timings[f"{part}_ms"] for part in ("queue", "load", "prompt", "decode", "overhead")]
    assert sum(parts) == pytest.approx(timings["total_ms"], abs=0.01)
    assert timings["prompt_ms"] >= 25
    assert timings["decode_ms"] >= 60  # the first token may have come late
    assert timings["total_ms"] <= answer.elapsed.total_seconds() * 1000
    told = dict(entry.split(";dur=") for entry in answer.headers["server-timing"].split(", "))
    assert float(told["total"]) == pytest.approx(timings["total_ms"], abs=0.01)
    line = models.wait_for_log(
        action="time_to_first_token", request_id=answer.headers["x-request-id"]
    )
    assert line["message"].startswith("TTFT breakdown: total=0.")
    assert line["class"] == "realtime"


def test_the_class_is_counted(models: Server) -> None:
    client = models.http("api")
    client.post(
        "/v1/chat/completions", json=chat("echo"), headers={"X-Sluice-Class": "best_effort"}
    )
    text = models.http("admin").get("/metrics").text
    assert 'sluice_time_to_first_token_seconds_count{class="best_effort"}' in text
    assert 'sluice_tokens_total{class="best_effort",kind="completion"}' in text
    wrong = client.post(
        "/v1/chat/completions", json=chat("echo"), headers={"X-Sluice-Class": "best"}
    )
    assert wrong.status_code == 400
