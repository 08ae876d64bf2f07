"""Writes the tiny ONNX models that the unit tests load, into tests/data/onnx/.

    python tools/make_test_models.py [--check] [FOLDER]

The output is the same for every run with the pinned onnx package; --check compares instead of
writing and exits with 1 where a file differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "onnx"
Dims = list[int | str]

TYPES = {
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "fp16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16,
    "fp32": TensorProto.FLOAT,
    "fp64": TensorProto.DOUBLE,
    "bytes": TensorProto.STRING,
}


def tensor(name: str, kind: int, dims: Dims | None) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, dims)


def constant(name: str, values: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(values, name)


def model(
    nodes: list[NodeProto],
    inputs: list[ValueInfoProto],
    outputs: list[ValueInfoProto],
    initializers: list[TensorProto] | None = None,
) -> ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers or [])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=8, producer_name="sluice-tests"
    )


def identity(kind: int, dims: Dims | None) -> ModelProto:
    return model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", kind, dims)],
        [tensor("y", kind, dims)],
    )


def add() -> ModelProto:
    dims: Dims = ["rows", 3]
    return model(
        [
            helper.make_node("Add", ["left", "right"], ["sum"]),
            helper.make_node("Sub", ["left", "right"], ["difference"]),
        ],
        [tensor("left", TensorProto.FLOAT, dims), tensor("right", TensorProto.FLOAT, dims)],
        [tensor("sum", TensorProto.FLOAT, dims), tensor("difference", TensorProto.FLOAT, dims)],
    )


def zipmap(**labels: list[int] | list[str]) -> ModelProto:
    """scores [N,3] as they are -> a map for each row; the label is the column of the largest."""
    key = TensorProto.INT64 if "classlabels_int64s" in labels else TensorProto.STRING
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    return model(
        [
            helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
            helper.make_node("Mul", ["scores", "one"], ["scaled"]),
            helper.make_node("ZipMap", ["scaled"], ["probability"], domain="ai.onnx.ml", **labels),
        ],
        [tensor("scores", TensorProto.FLOAT, ["rows", 3])],
        [
            tensor("label", TensorProto.INT64, ["rows"]),
            helper.make_value_info("probability", maps),
        ],
        [constant("one", np.array([1.0], dtype=np.float32))],
    )


def repeated_classes() -> ModelProto:
    """The label 1 twice: the map keeps one of the two columns."""
    return zipmap(classlabels_int64s=[0, 1, 1])


def maps_within() -> ModelProto:
    """Maps that are an output and are read in the graph too."""
    made = zipmap(classlabels_int64s=[0, 1, 2])
    made.graph.node.append(helper.make_node("SequenceLength", ["probability"], ["count"]))
    made.graph.output.append(tensor("count", TensorProto.INT64, []))
    return made


def maps_of_ml_only() -> ModelProto:
    """No operator of the default domain may be used: the maps have to be read as they are."""
    key = helper.make_map_type_proto(
        TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    )
    made = model(
        [
            helper.make_node(
                "Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0]
            ),
            helper.make_node(
                "ZipMap", ["y"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["no", "maybe"]
            ),
        ],
        [tensor("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_value_info("maps", helper.make_sequence_type_proto(key))],
    )
    del made.opset_import[0]
    return made


def one_row_maps() -> ModelProto:
    """ZipMap over a vector: one map."""
    key = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    )
    return model(
        [
            helper.make_node("Neg", ["x"], ["y"]),
            helper.make_node(
                "ZipMap", ["y"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[5, 4]
            ),
        ],
        [tensor("x", TensorProto.FLOAT, [2])],
        [helper.make_value_info("maps", helper.make_sequence_type_proto(key))],
    )


def loop_in_branch() -> ModelProto:
    body = helper.make_graph(
        [
            helper.make_node("Not", ["go_on"], ["go_on_out"]),
            helper.make_node("Neg", ["state"], ["state_out"]),
        ],
        "body",
        [
            tensor("round", TensorProto.INT64, []),
            tensor("go_on", TensorProto.BOOL, []),
            tensor("state", TensorProto.FLOAT, None),
        ],
        [
            tensor("go_on_out", TensorProto.BOOL, []),
            tensor("state_out", TensorProto.FLOAT, None),
        ],
    )
    done = helper.make_node("Identity", ["x"], ["then_out"])
    looping = [
        helper.make_node("Loop", ["", "yes", "x"], ["else_out"], body=body),
    ]
    then = helper.make_graph([done], "then", [], [tensor("then_out", TensorProto.FLOAT, None)])
    other = helper.make_graph(looping, "else", [], [tensor("else_out", TensorProto.FLOAT, None)])
    return model(
        [helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other)],
        [tensor("x", TensorProto.FLOAT, ["rows"])],
        [tensor("y", TensorProto.FLOAT, ["rows"])],
        [constant("yes", np.array(True))],
    )


def slow() -> ModelProto:
    """Multiplies a 192 x 192 matrix with itself `rounds` times: as long as one likes."""
    size = 192
    matrix: Dims = [size, size]
    share = constant("share", np.array([1 / size], dtype=np.float32))
    body: GraphProto = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["go_on_out"]),
            helper.make_node("MatMul", ["state", "turn"], ["state_out"]),
        ],
        "body",
        [
            tensor("round", TensorProto.INT64, []),
            tensor("go_on", TensorProto.BOOL, []),
            tensor("state", TensorProto.FLOAT, matrix),
        ],
        [
            tensor("go_on_out", TensorProto.BOOL, []),
            tensor("state_out", TensorProto.FLOAT, matrix),
        ],
    )
    return model(
        [
            helper.make_node("ConstantOfShape", ["size"], ["start"], value=share),
            helper.make_node("ConstantOfShape", ["size"], ["turn"], value=share),
            helper.make_node("ReduceMax", ["rounds"], ["count"], keepdims=0),
            helper.make_node("Loop", ["count", "yes", "start"], ["end"], body=body),
            helper.make_node("ReduceSum", ["end"], ["total"], keepdims=0),
        ],
        [tensor("rounds", TensorProto.INT64, ["rows"])],
        [tensor("total", TensorProto.FLOAT, [])],
        [
            constant("yes", np.array(True)),
            constant("size", np.array([size, size], dtype=np.int64)),
        ],
    )


def slow_rows() -> ModelProto:
    """As slow(), with an answer for each row, so that calls can be batched."""
    made = slow()
    made.graph.node.append(helper.make_node("Cast", ["rounds"], ["as_float"], to=TensorProto.FLOAT))
    made.graph.node.append(helper.make_node("Add", ["as_float", "total"], ["each"]))
    del made.graph.output[0]
    made.graph.output.append(tensor("each", TensorProto.FLOAT, ["rows"]))
    return made


def gather() -> ModelProto:
    """Fails at run time for an index beyond 2."""
    return model(
        [helper.make_node("Gather", ["table", "index"], ["value"])],
        [tensor("index", TensorProto.INT64, ["rows"])],
        [tensor("value", TensorProto.FLOAT, ["rows"])],
        [constant("table", np.array([10, 20, 30], dtype=np.float32))],
    )


def within_limit() -> ModelProto:
    """Gives the rows that are at most 1, all of them for made-up input, and how many came."""
    return model(
        [
            helper.make_node("LessOrEqual", ["x", "limit"], ["fits"]),
            helper.make_node("Compress", ["x", "fits"], ["y"], axis=0),
            helper.make_node("Size", ["x"], ["count"]),
        ],
        [tensor("x", TensorProto.FLOAT, ["rows"])],
        [tensor("y", TensorProto.FLOAT, ["kept"]), tensor("count", TensorProto.INT64, [])],
        [constant("limit", np.array(1, dtype=np.float32))],
    )


def handed_through() -> ModelProto:
    """An input that is an output as well, and one that is doubled."""
    return model(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["rows", 2])],
        [tensor("x", TensorProto.FLOAT, ["rows", 2]), tensor("y", TensorProto.FLOAT, ["rows", 2])],
    )


def hidden_width() -> ModelProto:
    """Says any width and works with 4 only, so that made-up input fails."""
    return model(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["rows", "width"])],
        [tensor("y", TensorProto.FLOAT, ["rows", 2])],
        [constant("weights", np.ones((4, 2), dtype=np.float32))],
    )


def unknown_operator() -> ModelProto:
    return model(
        [helper.make_node("Frobnicate", ["x"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["rows"])],
        [tensor("y", TensorProto.FLOAT, ["rows"])],
    )


def sequence_output() -> ModelProto:
    parts = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    return model(
        [helper.make_node("SplitToSequence", ["x"], ["parts"], axis=0)],
        [tensor("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_value_info("parts", parts)],
    )


def sequence_input() -> ModelProto:
    parts = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    return model(
        [helper.make_node("SequenceLength", ["parts"], ["count"])],
        [helper.make_value_info("parts", parts)],
        [tensor("count", TensorProto.INT64, [])],
    )


def constant_output(value: float) -> ModelProto:
    """Versions of one model that can be told apart: y = x * 0 + value."""
    return model(
        [
            helper.make_node("Mul", ["x", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "value"], ["y"]),
        ],
        [tensor("x", TensorProto.FLOAT, ["rows", 1])],
        [tensor("y", TensorProto.FLOAT, ["rows", 1])],
        [
            constant("zero", np.array([0], dtype=np.float32)),
            constant("value", np.array([value], dtype=np.float32)),
        ],
    )


def files() -> dict[str, bytes]:
    makers: dict[str, Callable[[], ModelProto]] = {
        "add": add,
        "slow": slow,
        "slow_rows": slow_rows,
        "gather": gather,
        "within_limit": within_limit,
        "handed_through": handed_through,
        "hidden_width": hidden_width,
        "unknown_operator": unknown_operator,
        "sequence_output": sequence_output,
        "sequence_input": sequence_input,
        "zipmap_int64": lambda: zipmap(classlabels_int64s=[2, 0, 1]),
        "zipmap_string": lambda: zipmap(classlabels_strings=["virginica", "setosa", "versicolor"]),
        "zipmap_repeated": repeated_classes,
        "zipmap_within": maps_within,
        "zipmap_only_ml": maps_of_ml_only,
        "zipmap_vector": one_row_maps,
        "loop_in_branch": loop_in_branch,
        "shapeless": lambda: identity(TensorProto.FLOAT, None),
        "scalar": lambda: identity(TensorProto.FLOAT, []),
        "fixed": lambda: identity(TensorProto.FLOAT, [2, 3]),
        "rank9": lambda: identity(TensorProto.FLOAT, [1] * 9),
        "complex64": lambda: identity(TensorProto.COMPLEX64, ["rows"]),
        "constant_1": lambda: constant_output(1),
        "constant_2": lambda: constant_output(2),
        "constant_3": lambda: constant_output(3),
    }
    made = {name: maker().SerializeToString(deterministic=True) for name, maker in makers.items()}
    for name, kind in TYPES.items():
        made[f"identity_{name}"] = identity(kind, ["rows", "columns"]).SerializeToString(
            deterministic=True
        )
    made["truncated"] = made["add"][: len(made["add"]) * 2 // 3]
    made["not_onnx"] = b"<html>The file has moved.</html>\n"
    made["empty"] = b""
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    differing = 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in sorted(files().items()):
        path = folder / f"{name}.onnx"
        if not arguments.check:
            path.write_bytes(data)
        elif not path.is_file() or path.read_bytes() != data:
            print(f"{path} differs")
            differing += 1
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
