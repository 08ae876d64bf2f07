"""TensorFlow Serving's protocol for our own models: its official messages, and plain HTTP."""

from __future__ import annotations

import base64
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from integration import open_inference
from integration.open_inference import VALUES, identity_name
from support import iris
from support.config import MODELS, Config, mount
from support.server import Server
from support.tensorflow_client import NAMES, TensorflowClient, array, tensor
from support.tensorflow_messages import TYPES, TensorProto
from support.waiting import eventually

pytestmark = pytest.mark.short

IRIS = "iris_three"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("tensorflow_serving")
    config = open_inference.configuration(directory)
    config.listen("tf_rest", mount("tensorflow_serving"))
    config.listen("tf_grpc", mount("tensorflow_serving"), mount("open_inference"), protocol="grpc")
    with Server(config, directory / "server") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[TensorflowClient]:
    with TensorflowClient(server.config.address("tf_grpc")) as client:
        yield client


@pytest.fixture(scope="module")
def http(server: Server) -> httpx.Client:
    return server.http("tf_rest")


def rows() -> Any:
    return np.array(list(iris.ROWS.values()), dtype=np.float32)


def code_of(error: pytest.ExceptionInfo[grpc.RpcError]) -> Any:
    return error.value.code()


# -- gRPC --


def test_predicts(client: TensorflowClient) -> None:
    answer = client.predict(IRIS, {"input": tensor(rows())})
    assert list(answer.outputs) == ["output"]
    probabilities = array(answer.outputs["output"], np.float32)
    assert probabilities.shape == (3, 3)
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert answer.model_spec.name == IRIS
    assert answer.model_spec.version.value == 1
    assert answer.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize("typed", [False, True], ids=["content", "typed"])
@pytest.mark.parametrize("datatype", list(VALUES))
def test_every_type_comes_back_as_it_went(
    client: TensorflowClient, datatype: str, typed: bool
) -> None:
    kind, _ = VALUES[datatype]
    sent = open_inference.array(datatype, rows=2)
    answer = client.predict(
        identity_name(datatype), {"input": tensor(sent, datatype, typed=typed)}
    ).outputs["output"]
    assert answer.dtype == TYPES[NAMES[datatype]]
    assert array(answer, kind).tolist() == sent.tolist()


def test_one_value_stands_for_all(client: TensorflowClient) -> None:
    proto = TensorProto(dtype=TYPES["DT_FLOAT"], float_val=[2.5])
    for size in (2, 3):
        proto.tensor_shape.dim.add(size=size)
    answer = client.predict(identity_name("FP32"), {"input": proto})
    assert array(answer.outputs["output"], np.float32).tolist() == [[2.5] * 3] * 2


def test_output_filter_chooses(client: TensorflowClient) -> None:
    three = np.array([[1, 2, 3]], dtype=np.float32)
    request = client.request("add_and_subtract", {"a": tensor(three), "b": tensor(three)})
    assert set(client.predictions.Predict(request).outputs) == {"sum", "difference"}
    request.output_filter.append("sum")
    assert set(client.predictions.Predict(request).outputs) == {"sum"}
    request.output_filter.append("product")
    with pytest.raises(grpc.RpcError) as error:
        client.predictions.Predict(request)
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT


def test_describes_a_model(client: TensorflowClient) -> None:
    spec, signatures = client.metadata(IRIS)
    assert spec.version.value == 1
    (signature,) = signatures.values()
    assert signature.method_name == "tensorflow/serving/predict"
    assert [dim.size for dim in signature.inputs["input"].tensor_shape.dim] == [-1, 4]
    assert signature.outputs["output"].dtype == TYPES["DT_FLOAT"]


def test_tells_states(client: TensorflowClient) -> None:
    (state,) = client.status(IRIS)
    assert (state.version, state.state, state.status.error_code) == (1, 30, 0)
    (broken,) = client.status("broken")
    assert (broken.state, broken.status.error_code) == (50, 14)
    assert broken.status.error_message


