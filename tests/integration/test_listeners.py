"""How a listener may be reached: TLS, Unix sockets, behind balancers, from pages, compressed."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import iris
from support.certificates import Certificate, self_signed
from support.config import Config, mount
from support.raw_http import ClosedError, RawConnection, request
from support.server import Server

pytestmark = pytest.mark.short

SERVICE = mount("horizontal_service", "setosa")
TRUSTED: dict[str, Any] = {"trusted_proxies": ["127.0.0.0/8"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("listeners")


@pytest.fixture(scope="module")
def pair(folder: Path) -> Certificate:
    return self_signed(folder / "tls")


@pytest.fixture(scope="module")
def server(folder: Path, pair: Certificate) -> Iterator[Server]:
    tls = {"certificate": str(pair.certificate), "key": str(pair.key)}
    proxied: dict[str, Any] = {"proxy_protocol": True}
    config = Config().iris_models().listen("plain", SERVICE)
    config.listen("tls", SERVICE, tls=tls)
    config.listen_at("unix", f"unix:{folder}/sluice.sock", SERVICE)
    config.listen("forwarded", SERVICE, **TRUSTED)
    config.listen("proxied", SERVICE, **TRUSTED, **proxied)
    config.listen("proxied_tls", SERVICE, tls=tls, **TRUSTED, **proxied)
    config.listen("distrusting", SERVICE, trusted_proxies=["10.0.0.0/8"], **proxied)
    config.listen("cors", SERVICE, cors={"origins": ["https://app.example"]})
    config.listen("any_origin", SERVICE, cors={"origins": ["*"]})
    with Server(config, folder / "server") as running:
        yield running


def client_of(server: Server, number: str) -> str:
    """The client that the log has for the request with this id."""
    return str(server.wait_for_log(action="request", request_id=number)["client"])


def ask(number: str, *headers: str) -> bytes:
    more = dict(line.split(": ", 1) for line in headers)
    return request("GET", "/metadata", headers={"X-Request-Id": number, **more})


# -- TLS


def context(pair: Certificate, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(pair.certificate))
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls(server: Server, pair: Certificate, version: ssl.TLSVersion) -> None:
    with RawConnection(server.config.tcp("tls"), tls=context(pair, version)) as connection:
        for _ in range(3):
            connection.send(request("GET", "/health"))
            assert connection.answer().json() == {"health": "ok"}
        body = b'{"data": [' + b", ".join([b"[5.1, 3.5, 1.4, 0.2]"] * 5000) + b"]}"
        connection.send(request("POST", "/predict", body=body))
        assert len(connection.answer().json()["predictions"]) == 5000


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
def test_old_tls_is_refused(server: Server, pair: Certificate) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        RawConnection(server.config.tcp("tls"), tls=context(pair, ssl.TLSVersion.TLSv1_1))


def test_plain_http_on_a_tls_port_is_closed(server: Server) -> None:
    with server.raw("tls") as connection:
        connection.send(request("GET", "/health"))
        assert b"200" not in connection.rest()


def test_tls_close_is_said(server: Server, pair: Certificate) -> None:
    """With close_notify, so that a client can tell the end from a cut."""
    with RawConnection(server.config.tcp("tls"), tls=context(pair)) as connection:
        connection.send(request("GET", "/health", headers={"Connection": "close"}))
        assert connection.answer().status == 200
        assert connection.closed_by_peer()


# -- Unix sockets


def test_a_unix_socket(server: Server) -> None:
    with server.raw("unix") as connection:
        connection.send(request("GET", "/health"))
        assert connection.answer().json() == {"health": "ok"}


def test_a_stale_unix_socket_is_replaced_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    config = Config().iris_models().listen_at("unix", f"unix:{path}", SERVICE)
    with Server(config, tmp_path / "server"), RawConnection(str(path)) as connection:
        connection.send(request("GET", "/health"))
        assert connection.answer().status == 200
    assert not path.exists()


# -- who is calling


def test_forwarded_for_is_not_believed_from_anybody(server: Server) -> None:
    with server.raw("plain") as connection:
        connection.send(ask("xff-untrusted", "X-Forwarded-For: 203.0.113.9"))
        connection.answer()
    assert client_of(server, "xff-untrusted") == "127.0.0.1"


@pytest.mark.parametrize(
    ("number", "lines", "client"),
    [
        ("xff-one", ["203.0.113.9"], "203.0.113.9"),
        ("xff-forged", ["192.0.2.66, 203.0.113.9"], "203.0.113.9"),
        ("xff-chain", ["203.0.113.9, 127.0.0.5"], "203.0.113.9"),
        ("xff-two-lines", ["192.0.2.66", "203.0.113.9"], "203.0.113.9"),
        ("xff-v6", ["2001:db8::7"], "2001:db8::7"),
    ],
)
def test_forwarded_for_of_trusted_proxies(
    server: Server, number: str, lines: list[str], client: str
) -> None:
    with server.raw("forwarded") as connection:
        head = f"GET /metadata HTTP/1.1\r\nHost: a\r\nX-Request-Id: {number}\r\n"
        head += "".join(f"X-Forwarded-For: {line}\r\n" for line in lines)
        connection.send(head.encode() + b"\r\n")
        assert connection.answer().status == 200
    assert client_of(server, number) == client


V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\r\n"
V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    + struct.pack("!H", 12)
    + socket.inet_aton("203.0.113.10")
    + socket.inet_aton("192.0.2.1")
    + struct.pack("!HH", 5000, 80)
)
V2_LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0"
V1_UNKNOWN = b"PROXY UNKNOWN\r\n"


@pytest.mark.parametrize(
    ("number", "header", "client"),
    [
        ("proxy-v1", V1, "203.0.113.9"),
        ("proxy-v2", V2, "203.0.113.10"),
        ("proxy-v2-local", V2_LOCAL, "127.0.0.1"),
        ("proxy-v1-unknown", V1_UNKNOWN, "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("bytewise", [False, True])
def test_proxy_protocol(
    server: Server, number: str, header: bytes, client: str, bytewise: bool
) -> None:
    number += "-bytewise" if bytewise else ""
    with server.raw("proxied") as connection:
        for start in range(0, len(header), 1 if bytewise else len(header)):
            connection.send(header[start : start + (1 if bytewise else len(header))])
        for _ in range(2):
            connection.send(ask(number))
            assert connection.answer().status == 200
    assert client_of(server, number) == client


def test_proxy_protocol_before_tls(server: Server, pair: Certificate) -> None:
    plain = socket.create_connection(server.config.tcp("proxied_tls"), timeout=20)
    plain.sendall(V2)
    with context(pair).wrap_socket(plain, server_hostname="localhost") as secure:
        secure.sendall(ask("proxy-tls"))
        assert secure.recv(12) == b"HTTP/1.1 200"
    assert client_of(server, "proxy-tls") == "203.0.113.10"


@pytest.mark.parametrize("header", [b"", b"PROXY TCP4 nonsense\r\n", b"PROXY " + b"x" * 200])
def test_without_a_proper_proxy_header_nothing_is_served(server: Server, header: bytes) -> None:
    with server.raw("proxied") as connection:
        connection.send(header + request("GET", "/health"))
        assert b"200" not in connection.rest()


def test_proxy_protocol_of_strangers_is_refused(server: Server) -> None:
    with server.raw("distrusting") as connection:
        connection.send(V1 + request("GET", "/health"))
        with pytest.raises(ClosedError):
            connection.answer()


# -- pages of other origins


def test_cors_preflight(server: Server) -> None:
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = server.http("cors").options("/predict", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    # Any, and the one that a "*" does not stand for: what clients in pages send.
    allowed = answer.headers["access-control-allow-headers"]
    assert {name.strip().lower() for name in allowed.split(",")} == {"*", "authorization"}
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "origin" in answer.headers["vary"].lower()


def test_cors_answers(server: Server) -> None:
    client = server.http("cors")
    allowed = client.get("/health", headers={"Origin": "https://app.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert "origin" in allowed.headers["vary"].lower()
    refused = client.get("/health", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 200
    assert "access-control-allow-origin" not in refused.headers
    for status, path in ((404, "/nowhere"), (405, "/predict")):
        failed = client.get(path, headers={"Origin": "https://app.example"})
        assert failed.status_code == status
        assert failed.headers["access-control-allow-origin"] == "https://app.example"


def test_cors_for_any_origin_and_for_none(server: Server) -> None:
    headers = {"Origin": "https://who.example"}
    anyone = server.http("any_origin").get("/health", headers=headers)
    assert anyone.headers["access-control-allow-origin"] == "*"
    none = server.http("plain").get("/health", headers=headers)
    assert "access-control-allow-origin" not in none.headers


# -- compression

MANY = iris.data(*[iris.SETOSA] * 2000)


def raw_answer(server: Server, accept: str | None, body: bytes) -> tuple[httpx.Headers, bytes]:
    """The answer's head and its body as it came, not unpacked."""
    with httpx.Client(trust_env=False) as client:
        asked = client.build_request(
            "POST",
            f"http://{server.config.address('plain')}/predict",
            content=body,
            headers={"Content-Type": "application/json"},
        )
        del asked.headers["accept-encoding"]
        if accept is not None:
            asked.headers["accept-encoding"] = accept
        # Read to its end while the client is there: what closes it closes the connection.
        answer = client.send(asked, stream=True)
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    ("accept", "packed"),
    [
        (None, False),
        ("gzip", True),
        ("deflate, gzip;q=0.5, br", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("*", True),
    ],
)
def test_large_answers_are_compressed_where_accepted(
    server: Server, accept: str | None, packed: bool
) -> None:
    body = httpx.Request("POST", "http://a/", json=MANY).content
    headers, content = raw_answer(server, accept, body)
    assert ("content-encoding" in headers) == packed
    assert "accept-encoding" in headers["vary"].lower()
    if packed:
        assert headers["content-encoding"] == "gzip"
        assert len(content) < 4096
        content = gzip.decompress(content)
    assert content.count(b"[") == 2002


def test_small_answers_go_as_they_are(server: Server) -> None:
    answer = server.http("plain").get("/health", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
