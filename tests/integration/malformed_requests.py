"""Requests that must be refused: malformed, ambiguous, or beyond a limit.

Each is refused with its status and the connection closes, so that what follows on the connection is
never read as a request. `{}` in no bytes: every byte counts, nothing is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    raw: bytes
    status: frozenset[int]


def case(name: str, raw: bytes, *status: int) -> Case:
    return Case(name, raw, frozenset(status or (400,)))


def post(*headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    lines = [b"POST /predict " + version, b"Host: a", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(*headers: bytes, target: bytes = b"/health", host: bytes | None = b"Host: a") -> bytes:
    lines = [b"GET " + target + b" HTTP/1.1", *([host] if host is not None else []), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
ZERO = b"0\r\n\r\n"

TRANSFER_ENCODING = [
    case("te_gzip_then_chunked", post(b"Transfer-Encoding: gzip, chunked", body=ZERO)),
    case("te_gzip", post(b"Transfer-Encoding: gzip", body=ZERO)),
    case("te_identity", post(b"Transfer-Encoding: identity", body=ZERO)),
    case("te_prefixed", post(b"Transfer-Encoding: xchunked", body=ZERO)),
    case("te_suffixed", post(b"Transfer-Encoding: chunkedx", body=ZERO)),
    case("te_chunked_twice_in_a_list", post(b"Transfer-Encoding: chunked, chunked", body=ZERO)),
    case("te_two_headers", post(CHUNKED, CHUNKED, body=ZERO)),
    case("te_two_headers_the_first_harmless", post(b"Transfer-Encoding: x", CHUNKED, body=ZERO)),
    case("te_with_vertical_tab", post(b"Transfer-Encoding: chunked\x0b", body=ZERO)),
    case("te_with_vertical_tab_before", post(b"Transfer-Encoding: \x0bchunked", body=ZERO)),
    case("te_with_a_comma_after", post(b"Transfer-Encoding: chunked,", body=ZERO)),
    case("te_with_a_comma_before", post(b"Transfer-Encoding: ,chunked", body=ZERO)),
    case("te_with_parameter", post(b"Transfer-Encoding: chunked;q=1", body=ZERO)),
    case("te_quoted", post(b'Transfer-Encoding: "chunked"', body=ZERO)),
    case("te_empty", post(b"Transfer-Encoding:", body=ZERO)),
    case("te_and_length", post(CHUNKED, b"Content-Length: 5", body=ZERO)),
    case("length_and_te", post(b"Content-Length: 5", CHUNKED, body=ZERO)),
    case("te_and_zero_length", post(CHUNKED, b"Content-Length: 0", body=ZERO)),
    case("te_in_1_0", post(CHUNKED, body=ZERO, version=b"HTTP/1.0")),
    case("te_on_get", get(b"Transfer-Encoding: gzip, chunked") + ZERO),
    case("te_space_before_colon", post(b"Transfer-Encoding : chunked", body=ZERO)),
    case("te_folded", post(b"Transfer-Encoding:\r\n chunked", body=ZERO)),
]

CONTENT_LENGTH = [
    case("length_plus", post(b"Content-Length: +5", body=b"hello")),
    case("length_minus", post(b"Content-Length: -1", body=b"hello")),
    case("length_minus_zero", post(b"Content-Length: -0")),
    case("length_hex", post(b"Content-Length: 0x5", body=b"hello")),
    case("length_list_of_same", post(b"Content-Length: 5,5", body=b"hello")),
    case("length_list_of_different", post(b"Content-Length: 5, 6", body=b"hello")),
    case("length_twice_different", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello")),
    case("length_twice_same", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello")),
    case("length_empty", post(b"Content-Length:")),
    case("length_decimal_point", post(b"Content-Length: 5.0", body=b"hello")),
    case("length_exponent", post(b"Content-Length: 1e1", body=b"hello")),
    case("length_letters", post(b"Content-Length: five", body=b"hello")),
    case("length_inner_space", post(b"Content-Length: 5 5", body=b"hello")),
    case("length_underscore", post(b"Content-Length: 1_0", body=b"hello")),
    case("length_quoted", post(b'Content-Length: "5"', body=b"hello")),
    case("length_vertical_tab", post(b"Content-Length: 5\x0b", body=b"hello")),
    case("length_beyond_64_bit", post(b"Content-Length: 18446744073709551621", body=b"hello")),
    case("length_many_digits", post(b"Content-Length: " + b"9" * 300, body=b"hello")),
    case("length_space_before_colon", post(b"Content-Length : 5", body=b"hello")),
]

HOST = [
    case("host_missing", get(host=None)),
    case("host_twice", get(b"Host: a")),
    case("host_twice_different", get(b"Host: b")),
    case("host_empty", get(host=b"Host:")),
    case("host_with_space", get(host=b"Host: a b")),
    case("host_with_path", get(host=b"Host: a/b")),
    case("host_with_user", get(host=b"Host: user@a")),
    case("host_with_comma", get(host=b"Host: a, b")),
    case("host_with_bad_port", get(host=b"Host: a:8x")),
    case("host_with_port_too_large", get(host=b"Host: a:65536")),
    case("host_with_broken_address", get(host=b"Host: [::1")),
    case("host_with_query", get(host=b"Host: a?b")),
    case("host_with_space_before_colon", get(host=b"Host : a")),
]

LINES = [
    case("bare_lf_after_request_line", b"GET /health HTTP/1.1\nHost: a\r\n\r\n"),
    case("bare_lf_after_header", b"GET /health HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    case("bare_lf_at_the_end_of_the_head", b"GET /health HTTP/1.1\r\nHost: a\r\n\n"),
    case("bare_lf_only", b"GET /health HTTP/1.1\nHost: a\n\n"),
    case("bare_cr_after_request_line", b"GET /health HTTP/1.1\rHost: a\r\n\r\n"),
    case("bare_cr_in_value", get(b"X: y\rz")),
    case("bare_cr_in_name", get(b"X\rY: z")),
    case("bare_cr_at_the_end_of_the_head", b"GET /health HTTP/1.1\r\nHost: a\r\n\rX"),
    case("obsolete_fold_with_space", get(b"X: y\r\n z")),
    case("obsolete_fold_with_tab", get(b"X: y\r\n\tz")),
    case("fold_right_after_the_request_line", b"GET /health HTTP/1.1\r\n Host: a\r\n\r\n"),
    case("space_before_first_header", b"GET /health HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"),
]

GRAMMAR = [
    case("name_empty", get(b": y")),
    case("name_with_space", get(b"X Y: z")),
    case("name_with_space_before_colon", get(b"X : y")),
    case("name_with_tab_before_colon", get(b"X\t: y")),
    case("name_with_nul", get(b"X\x00Y: z")),
    case("name_with_control", get(b"X\x01: z")),
    case("name_not_ascii", get("Ünicode: z".encode())),
    case("name_with_parenthesis", get(b"X(Y): z")),
    case("name_with_at", get(b"X@Y: z")),
    case("header_without_colon", get(b"X")),
    case("value_with_nul", get(b"X: y\x00z")),
    case("value_with_control", get(b"X: y\x01z")),
    case("value_with_delete", get(b"X: y\x7fz")),
    case("value_with_escape", get(b"X: \x1b[31m")),
    case("method_lower_case", b"get /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("method_unknown", b"FROB /health HTTP/1.1\r\nHost: a\r\n\r\n", 400, 405, 501),
    case("method_with_nul", b"G\x00T /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("method_empty", b" /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("method_with_bracket", b"GE[T /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_missing", b"GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_empty", b"GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_space", b"GET /hea lth HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_tab", b"GET /hea\tlth HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_nul", b"GET /hea\x00lth HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_delete", b"GET /hea\x7flth HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_not_ascii", "GET /heälth HTTP/1.1\r\nHost: a\r\n\r\n".encode()),
    case("target_with_fragment", b"GET /health#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_without_slash", b"GET health HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_broken_percent", b"GET /hea%2 HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_percent_of_no_hex", b"GET /hea%zzlth HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_with_percent_nul", b"GET /health%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_asterisk_with_get", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("target_authority_with_get", b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("connect", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, 405, 501),
    case("tls_hello_on_a_plain_port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64),
    case("only_garbage", b"\x00\x01\x02\x03\r\n\r\n"),
    case("second_preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505),
]

VERSION = [
    case("version_missing", b"GET /health\r\nHost: a\r\n\r\n"),
    case("version_0_9", b"GET /health HTTP/0.9\r\nHost: a\r\n\r\n", 400, 505),
    case("version_1_2", b"GET /health HTTP/1.2\r\nHost: a\r\n\r\n", 400, 505),
    case("version_2_0", b"GET /health HTTP/2.0\r\nHost: a\r\n\r\n", 400, 505),
    case("version_9_9", b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n", 400, 505),
    case("version_lower_case", b"GET /health http/1.1\r\nHost: a\r\n\r\n"),
    case("version_without_minor", b"GET /health HTTP/1\r\nHost: a\r\n\r\n"),
    case("version_long", b"GET /health HTTP/1.10\r\nHost: a\r\n\r\n"),
    case("version_padded", b"GET /health HTTP/1.1 \r\nHost: a\r\n\r\n"),
    case("version_two_spaces_before", b"GET /health  HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("version_of_another_protocol", b"GET /health ICY/1.1\r\nHost: a\r\n\r\n"),
]

CHUNKS = [
    case("chunk_size_minus", post(CHUNKED, body=b"-1\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_plus", post(CHUNKED, body=b"+1\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_0x", post(CHUNKED, body=b"0x1\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_empty", post(CHUNKED, body=b"\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_letters", post(CHUNKED, body=b"xyz\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_space_before", post(CHUNKED, body=b" 1\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_space_after", post(CHUNKED, body=b"1 \r\nx\r\n0\r\n\r\n")),
    case("chunk_size_underscore", post(CHUNKED, body=b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n")),
    case("chunk_size_overflow", post(CHUNKED, body=b"10000000000000001\r\nx\r\n0\r\n\r\n")),
    case("chunk_size_many_digits", post(CHUNKED, body=b"f" * 64 + b"\r\nx\r\n"), 400, 413),
    case("chunk_size_bare_lf", post(CHUNKED, body=b"1\nx\r\n0\r\n\r\n")),
    case("chunk_data_too_long", post(CHUNKED, body=b"1\r\nxy\r\n0\r\n\r\n")),
    case("chunk_data_without_crlf", post(CHUNKED, body=b"1\r\nx0\r\n\r\n")),
    case("chunk_data_with_bare_lf", post(CHUNKED, body=b"1\r\nx\n0\r\n\r\n")),
    case("chunk_extension_with_bare_lf", post(CHUNKED, body=b"1;a\nx\r\n0\r\n\r\n")),
    case("chunk_extension_with_bare_cr", post(CHUNKED, body=b"1;a\rb\r\nx\r\n0\r\n\r\n")),
    case("chunk_extension_with_nul", post(CHUNKED, body=b"1;a\x00\r\nx\r\n0\r\n\r\n")),
    case("chunk_extension_unclosed_quote", post(CHUNKED, body=b'1;a="b\r\nx\r\n0\r\n\r\n')),
    case("chunk_extension_endless", post(CHUNKED, body=b"1;" + b"a" * 20000), 400, 413, 431),
    case("trailer_with_bare_lf", post(CHUNKED, body=b"0\r\nX: y\n\r\n")),
    case("trailer_with_nul", post(CHUNKED, body=b"0\r\nX: \x00\r\n\r\n")),
    case("trailer_with_space_before_colon", post(CHUNKED, body=b"0\r\nX : y\r\n\r\n")),
    case("trailer_with_length", post(CHUNKED, body=b"0\r\nContent-Length: 5\r\n\r\n")),
    case("trailer_with_te", post(CHUNKED, body=b"0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    case("trailers_endless", post(CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 3000), 400, 431),
]

# The limits of the issue: 8 KiB of headers, 100 headers, a body of 10 MiB.
LIMITS = [
    case("headers_too_large", get(b"X: " + b"y" * 9000), 431),
    case("headers_too_large_by_name", get(b"X" * 9000 + b": y"), 431),
    case("headers_too_large_in_sum", get(*[b"X: " + b"y" * 200] * 50), 431),
    case("headers_never_ending", b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000, 431),
    case("headers_too_many", get(*[b"X: y"] * 100), 431),
    case("target_too_long", get(target=b"/" + b"x" * 9000), 414, 431),
    case("target_never_ending", b"GET /" + b"x" * 20000, 414, 431),
    case("method_never_ending", b"P" * 20000, 400, 414, 431),
    case("body_too_large", post(b"Content-Length: 10485761"), 413),
    case("body_far_too_large", post(b"Content-Length: 9223372036854775807"), 413),
    case("body_too_large_chunked", post(CHUNKED, body=b"A00001\r\n"), 413),
    case("expect_unknown", post(b"Expect: 200-maybe", b"Content-Length: 5"), 417),
    case("expect_list", post(b"Expect: 100-continue, x", b"Content-Length: 5"), 417),
    case(
        "expect_before_a_body_too_large",
        post(b"Expect: 100-continue", b"Content-Length: 10485761"),
        413,
    ),
]

CASES = [
    *TRANSFER_ENCODING,
    *CONTENT_LENGTH,
    *HOST,
    *LINES,
    *GRAMMAR,
    *VERSION,
    *CHUNKS,
    *LIMITS,
]
