"""The official clients over both wires: what one does, the other does, with the same results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from google.protobuf.json_format import MessageToDict
from tritonclient.utils import InferenceServerException

from integration import open_inference
from integration.open_inference import VALUES, array, identity_name
from support import iris
from support.config import IRIS_CLASSES
from support.server import Server

pytestmark = pytest.mark.short

Client = Any  # tritonclient publishes no types


class Wire:
    """One of the two clients, with what differs between them evened out."""

    def __init__(self, name: str, module: Any, client: Client) -> None:
        self.name = name
        self.module = module
        self.client = client

    def input(self, name: str, values: np.ndarray[Any, Any], datatype: str, **how: Any) -> Any:
        entry = self.module.InferInput(name, list(values.shape), datatype)
        if self.name == "grpc":
            how.pop("binary_data", None)
        entry.set_data_from_numpy(values, **how)
        return entry

    def as_dict(self, answer: Any) -> dict[str, Any]:
        if self.name == "http":
            return dict(answer)
        return dict(MessageToDict(answer, preserving_proto_field_name=True))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("open_inference")
    with Server(open_inference.configuration(directory), directory / "server") as running:
        yield running


@pytest.fixture(scope="module", params=["http", "grpc"])
def wire(server: Server, request: pytest.FixtureRequest) -> Iterator[Wire]:
    if request.param == "http":
        module = triton_http
        client = module.InferenceServerClient(server.config.address("rest"))
    else:
        module = triton_grpc
        client = module.InferenceServerClient(server.config.address("grpc"))
    yield Wire(request.param, module, client)
    client.close()


def test_live_and_ready(wire: Wire) -> None:
    assert wire.client.is_server_live()
    assert wire.client.is_server_ready()


@pytest.mark.parametrize("name", [*IRIS_CLASSES, "iris", "iris_three", "double"])
def test_a_model_is_ready(wire: Wire, name: str) -> None:
    assert wire.client.is_model_ready(name)


@pytest.mark.parametrize("name", ["nobody", "broken"])
def test_a_model_that_is_not_there_is_not_ready(wire: Wire, name: str) -> None:
    assert not wire.client.is_model_ready(name)


def test_server_metadata(wire: Wire) -> None:
    metadata = wire.as_dict(wire.client.get_server_metadata())
    assert metadata["name"] == "sluice"
    assert metadata["version"]
    assert {"model_repository", "binary_tensor_data"} <= set(metadata["extensions"])


def test_model_metadata(wire: Wire) -> None:
    metadata = wire.as_dict(wire.client.get_model_metadata("setosa"))
    assert metadata["name"] == "setosa"
    assert metadata["versions"] == ["1"]
    assert metadata["platform"] == "onnxruntime_onnx"
    (entry,) = metadata["inputs"]
    assert entry["name"] == "float_input"
    assert entry["datatype"] == "FP32"
    assert [int(size) for size in entry["shape"]] == [-1, 4]
    outputs = {output["name"]: output for output in metadata["outputs"]}
    assert outputs["output_label"]["datatype"] == "INT64"
    assert outputs["output_probability"]["datatype"] == "FP32"
    assert [int(size) for size in outputs["output_probability"]["shape"]] == [-1, 2]


def test_ensemble_metadata_names_outputs_by_member(wire: Wire) -> None:
    metadata = wire.as_dict(wire.client.get_model_metadata("iris"))
    assert [entry["name"] for entry in metadata["inputs"]] == ["float_input"]
    names = {entry["name"] for entry in metadata["outputs"]}
    assert names == {
        f"{member}.{output}"
        for member in IRIS_CLASSES
        for output in ("output_label", "output_probability")
    }


def test_metadata_of_nobody(wire: Wire) -> None:
    with pytest.raises(InferenceServerException, match="nobody"):
        wire.client.get_model_metadata("nobody")


def test_infer(wire: Wire) -> None:
    rows = np.array([iris.SETOSA, iris.VIRGINICA], dtype=np.float32)
    result = wire.client.infer("setosa", [wire.input("float_input", rows, "FP32")])
    assert result.as_numpy("output_label").tolist() == [0, 1]
    probability = result.as_numpy("output_probability")
    assert probability.dtype == np.float32
    assert probability.shape == (2, 2)
    assert probability[0, 0] > 0.9
    assert probability[1, 0] < 0.1


@pytest.mark.parametrize("name", IRIS_CLASSES)
def test_infer_agrees_with_the_seeds_numbers(wire: Wire, name: str) -> None:
    rows = np.array([iris.ROWS[name]], dtype=np.float32)
    result = wire.client.infer(name, [wire.input("float_input", rows, "FP32")])
    assert result.as_numpy("output_probability")[0, 0] > 0.5


def test_infer_of_three_classes(wire: Wire) -> None:
    rows = np.array(list(iris.ROWS.values()), dtype=np.float32)
    result = wire.client.infer("iris_three", [wire.input("input", rows, "FP32")])
    assert result.as_numpy("output").argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize("datatype", VALUES)
@pytest.mark.parametrize("rows", [1, 3])
def test_every_datatype_comes_back_as_it_went(wire: Wire, datatype: str, rows: int) -> None:
    values = array(datatype, rows)
    given = wire.input("input", values, datatype)
    result = wire.client.infer(identity_name(datatype), [given])
    back = result.as_numpy("output")
    assert back.dtype == values.dtype
    assert back.tolist() == values.tolist()
    assert result.get_output("output") is not None


def test_an_empty_batch(wire: Wire) -> None:
    values = np.zeros((0, 3), dtype=np.float32)
    result = wire.client.infer("identity_fp32", [wire.input("input", values, "FP32")])
    assert result.as_numpy("output").shape == (0, 3)


def test_several_inputs_and_outputs(wire: Wire) -> None:
    a = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    b = np.array([[10, 20, 30], [40, 50, 60]], dtype=np.float32)
    inputs = [wire.input("b", b, "FP32"), wire.input("a", a, "FP32")]
    result = wire.client.infer("add_and_subtract", inputs)
    assert (result.as_numpy("sum") == a + b).all()
    assert (result.as_numpy("difference") == a - b).all()


def test_only_the_outputs_asked_for(wire: Wire) -> None:
    a = np.ones((1, 3), dtype=np.float32)
    inputs = [wire.input(name, a, "FP32") for name in ("a", "b")]
    wanted = [wire.module.InferRequestedOutput("difference")]
    result = wire.client.infer("add_and_subtract", inputs, outputs=wanted)
    assert result.as_numpy("difference").tolist() == [[0, 0, 0]]
    assert result.get_output("sum") is None


def test_the_id_comes_back(wire: Wire) -> None:
    given = wire.input("input", array("FP32"), "FP32")
    result = wire.client.infer("identity_fp32", [given], request_id="request-17")
    response = wire.as_dict(result.get_response())
    assert response["id"] == "request-17"
    assert response["model_name"] == "identity_fp32"
    assert response["model_version"] == "1"


def test_a_version_may_be_named(wire: Wire) -> None:
    given = wire.input("input", array("FP32"), "FP32")
    result = wire.client.infer("identity_fp32", [given], model_version="1")
    assert wire.as_dict(result.get_response())["model_version"] == "1"
    with pytest.raises(InferenceServerException, match="version"):
        wire.client.infer("identity_fp32", [given], model_version="7")


def test_an_ensemble_has_the_outputs_of_every_member(wire: Wire) -> None:
    rows = np.array([iris.SETOSA, iris.VERSICOLOR], dtype=np.float32)
    result = wire.client.infer("iris", [wire.input("float_input", rows, "FP32")])
    for name in IRIS_CLASSES:
        alone = wire.client.infer(name, [wire.input("float_input", rows, "FP32")])
        together = result.as_numpy(f"{name}.output_probability")
        assert (together == alone.as_numpy("output_probability")).all()
        labels = result.as_numpy(f"{name}.output_label").tolist()
        assert labels == alone.as_numpy("output_label").tolist()


def test_a_merged_answer_stands_beside_the_members(wire: Wire) -> None:
    rows = np.array(list(iris.ROWS.values()), dtype=np.float32)
    given = [wire.input("float_input", rows, "FP32")]
    best = wire.client.infer("iris_label", given)
    labels = [text.decode() for text in best.as_numpy("label").tolist()]
    assert labels == list(IRIS_CLASSES)
    columns = [best.as_numpy(f"{name}.output_probability")[:, 0] for name in IRIS_CLASSES]
    assert (best.as_numpy("proba") == np.max(columns, axis=0)).all()
    mean = wire.client.infer("iris_mean", given)
    members = [mean.as_numpy(f"{name}.output_probability") for name in IRIS_CLASSES]
    np.testing.assert_allclose(mean.as_numpy("mean"), np.mean(members, axis=0), atol=1e-6)


def test_a_failed_member_is_absent_and_named(wire: Wire) -> None:
    rows = np.array([iris.SETOSA], dtype=np.float32)
    result = wire.client.infer("partial", [wire.input("float_input", rows, "FP32")])
    assert result.as_numpy("setosa.output_label").tolist() == [0]
    response = wire.as_dict(result.get_response())
    assert all(not output["name"].startswith("gone.") for output in response["outputs"])
    errors = response["parameters"]["sluice_errors"]
    text = errors["string_param"] if wire.name == "grpc" else str(errors)
    assert "gone" in text
    assert "unavailable" in text


ROW = np.array([iris.SETOSA], dtype=np.float32)

# model, inputs (name, values, datatype), what the message must say
WRONG: dict[str, tuple[str, list[tuple[str, np.ndarray[Any, Any], str]], list[str]]] = {
    "unknown_model": ("nobody", [("input", ROW, "FP32")], ["nobody"]),
    "broken_model": ("broken", [("input", ROW, "FP32")], ["broken"]),
    "unknown_input": ("setosa", [("other", ROW, "FP32")], ["other"]),
    "missing_input": ("add_and_subtract", [("a", ROW[:, :3], "FP32")], ["b"]),
    "input_twice": (
        "add_and_subtract",
        [("a", ROW[:, :3], "FP32"), ("a", ROW[:, :3], "FP32")],
        ["a"],
    ),
    "wrong_datatype": (
        "setosa",
        [("float_input", ROW.astype(np.float64), "FP64")],
        ["float_input", "FP32", "FP64"],
    ),
    "wrong_width": ("setosa", [("float_input", ROW[:, :3], "FP32")], ["float_input", "4", "3"]),
    "wrong_rank": ("setosa", [("float_input", ROW[0], "FP32")], ["float_input"]),
}


@pytest.mark.parametrize(("model", "inputs", "words"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_said(
    wire: Wire,
    model: str,
    inputs: list[tuple[str, np.ndarray[Any, Any], str]],
    words: list[str],
) -> None:
    given = [wire.input(name, values, datatype) for name, values, datatype in inputs]
    with pytest.raises(InferenceServerException) as caught:
        wire.client.infer(model, given)
    for word in words:
        assert word in caught.value.message(), caught.value.message()


def test_an_unknown_output_is_refused(wire: Wire) -> None:
    given = [wire.input("float_input", ROW, "FP32")]
    wanted = [wire.module.InferRequestedOutput("nothing")]
    with pytest.raises(InferenceServerException, match="nothing"):
        wire.client.infer("setosa", given, outputs=wanted)


def test_repository_index_lists_every_callable(wire: Wire) -> None:
    index = wire.client.get_model_repository_index()
    models = index if wire.name == "http" else wire.as_dict(index)["models"]
    states = {model["name"]: model.get("state") for model in models}
    assert states["setosa"] == states["iris"] == "READY"
    assert states["broken"] == "UNAVAILABLE"
    (broken,) = (model for model in models if model["name"] == "broken")
    assert "gone.onnx" in broken["reason"]


def test_unload_and_load(wire: Wire) -> None:
    given = [wire.input("input", ROW, "FP32")]
    wire.client.unload_model("double")
    assert not wire.client.is_model_ready("double")
    with pytest.raises(InferenceServerException):
        wire.client.infer("double", given)
    wire.client.load_model("double")
    assert wire.client.is_model_ready("double")
    assert (wire.client.infer("double", given).as_numpy("output") == ROW * 2).all()


def test_load_of_what_cannot_be_loaded(wire: Wire) -> None:
    with pytest.raises(InferenceServerException, match=r"gone\.onnx"):
        wire.client.load_model("broken")
    with pytest.raises(InferenceServerException, match="nobody"):
        wire.client.load_model("nobody")
