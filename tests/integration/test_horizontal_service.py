"""One classifier behind the seed's interface: paths, exact JSON, and refusals that say why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support import iris
from support.config import IRIS_CLASSES, Config, mount
from support.server import Server

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config().iris_models()
    for name in IRIS_CLASSES:
        config.listen(name, mount("horizontal_service", name))
    config.listen("prefixed", *[mount("horizontal_service", n, f"/{n}") for n in IRIS_CLASSES])
    with Server(config, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def setosa(server: Server) -> httpx.Client:
    return server.http("setosa")


@pytest.mark.parametrize("name", IRIS_CLASSES)
def test_health(server: Server, name: str) -> None:
    answer = server.http(name).get("/health")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"health": "ok"}


@pytest.mark.parametrize("name", IRIS_CLASSES)
@pytest.mark.parametrize("row", iris.ROWS)
def test_predict_says_how_likely_the_row_is_of_its_class(
    server: Server, name: str, row: str
) -> None:
    answer = server.http(name).post("/predict", json=iris.data(iris.ROWS[row]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    iris.assert_prediction(answer.json(), is_class=name == row)


def test_the_row_of_the_specification_is_setosa(setosa: httpx.Client) -> None:
    answer = setosa.post("/predict", json=iris.data(iris.SETOSA)).json()
    assert answer["prediction"][0] > 0.9


def test_several_rows_have_every_prediction_and_the_first_as_before(setosa: httpx.Client) -> None:
    rows = [iris.SETOSA, iris.VERSICOLOR, iris.VIRGINICA, iris.SETOSA]
    answer = setosa.post("/predict", json=iris.data(*rows)).json()
    assert set(answer) == {"prediction", "predictions"}
    assert len(answer["predictions"]) == 4
    assert answer["prediction"] == answer["predictions"][0] == answer["predictions"][3]
    for row, pair in zip(rows, answer["predictions"], strict=True):
        iris.assert_probabilities(pair, is_class=row is iris.SETOSA)


def test_the_first_row_does_not_hang_on_the_others(setosa: httpx.Client) -> None:
    alone = setosa.post("/predict", json=iris.data(iris.VIRGINICA)).json()["prediction"]
    first = setosa.post("/predict", json=iris.data(iris.VIRGINICA, iris.SETOSA)).json()
    assert first["prediction"] == pytest.approx(alone, abs=1e-6)


def test_many_rows(setosa: httpx.Client) -> None:
    answer = setosa.post("/predict", json=iris.data(*[iris.SETOSA] * 1000)).json()
    assert len(answer["predictions"]) == 1000


@pytest.mark.parametrize("number", ["5", "5.0", "5e0", "0.5E+1", "-5", "0", "1e-30"])
def test_any_json_number_is_a_feature(setosa: httpx.Client, number: str) -> None:
    answer = setosa.post("/predict", content=f'{{"data": [[{number}, 3.5, 1.4, 0.2]]}}')
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "body", ['{"data":[[5.1,3.5,1.4,0.2]]}', '\n{ "data" :\t[ [5.1,3.5,1.4,0.2 ] ]}\r\n']
)
def test_white_space_does_not_matter(setosa: httpx.Client, body: str) -> None:
    assert setosa.post("/predict", content=body).json()["prediction"][0] > 0.9


def test_metadata_is_true_to_the_model(setosa: httpx.Client) -> None:
    metadata = setosa.get("/metadata").json()
    assert set(metadata) == {
        "data_type",
        "data_structure",
        "data_sample",
        "prediction_type",
        "prediction_structure",
        "prediction_sample",
    }
    assert metadata["data_type"] == "float32"
    assert metadata["data_structure"] == "(1,4)"
    assert metadata["prediction_type"] == "float32"
    assert metadata["prediction_structure"] == "(1,2)"
    predicted = setosa.post("/predict", json={"data": metadata["data_sample"]}).json()
    assert predicted["prediction"] == pytest.approx(metadata["prediction_sample"], abs=1e-6)


def test_predict_test_predicts_the_sample(setosa: httpx.Client) -> None:
    sample = setosa.get("/metadata").json()["data_sample"]
    expected = setosa.post("/predict", json={"data": sample}).json()
    assert setosa.get("/predict/test").json() == expected


@pytest.mark.parametrize("name", IRIS_CLASSES)
def test_a_prefix_puts_the_same_paths_below(server: Server, name: str) -> None:
    below = server.http("prefixed")
    plain = server.http(name)
    assert below.get(f"/{name}/health").json() == {"health": "ok"}
    assert below.get(f"/{name}/metadata").json() == plain.get("/metadata").json()
    assert below.get(f"/{name}/predict/test").json() == plain.get("/predict/test").json()
    ask = iris.data(iris.VERSICOLOR)
    assert (
        below.post(f"/{name}/predict", json=ask).json() == plain.post("/predict", json=ask).json()
    )
    assert below.get("/health").status_code == 404


# What is wrong, and what of it the answer must say.
WRONG: dict[str, tuple[Any, list[str]]] = {
    "not_an_object": ([[5.1, 3.5, 1.4, 0.2]], ["object"]),
    "no_data": ({}, ["data"]),
    "another_key_only": ({"rows": [[1, 2, 3, 4]]}, ["data"]),
    "data_is_no_array": ({"data": 5}, ["data", "list"]),
    "data_is_text": ({"data": "5.1,3.5,1.4,0.2"}, ["data", "list"]),
    "data_is_null": ({"data": None}, ["data", "list"]),
    "no_rows": ({"data": []}, ["data", "row"]),
    "row_is_no_array": ({"data": [5.1, 3.5, 1.4, 0.2]}, ["data", "row 0", "list"]),
    "row_too_short": ({"data": [[5.1, 3.5, 1.4]]}, ["data", "row 0", "4", "3"]),
    "row_too_long": ({"data": [[5.1, 3.5, 1.4, 0.2, 7]]}, ["data", "row 0", "4", "5"]),
    "row_empty": ({"data": [[]]}, ["data", "row 0", "4", "0"]),
    "second_row_too_short": (
        {"data": [[5.1, 3.5, 1.4, 0.2], [1, 2]]},
        ["data", "row 1", "4", "2"],
    ),
    "text_for_a_number": (
        {"data": [[5.1, "3.5", 1.4, 0.2]]},
        ["data", "row 0", "column 1", "number", "string"],
    ),
    "null_for_a_number": (
        {"data": [[5.1, 3.5, None, 0.2]]},
        ["data", "row 0", "column 2", "number", "null"],
    ),
    "truth_for_a_number": (
        {"data": [[5.1, 3.5, 1.4, True]]},
        ["data", "row 0", "column 3", "number", "true"],
    ),
    "array_for_a_number": (
        {"data": [[1, 2, 3, 4], [[5.1], 3.5, 1.4, 0.2]]},
        ["data", "row 1", "column 0", "number", "array"],
    ),
    "object_for_a_number": (
        {"data": [[{}, 3.5, 1.4, 0.2]]},
        ["data", "row 0", "column 0", "number", "object"],
    ),
    "beyond_float32": (
        {"data": [[5.1, 1e39, 1.4, 0.2]]},
        ["data", "row 0", "column 1"],
    ),
}


@pytest.mark.parametrize(("body", "words"), WRONG.values(), ids=list(WRONG))
def test_wrong_shape_or_values_say_where_and_what(
    setosa: httpx.Client, body: Any, words: list[str]
) -> None:
    answer = setosa.post("/predict", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    for word in words:
        assert word in problem["detail"], problem["detail"]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"nonsense", 0),
        (b'{"data": [[1, 2, 3, 4]', 22),
        (b'{"data": [[1, 2, 3, 4]]}}', 24),
        (b'{"data": [[1,, 2, 3, 4]]}', 13),
        (b'{"data": [[NaN, 2, 3, 4]]}', 11),
        (b'{"data": [[01, 2, 3, 4]]}', 12),
        (b'{"data": [[1, 2, 3, 4]],}', 24),
        (b"{'data': [[1, 2, 3, 4]]}", 1),
        (b'{"data": [[1, 2, 3, 4]], "name": "\xff"}', 34),
    ],
)
def test_bad_json_says_the_byte(setosa: httpx.Client, body: bytes, at: int) -> None:
    answer = setosa.post("/predict", content=body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"byte {at}" in answer.json()["detail"], answer.text


def test_deep_nesting_is_refused(setosa: httpx.Client) -> None:
    answer = setosa.post("/predict", content=b'{"data": ' + b"[" * 100_000)
    assert answer.status_code in (400, 422)
