"""/v1/leases: programs in any language that are a callable, fenced by the attempt."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.jobs import INFER, job_of, jobs_config, submit, take, wait_for_end
from support.server import ROOT, Server
from support.waiting import eventually

pytestmark = pytest.mark.short

WORKER = ROOT / "examples" / "external-worker" / "worker.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(jobs_config(retry_base="1ms"), tmp_path_factory.mktemp("leases")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> httpx.Client:
    """With empty queues."""
    made = server.http("jobs")
    for status in ("pending", "processing"):
        for job in made.get(f"/v1/jobs?status={status}").json()["jobs"]:
            made.delete(f"/v1/jobs/{job['id']}")
    return made


def report(client: httpx.Client, held: dict[str, Any], what: str, **more: Any) -> httpx.Response:
    return client.post(
        f"/v1/leases/{held['job']}/{what}", json={"attempt": held["attempt"], **more}
    )


def test_a_job_goes_to_a_worker_and_its_output_comes_back(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {"text": "a b a"}, metadata={"for": "me"})
    (lease,) = take(client, worker="w1", lease="20s")
    assert lease["job"] == job
    assert lease["attempt"] == 1
    assert lease["input"] == {"text": "a b a"}
    assert lease["metadata"] == {"for": "me"}
    assert lease["lease_until"] > lease["created_at"]
    assert job_of(client, job)["status"] == "processing"
    assert report(client, lease, "progress", progress=0.5).status_code == 204
    assert job_of(client, job)["progress"] == 0.5
    assert report(client, lease, "extend", lease="30s").json()["lease_until"]
    done = report(client, lease, "complete", output={"a": 2, "b": [1, None]})
    assert done.status_code == 200
    assert done.json()["status"] == "completed"
    assert job_of(client, job)["result"] == {"a": 2, "b": [1, None]}
    assert report(client, lease, "complete", output=0).status_code == 200, "said twice"
    assert job_of(client, job)["result"] == {"a": 2, "b": [1, None]}


def test_what_there_is_of_the_output_is_told_as_it_comes(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {"text": "a b"})
    (lease,) = take(client)
    with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines).removeprefix("data: "))
        assert first["status"] == "processing"
        assert "partial" not in first
        assert report(client, lease, "progress", partial={"a": 1}).status_code == 204
        second = json.loads(next(lines).removeprefix("data: "))
        assert (second["status"], second["partial"]) == ("processing", {"a": 1})
        assert report(client, lease, "complete", output={"a": 1, "b": 1}).status_code == 200
        last = json.loads(next(lines).removeprefix("data: "))
        assert last["result"] == {"a": 1, "b": 1}
        assert "partial" not in last


def test_any_json_is_an_input(client: httpx.Client) -> None:
    for value in (None, 3.5, "text", [1, {"x": []}]):
        submit(client, "wordcount", value)
    assert [lease["input"] for lease in take(client, max=10)] == [None, 3.5, "text", [1, {"x": []}]]


def test_nothing_to_do_is_an_empty_list(client: httpx.Client) -> None:
    assert take(client) == []
    assert take(client, wait="50ms") == []


def test_a_worker_that_waits_is_woken_by_a_job(server: Server, client: httpx.Client) -> None:
    got: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: got.extend(take(server.http("jobs"), wait="15s")))
    waiting.start()
    job = submit(client, "wordcount", {})
    waiting.join(10)
    assert [lease["job"] for lease in got] == [job]


def test_each_of_several_that_wait_gets_one(server: Server, client: httpx.Client) -> None:
    got: list[dict[str, Any]] = []
    waiting = [
        threading.Thread(target=lambda: got.extend(take(server.http("jobs"), wait="15s")))
        for _ in range(4)
    ]
    for thread in waiting:
        thread.start()
    jobs = {submit(client, "wordcount", i) for i in range(4)}
    for thread in waiting:
        thread.join(10)
    assert {lease["job"] for lease in got} == jobs
    assert len(got) == 4


def test_what_was_taken_for_a_client_that_left_goes_back(
    server: Server, client: httpx.Client
) -> None:
    with contextlib.suppress(httpx.ReadTimeout):
        server.http("jobs").post("/v1/leases?wait=15s", json={"callable": "wordcount"}, timeout=0.3)
    job = submit(client, "wordcount", 1)
    (lease,) = eventually(lambda: take(client), what="the job is there for another")
    assert lease["job"] == job


def test_a_failure_is_tried_again_unless_the_worker_says_no(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {})
    (lease,) = take(client)
    assert report(client, lease, "fail", error="no luck").json()["status"] == "pending"
    (again,) = take(client, wait="10s")
    assert (again["job"], again["attempt"]) == (job, 2)
    assert report(client, again, "fail", error="never", retry=False).json()["status"] == "failed"
    assert job_of(client, job)["error"]["message"] == "never"


def test_a_released_job_is_the_next_one(client: httpx.Client) -> None:
    first, _ = submit(client, "wordcount", 1), submit(client, "wordcount", 2)
    (lease,) = take(client)
    assert report(client, lease, "release").json()["status"] == "pending"
    (again,) = take(client)
    assert (again["job"], again["attempt"]) == (first, 2)


@pytest.mark.parametrize("what", ["extend", "progress", "complete", "fail", "release"])
def test_a_stale_attempt_changes_nothing(client: httpx.Client, what: str) -> None:
    job = submit(client, "wordcount", {})
    (old,) = take(client)
    report(client, old, "release")
    (new,) = take(client)
    more: dict[str, dict[str, Any]] = {
        "progress": {"progress": 1},
        "complete": {"output": 1},
        "fail": {"error": "x"},
    }
    answer = report(client, old, what, **more.get(what, {}))
    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"
    assert answer.json()["job_status"] == "processing"
    assert report(client, new, "complete", output=1).status_code == 200
    assert job_of(client, job)["attempt"] == 2


def test_a_cancelled_job_is_over_for_its_worker(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {})
    (lease,) = take(client)
    assert client.delete(f"/v1/jobs/{job}").json()["status"] == "cancelled"
    reports: dict[str, dict[str, Any]] = {"extend": {}, "complete": {"output": 1}}
    for what, more in reports.items():
        answer = report(client, lease, what, **more)
        assert answer.status_code == 409
        assert answer.json()["job_status"] == "cancelled"
    assert job_of(client, job)["status"] == "cancelled"


def test_a_lease_that_runs_out_gives_the_job_to_another(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {})
    (lease,) = take(client, lease="1s")
    (again,) = take(client, wait="10s")
    assert (again["job"], again["attempt"]) == (job, 2)
    assert job_of(client, job)["lost_leases"] == 1
    assert report(client, lease, "complete", output=1).status_code == 409


def test_a_job_ends_with_its_deadline_while_it_is_run(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {}, deadline="2s")
    (lease,) = take(client, lease="30s")
    assert lease["lease_until"] == lease["deadline"]
    extended = report(client, lease, "extend", lease="1h")
    assert extended.json()["lease_until"] == lease["deadline"]
    end = wait_for_end(client, job)
    assert end["status"] == "failed"
    assert end["error"]["code"] == "timeout"
    assert end["error"]["message"] == "its deadline passed while it was run"
    assert end["lost_leases"] == 0
    reports: dict[str, dict[str, Any]] = {"extend": {}, "complete": {"output": 1}}
    for what, more in reports.items():
        assert report(client, lease, what, **more).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "'callable' is missing"),
        ({"callable": "nobody"}, 404, "nobody"),
        ({"callable": "setosa"}, 422, "external"),
        ({"callable": "wordcount", "max": 0}, 422, "'max'"),
        ({"callable": "wordcount", "lease": "2d"}, 422, "'lease'"),
        ({"callable": "wordcount", "n": 1}, 422, "'n'"),
        ([], 422, "expected an object"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    client: httpx.Client, body: Any, status: int, words: str
) -> None:
    answer = client.post("/v1/leases", json=body)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_what_is_wrong_with_a_report_is_said(client: httpx.Client) -> None:
    job = submit(client, "wordcount", {})
    (lease,) = take(client)
    for what, body, words in (
        ("complete", {"output": 1}, "'attempt' is missing"),
        ("complete", {"attempt": 1}, "'output' is missing"),
        ("fail", {"attempt": 1}, "'error' is missing"),
        ("progress", {"attempt": 1, "progress": 2}, "'progress'"),
        ("progress", {"attempt": 1}, "'partial'"),
    ):
        answer = client.post(f"/v1/leases/{job}/{what}", json=body)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]
    assert client.post("/v1/leases/none/extend", json={"attempt": 1}).status_code == 404
    assert report(client, lease, "complete", output="x" * (5 << 20)).status_code == 413
    assert report(client, lease, "release").status_code == 200


def test_sluice_itself_runs_none_of_them_and_all_of_its_own(client: httpx.Client) -> None:
    theirs, own = submit(client, "wordcount", {}), submit(client, "setosa", INFER)
    assert wait_for_end(client, own)["status"] == "completed"
    assert job_of(client, theirs)["status"] == "pending"


def test_those_who_wait_do_not_hold_up_the_end_of_the_process(tmp_path: Path) -> None:
    with Server(jobs_config(), tmp_path / "s") as server:
        client = server.http("jobs")
        job = submit(client, "wordcount", {}, run_at="1h")
        got: list[httpx.Response] = []
        threads = [
            threading.Thread(target=lambda ask=ask: got.append(ask(server.http("jobs"))))
            for ask in (
                lambda c: c.post("/v1/leases?wait=60s", json={"callable": "wordcount"}),
                lambda c: c.get(f"/v1/jobs/{job}?wait=60s"),
                lambda c: c.get(f"/v1/jobs/{job}/events"),
            )
        ]
        for thread in threads:
            thread.start()
        metrics = server.http("admin")
        eventually(
            lambda: "sluice_requests_in_flight 3" in metrics.get("/metrics").text,
            what="three requests wait",
        )
        server.signal(signal.SIGTERM)
        for thread in threads:
            thread.join(10)
        assert [answer.status_code for answer in got] == [200, 200, 200]


class Worker:
    """examples/external-worker/worker.py as a process."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER)],
            env={**os.environ, "SLUICE_URL": url, "LEASE_S": "1"},
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def test_the_worker_of_the_example_is_killed_and_another_goes_on(tmp_path: Path) -> None:
    with Server(jobs_config(), tmp_path / "s") as server:
        client = server.http("jobs")
        url = f"http://{server.config.address('jobs')}"
        quick = submit(client, "wordcount", {"text": "to be or not to be"})
        wrong = submit(client, "wordcount", 5)
        worker = Worker(url)
        try:
            assert wait_for_end(client, quick)["result"] == {"to": 2, "be": 2, "or": 1, "not": 1}
            assert wait_for_end(client, wrong)["status"] == "failed"
            slow = submit(client, "wordcount", {"text": "x", "seconds": 2.5})
            eventually(
                lambda: job_of(client, slow)["status"] == "processing", what="a worker has it"
            )
            worker.kill()
            worker = Worker(url)
            end = wait_for_end(client, slow)
            assert (end["status"], end["result"]) == ("completed", {"x": 1})
            assert (end["attempt"], end["lost_leases"]) == (2, 1)
        finally:
            worker.kill()


def test_leases_survive_a_kill_of_the_server(tmp_path: Path) -> None:
    with Server(jobs_config(), tmp_path / "s") as server:
        client = server.http("jobs")
        job = submit(client, "wordcount", {"text": "x"})
        (lease,) = take(client, lease="60s")
        server.kill()
        server.process = server._start()
        server.wait_until_ready()
        client = server.http("jobs")
        assert take(client) == [], "it is leased still"
        assert report(client, lease, "complete", output=7).status_code == 200
        assert job_of(client, job)["result"] == 7
