"""The three classifiers as an ensemble in one process, behind the seed's proxy interface."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from support import iris
from support.config import IRIS_CLASSES, Config, mount
from support.server import Server

pytestmark = pytest.mark.short

MEMBERS = {name: name for name in IRIS_CLASSES}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Config().iris_models()
    config.ensemble("iris", MEMBERS)
    config.listen("proxy", mount("horizontal_proxy", "iris"))
    config.listen("below", mount("horizontal_proxy", "iris", "/iris"))
    for name in IRIS_CLASSES:
        config.listen(name, mount("horizontal_service", name))
    config.ensemble("renamed", {"first": "setosa", "second": "versicolor"})
    config.listen("renamed", mount("horizontal_proxy", "renamed"))
    with Server(config, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: Server) -> httpx.Client:
    return server.http("proxy")


def test_health(proxy: httpx.Client) -> None:
    assert proxy.get("/health").json() == {"health": "ok"}


def test_health_all_names_every_member(proxy: httpx.Client) -> None:
    answer = proxy.get("/health/all")
    assert answer.status_code == 200
    assert answer.json() == {name: {"health": "ok"} for name in IRIS_CLASSES}


@pytest.mark.parametrize("row", iris.ROWS)
def test_predict_has_every_members_answer(proxy: httpx.Client, row: str) -> None:
    answer = proxy.post("/predict", json=iris.data(iris.ROWS[row]))
    assert answer.status_code == 200
    assert list(answer.json()) == list(IRIS_CLASSES), "in the order of the configuration"
    for name, entry in answer.json().items():
        iris.assert_prediction(entry, is_class=name == row)


def test_members_answer_as_they_do_alone(server: Server, proxy: httpx.Client) -> None:
    ask = iris.data(iris.VIRGINICA)
    together = proxy.post("/predict", json=ask).json()
    for name in IRIS_CLASSES:
        assert server.http(name).post("/predict", json=ask).json() == together[name]


@pytest.mark.parametrize("row", iris.ROWS)
def test_label_chooses_the_most_probable_class(proxy: httpx.Client, row: str) -> None:
    ask = iris.data(iris.ROWS[row])
    answer = proxy.post("/predict/label", json=ask)
    assert answer.status_code == 200
    entries = proxy.post("/predict", json=ask).json()
    best = max(entries, key=lambda name: entries[name]["prediction"][0])
    assert best == row
    assert answer.json() == {"prediction": {"proba": entries[best]["prediction"][0], "label": row}}


def test_several_rows(proxy: httpx.Client) -> None:
    rows = [iris.SETOSA, iris.VIRGINICA, iris.VERSICOLOR]
    answer = proxy.post("/predict", json=iris.data(*rows)).json()
    for name, entry in answer.items():
        assert set(entry) == {"prediction", "predictions"}
        assert entry["prediction"] == entry["predictions"][0]
        for row, pair in zip(rows, entry["predictions"], strict=True):
            iris.assert_probabilities(pair, is_class=row is iris.ROWS[name])


def test_label_of_several_rows(proxy: httpx.Client) -> None:
    rows = [iris.VIRGINICA, iris.SETOSA]
    answer = proxy.post("/predict/label", json=iris.data(*rows)).json()
    assert set(answer) == {"prediction", "predictions"}
    assert [entry["label"] for entry in answer["predictions"]] == ["virginica", "setosa"]
    assert answer["prediction"] == answer["predictions"][0]


def test_metadata(server: Server, proxy: httpx.Client) -> None:
    metadata = proxy.get("/metadata").json()
    service = server.http("setosa").get("/metadata").json()
    assert set(metadata) == set(service)
    assert metadata["data_type"] == "float32"
    assert metadata["data_structure"] == "(1,4)"
    assert metadata["prediction_type"] == "float32"
    assert metadata["prediction_structure"] == "(1,2)"
    sample = metadata["prediction_sample"]
    predicted = proxy.post("/predict", json={"data": metadata["data_sample"]}).json()
    assert set(sample) == set(IRIS_CLASSES)
    for name in IRIS_CLASSES:
        assert sample[name] == pytest.approx(predicted[name]["prediction"], abs=1e-6)


@pytest.mark.parametrize(("method", "path"), [("GET", "get"), ("POST", "post")])
def test_the_test_paths_predict_the_sample(proxy: httpx.Client, method: str, path: str) -> None:
    sample = proxy.get("/metadata").json()["data_sample"]
    expected = proxy.post("/predict", json={"data": sample}).json()
    answer = proxy.request(method, f"/predict/{path}/test")
    assert answer.status_code == 200
    assert answer.json() == expected


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("GET", "/predict/label", "POST"),
        ("POST", "/predict/get/test", "GET"),
        ("GET", "/predict/post/test", "POST"),
        ("POST", "/health/all", "GET"),
        ("DELETE", "/metadata", "GET"),
    ],
)
def test_wrong_methods(proxy: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = proxy.request(method, path)
    assert answer.status_code == 405
    assert allowed in answer.headers["allow"].replace(" ", "").split(",")


@pytest.mark.parametrize("path", ["/predict", "/predict/label"])
def test_a_wrong_row_is_refused_as_a_whole(proxy: httpx.Client, path: str) -> None:
    answer = proxy.post(path, json={"data": [[5.1, 3.5, 1.4, 0.2], [1, "x", 3, 4]]})
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    for word in ("data", "row 1", "column 1", "number", "string"):
        assert word in detail, detail


def test_a_prefix_puts_the_same_paths_below(server: Server, proxy: httpx.Client) -> None:
    below = server.http("below")
    ask = iris.data(iris.VERSICOLOR)
    for path in ("/predict", "/predict/label"):
        expected = proxy.post(path, json=ask).json()
        assert below.post(f"/iris{path}", json=ask).json() == expected
    for path in ("/health", "/health/all", "/metadata", "/predict/get/test"):
        assert below.get(f"/iris{path}").json() == proxy.get(path).json()


def test_labels_are_the_members_names(server: Server) -> None:
    renamed = server.http("renamed")
    assert list(renamed.get("/health/all").json()) == ["first", "second"]
    answer = renamed.post("/predict/label", json=iris.data(iris.VERSICOLOR)).json()
    assert answer["prediction"]["label"] == "second"
