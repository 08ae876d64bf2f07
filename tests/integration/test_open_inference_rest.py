"""The REST wire by hand: JSON forms, the binary tensor extension, statuses and errors."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from integration import open_inference
from integration.open_inference import identity_name
from support import iris
from support.server import Server

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("rest")
    with Server(open_inference.configuration(directory), directory / "server") as running:
        yield running


@pytest.fixture(scope="module")
def rest(server: Server) -> httpx.Client:
    return server.http("rest")


def tensor(data: Any, shape: list[int], datatype: str = "FP32", name: str = "input") -> Any:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def infer(rest: httpx.Client, model: str, *inputs: Any, **more: Any) -> httpx.Response:
    return rest.post(f"/v2/models/{model}/infer", json={"inputs": list(inputs), **more})


def output(answer: httpx.Response, name: str = "output") -> Any:
    assert answer.status_code == 200, answer.text
    (found,) = (entry for entry in answer.json()["outputs"] if entry["name"] == name)
    return found


def test_health_paths(rest: httpx.Client) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/setosa/ready"):
        assert rest.get(path).status_code == 200, path
    assert rest.get("/v2/models/setosa/versions/1/ready").status_code == 200
    assert rest.get("/v2/models/setosa/versions/9/ready").status_code != 200
    assert rest.get("/v2/models/broken/ready").status_code != 200


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_server_metadata(rest: httpx.Client, path: str) -> None:
    assert rest.get(path).json()["name"] == "sluice"


def test_metadata_of_a_version(rest: httpx.Client) -> None:
    plain = rest.get("/v2/models/setosa").json()
    assert rest.get("/v2/models/setosa/versions/1").json() == plain
    assert rest.get("/v2/models/setosa/versions/9").status_code == 404


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_data_may_be_flat_or_nested(rest: httpx.Client, data: Any) -> None:
    answer = output(infer(rest, "identity_fp32", tensor(data, [2, 3])))
    assert answer["shape"] == [2, 3]
    assert answer["datatype"] == "FP32"
    assert np.array(answer["data"]).ravel().tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("UINT64", [0, 2**64 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("INT8", [-128, 127]),
        ("FP64", [0.1, -1e300]),
        ("FP32", [0.5, -1.25]),
        ("BYTES", ["", "tëxt \U0001f33c"]),
    ],
)
def test_json_values_come_back_exactly(rest: httpx.Client, datatype: str, data: Any) -> None:
    answer = output(infer(rest, identity_name(datatype), tensor(data, [1, 2], datatype)))
    assert np.array(answer["data"], dtype=object).ravel().tolist() == data


def test_floats_print_as_their_shortest_round_trip(rest: httpx.Client) -> None:
    answer = infer(rest, "identity_fp32", tensor([0.1, 5.1], [1, 2]))
    assert "0.1" in answer.text
    assert "0.10000000149" not in answer.text


def test_any_content_type_and_none(rest: httpx.Client) -> None:
    body = json.dumps({"inputs": [tensor([1.0], [1, 1])]})
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = rest.post("/v2/models/identity_fp32/infer", content=body, headers=headers)
        assert answer.status_code == 200


def binary(head: Any, *tensors: bytes) -> tuple[bytes, dict[str, str]]:
    text = json.dumps(head).encode()
    return text + b"".join(tensors), {"Inference-Header-Content-Length": str(len(text))}


def test_binary_in_and_out(rest: httpx.Client) -> None:
    values = np.array([iris.SETOSA], dtype="<f4").tobytes()
    entry: dict[str, Any] = {"name": "input", "shape": [1, 4], "datatype": "FP32"}
    entry["parameters"] = {"binary_data_size": len(values)}
    wanted = {"name": "output", "parameters": {"binary_data": True}}
    body, headers = binary({"inputs": [entry], "outputs": [wanted]}, values)
    answer = rest.post("/v2/models/identity_fp32/infer", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    head = json.loads(answer.content[:length])
    assert head["outputs"][0]["parameters"]["binary_data_size"] == len(values)
    assert "data" not in head["outputs"][0]
    assert answer.content[length:] == values


def test_binary_for_all_outputs_by_one_parameter(rest: httpx.Client) -> None:
    parameters = {"binary_data_output": True}
    answer = infer(rest, "identity_fp32", tensor([1.5], [1, 1]), parameters=parameters)
    length = int(answer.headers["inference-header-content-length"])
    assert answer.content[length:] == struct.pack("<f", 1.5)


def test_json_and_binary_mixed_in_any_order(rest: httpx.Client) -> None:
    a = {"name": "a", "shape": [1, 3], "datatype": "FP32", "parameters": {"binary_data_size": 12}}
    b = tensor([10, 20, 30], [1, 3], name="b")
    body, headers = binary({"inputs": [b, a]}, struct.pack("<3f", 1, 2, 3))
    answer = rest.post("/v2/models/add_and_subtract/infer", content=body, headers=headers)
    assert np.array(output(answer, "sum")["data"]).ravel().tolist() == [11, 22, 33]


def test_binary_bytes_have_their_lengths_before_them(rest: httpx.Client) -> None:
    raw = struct.pack("<I", 2) + b"\xff\x00" + struct.pack("<I", 0)
    entry: dict[str, Any] = {"name": "input", "shape": [1, 2], "datatype": "BYTES"}
    entry["parameters"] = {"binary_data_size": len(raw)}
    body, headers = binary({"inputs": [entry], "parameters": {"binary_data_output": True}}, raw)
    answer = rest.post("/v2/models/identity_bytes/infer", content=body, headers=headers)
    length = int(answer.headers["inference-header-content-length"])
    assert answer.content[length:] == raw


BINARY = {"name": "input", "shape": [1, 2], "datatype": "FP32"}


@pytest.mark.parametrize(
    ("size", "raw"),
    [(8, b"1234"), (8, b"123456789"), (4, b"1234"), (12, b"123456789012"), (-1, b""), (0, b"")],
)
def test_binary_of_the_wrong_size_is_refused(rest: httpx.Client, size: int, raw: bytes) -> None:
    body, headers = binary({"inputs": [{**BINARY, "parameters": {"binary_data_size": size}}]}, raw)
    answer = rest.post("/v2/models/identity_fp32/infer", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("length", ["0", "-1", "x", "99999", ""])
def test_a_wrong_length_of_the_json_part_is_refused(rest: httpx.Client, length: str) -> None:
    body, headers = binary(
        {"inputs": [{**BINARY, "parameters": {"binary_data_size": 8}}]}, b"8" * 8
    )
    headers["Inference-Header-Content-Length"] = length
    answer = rest.post("/v2/models/identity_fp32/infer", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


WRONG: dict[str, tuple[Any, list[str]]] = {
    "no_inputs": ({}, ["inputs"]),
    "inputs_is_no_array": ({"inputs": {}}, ["inputs"]),
    "input_without_name": (
        {"inputs": [{"shape": [1, 1], "datatype": "FP32", "data": [1]}]},
        ["name"],
    ),
    "input_without_shape": (
        {"inputs": [{"name": "input", "datatype": "FP32", "data": [1]}]},
        ["shape"],
    ),
    "input_without_datatype": (
        {"inputs": [{"name": "input", "shape": [1, 1], "data": [1]}]},
        ["datatype"],
    ),
    "input_without_data": (
        {"inputs": [{"name": "input", "shape": [1, 1], "datatype": "FP32"}]},
        ["data"],
    ),
    "unknown_datatype": ({"inputs": [tensor([1], [1, 1], "FP31")]}, ["FP31"]),
    "negative_shape": ({"inputs": [tensor([1], [-1, 1])]}, ["shape"]),
    "enormous_shape": ({"inputs": [tensor([1], [2**40, 2**40])]}, ["shape"]),
    "too_few_values": ({"inputs": [tensor([1, 2, 3], [2, 2])]}, ["input", "4", "3"]),
    "too_many_values": ({"inputs": [tensor([1, 2, 3, 4, 5], [2, 2])]}, ["input", "4"]),
    "ragged": ({"inputs": [tensor([[1, 2], [3]], [2, 2])]}, ["input"]),
    "nested_against_its_shape": ({"inputs": [tensor([[1, 2, 3], [4, 5, 6]], [3, 2])]}, ["input"]),
    "text_for_a_number": ({"inputs": [tensor([1, "x"], [1, 2])]}, ["input", "string"]),
    "null_for_a_number": ({"inputs": [tensor([1, None], [1, 2])]}, ["input", "null"]),
    "beyond_float32": ({"inputs": [tensor([1e39], [1, 1])]}, ["input"]),
}


@pytest.mark.parametrize(("body", "words"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_said(rest: httpx.Client, body: Any, words: list[str]) -> None:
    answer = rest.post("/v2/models/identity_fp32/infer", json=body)
    assert answer.status_code in (400, 422), answer.text
    assert set(answer.json()) == {"error"}
    for word in words:
        assert word in answer.json()["error"], answer.text


@pytest.mark.parametrize(
    ("datatype", "value"),
    [("UINT8", 256), ("UINT8", -1), ("INT8", 128), ("INT32", 1.5), ("UINT64", -1), ("BOOL", 2)],
)
def test_values_outside_their_datatype_are_refused(
    rest: httpx.Client, datatype: str, value: Any
) -> None:
    answer = infer(rest, identity_name(datatype), tensor([value], [1, 1], datatype))
    assert answer.status_code in (400, 422), answer.text
    assert "input" in answer.json()["error"]


def test_bad_json_says_the_byte(rest: httpx.Client) -> None:
    answer = rest.post("/v2/models/identity_fp32/infer", content=b'{"inputs": [oops]}')
    assert answer.status_code == 400
    assert "byte 12" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/nobody/infer", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/nowhere", 404),
        ("GET", "/v2/models/setosa/infer", 405),
        ("POST", "/v2/models/setosa", 405),
        ("POST", "/v2/repository/models/nobody/load", 404),
        ("POST", "/v2/repository/models/nobody/unload", 404),
    ],
)
def test_statuses(rest: httpx.Client, method: str, path: str, status: int) -> None:
    answer = rest.request(method, path, json={"inputs": []} if method == "POST" else None)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"], "the protocol's own form, also of what no route takes"
    assert ("allow" in answer.headers) == (status == 405)


def test_a_body_beyond_the_bound_is_told_in_the_protocols_form(rest: httpx.Client) -> None:
    answer = rest.post("/v2/models/identity_fp32/infer", content=b" " * (11 << 20))
    assert answer.status_code == 413
    assert list(answer.json()) == ["error"]


def test_index_of_those_that_are_ready(rest: httpx.Client) -> None:
    ready = rest.post("/v2/repository/index", json={"ready": True}).json()
    names = {entry["name"] for entry in ready}
    assert "setosa" in names
    assert "broken" not in names
    assert "broken" in {entry["name"] for entry in rest.post("/v2/repository/index").json()}


def test_a_timeout_parameter_is_a_deadline_in_microseconds(rest: httpx.Client) -> None:
    def asked(timeout: int) -> httpx.Response:
        parameters = {"timeout": timeout}
        return infer(rest, "identity_fp32", tensor([1.0], [1, 1]), parameters=parameters)

    assert asked(20_000_000).status_code == 200
    answer = asked(1)  # passed before anything can be done
    assert answer.status_code == 504
    assert "deadline" in answer.json()["error"]
