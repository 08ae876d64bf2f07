"""Merge rules as a file chooses them, with the weights that it gives to members."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support import onnx_models
from support.config import Config, mount
from support.server import Server

pytestmark = pytest.mark.short

# What the members make of it: two choose the last column, and `less`, which turns it round, the
# first.
ROW = [1.0, 2.0, 3.0, 4.0]
LABELS = ["first", "second", "third", "last"]


@pytest.mark.parametrize(
    ("merge", "weights", "expected"),
    [
        ({"rule": "weighted_vote"}, {}, {"vote": [3], "share": [2 / 3]}),
        ({"rule": "weighted_vote"}, {"less": 3}, {"vote": [0], "share": [0.6]}),
        (
            {"rule": "weighted_vote", "output": "output", "labels": LABELS},
            {"less": 0.5, "more": 0.5, "most": 0.25},
            {"vote": [3], "share": [0.6], "label": ["last"]},
        ),
        ({"rule": "mean"}, {}, {"mean": [1.0, 2.0, 3.0, 4.0]}),
        ({"rule": "mean"}, {"less": 2, "more": 0}, {"mean": [1 / 3, 2 / 3, 1.0, 4 / 3]}),
    ],
    ids=["votes", "a_weight_wins", "labels_and_all_weights", "mean", "mean_by_weight"],
)
def test_weights_of_the_file_reach_the_rule_that_it_names(
    merge: dict[str, Any],
    weights: dict[str, float],
    expected: dict[str, list[Any]],
    tmp_path: Path,
) -> None:
    config = Config()
    for name, factor in {"less": -1, "more": 1, "most": 3}.items():
        config.model(name, onnx_models.times(tmp_path / f"{name}.onnx", factor))
    config.ensemble("all", {name: name for name in ("less", "more", "most")}, merge=merge)
    for name, weight in weights.items():
        config.data["callables"]["all"]["ensemble"]["members"][name]["weight"] = weight
    config.listen("rest", mount("open_inference"))
    row = {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": ROW}
    body = {"inputs": [row], "outputs": [{"name": name} for name in expected]}
    with Server(config, tmp_path / "server") as server:
        answer = server.http("rest").post("/v2/models/all/infer", json=body)
    assert answer.status_code == 200, answer.text
    given = {output["name"]: output["data"] for output in answer.json()["outputs"]}
    assert given == {name: pytest.approx(values) for name, values in expected.items()}
