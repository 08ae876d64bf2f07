"""The models under models/ are what tools/train_iris.py makes, and answer as they should."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
CLASSES = ("setosa", "versicolor", "virginica")
BINARY = {name: f"iris_svc_0_{name}.onnx" for name in CLASSES}
FILES = (*BINARY.values(), "iris.onnx")
SETOSA_ROW = [5.1, 3.5, 1.4, 0.2]

# Another processor's arithmetic may end a fit a little elsewhere.
CLOSE = 1e-5


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_iris", ROOT / "tools" / "train_iris.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def train_iris() -> ModuleType:
    return script()


@pytest.fixture(scope="module")
def made(train_iris: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    train_iris.write(folder)
    return folder


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def without_numbers(value: Any) -> Any:
    """A model as plain values with every real number blanked and its bytes counted."""
    if isinstance(value, onnx.AttributeProto) and value.type in (
        onnx.AttributeProto.FLOAT,
        onnx.AttributeProto.FLOATS,
    ):
        return (value.name, value.type, len(value.floats))
    if isinstance(value, onnx.AttributeProto):
        return value.SerializeToString(deterministic=True)
    return value


def structure(model: onnx.ModelProto) -> Any:
    return (
        model.ir_version,
        sorted((opset.domain, opset.version) for opset in model.opset_import),
        [
            (
                node.domain,
                node.op_type,
                list(node.input),
                list(node.output),
                [without_numbers(attribute) for attribute in node.attribute],
            )
            for node in model.graph.node
        ],
        [(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in model.graph.initializer],
        [value.SerializeToString(deterministic=True) for value in model.graph.input],
        [value.SerializeToString(deterministic=True) for value in model.graph.output],
    )


def probabilities(path: Path, rows: Any) -> Any:
    """Rows x classes, whatever the model's way of giving them."""
    model = session(path)
    names = [output.name for output in model.get_outputs()]
    values = model.run(None, {model.get_inputs()[0].name: np.asarray(rows, np.float32)})
    if names == ["output"]:
        return values[0]
    maps = values[names.index("output_probability")]
    return np.array([[row[0], row[1]] for row in maps], np.float32)


@pytest.mark.parametrize("file", FILES)
def test_the_script_makes_the_committed_model(
    made: Path, train_iris: ModuleType, file: str
) -> None:
    fresh, committed = onnx.load(made / file), onnx.load(MODELS / file)
    assert structure(fresh) == structure(committed)
    rows, _ = train_iris.load()
    np.testing.assert_allclose(
        probabilities(made / file, rows), probabilities(MODELS / file, rows), rtol=0, atol=CLOSE
    )


def test_the_script_makes_the_committed_labels(made: Path) -> None:
    assert (made / "label.json").read_bytes() == (MODELS / "label.json").read_bytes()
    labels = json.loads((MODELS / "label.json").read_text(encoding="utf-8"))
    assert labels == {"0": "setosa", "1": "versicolor", "2": "virginica"}


def test_two_runs_make_the_same_bytes(made: Path, train_iris: ModuleType, tmp_path: Path) -> None:
    train_iris.write(tmp_path)
    for file in FILES:
        assert (tmp_path / file).read_bytes() == (made / file).read_bytes(), file


@pytest.mark.parametrize("file", BINARY.values())
def test_a_one_against_rest_model_has_the_agreed_tensors(file: str) -> None:
    model = session(MODELS / file)
    inputs = [(value.name, value.type, value.shape) for value in model.get_inputs()]
    outputs = [(value.name, value.type) for value in model.get_outputs()]
    assert inputs == [("float_input", "tensor(float)", [None, 4])]
    assert outputs == [
        ("output_label", "tensor(int64)"),
        ("output_probability", "seq(map(int64,tensor(float)))"),
    ]


def test_the_three_class_model_has_the_agreed_tensors() -> None:
    model = session(MODELS / "iris.onnx")
    inputs = [(value.name, value.type, value.shape) for value in model.get_inputs()]
    outputs = [(value.name, value.type, value.shape) for value in model.get_outputs()]
    assert inputs == [("input", "tensor(float)", [None, 4])]
    assert outputs == [("output", "tensor(float)", [None, 3])]


def test_the_sample_row_is_setosa_in_every_model() -> None:
    found = {name: probabilities(MODELS / file, [SETOSA_ROW])[0] for name, file in BINARY.items()}
    assert found["setosa"][0] > 0.9
    assert found["versicolor"][0] < 0.1
    assert found["virginica"][0] < 0.1
    assert probabilities(MODELS / "iris.onnx", [SETOSA_ROW])[0][0] > 0.9
    label = session(MODELS / BINARY["setosa"]).run(
        ["output_label"], {"float_input": np.array([SETOSA_ROW], np.float32)}
    )[0]
    assert label.tolist() == [0]


@pytest.mark.parametrize("file", FILES)
def test_probabilities_of_a_row_sum_to_one(train_iris: ModuleType, file: str) -> None:
    rows, _ = train_iris.load()
    np.testing.assert_allclose(probabilities(MODELS / file, rows).sum(axis=1), 1.0, atol=CLOSE)


def test_the_exported_models_answer_as_what_was_trained(train_iris: ModuleType) -> None:
    rows, classes = train_iris.load()
    for index, file in enumerate(BINARY.values()):
        fitted = train_iris.make_binary().fit(rows, train_iris.against_rest(classes, index))
        np.testing.assert_allclose(
            probabilities(MODELS / file, rows), fitted.predict_proba(rows), rtol=0, atol=CLOSE
        )
    fitted = train_iris.make_multiclass().fit(rows, classes)
    np.testing.assert_allclose(
        probabilities(MODELS / "iris.onnx", rows), fitted.predict_proba(rows), rtol=0, atol=CLOSE
    )


def test_held_out_rows_are_classified_as_well_as_the_readme_says(train_iris: ModuleType) -> None:
    readme = (MODELS / "README.md").read_text(encoding="utf-8")
    said = {
        name: float(percent)
        for name, percent in re.findall(r"\| `(\w+)\.onnx` \| ([0-9.]+) % \|", readme)
    }
    found = train_iris.evaluate()
    assert found["iris"] > 0.95
    assert said == pytest.approx({name: 100 * share for name, share in found.items()}, abs=0.3)
