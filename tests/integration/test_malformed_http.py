"""Every malformed request is refused as the table says, and nothing behind it is ever executed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.malformed_requests import CASES, Case
from support.config import Config, mount
from support.server import Server

pytestmark = pytest.mark.short

SMUGGLED = b"GET /health HTTP/1.1\r\nHost: smuggled\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config().iris_models().listen("setosa", mount("horizontal_service", "setosa"))
    with Server(config, tmp_path_factory.mktemp("malformed")) as running:
        yield running


def test_the_table_is_long_enough_and_its_names_are_unique() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_refused_and_closed(server: Server, case: Case) -> None:
    with server.raw("setosa") as connection:
        connection.send(case.raw + SMUGGLED)
        answer = connection.answer()
        assert answer.status in case.status, (answer.status, answer.body)
        assert answer.header("connection") == "close"
        assert connection.closed_by_peer()
    assert answer.header("content-type") == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_refused_when_it_comes_byte_by_byte(server: Server, case: Case) -> None:
    """Refusals do not hang on how the bytes fall into segments; long cases come in pieces."""
    piece = max(1, len(case.raw) // 64)
    with server.raw("setosa") as connection:
        for start in range(0, len(case.raw), piece):
            connection.send(case.raw[start : start + piece])
        connection.send(SMUGGLED)
        assert connection.answer().status in case.status
        assert connection.closed_by_peer()


def test_the_server_lives_on(server: Server) -> None:
    assert server.http("setosa").get("/health").json() == {"health": "ok"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_requests_before_a_malformed_one_are_answered(server: Server, case: Case) -> None:
    """Pipelined: the good one first, then the refusal, then the end."""
    with server.raw("setosa") as connection:
        connection.send(SMUGGLED + case.raw + SMUGGLED)
        assert connection.answer().json() == {"health": "ok"}
        assert connection.answer().status in case.status
        assert connection.closed_by_peer()
