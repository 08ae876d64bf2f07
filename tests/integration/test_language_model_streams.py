"""Streams whose clients leave, do not read, or find the queue full."""

from __future__ import annotations

import contextlib
import json
import math
import random
import threading

import pytest

from support.language_models import chat
from support.metrics import Scrape
from support.raw_http import RawConnection, request
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


def ask(models: Server, model: str, *, stream: bool = True) -> RawConnection:
    connection = models.raw("api")
    body = json.dumps(chat(model, stream=stream)).encode()
    connection.send(request("POST", "/v1/chat/completions", body=body))
    return connection


def read_until(connection: RawConnection, wanted: bytes) -> bytes:
    got = b""
    while wanted not in got:
        part = connection.socket.recv(65536)
        assert part, f"closed after {got!r}"
        got += part
    return got


def slot_is_free(models: Server) -> bool:
    """Whether `single` takes a call now: its one slot and its one place in the queue are free."""
    connection = ask(models, "single")
    try:
        # The head of a stream waits for its first token.
        return read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    finally:
        connection.close()


STAGES = ("before the answer", "at the first token", "in the stream")


@pytest.mark.parametrize("stage", STAGES)
def test_a_client_that_leaves_frees_its_slot(models: Server, stage: str) -> None:
    connection = ask(models, "single")
    if stage != STAGES[0]:
        read_until(connection, b"data: ")
    if stage == STAGES[2]:
        read_until(connection, b"two")
    connection.close()
    eventually(lambda: slot_is_free(models), what="the slot is free")


def wait_in_the_queue(models: Server) -> None:
    """Until somebody has the one slot and somebody else the one place before it."""

    def so() -> bool:
        entries = models.http("admin").get("/admin/slots").json()
        (single,) = (entry for entry in entries if entry["callable"] == "single")
        return (len(single["held"]), single["realtime_waiting"]) == (1, 1)

    eventually(so, what="the queue is full")


def test_a_client_that_leaves_the_queue_frees_its_place(models: Server) -> None:
    running = ask(models, "single")
    read_until(running, b"data: ")
    waiting = ask(models, "single")
    wait_in_the_queue(models)
    waiting.close()
    running.close()
    eventually(lambda: slot_is_free(models), what="the slot is free")


def test_a_full_queue_refuses_by_a_status_and_says_when_to_come_back(models: Server) -> None:
    running, waiting = ask(models, "single"), ask(models, "single")
    client = models.http("api")
    try:
        wait_in_the_queue(models)
        answer = client.post("/v1/chat/completions", json=chat("single", stream=True))
        assert answer.status_code == 429
        wait_ms = int(answer.headers["retry-after-ms"])
        assert int(answer.headers["retry-after"]) == max(1, math.ceil(wait_ms / 1000))
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"
        ollama = client.post("/api/generate", json={"model": "single", "prompt": "a"})
        assert ollama.status_code == 503
        assert ollama.json()["error"].startswith("server busy, please try again.")
    finally:
        running.close()
        waiting.close()
    eventually(lambda: slot_is_free(models), what="the slot is free")


def test_clients_that_come_and_vanish_lose_no_slot(models: Server) -> None:
    """Fifty at once, each leaving at a moment of its own."""
    seed = random.randrange(1 << 32)
    choose = random.Random(seed)
    stages = [choose.choice(STAGES) for _ in range(50)]

    def come_and_vanish(stage: str) -> None:
        connection = ask(models, "single")
        connection.socket.settimeout(0.2)
        if stage != STAGES[0]:
            with contextlib.suppress(TimeoutError, AssertionError, ConnectionError):
                read_until(connection, b"data: ")
        connection.close()

    threads = [threading.Thread(target=come_and_vanish, args=(stage,)) for stage in stages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: slot_is_free(models), what=f"the slot is free (seed {seed})")


def in_flight(models: Server) -> float:
    return Scrape(models.http("admin").get("/metrics").text).value("sluice_requests_in_flight")


def test_a_stalled_stream_ends_with_its_client(models: Server) -> None:
    before = in_flight(models)
    connection = ask(models, "stalling")
    read_until(connection, b"two")
    assert in_flight(models) == before + 1
    connection.close()
    eventually(lambda: in_flight(models) == before, what="the call has ended")


def test_a_client_that_does_not_read_is_given_up(models: Server) -> None:
    """Twenty megabytes are more than the kernel and the stream keep for it."""
    connection = models.raw("api")
    body = json.dumps(chat("endless", stream=True)).encode()
    connection.send(
        request("POST", "/v1/chat/completions", body=body, headers={"X-Request-Id": "sleeper"})
    )
    line = models.wait_for_log(action="request", request_id="sleeper")
    assert line["code"] == "cancelled"
    end = b""
    while b"does not read" not in end:
        part = connection.socket.recv(1 << 20)
        assert part, f"closed after {end!r}"
        end = (end + part)[-1000:]


def test_the_log_says_who_left(models: Server) -> None:
    before = in_flight(models)
    connection = models.raw("api")
    body = json.dumps(chat("mute", stream=False)).encode()
    connection.send(
        request("POST", "/v1/chat/completions", body=body, headers={"X-Request-Id": "leaver"})
    )
    eventually(lambda: in_flight(models) == before + 1, what="the call is under way")
    connection.close()
    line = models.wait_for_log(action="request", request_id="leaver")
    assert line["status"] == 499


def test_the_log_says_who_left_a_stream(models: Server) -> None:
    connection = models.raw("api")
    body = json.dumps(chat("single", stream=True)).encode()
    connection.send(
        request("POST", "/v1/chat/completions", body=body, headers={"X-Request-Id": "half"})
    )
    read_until(connection, b"data: ")
    connection.close()
    line = models.wait_for_log(action="request", request_id="half")
    assert (line["status"], line["code"]) == (499, "cancelled")
    assert line["bytes_out"] > 0
