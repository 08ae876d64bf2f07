"""What the iris services must answer, and small helpers to say so."""

from __future__ import annotations

from typing import Any

SETOSA = [5.1, 3.5, 1.4, 0.2]
VERSICOLOR = [5.9, 2.8, 4.3, 1.3]
VIRGINICA = [6.9, 3.1, 5.4, 2.1]
ROWS = {"setosa": SETOSA, "versicolor": VERSICOLOR, "virginica": VIRGINICA}


def data(*rows: list[float]) -> dict[str, Any]:
    return {"data": list(rows)}


def assert_prediction(entry: Any, *, is_class: bool) -> None:
    """`entry` is one member's answer for one row, exactly: two probabilities that sum to one."""
    assert set(entry) == {"prediction"}, entry
    assert_probabilities(entry["prediction"], is_class=is_class)


def assert_probabilities(pair: Any, *, is_class: bool) -> None:
    assert len(pair) == 2
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in pair), pair
    assert abs(sum(pair) - 1) < 1e-5
    assert (pair[0] > 0.5) == is_class, pair
