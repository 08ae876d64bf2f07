"""The fault proxy fails exactly as asked."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from support.fault_proxy import FaultProxy
from support.faults import (
    Answer,
    Close,
    Endless,
    Forward,
    Garbage,
    Half,
    Hold,
    Reset,
    Silent,
    Slow,
    http_answer,
    wrong_length,
)
from support.framing import any_bytes, body_of, header_of, http_message, target_of
from support.raw_http import ClosedError, RawConnection, request

pytestmark = pytest.mark.short

TRUTH = {"prediction": [0.98, 0.02]}


@pytest.fixture
def origin() -> Iterator[FaultProxy]:
    with FaultProxy(standing=Answer(http_answer(json=TRUTH))) as server:
        yield server


@pytest.fixture
def proxy(origin: FaultProxy) -> Iterator[FaultProxy]:
    with FaultProxy((origin.host, origin.port)) as between:
        yield between


def connect(proxy: FaultProxy) -> RawConnection:
    return RawConnection((proxy.host, proxy.port))


ASK = request("POST", "/predict", body=b'{"data": [[1]]}')


def test_forwards_and_records_what_it_saw(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        for _ in range(2):
            connection.send(ASK)
            assert connection.answer().json() == TRUTH
    first, second = proxy.wait_for_messages(2)
    assert first.message == ASK
    assert target_of(first.message) == "/predict"
    assert first.connection == second.connection == 1
    assert isinstance(first.fault, Forward)


def test_frames_pipelined_messages(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        connection.send(ASK * 3)
        for _ in range(3):
            assert connection.answer().json() == TRUTH
    assert len(proxy.wait_for_messages(3)) == 3


def test_refuses_and_comes_back_at_the_same_port(proxy: FaultProxy) -> None:
    with connect(proxy) as idle:
        proxy.refuse()
        assert idle.closed_by_peer()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.listen()
    with connect(proxy) as connection:
        connection.send(ASK)
        assert connection.answer().status == 200


@pytest.mark.parametrize("after_request", [False, True])
def test_resets(origin: FaultProxy, proxy: FaultProxy, after_request: bool) -> None:
    proxy.standing(Reset(after_request=after_request))
    with connect(proxy) as connection:
        connection.send(ASK)
        with pytest.raises(ConnectionResetError):
            connection.socket.recv(1)
    assert len(origin.seen) == (1 if after_request else 0)


def test_closes_without_an_answer(proxy: FaultProxy) -> None:
    proxy.standing(Close())
    with connect(proxy) as connection:
        connection.send(ASK)
        assert connection.closed_by_peer()


def test_is_silent_until_the_client_leaves(proxy: FaultProxy) -> None:
    proxy.standing(Silent())
    with connect(proxy) as connection:
        connection.send(ASK)
        proxy.wait_for_messages(1)
        connection.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1)
    proxy.wait_until_left()


def test_drips_a_slow_answer_whole(proxy: FaultProxy) -> None:
    proxy.standing(Slow(delay_s=0.01, drip=7, drip_s=0.001))
    with connect(proxy) as connection:
        connection.send(ASK)
        assert connection.answer().json() == TRUTH


def test_holds_until_released(proxy: FaultProxy) -> None:
    hold = Hold()
    proxy.standing(hold)
    with connect(proxy) as connection:
        connection.send(ASK)
        proxy.wait_for_messages(1)
        connection.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1)
        connection.socket.settimeout(10)
        hold.release()
        assert connection.answer().json() == TRUTH
        connection.send(ASK)
        assert connection.answer().json() == TRUTH


def test_a_held_message_ends_when_its_client_leaves(proxy: FaultProxy) -> None:
    proxy.standing(Hold())
    with connect(proxy) as connection:
        connection.send(ASK)
        proxy.wait_for_messages(1)
    proxy.wait_until_left()


def test_sends_garbage(proxy: FaultProxy) -> None:
    proxy.standing(Garbage())
    with connect(proxy) as connection:
        connection.send(ASK)
        assert connection.rest() == Garbage().data


@pytest.mark.parametrize("then", ["close", "reset"])
def test_sends_half_an_answer(proxy: FaultProxy, then: str) -> None:
    proxy.standing(Half(part=0.9, then=then))
    with connect(proxy) as connection:
        connection.send(ASK)
        with pytest.raises(ClosedError):
            connection.answer()


def test_lies_about_the_length(proxy: FaultProxy) -> None:
    proxy.script(wrong_length(TRUTH, by=5), wrong_length(TRUTH, by=-5))
    with connect(proxy) as connection:
        connection.send(ASK)
        with pytest.raises(ClosedError):
            connection.answer()
    with connect(proxy) as connection:
        connection.send(ASK)
        assert len(connection.answer().body) == len(json.dumps(TRUTH)) - 5
        assert len(connection.rest()) == 5


def test_sends_more_than_anybody_wants(proxy: FaultProxy) -> None:
    proxy.standing(Endless(size=1 << 22))
    with connect(proxy) as connection:
        connection.send(ASK)
        assert len(connection.answer().body) == 1 << 22


def test_flaps(proxy: FaultProxy) -> None:
    proxy.alternate(Forward(), Close())
    for _ in range(2):
        with connect(proxy) as connection:
            connection.send(ASK)
            assert connection.answer().status == 200
            connection.send(ASK)
            assert connection.closed_by_peer()


def test_a_script_comes_before_the_standing_fault(proxy: FaultProxy) -> None:
    proxy.standing(Close())
    proxy.script(Answer(http_answer(503)), Forward())
    with connect(proxy) as connection:
        connection.send(ASK * 3)
        assert connection.answer().status == 503
        assert connection.answer().status == 200
        assert connection.closed_by_peer()


def test_answers_by_what_was_asked_without_upstream() -> None:
    def echo(message: bytes) -> bytes:
        return message.upper()

    with (
        FaultProxy(framer=any_bytes, standing=Answer(echo)) as server,
        socket.create_connection((server.host, server.port), timeout=10) as client,
    ):
        client.sendall(b"ping\r\n")
        assert client.recv(100) == b"PING\r\n"


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"", None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nmore", 27),
        (b"P / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", None),
        (b"P / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd", 38),
        (b"P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", None),
        (b"P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nG", 57),
    ],
)
def test_frames_http(data: bytes, length: int | None) -> None:
    assert http_message(data) == length


def test_reads_parts_of_a_message() -> None:
    chunked = (
        b"P /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n"
        b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"
    )
    assert body_of(chunked) == b"abcd"
    assert header_of(chunked, "a") == "b"
    assert header_of(chunked, "c") is None
    assert target_of(chunked) == "/x"
