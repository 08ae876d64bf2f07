"""The asynchronous classifier: the seed's interface over jobs, with the real binary."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.config import MODELS, Config, mount
from support.iris_jobs import SETOSA, TERMINAL
from support.ports import PortReservation
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


def iris_config(**options: Any) -> Config:
    config = Config().model("iris", MODELS / "iris.onnx")
    return config.listen("proxy", {**mount("async_iris", "iris"), **options}, mount("jobs"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(iris_config(), tmp_path_factory.mktemp("async") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.http("proxy")


def predict(client: httpx.Client, *rows: list[float], **fields: Any) -> str:
    answer = client.post("/predict", json={"data": list(rows) or [SETOSA], **fields})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["job_id"]
    return str(answer.json()["job_id"])


def result(client: httpx.Client, job_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = client.get(f"/job/{job_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert found["job_id"] == job_id
        return found if found["status"] in TERMINAL else None

    found = eventually(look, what="the job ends")
    assert found is not None
    return found


@contextlib.contextmanager
def paused(client: httpx.Client) -> Iterator[None]:
    client.post("/v1/queues/iris/pause")
    try:
        yield
    finally:
        client.post("/v1/queues/iris/resume")


def test_a_prediction_is_fetched_by_its_job_id(client: httpx.Client) -> None:
    found = result(client, predict(client))
    assert list(found) == ["job_id", "status", "result"]
    assert found["status"] == "completed"
    assert list(found["result"]) == ["prediction", "class_name", "probabilities"]
    assert found["result"]["prediction"] == 0
    assert found["result"]["class_name"] == "setosa"
    assert sum(found["result"]["probabilities"]) == pytest.approx(1, abs=1e-5)


def test_the_test_sample_is_a_job_too(client: httpx.Client) -> None:
    answer = client.post("/predict/test")
    assert result(client, answer.json()["job_id"])["result"]["class_name"] == "setosa"


def test_every_row_is_answered(client: httpx.Client) -> None:
    found = result(client, predict(client, SETOSA, [6.3, 3.3, 6.0, 2.5]))["result"]
    assert [row["class_name"] for row in found["predictions"]] == ["setosa", "virginica"]
    assert found["class_name"] == "setosa"


def test_ids_are_not_to_be_guessed(client: httpx.Client) -> None:
    ids = {predict(client) for _ in range(50)}
    assert len(ids) == 50
    assert all(len(job_id) == 36 for job_id in ids)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"data": [[5.1, 3.5, 1.4, 10.0]]}, 422, "row 0 column 3: expected a number below 10"),
        ({"data": [SETOSA, [5.1, 0.0, 1.4, 2]]}, 422, "row 1 column 1: expected a number above 0"),
        ({"data": [[5.1, 3.5, 1.4]]}, 422, "expected 4 columns, got 3"),
        ({"data": [["a", 1, 1, 1]]}, 422, "row 0 column 0: expected a number"),
        ({}, 422, "'data' is missing"),
        ("{", 400, "not JSON"),
        ({"data": [SETOSA], "priority": "now"}, 422, "expected high, normal or low"),
    ],
)
def test_a_wrong_value_is_named(
    client: httpx.Client, body: object, status: int, detail: str
) -> None:
    options: dict[str, Any] = {"content": body} if isinstance(body, str) else {"json": body}
    answer = client.post("/predict", **options)
    assert answer.status_code == status, answer.text
    assert detail in answer.json()["detail"]


def test_an_unknown_job_is_told_in_the_seeds_words(client: httpx.Client) -> None:
    for method in ("GET", "DELETE"):
        answer = client.request(method, "/job/a1b2c3")
        assert answer.status_code == 404
        assert answer.json()["detail"] == "Job not found"


def test_metadata_has_the_seeds_shape(client: httpx.Client) -> None:
    def tensor(name: str, columns: int) -> dict[str, Any]:
        dims = [{"size": "-1"}, {"size": str(columns)}]
        return {name: {"dtype": "DT_FLOAT", "tensor_shape": {"dim": dims}}}

    assert client.get("/metadata").json() == {
        "model_spec": {"name": "iris", "version": "1"},
        "metadata": {
            "signature_def": {
                "serving_default": {"inputs": tensor("input", 4), "outputs": tensor("output", 3)}
            }
        },
    }


def test_health_tells_of_each_component(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "healthy", "components": {"store": "ok", "model": "ok"}}


def test_jobs_are_listed_and_cancelled(client: httpx.Client) -> None:
    def pending(**more: str) -> Any:
        return client.get("/jobs", params={"status": "pending", **more}).json()

    eventually(lambda: not pending()["jobs"], what="earlier jobs are done")
    with paused(client):
        ids = [predict(client, priority="high") for _ in range(3)]
        page = pending(limit="2")
        assert [job["job_id"] for job in page["jobs"]] == ids[:0:-1]
        assert {job["priority"] for job in page["jobs"]} == {"high"}
        rest = pending(after=page["next"])
        assert [job["job_id"] for job in rest["jobs"]] == ids[:1]
        answer = client.delete(f"/job/{ids[0]}")
        assert answer.json() == {"job_id": ids[0], "status": "cancelled"}
    assert {result(client, job_id)["status"] for job_id in ids[1:]} == {"completed"}
    assert result(client, ids[0])["status"] == "cancelled"
    assert client.delete(f"/job/{ids[1]}").status_code == 409


def test_the_log_has_the_seeds_line(server: Server, client: httpx.Client) -> None:
    job_id = predict(client)
    line = server.wait_for_log(job_id=job_id, action="prediction_completed")
    assert line["component"] == "worker"
    assert line["result"] == "setosa"
    assert line["duration_ms"] > 0


def test_the_result_can_be_left_out_of_the_log(tmp_path: Path) -> None:
    with Server(iris_config(log_result=False), tmp_path / "server") as server:
        client = server.http("proxy")
        job_id = predict(client)
        result(client, job_id)
        assert "result" not in server.wait_for_log(job_id=job_id, action="prediction_completed")


def test_a_failed_job_is_answered_with_its_error(tmp_path: Path) -> None:
    config = iris_config(output="gone").set("jobs", {"retries": 0})
    with Server(config, tmp_path / "server") as server:
        client = server.http("proxy")
        found = result(client, predict(client))
        assert found["status"] == "failed"
        assert "gone" in found["error"]


def test_the_same_key_is_the_same_job(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"data": [SETOSA]}
    first = client.post("/predict", json=body, headers=headers)
    again = client.post("/predict", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    other = client.post("/predict", json={"data": [SETOSA, SETOSA]}, headers=headers)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    assert client.post("/predict", json=body, headers={"Idempotency-Key": ""}).status_code == 422


def test_a_server_that_was_never_reached_has_its_name_and_its_width(tmp_path: Path) -> None:
    closed = PortReservation()
    config = Config().tensorflow_serving("iris", closed.address)
    config.listen("proxy", mount("async_iris", "iris"))
    with Server(config, tmp_path / "server", wait=False) as server:
        client = server.http("proxy")
        health = eventually(
            lambda: client.get("/health"), what="it serves", ignore=(httpx.ConnectError,)
        )
        assert health.json()["components"] == {"store": "ok", "tensorflow_serving": "unavailable"}
        narrow = client.post("/predict", json={"data": [[1, 2, 3]]})
        assert narrow.status_code == 422
        assert "expected 4 columns, got 3" in narrow.json()["detail"]
        assert client.post("/predict", json={"data": [SETOSA]}).status_code == 200
    closed.release()


def test_a_store_that_is_damaged_while_it_is_used_is_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    config = iris_config().set("shutdown", {"drain_timeout": "500ms"})
    with Server(config, tmp_path / "server", env={"SLUICE_DATA_DIR": str(folder)}) as server:
        client = server.http("proxy")
        job_id = predict(client)
        for name in ("jobs.db", "jobs.db-wal", "jobs.db-shm"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
        for name in ("jobs.db", "jobs.db-wal"):
            file = folder / name
            with file.open("r+b") as damaged:
                damaged.write(b"y" * file.stat().st_size)

        def refused() -> bool:
            answers = client.get(f"/job/{job_id}"), client.post("/predict", json={"data": [SETOSA]})
            return all(answer.status_code == 503 for answer in answers)

        eventually(refused, what="it is noticed")
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json()["components"]["store"] == "unavailable"
        line = server.wait_for_log(action="store_damaged")
        assert "jobs.db" in line["error"]
        assert refused()
        assert sum(line["action"] == "store_damaged" for line in server.log()) == 1


def test_an_empty_file_for_jobs_is_warned_of(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "jobs.db").touch()
    with Server(iris_config(), tmp_path / "server", env={"SLUICE_DATA_DIR": str(folder)}) as server:
        line = server.wait_for_log(action="store_empty", level="WARN")
        assert "jobs.db" in line["message"]
        result(server.http("proxy"), predict(server.http("proxy")))


def test_without_its_store_it_says_so_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "jobs.db").write_bytes(b"no database" * 1000)
    with Server(iris_config(), tmp_path / "server", env={"SLUICE_DATA_DIR": str(folder)}) as server:
        client = server.http("proxy")
        for answer in (client.post("/predict", json={"data": [SETOSA]}), client.get("/job/a1b2c3")):
            assert answer.status_code == 503
            assert answer.json()["detail"] == "Service temporarily unavailable"
            assert int(answer.headers["retry-after"]) > 0
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json()["status"] == "unhealthy"
