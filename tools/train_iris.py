#!/usr/bin/env python3
"""Trains the Iris models under models/ and exports them to ONNX.

Three one-against-rest classifiers (StandardScaler, then an RBF support vector machine with
probabilities) and one three-class model (StandardScaler, then logistic regression). The data are
the 150 rows of the Iris set that scikit-learn carries, so nothing is downloaded. The same packages
(tools/requirements.txt) give the same bytes.

    python tools/train_iris.py                # rewrites models/
    python tools/train_iris.py --out build/m  # writes elsewhere
    python tools/train_iris.py --evaluate     # accuracy on rows the model has not seen
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

CLASSES = ("setosa", "versicolor", "virginica")
FEATURES = 4
SEED = 0
FOLDS = 10
REPEATS = 5

# ONNX Runtime 1.21 reads these, and the operators used here mean the same in every later opset.
OPSETS = {"": 17, "ai.onnx.ml": 1}
IR_VERSION = 8


def load() -> tuple[Floats, Labels]:
    """The rows as float32, which is what the exported models take, and their classes 0, 1, 2."""
    rows, classes = load_iris(return_X_y=True)
    return rows.astype(np.float32), classes.astype(np.int64)


def against_rest(classes: Labels, positive: int) -> Labels:
    """Label 0 is "is the class", label 1 is "is another"."""
    labels: Labels = (classes != positive).astype(np.int64)
    return labels


def make_binary() -> Pipeline:
    return Pipeline(
        [("scaler", StandardScaler()), ("svc", SVC(probability=True, random_state=SEED))]
    )


def make_multiclass() -> Pipeline:
    # The tolerance is far below what float32 shows, so that another machine's linear algebra
    # ends at the same weights.
    return Pipeline(
        [
            ("scaler", StandardScaler()),
            ("logistic", LogisticRegression(C=10.0, tol=1e-10, max_iter=10_000)),
        ]
    )


def seal(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Fixes what would otherwise vary with the exporter's version, checks, returns the model."""
    model.graph.name = name
    model.producer_name = "tools/train_iris.py"
    model.producer_version = ""
    model.domain = ""
    model.doc_string = ""
    model.model_version = 1
    model.ir_version = IR_VERSION
    del model.opset_import[:]
    model.opset_import.extend(
        onnx.helper.make_opsetid(domain, version) for domain, version in OPSETS.items()
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def export_binary(pipeline: Pipeline, name: str) -> onnx.ModelProto:
    """float_input float32 [N,4] -> output_label int64, output_probability seq(map(int64,float))."""
    model = convert_sklearn(
        pipeline,
        name=name,
        initial_types=[("float_input", FloatTensorType([None, FEATURES]))],
        target_opset=OPSETS,
    )
    return seal(model, name)


def keep_output(graph: onnx.GraphProto, kept: str, new_name: str, columns: int) -> None:
    """Leaves `kept` the only output, as float32 [N, columns] under a new name.

    Nodes that led only to the dropped outputs go too.
    """
    del graph.output[:]
    graph.output.append(
        onnx.helper.make_tensor_value_info(new_name, onnx.TensorProto.FLOAT, [None, columns])
    )
    needed = {kept}
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            needed.update(node.input)
    for node in graph.node:
        for edges in (node.input, node.output):
            for i, edge in enumerate(edges):
                if edge == kept:
                    edges[i] = new_name


def export_multiclass(pipeline: Pipeline, name: str) -> onnx.ModelProto:
    """input float32 [N,4] -> output float32 [N,3], and nothing else."""
    model = convert_sklearn(
        pipeline,
        name=name,
        initial_types=[("input", FloatTensorType([None, FEATURES]))],
        options={id(pipeline): {"zipmap": False}},
        target_opset=OPSETS,
    )
    keep_output(model.graph, "probabilities", "output", len(CLASSES))
    return seal(model, name)


def train() -> dict[str, onnx.ModelProto]:
    """File name -> model, each fitted on all rows."""
    rows, classes = load()
    models: dict[str, onnx.ModelProto] = {}
    for index, name in enumerate(CLASSES):
        stem = f"iris_svc_0_{name}"
        fitted = make_binary().fit(rows, against_rest(classes, index))
        models[f"{stem}.onnx"] = export_binary(fitted, stem)
    models["iris.onnx"] = export_multiclass(make_multiclass().fit(rows, classes), "iris")
    return models


def held_out_accuracy(make: Callable[[], Pipeline], rows: Floats, labels: Labels) -> float:
    """Share of rows classified rightly by a model that has not seen them."""
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    right = 0
    for fit, test in folds.split(rows, labels):
        predicted = make().fit(rows[fit], labels[fit]).predict(rows[test])
        right += int(np.sum(predicted == labels[test]))
    return right / (len(rows) * REPEATS)


def evaluate() -> dict[str, float]:
    """Model -> accuracy on held-out rows."""
    rows, classes = load()
    found = {
        f"iris_svc_0_{name}": held_out_accuracy(make_binary, rows, against_rest(classes, index))
        for index, name in enumerate(CLASSES)
    }
    found["iris"] = held_out_accuracy(make_multiclass, rows, classes)
    return found


def write(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, model in train().items():
        path = folder / name
        path.write_bytes(model.SerializeToString(deterministic=True))
        written.append(path)
    labels: dict[str, Any] = {str(index): name for index, name in enumerate(CLASSES)}
    path = folder / "label.json"
    path.write_text(json.dumps(labels, indent=2) + "\n", encoding="utf-8")
    written.append(path)
    return written


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(__file__).resolve().parent.parent / "models"
    parser.add_argument("--out", type=Path, default=default, help="folder to write (models/)")
    parser.add_argument(
        "--evaluate", action="store_true", help="print the accuracy on held-out rows, write nothing"
    )
    options = parser.parse_args(arguments)
    if options.evaluate:
        for name, accuracy in evaluate().items():
            print(f"{name:24} {accuracy:7.2%}")
        return 0
    for path in write(options.out):
        print(f"{path}  {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
