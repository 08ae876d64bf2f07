"""Odd requests that HTTP allows must be served; refusals of whole requests keep the connection."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.config import Config, mount
from support.raw_http import Answer, RawConnection, request
from support.server import Server

pytestmark = pytest.mark.short

SAMPLE = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config().iris_models().listen("setosa", mount("horizontal_service", "setosa"))
    with Server(config, tmp_path_factory.mktemp("odd")) as running:
        yield running


@pytest.fixture
def connection(server: Server) -> Iterator[RawConnection]:
    with server.raw("setosa") as opened:
        yield opened


def predict(*headers: bytes, body: bytes = SAMPLE, version: bytes = b"HTTP/1.1") -> bytes:
    lines = [b"POST /predict " + version, b"Host: a", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return predict(b"Transfer-Encoding: chunked", body=b"".join(chunks) + end)


LENGTH = b"Content-Length: %d" % len(SAMPLE)
HEX = b"%x" % len(SAMPLE)
HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"

ACCEPTED = {
    "no_space_after_colon": predict(b"Content-Length:%d" % len(SAMPLE)),
    "spaces_and_tabs_around_values": predict(b"Content-Length: \t %d  " % len(SAMPLE)),
    "header_names_in_any_case": predict(b"cOnTeNt-LeNgTh: %d" % len(SAMPLE)),
    "leading_zeros_in_the_length": predict(b"Content-Length: 000%d" % len(SAMPLE)),
    "empty_header_value": predict(LENGTH, b"X-Empty:"),
    "header_value_of_spaces": predict(LENGTH, b"X-Empty:   "),
    "bytes_above_ascii_in_a_value": predict(LENGTH, "X-Name: Łódź".encode()),
    "every_token_character_in_a_name": predict(LENGTH, b"!#$%&'*+-.^_`|~09azAZ: x"),
    "no_content_type": predict(LENGTH),
    "json_with_a_charset": predict(LENGTH, b"Content-Type: application/json; charset=utf-8"),
    "te_in_any_case": predict(
        b"transfer-encoding: CHUNKED", body=HEX + b"\r\n" + SAMPLE + b"\r\n0\r\n\r\n"
    ),
    "te_with_spaces_around": predict(
        b"Transfer-Encoding: \t chunked  ", body=HEX + b"\r\n" + SAMPLE + b"\r\n0\r\n\r\n"
    ),
    "one_chunk": chunked(HEX + b"\r\n" + SAMPLE + b"\r\n"),
    "a_chunk_a_byte": chunked(*[b"1\r\n" + bytes([byte]) + b"\r\n" for byte in SAMPLE]),
    "upper_case_hex": chunked(b"A\r\n" + SAMPLE[:10] + b"\r\n", b"16\r\n" + SAMPLE[10:] + b"\r\n"),
    "leading_zeros_in_a_chunk_size": chunked(b"000" + HEX + b"\r\n" + SAMPLE + b"\r\n"),
    "chunk_extension": chunked(HEX + b";name=value\r\n" + SAMPLE + b"\r\n"),
    "chunk_extension_quoted": chunked(HEX + b';name="a value"\r\n' + SAMPLE + b"\r\n"),
    "last_chunk_extension": chunked(HEX + b"\r\n" + SAMPLE + b"\r\n", end=b"0;x\r\n\r\n"),
    "last_chunk_of_many_zeros": chunked(HEX + b"\r\n" + SAMPLE + b"\r\n", end=b"000\r\n\r\n"),
    "trailers": chunked(HEX + b"\r\n" + SAMPLE + b"\r\n", end=b"0\r\nX-Sum: 1\r\n\r\n"),
    "absolute_form": request("POST", "http://a/predict", body=SAMPLE, host="a"),
    "query_string": request("POST", "/predict?a=b&c=%20", body=SAMPLE),
    "percent_encoded_path": request("POST", "/pred%69ct", body=SAMPLE),
    "host_with_underscore": request("POST", "/predict", body=SAMPLE, host="service_setosa:8000"),
    "host_as_ipv6": request("POST", "/predict", body=SAMPLE, host="[::1]:8000"),
    "host_with_empty_port": request("POST", "/predict", body=SAMPLE, host="a:"),
    "expect_in_any_case_with_the_body": predict(LENGTH, b"Expect: 100-Continue"),
    "ninety_nine_headers": predict(LENGTH, *[b"X: y"] * 97),
    "empty_lines_before": b"\r\n" + predict(LENGTH),
}


@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=list(ACCEPTED))
def test_is_served(connection: RawConnection, raw: bytes) -> None:
    connection.send(raw + HEALTH)
    answer = connection.answer()
    assert answer.status == 200, answer.body
    assert answer.json()["prediction"][0] > 0.9
    assert connection.answer().json() == {"health": "ok"}


@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=list(ACCEPTED))
def test_is_served_byte_by_byte(connection: RawConnection, raw: bytes) -> None:
    piece = max(1, len(raw) // 100)
    for start in range(0, len(raw), piece):
        connection.send(raw[start : start + piece])
    assert connection.answer().status == 200


def test_answers_pipelined_requests_in_order(connection: RawConnection) -> None:
    metadata = request("GET", "/metadata")
    connection.send((HEALTH + predict(LENGTH) + metadata) * 20)
    for _ in range(20):
        assert connection.answer().json() == {"health": "ok"}
        assert "prediction" in connection.answer().json()
        assert "data_type" in connection.answer().json()


def test_head_answers_as_get_without_a_body(connection: RawConnection) -> None:
    connection.send(request("GET", "/health") + request("HEAD", "/health") + HEALTH)
    get = connection.answer()
    head = connection.answer(to_head=True)
    assert head.status == get.status == 200
    assert head.header("content-length") == get.header("content-length")
    assert head.header("content-type") == get.header("content-type")
    assert connection.answer().json() == {"health": "ok"}


def test_options_names_the_methods(connection: RawConnection) -> None:
    connection.send(request("OPTIONS", "/predict") + HEALTH)
    answer = connection.answer()
    assert answer.status in (200, 204)
    allowed = answer.header("allow")
    assert allowed is not None
    assert {"POST", "OPTIONS"} <= set(allowed.replace(" ", "").split(","))
    assert connection.answer().status == 200


def test_options_asterisk_is_for_the_server_as_a_whole(connection: RawConnection) -> None:
    connection.send(request("OPTIONS", "*") + HEALTH)
    assert connection.answer().status in (200, 204)
    assert connection.answer().status == 200


def test_continue_comes_before_the_body(connection: RawConnection) -> None:
    connection.send(predict(LENGTH, b"Expect: 100-continue", body=b""))
    assert connection.interim() == 100
    connection.send(SAMPLE)
    answer = connection.answer()
    assert answer.status == 200
    assert answer.interim == []


def test_no_continue_for_what_is_refused_at_once(connection: RawConnection) -> None:
    connection.send(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n")
    connection.send(LENGTH + b"\r\n\r\n")
    answer = connection.answer()
    assert answer.status == 404
    assert answer.interim == []


def test_connection_close_is_honoured(connection: RawConnection) -> None:
    connection.send(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = connection.answer()
    assert answer.header("connection") == "close"
    assert connection.closed_by_peer()


def test_http_1_0_closes_by_default(connection: RawConnection) -> None:
    connection.send(b"GET /health HTTP/1.0\r\nHost: a\r\n\r\n")
    assert connection.answer().json() == {"health": "ok"}
    assert connection.closed_by_peer()


def test_http_1_0_needs_no_host(connection: RawConnection) -> None:
    connection.send(b"GET /health HTTP/1.0\r\n\r\n")
    assert connection.answer().json() == {"health": "ok"}


def test_http_1_0_stays_open_when_asked(connection: RawConnection) -> None:
    ask = b"GET /health HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
    connection.send(ask)
    first = connection.answer()
    assert (first.header("connection") or "").lower() == "keep-alive"
    connection.send(ask)
    assert connection.answer().status == 200


def test_a_client_that_has_said_all_still_gets_its_answer(connection: RawConnection) -> None:
    # One that is answered within its turn, however slow the machine is: a call under way is
    # cancelled, as nobody can tell this client from one that has gone.
    connection.send(HEALTH)
    connection.end()
    assert connection.answer().status == 200
    assert connection.closed_by_peer()


REFUSED = {
    "unknown_path": (request("GET", "/nowhere"), 404),
    "unknown_path_below": (request("GET", "/health/x/y"), 404),
    "path_with_dots": (request("GET", "/../health"), 404),
    "path_with_two_slashes": (request("GET", "//health"), 404),
    "wrong_method": (request("GET", "/predict"), 405),
    "wrong_method_with_body": (request("PUT", "/predict", body=SAMPLE), 405),
    "not_json": (request("POST", "/predict", body=b"nonsense"), 400),
    "truncated_json": (request("POST", "/predict", body=SAMPLE[:-3]), 400),
    "empty_body": (request("POST", "/predict", body=b""), 400),
    "no_body_at_all": (request("POST", "/predict"), 400),
    "wrong_width": (request("POST", "/predict", body=b'{"data": [[1, 2, 3]]}'), 422),
    "empty_body_chunked": (chunked(), 400),
    "wrong_type": (predict(LENGTH, b"Content-Type: text/plain"), 415),
}


@pytest.mark.parametrize(("raw", "status"), REFUSED.values(), ids=list(REFUSED))
def test_a_refused_whole_request_keeps_the_connection(
    connection: RawConnection, raw: bytes, status: int
) -> None:
    connection.send(raw + HEALTH)
    answer = connection.answer()
    assert answer.status == status, answer.body
    _assert_problem(answer)
    assert connection.answer().json() == {"health": "ok"}


def test_a_wrong_method_is_told_the_right_ones(connection: RawConnection) -> None:
    connection.send(request("DELETE", "/predict"))
    answer = connection.answer()
    assert answer.status == 405
    allowed = answer.header("allow")
    assert allowed is not None
    assert "POST" in allowed.replace(" ", "").split(",")


def test_bad_json_is_told_its_byte_position(connection: RawConnection) -> None:
    body = b'{"data": [[5.1, 3.5, oops, 0.2]]}'
    connection.send(request("POST", "/predict", body=body))
    answer = connection.answer()
    assert answer.status == 400
    assert f"byte {body.index(b'oops')}" in answer.json()["detail"], answer.body


def _assert_problem(answer: Answer) -> None:
    assert answer.header("content-type") == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["title"]
    assert problem["detail"]
