"""Small ONNX models made in code: one for each datatype, and some that are broken."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

# Open Inference datatype -> ONNX element type.
DATATYPES: dict[str, int] = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}

_OPSET = 17
_IR = 8


def _save(graph: onnx.GraphProto, path: Path, *, check: bool = True) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR
    if check:
        onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    onnx.save(model, str(temporary))
    temporary.rename(path)
    return path


def identity(path: Path, datatype: str, columns: int | str = "columns") -> Path:
    """`input` [rows, columns] -> `output`, the same values of one datatype."""
    element, shape = DATATYPES[datatype], ["rows", columns]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input"], ["output"])],
        "identity",
        [helper.make_tensor_value_info("input", element, shape)],
        [helper.make_tensor_value_info("output", element, shape)],
    )
    return _save(graph, path)


def add_and_subtract(path: Path) -> Path:
    """`a`, `b` FP32 [rows, 3] -> `sum`, `difference`: several inputs and outputs."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Sub", ["a", "b"], ["difference"]),
        ],
        "add_and_subtract",
        [info(name, TensorProto.FLOAT, ["rows", 3]) for name in ("a", "b")],
        [info(name, TensorProto.FLOAT, ["rows", 3]) for name in ("sum", "difference")],
    )
    return _save(graph, path)


def times(path: Path, factor: float, columns: int = 4) -> Path:
    """`input` FP32 [rows, columns] -> `output` = input x factor: versions to tell apart."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["input", "factor"], ["output"])],
        "times",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])],
    )
    return _save(graph, path)


def endless(path: Path, size: int = 64) -> Path:
    """`input` FP32 [rows, size] -> `output`: matrix products in a loop of `input[0][0]` turns.

    A call with a large first value works for as long as anybody lets it: to be cancelled.
    """
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "weights"], ["next"]),
            helper.make_node("Identity", ["more"], ["more_out"]),
        ],
        "turn",
        [
            info("turn", TensorProto.INT64, []),
            info("more", TensorProto.BOOL, []),
            info("state", TensorProto.FLOAT, None),
        ],
        [info("more_out", TensorProto.BOOL, []), info("next", TensorProto.FLOAT, None)],
    )
    unit = [1.0 if row == column else 0.0 for row in range(size) for column in range(size)]
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["input", "zero", "one", "axis"], ["corner_row"]),
            helper.make_node("Slice", ["corner_row", "zero", "one", "axis_one"], ["corner"]),
            helper.make_node("Reshape", ["corner", "scalar"], ["count"]),
            helper.make_node("Cast", ["count"], ["turns"], to=TensorProto.INT64),
            helper.make_node("Loop", ["turns", "", "input"], ["output"], body=body),
        ],
        "endless",
        [info("input", TensorProto.FLOAT, ["rows", size])],
        [info("output", TensorProto.FLOAT, ["rows", size])],
        [
            helper.make_tensor("weights", TensorProto.FLOAT, [size, size], unit),
            helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [0]),
            helper.make_tensor("axis_one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("scalar", TensorProto.INT64, [0], []),
        ],
    )
    return _save(graph, path, check=False)


def unknown_operator(path: Path) -> Path:
    """A model that asks for an operator which nobody has."""
    graph = helper.make_graph(
        [helper.make_node("Frobnicate", ["input"], ["output"])],
        "unknown",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["rows", 4])],
    )
    return _save(graph, path, check=False)
