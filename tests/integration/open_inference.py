"""One server with models of every datatype, behind the Open Inference Protocol twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support import onnx_models
from support.config import IRIS_CLASSES, MODELS, Config, mount

# Datatype -> what numpy calls it, and values at its edges.
VALUES: dict[str, tuple[Any, list[Any]]] = {
    "BOOL": (np.bool_, [True, False, True]),
    "UINT8": (np.uint8, [0, 1, 255]),
    "UINT16": (np.uint16, [0, 1, 65535]),
    "UINT32": (np.uint32, [0, 1, 2**32 - 1]),
    "UINT64": (np.uint64, [0, 1, 2**64 - 1]),
    "INT8": (np.int8, [-128, 0, 127]),
    "INT16": (np.int16, [-32768, 0, 32767]),
    "INT32": (np.int32, [-(2**31), 0, 2**31 - 1]),
    "INT64": (np.int64, [-(2**63), 0, 2**63 - 1]),
    "FP16": (np.float16, [-1.5, 0.0, 65504.0]),
    "FP32": (np.float32, [-1.5, 0.1, 3.4028234e38]),
    "FP64": (np.float64, [-1.5, 0.1, 1.7976931348623157e308]),
    "BYTES": (np.object_, [b"", b"text", b"\x00\xff\x80 no text"]),
}


def identity_name(datatype: str) -> str:
    return f"identity_{datatype.lower()}"


def array(datatype: str, rows: int = 1) -> np.ndarray[Any, Any]:
    kind, values = VALUES[datatype]
    return np.array([values] * rows, dtype=kind)


def configuration(directory: Path) -> Config:
    """Listeners `rest` and `grpc` over: the iris models, `iris` of three, identities, and more."""
    config = Config().iris_models()
    config.model("iris_three", MODELS / "iris.onnx")
    members = {name: name for name in IRIS_CLASSES}
    config.ensemble("iris", members, merge={"rule": "all"})
    config.ensemble("iris_label", members, merge={"rule": "best_label"})
    config.ensemble("iris_mean", members, merge={"rule": "mean"})
    for datatype in VALUES:
        path = onnx_models.identity(directory / f"{datatype}.onnx", datatype)
        config.model(identity_name(datatype), path)
    config.model("add_and_subtract", onnx_models.add_and_subtract(directory / "add.onnx"))
    config.model("double", onnx_models.times(directory / "double.onnx", 2))
    # A member that asks for four columns, beside one that fails on them.
    broken = directory / "gone.onnx"
    config.model("broken", broken)
    config.ensemble("partial", {"setosa": "setosa", "gone": "broken"})
    config.listen("rest", mount("open_inference"))
    return config.listen("grpc", mount("open_inference"), protocol="grpc")