@pytest.mark.parametrize(
    ("model", "spec", "code"),
    [
        ("nobody", {}, grpc.StatusCode.NOT_FOUND),
        (IRIS, {"version": 7}, grpc.StatusCode.NOT_FOUND),
        (IRIS, {"label": "stable"}, grpc.StatusCode.INVALID_ARGUMENT),
        (IRIS, {"signature": "other"}, grpc.StatusCode.FAILED_PRECONDITION),
        ("", {}, grpc.StatusCode.INVALID_ARGUMENT),
        ("broken", {}, grpc.StatusCode.UNAVAILABLE),
        ("setosa", {}, grpc.StatusCode.INVALID_ARGUMENT),  # has no input of that name
    ],
)
def test_refuses_with_its_codes(
    client: TensorflowClient, model: str, spec: dict[str, Any], code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        client.predict(model, {"input": tensor(rows())}, **spec)
    assert code_of(error) == code


def test_what_is_not_served_is_unimplemented(client: TensorflowClient) -> None:
    with pytest.raises(grpc.RpcError) as error:
        client.classify(IRIS)
    assert code_of(error) == grpc.StatusCode.UNIMPLEMENTED


# -- REST --


def predict(http: httpx.Client, model: str, body: Any) -> Any:
    answer = http.post(f"/v1/models/{model}:predict", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_rest_predicts_by_row_and_by_column(http: httpx.Client) -> None:
    by_row = predict(http, IRIS, {"instances": rows().tolist()})["predictions"]
    assert np.array(by_row).argmax(axis=1).tolist() == [0, 1, 2]
    for inputs in (rows().tolist(), {"input": rows().tolist()}):
        for path in (IRIS, f"{IRIS}/versions/1"):
            assert predict(http, path, {"inputs": inputs})["outputs"] == by_row
    named = [{"input": row} for row in rows().tolist()]
    body = {"signature_name": "serving_default", "instances": named}
    assert predict(http, IRIS, body)["predictions"] == by_row


def test_rest_names_several_outputs(http: httpx.Client) -> None:
    one, two = [1.0, 2.0, 3.0], [0.5, 0.5, 0.5]
    instances = [{"a": one, "b": two}, {"a": two, "b": one}]
    assert predict(http, "add_and_subtract", {"instances": instances})["predictions"] == [
        {"sum": [1.5, 2.5, 3.5], "difference": [0.5, 1.5, 2.5]},
        {"sum": [1.5, 2.5, 3.5], "difference": [-0.5, -1.5, -2.5]},
    ]
    inputs = {"a": [one], "b": [two]}
    assert predict(http, "add_and_subtract", {"inputs": inputs})["outputs"] == {
        "sum": [[1.5, 2.5, 3.5]],
        "difference": [[0.5, 1.5, 2.5]],
    }


@pytest.mark.parametrize("datatype", [name for name in VALUES if name != "BYTES"])
def test_rest_every_number_comes_back_as_it_went(http: httpx.Client, datatype: str) -> None:
    sent = open_inference.array(datatype).tolist()
    answer = predict(http, identity_name(datatype), {"instances": sent})["predictions"]
    kind, _ = VALUES[datatype]
    assert np.array(answer, dtype=kind).tolist() == sent
    assert {type(value) for value in answer[0]} == {type(sent[0][0])}


def test_rest_bytes_are_base64_where_they_are_no_text(http: httpx.Client) -> None:
    binary = {"b64": base64.b64encode(b"\x00\xff").decode()}
    answer = predict(http, identity_name("BYTES"), {"instances": [["text", binary]]})
    assert answer["predictions"] == [["text", binary]]


def test_rest_takes_and_gives_words_for_what_is_no_number(http: httpx.Client) -> None:
    path = f"/v1/models/{identity_name('FP32')}:predict"
    answer = http.post(path, content=b'{"instances": [[NaN, Infinity, -Infinity, 1]]}')
    assert answer.text == '{"predictions":[[NaN,Infinity,-Infinity,1.0]]}'
    assert math.isnan(answer.json()["predictions"][0][0])  # Python's JSON takes the same words


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{IRIS}:predict", "", 400),
        (f"{IRIS}:predict", '{"instances": [', 400),
        (f"{IRIS}:predict", '{"instances": [[1, 2], [3]]}', 400),
        (f"{IRIS}:predict", '{"instances": 1}', 400),
        (f"{IRIS}:predict", '{"instances": [[1, 2, 3, 4]], "signature_name": "no"}', 400),
        (f"{IRIS}/labels/stable:predict", '{"instances": [[1, 2, 3, 4]]}', 400),
        (f"{IRIS}/versions/9:predict", '{"instances": [[1, 2, 3, 4]]}', 404),
        ("nobody:predict", '{"instances": [[1, 2, 3, 4]]}', 404),
        ("broken:predict", '{"instances": [[1, 2, 3, 4]]}', 503),
        (f"{IRIS}:classify", "{}", 405),
        (f"{IRIS}/nothing", "{}", 404),
    ],
)
def test_rest_errors_are_told_in_its_form(
    http: httpx.Client, path: str, body: str, status: int
) -> None:
    answer = http.post(f"/v1/models/{path}", content=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_rest_tells_states_and_metadata(http: httpx.Client) -> None:
    state = {
        "version": "1",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    for path in (IRIS, f"{IRIS}/versions/1"):
        assert http.get(f"/v1/models/{path}").json() == {"model_version_status": [state]}
    assert http.get("/v1/models/nobody").status_code == 404
    answer = http.get(f"/v1/models/{IRIS}/metadata").json()
    assert answer["model_spec"] == {"name": IRIS, "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["input"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "4", "name": ""}],
            "unknown_rank": False,
        },
        "name": "input",
    }


def test_a_reload_adds_it_to_a_listener_and_takes_it_away(tmp_path: Path) -> None:
    config = Config().model("iris", MODELS / "iris.onnx")
    config.listen("grpc", mount("open_inference"), protocol="grpc")
    with Server(config, tmp_path / "server") as server:

        def reload(count: int, *mounts: dict[str, Any]) -> None:
            config.listener("grpc")["mounts"] = list(mounts)
            server.write_config()
            server.signal(signal.SIGHUP)
            eventually(
                lambda: [line["action"] for line in server.log()].count("reloaded") == count,
                what="the reload is over",
            )

        def answers() -> bool:
            with TensorflowClient(config.address("grpc")) as client:
                return bool(client.status("iris")[0].state == 30)

        with pytest.raises(grpc.RpcError) as error:
            answers()
        assert code_of(error) == grpc.StatusCode.UNIMPLEMENTED
        reload(1, mount("open_inference"), mount("tensorflow_serving"))
        eventually(answers, what="it is served", ignore=(grpc.RpcError,))
        reload(2, mount("tensorflow_serving"))
        eventually(answers, what="it is served alone", ignore=(grpc.RpcError,))
