"""/v1/jobs/batches: many calls in one file, streamed in, run as best effort, streamed out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.jobs import INFER, job_of, jobs_config, submit, take
from support.server import Server, binary
from support.waiting import eventually

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(jobs_config(), tmp_path_factory.mktemp("batches")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> httpx.Client:
    return server.http("jobs")


def jsonl(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def hand_in(client: httpx.Client, body: Any, **query: str) -> dict[str, Any]:
    answer = client.post("/v1/jobs/batches", params=query, content=body)
    assert answer.status_code == 202, answer.text
    batch = dict(answer.json())
    assert answer.headers["location"].endswith(batch["id"])
    return batch


def batch_of(client: httpx.Client, batch: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/v1/jobs/batches/{batch['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def wait_for_end(
    client: httpx.Client, batch: dict[str, Any], timeout: float = 60
) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        now = batch_of(client, batch)
        return now if now["status"] in ("completed", "failed", "cancelled") else None

    end = eventually(ended, what="the batch ends", timeout=timeout, interval=0.05)
    assert end is not None
    return end


def lines_of(client: httpx.Client, batch: dict[str, Any], what: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/jobs/batches/{batch['id']}/{what}")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def work(client: httpx.Client, most: int = 100) -> int:
    """Runs what there is of `wordcount`: the output of each is its input."""
    leases = take(client, max=most)
    for lease in leases:
        answer = client.post(
            f"/v1/leases/{lease['job']}/complete",
            json={"attempt": lease["attempt"], "output": lease["input"]},
        )
        assert answer.status_code == 200
    return len(leases)


def test_every_line_is_run_and_comes_out_in_order(client: httpx.Client) -> None:
    made = hand_in(
        client,
        jsonl(*({"input": INFER, "custom_id": f"c{i}"} for i in range(1, 31))),
        callable="setosa",
    )
    assert made["lines"] == 30
    end = wait_for_end(client, made)
    assert end["status"] == "completed"
    assert end["counts"] == {
        "pending": 0, "processing": 0, "completed": 30, "failed": 0, "cancelled": 0,
    }  # fmt: skip
    out = lines_of(client, made, "output")
    assert [line["line"] for line in out] == list(range(1, 31))
    assert [line["custom_id"] for line in out] == [f"c{i}" for i in range(1, 31)]
    assert all(line["output"]["outputs"] for line in out)
    assert lines_of(client, made, "errors") == []
    job = job_of(client, out[4]["job"])
    assert (job["batch"], job["line"], job["priority"]) == (made["id"], 5, "low")


def test_a_broken_line_is_told_with_its_number_and_loses_no_other(client: httpx.Client) -> None:
    good = json.dumps({"input": INFER, "callable": "setosa"})
    body = "\n".join(
        [
            good,
            "{not json",
            '{"input": {}, "callable": "setosa", "custom_id": "odd"}',
            '{"input": {}, "callable": "nobody"}',
            '{"input": {}}',
            "[1]",
            "",
            '{"callable": "setosa", "input": {}, "priority": "high"}',
            good,  # without an end of line
        ]
    )
    made = hand_in(client, body.encode())
    end = wait_for_end(client, made)
    assert end["status"] == "completed"
    assert (end["counts"]["completed"], end["counts"]["failed"]) == (2, 6)
    assert [line["line"] for line in lines_of(client, made, "output")] == [1, 9]
    errors = {line["line"]: line for line in lines_of(client, made, "errors")}
    assert sorted(errors) == [2, 3, 4, 5, 6, 8]
    assert "not JSON" in errors[2]["error"]["message"]
    assert errors[3]["custom_id"] == "odd"
    assert "nobody" in errors[4]["error"]["message"]
    assert "'callable' is missing" in errors[5]["error"]["message"]
    assert "expected an object" in errors[6]["error"]["message"]
    assert "'priority'" in errors[8]["error"]["message"]


def test_what_has_ended_can_be_read_while_others_run(client: httpx.Client) -> None:
    made = hand_in(client, jsonl(*({"input": i} for i in range(5))), callable="wordcount")
    assert eventually(lambda: work(client, 2), what="lines are there")
    seen = batch_of(client, made)
    assert seen["status"] == "running"
    assert seen["counts"]["completed"] >= 1
    assert len(lines_of(client, made, "output")) == seen["counts"]["completed"]
    eventually(
        lambda: (work(client), batch_of(client, made)["status"] == "completed")[1], what="its end"
    )
    assert [line["output"] for line in lines_of(client, made, "output")] == list(range(5))


def test_other_jobs_come_before_those_of_a_batch(client: httpx.Client) -> None:
    made = hand_in(client, jsonl(*({"input": i} for i in range(20))), callable="wordcount")
    eventually(
        lambda: [q for q in client.get("/v1/queues").json()["queues"] if q["pending"] >= 20],
        what="they wait",
    )
    urgent = submit(client, "wordcount", "urgent", priority="high")
    assert urgent in [lease["job"] for lease in take(client, max=2)]
    client.delete(f"/v1/jobs/batches/{made['id']}")
    client.delete(f"/v1/jobs/{urgent}")
    wait_for_end(client, made)


def test_a_batch_can_be_cancelled(client: httpx.Client) -> None:
    made = hand_in(client, jsonl(*({"input": i} for i in range(700))), callable="wordcount")
    (lease,) = take(client, wait="5s")
    assert client.delete(f"/v1/jobs/batches/{made['id']}").status_code == 200
    end = wait_for_end(client, made)
    assert end["status"] == "cancelled"
    assert end["counts"]["cancelled"] == 700
    answer = client.post(f"/v1/leases/{lease['job']}/extend", json={"attempt": lease["attempt"]})
    assert (answer.status_code, answer.json()["job_status"]) == (409, "cancelled")
    assert len(lines_of(client, made, "errors")) == 700
    assert lines_of(client, made, "errors")[0]["status"] == "cancelled"


def test_an_upload_is_not_held_in_memory(server: Server, client: httpx.Client) -> None:
    before = resident(server)
    line = json.dumps({"input": "x" * 4000}).encode() + b"\n"

    def body() -> Iterator[bytes]:
        for _ in range(12_000):
            yield line

    made = hand_in(client, body(), callable="wordcount")
    assert made["lines"] == 12_000
    # A sanitizer keeps what was freed.
    if binary().parent.name not in ("asan", "tsan"):
        assert resident(server) - before < 40 << 20, "of 48 MB"
    client.delete(f"/v1/jobs/batches/{made['id']}")
    assert wait_for_end(client, made)["status"] == "cancelled"


def resident(server: Server) -> int:
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def test_more_lines_than_allowed_are_refused_and_none_is_run(client: httpx.Client) -> None:
    answer = client.post("/v1/jobs/batches?callable=wordcount", content=b'{"input":1}\n' * 50_001)
    assert answer.status_code == 413
    assert "50000" in answer.json()["detail"]
    newest = client.get("/v1/jobs/batches?limit=1").json()["batches"][0]
    end = wait_for_end(client, newest)
    assert end["status"] == "failed"
    assert "50000" in end["error"]
    assert end["counts"]["completed"] == 0


def test_an_upload_that_breaks_off_fails_its_batch(server: Server, client: httpx.Client) -> None:
    before = {batch["id"] for batch in client.get("/v1/jobs/batches?limit=1").json()["batches"]}

    def is_taken() -> bool:
        newest = client.get("/v1/jobs/batches?limit=1").json()["batches"]
        return any(batch["id"] not in before and batch["lines"] >= 500 for batch in newest)

    with server.raw("jobs") as connection:
        connection.send(
            b"POST /v1/jobs/batches?callable=wordcount HTTP/1.1\r\nHost: a\r\n"
            b"Content-Length: 100000\r\n\r\n" + b'{"input":1}\n' * 1000
        )
        eventually(is_taken, what="lines are taken")
    newest = client.get("/v1/jobs/batches?limit=1").json()["batches"][0]
    end = wait_for_end(client, newest)
    assert end["status"] == "failed"
    assert "broke off" in end["error"]
    assert take(client) == []


def test_a_batch_is_made_once_under_a_key(server: Server, client: httpx.Client) -> None:
    def upload(body: bytes, key: str = "once", **query: str) -> httpx.Response:
        return client.post(
            "/v1/jobs/batches",
            params={"callable": "wordcount", **query},
            content=body,
            headers={"Idempotency-Key": key},
        )

    body = jsonl(*({"input": i} for i in range(600)))
    first = upload(body)
    assert first.status_code == 202, first.text
    again = upload(body)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["lines"] == 600
    for other in (upload(body + b"{}\n"), upload(body, callable="setosa")):
        assert other.status_code == 422
        assert "Idempotency-Key" in other.json()["detail"]
    assert upload(body, "another").json()["id"] != first.json()["id"]
    assert upload(body, "").status_code == 422

    with server.raw("jobs") as connection:
        connection.send(
            b"POST /v1/jobs/batches?callable=wordcount HTTP/1.1\r\nHost: a\r\n"
            b"Idempotency-Key: broken\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n"
        )
        # It has the key before anybody else asks for it.
        assert connection.interim() == 100
        connection.send(body)
        eventually(lambda: upload(body, "broken").status_code == 409, what="the first goes on")
    # One that broke off leaves its key.
    eventually(lambda: upload(body, "broken").status_code == 202, what="the next is taken")
    for batch in client.get("/v1/jobs/batches").json()["batches"]:
        client.delete(f"/v1/jobs/batches/{batch['id']}")
    eventually(lambda: take(client) == [], what="the lines are gone")


def test_what_is_wrong_with_a_batch_is_said(client: httpx.Client) -> None:
    answer = client.post("/v1/jobs/batches?callable=nobody", content=b"{}")
    assert answer.status_code == 404
    assert client.post("/v1/jobs/batches?n=1", content=b"{}").status_code == 422
    none = "018bcfe5-6800-7000-8000-000000000000"
    for path in (none, f"{none}/output", f"{none}/errors"):
        assert client.get(f"/v1/jobs/batches/{path}").status_code == 404
    assert client.delete(f"/v1/jobs/batches/{none}").status_code == 404
    assert hand_in(client, b"")["status"] == "completed"


def test_an_accepted_batch_ends_though_the_server_is_killed(tmp_path: Path) -> None:
    with Server(jobs_config(), tmp_path / "s") as server:
        client = server.http("jobs")
        made = hand_in(client, jsonl(*({"input": i} for i in range(3000))), callable="wordcount")
        done = 0
        for _ in range(3):
            for _ in range(4):
                done += work(client)
            server.kill()
            server.process = server._start()
            server.wait_until_ready()
            client = server.http("jobs")
        while batch_of(client, made)["status"] != "completed":
            work(client)
        out = lines_of(client, made, "output")
        assert [line["line"] for line in out] == list(range(1, 3001))
        assert [line["output"] for line in out] == list(range(3000))


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing_to_run(tmp_path: Path) -> None:
    with Server(jobs_config(), tmp_path / "s") as server:
        client = server.http("jobs")
        fed = threading.Event()

        def body() -> Iterator[bytes]:
            for i in range(100_000):
                if i == 5000:
                    fed.set()
                yield b'{"input":1}\n'

        failed: list[Exception] = []

        def upload() -> None:
            try:
                server.http("jobs").post("/v1/jobs/batches?callable=wordcount", content=body())
            except httpx.HTTPError as error:
                failed.append(error)

        thread = threading.Thread(target=upload)
        thread.start()
        assert fed.wait(20)
        server.kill()
        thread.join(20)
        assert failed
        server.process = server._start()
        server.wait_until_ready()
        client = server.http("jobs")
        assert take(client) == []
        (batch,) = client.get("/v1/jobs/batches").json()["batches"]
        assert batch["status"] == "receiving", "until nobody has heard of it for five minutes"
