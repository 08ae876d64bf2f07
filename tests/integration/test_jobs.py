"""Durable jobs on the embedded store, over HTTP, with the real binary."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from support import iris_jobs as jobs
from support.config import MODELS, Config, mount
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


def jobs_config(**options: object) -> Config:
    config = Config().model("iris", MODELS / "iris.onnx")
    config.listen("jobs", mount("jobs"))
    return config.set("jobs", options)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(jobs_config(), tmp_path_factory.mktemp("jobs") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.http("jobs")


@pytest.fixture
def paused(client: httpx.Client) -> Iterator[None]:
    assert client.post("/v1/queues/iris/pause").json() == {"paused": True}
    yield
    assert client.post("/v1/queues/iris/resume").json() == {"paused": False}


def test_a_job_is_taken_run_and_answered(client: httpx.Client) -> None:
    job_id = jobs.submit(client, metadata={"for": "test"})
    found = jobs.ended(client, job_id)
    assert found["status"] == "completed"
    assert found["callable"] == "iris"
    assert found["attempt"] == 1
    assert found["metadata"] == {"for": "test"}
    [output] = found["result"]["outputs"]
    assert max(range(3), key=output["data"].__getitem__) == 0
    created, finished, expires = (
        datetime.fromisoformat(found[name]) for name in ("created_at", "finished_at", "expires_at")
    )
    assert created <= finished
    assert expires - finished == timedelta(hours=24)


def test_a_submission_can_wait_for_the_end(client: httpx.Client) -> None:
    body = {"callable": "iris", "input": jobs.iris_input()}
    for extra in ({"params": {"wait": "10s"}}, {"headers": {"Prefer": "wait=10"}}):
        answer = client.post("/v1/jobs", json=body, **extra)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "completed"


@pytest.mark.usefixtures("paused")
def test_a_wait_that_is_over_answers_with_what_is(client: httpx.Client) -> None:
    job_id = jobs.submit(client)
    assert jobs.job(client, job_id, wait="50ms")["status"] == "pending"
    body = {"callable": "iris", "input": jobs.iris_input()}
    answer = client.post("/v1/jobs", json=body, params={"wait": "50ms"})
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"


def test_whoever_waits_hears_of_the_end_at_once(client: httpx.Client, server: Server) -> None:
    client.post("/v1/queues/iris/pause")
    job_id = jobs.submit(client)
    answers: list[dict[str, object]] = []
    waits = threading.Thread(
        target=lambda: answers.append(jobs.job(server.http("jobs"), job_id, wait="20s"))
    )
    waits.start()
    client.post("/v1/queues/iris/resume")
    waits.join(10)
    assert [answer["status"] for answer in answers] == ["completed"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ("{", 400, "not JSON at byte 1"),
        ("[]", 422, 'expected an object like {"callable"'),
        ({"input": {}}, 422, "'callable' is missing"),
        ({"callable": "iris"}, 422, "'input' is missing"),
        ({"callable": "nobody", "input": {}}, 404, "nobody"),
        ({"callable": "iris", "input": {}, "prio": 1}, 422, "a field 'prio'"),
        ({"callable": "iris", "input": {"inputs": []}}, 422, "input"),
        ({"callable": "iris", "input": jobs.iris_input([1.0])}, 422, "'input'"),
        ({"callable": 7, "input": {}}, 422, "'callable': expected a string, got"),
        (
            {"callable": "iris", "input": jobs.iris_input(), "priority": "urgent"},
            422,
            "expected high, normal or low",
        ),
        (
            {"callable": "iris", "input": jobs.iris_input(), "run_at": "tomorrow"},
            422,
            "'run_at': expected a time like",
        ),
        (
            {"callable": "iris", "input": jobs.iris_input(), "deadline": "2001-01-01T00:00:00Z"},
            422,
            "'deadline' has passed",
        ),
        (
            {"callable": "iris", "input": jobs.iris_input(), "metadata": []},
            422,
            "'metadata': expected an object",
        ),
        (
            {"callable": "iris", "input": jobs.iris_input(), "metadata": {"a": "x" * 5000}},
            413,
            "'metadata' has",
        ),
    ],
)
def test_a_wrong_submission_is_told_what_is_wrong(
    client: httpx.Client, body: object, status: int, detail: str
) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = client.post("/v1/jobs", content=content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_an_unknown_job_is_not_found(client: httpx.Client) -> None:
    for job_id in ("a1b2c3", "01a21585-ba16-7906-83ae-f1613f2bd1f3", "%00"):
        for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/events"):
            assert client.get(path).status_code in (400, 404), path
    assert client.delete("/v1/jobs/a1b2c3").status_code == 404
    assert client.post("/v1/jobs/a1b2c3/retry").status_code == 404


def test_a_pending_job_that_is_cancelled_never_starts(client: httpx.Client) -> None:
    client.post("/v1/queues/iris/pause")
    job_id = jobs.submit(client)
    assert client.delete(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 200
    client.post("/v1/queues/iris/resume")
    after = jobs.submit(client)
    jobs.ended(client, after)
    found = jobs.job(client, job_id)
    assert found["status"] == "cancelled"
    assert found["attempt"] == 0


def test_a_job_that_has_ended_cannot_be_cancelled(client: httpx.Client) -> None:
    job_id = jobs.submit(client)
    jobs.ended(client, job_id)
    answer = client.delete(f"/v1/jobs/{job_id}")
    assert answer.status_code == 409
    assert "completed already" in answer.json()["detail"]


def test_the_same_key_gives_the_same_job(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": '"order-66"'}
    first = jobs.submit(client, headers=headers)
    assert jobs.submit(client, headers=headers) == first
    body = {"callable": "iris", "input": jobs.iris_input([6.0, 3.0, 4.0, 1.0])}
    other = client.post("/v1/jobs", json=body, headers=headers)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    assert client.post("/v1/jobs", json=body, headers={"Idempotency-Key": '""'}).status_code == 422


def test_many_at_once_under_one_key_are_one_job(server: Server) -> None:
    """Each hears of the one job, or that it is being taken."""
    body = {"callable": "iris", "input": jobs.iris_input()}
    headers = {"Idempotency-Key": "stampede"}
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(server.http("jobs").post("/v1/jobs", json=body, headers=headers))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1


def test_a_delayed_job_does_not_start_before_its_time(client: httpx.Client) -> None:
    job_id = jobs.submit(client, run_at="300ms")
    found = jobs.ended(client, job_id)
    assert datetime.fromisoformat(found["started_at"]) >= datetime.fromisoformat(found["run_at"])


@pytest.mark.usefixtures("paused")
def test_a_job_whose_deadline_passes_in_the_queue_fails(client: httpx.Client) -> None:
    job_id = jobs.submit(client, deadline="200ms")
    found = jobs.ended(client, job_id)
    assert found["status"] == "failed"
    assert found["error"]["code"] == "timeout"


@pytest.mark.usefixtures("paused")
def test_jobs_are_listed_newest_first_page_by_page(client: httpx.Client) -> None:
    submitted = [jobs.submit(client) for _ in range(5)]
    listed: list[str] = []
    after = None
    while len(listed) < 5:
        page = client.get(
            "/v1/jobs",
            params={"status": "pending", "limit": "2", **({"after": after} if after else {})},
        ).json()
        listed += [job["id"] for job in page["jobs"]]
        after = page["next"]
        if after is None:
            break
    assert listed[:5] == submitted[::-1]
    for query in ("status=done", "limit=0", "limit=x", "states=failed", "after=nonsense"):
        assert client.get(f"/v1/jobs?{query}").status_code == 422, query


def events(
    client: httpx.Client, job_id: str, last: str | None = None, begun: threading.Event | None = None
) -> list[dict[str, str]]:
    """All events of a job to its end; `begun` is set when the first has come."""
    headers = {"Last-Event-ID": last} if last else {}
    text = ""
    with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        for part in stream.iter_text():
            text += part
            if begun:
                begun.set()
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            found.append(dict(line.split(": ", 1) for line in lines))
    return found


def test_events_tell_of_each_state_and_resume(server: Server) -> None:
    client = server.http("jobs")
    client.post("/v1/queues/iris/pause")
    job_id = jobs.submit(client)
    seen: list[dict[str, str]] = []
    begun = threading.Event()
    reader = server.http("jobs")
    follows = threading.Thread(target=lambda: seen.extend(events(reader, job_id, begun=begun)))
    follows.start()
    assert begun.wait(20)
    client.post("/v1/queues/iris/resume")
    follows.join(20)
    assert seen[0]["event"] == "pending"
    assert seen[-1]["event"] == "completed"
    assert json.loads(seen[-1]["data"])["result"]["model_name"] == "iris"
    ids = [int(event["id"]) for event in seen]
    assert ids == sorted(set(ids))
    # Whoever comes back hears what is new since.
    assert [event["event"] for event in events(client, job_id, last=seen[0]["id"])] == ["completed"]
    # And whoever has heard all is told not to come back.
    headers = {"Last-Event-ID": seen[-1]["id"]}
    over = client.get(f"/v1/jobs/{job_id}/events", headers=headers)
    assert (over.status_code, over.content) == (204, b"")


@pytest.mark.usefixtures("paused")
def test_queues_tell_what_waits(client: httpx.Client) -> None:
    jobs.submit(client)
    [queue] = client.get("/v1/queues").json()["queues"]
    assert queue["callable"] == "iris"
    assert queue["paused"] is True
    assert queue["pending"] >= 1
    assert client.post("/v1/queues/nobody/pause").status_code == 404


def test_everything_is_there_after_a_crash(tmp_path: Path) -> None:
    config = jobs_config()
    with Server(config, tmp_path / "server") as first:
        client = first.http("jobs")
        done = jobs.submit(client)
        result = jobs.ended(client, done)["result"]
        client.post("/v1/queues/iris/pause")
        waiting = [jobs.submit(client, priority=p) for p in ("low", "normal", "high")]
        first.kill()
        with Server(config, tmp_path / "server") as second:
            client = second.http("jobs")
            assert jobs.job(client, done)["result"] == result
            assert [jobs.job(client, job_id)["status"] for job_id in waiting] == ["pending"] * 3
            client.post("/v1/queues/iris/resume")
            assert {jobs.ended(client, job_id)["status"] for job_id in waiting} == {"completed"}
        first.process.wait()
        first.process.returncode = 0


def test_a_process_that_ends_in_good_order_gives_its_jobs_back(tmp_path: Path) -> None:
    """The callable never answers: its jobs go back to the queue, with no failure counted."""
    # It takes connections, and that is all.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        config = Config().remote("slow", f"http://127.0.0.1:{port}", timeout="60s")
        config.listen("jobs", mount("jobs"))
        config.set("shutdown", {"drain_timeout": "200ms"})
        with Server(config, tmp_path / "server") as first:
            client = first.http("jobs")
            body = {"name": "float_input", "shape": [1, 4], "datatype": "FP32", "data": jobs.SETOSA}
            job_id = jobs.submit(client, callable="slow", input={"inputs": [body]})
            eventually(
                lambda: jobs.job(client, job_id)["status"] == "processing", what="it has begun"
            )
        config.set("jobs", {"consume": False})
        with Server(config, tmp_path / "server") as second:
            found = jobs.job(second.http("jobs"), job_id)
            assert (found["status"], found["failures"], found["lost_leases"]) == ("pending", 0, 0)


def test_a_backend_that_is_away_costs_a_job_nothing(tmp_path: Path) -> None:
    """Nobody listens at first; when somebody does, all that waited is run."""
    config = Config().model("iris", MODELS / "iris.onnx")
    config.listen("open", mount("open_inference"))
    config.listen("tf", mount("tensorflow_serving"), protocol="grpc")
    away = Config().tensorflow_serving("iris", config.address("tf"))
    away.listen("jobs", mount("jobs"))
    with Server(config, tmp_path / "backend") as backend, Server(away, tmp_path / "front") as front:
        client = front.http("jobs")
        backend.kill()
        ids = [jobs.submit(client) for _ in range(20)]
        eventually(
            lambda: any(jobs.job(client, job_id)["outages"] for job_id in ids),
            what="the outage is seen",
        )
        with Server(config, tmp_path / "backend"):
            found = [jobs.ended(client, job_id) for job_id in ids]
        assert {job["status"] for job in found} == {"completed"}
        assert {job["failures"] for job in found} == {0}
        backend.process.returncode = 0


def test_two_processes_do_not_share_a_state_folder(tmp_path: Path) -> None:
    data = {"SLUICE_DATA_DIR": str(tmp_path / "data")}
    with (
        Server(jobs_config(), tmp_path / "one", env=data) as one,
        Server(jobs_config(), tmp_path / "two", env=data) as two,
    ):
        jobs.submit(one.http("jobs"))
        body = {"callable": "iris", "input": jobs.iris_input()}
        answer = two.http("jobs").post("/v1/jobs", json=body)
        assert answer.status_code == 503
        assert "another running process" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        two.wait_for_log(action="store_unavailable")


def test_a_damaged_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "jobs.db").write_bytes(b"x" * 8192)
    with Server(jobs_config(), tmp_path / "one", env={"SLUICE_DATA_DIR": str(folder)}) as server:
        body = {"callable": "iris", "input": jobs.iris_input()}
        answer = server.http("jobs").post("/v1/jobs", json=body)
        assert answer.status_code == 503
        assert "left as it is" in answer.json()["detail"]
    assert (folder / "jobs.db").read_bytes() == b"x" * 8192


def test_results_go_after_their_time(tmp_path: Path) -> None:
    with Server(jobs_config(retention="1s"), tmp_path / "server") as server:
        client = server.http("jobs")
        job_id = jobs.submit(client)
        jobs.ended(client, job_id)
        eventually(
            lambda: client.get(f"/v1/jobs/{job_id}").status_code == 404, what="the job is gone"
        )


def test_a_process_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    with Server(jobs_config(lease="1s"), tmp_path / "server") as server:
        client = server.http("jobs")
        ids = [jobs.submit(client) for _ in range(200)]
        server.signal(signal.SIGSTOP)
        server.signal(signal.SIGCONT)
        found = [jobs.ended(client, job_id) for job_id in ids]
        assert {job["status"] for job in found} == {"completed"}
