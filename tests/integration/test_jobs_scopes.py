"""What a key may do with jobs: its callables, its own leases, its priority, and no backups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from integration.access import create, with_key
from support.config import MODELS, mount
from support.iris_jobs import SETOSA
from support.jobs import INFER, jobs_config
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = jobs_config().model("iris", MODELS / "iris.onnx")
    config.listen("iris", mount("async_iris", "iris")).listen("admin", mount("admin"))
    config.set("access", {"required": True})
    with Server(config, tmp_path_factory.mktemp("scopes")) as running:
        yield running


def client_of(server: Server, listener: str, name: str, *options: str) -> httpx.Client:
    """With a key that is good."""
    client = server.http(listener)
    client.headers.update(with_key(create(server, name, *options)))
    eventually(
        lambda: client.get("/v1/jobs" if listener == "jobs" else "/jobs").status_code != 401,
        what="the key is known",
    )
    return client


def known(client: httpx.Client, key: dict[str, str]) -> None:
    eventually(
        lambda: client.get("/admin/models", headers=key).status_code == 403,
        what="the key is known",
    )


def test_only_administrators_have_the_store_or_replace_it(server: Server) -> None:
    client = server.http("admin")
    for options in ((), ("--scope", "callables=*", "--scope", "jobs", "--scope", "work")):
        key = with_key(create(server, f"caller{len(options)}", *options))
        known(client, key)
        for path in ("/admin/jobs/backup", "/admin/jobs/restore"):
            refused = client.post(path, headers=key, content=b"")
            assert refused.status_code == 403, path
            assert "admin" in refused.json()["detail"]
    ops = with_key(create(server, "ops", "--scope", "admin"))
    eventually(
        lambda: client.post("/admin/jobs/backup", headers=ops).status_code == 200, what="an admin"
    )


def test_a_callable_out_of_scope_is_forbidden_in_every_way(server: Server) -> None:
    narrow = ("--scope", "callables=other", "--scope", "jobs", "--scope", "work")
    iris = client_of(server, "iris", "narrow-iris", *narrow)
    body = {"data": [SETOSA]}
    for answer in (
        iris.post("/predict", json=body),
        iris.post("/predict", json={"data": "wrong"}),
        iris.post("/predict/test"),
        iris.get("/metadata"),
    ):
        assert answer.status_code == 403, answer.text
    jobs = client_of(server, "jobs", "narrow-jobs", *narrow)
    for callable_ in ("setosa", "wordcount", "nobody"):
        for input_ in (INFER, {"inputs": 1}):
            answer = jobs.post("/v1/jobs", json={"callable": callable_, "input": input_})
            assert answer.status_code == 403, answer.text
            assert f"callables={callable_}" in answer.json()["detail"]
        answer = jobs.post("/v1/leases", json={"callable": callable_})
        assert answer.status_code == 403, answer.text
        answer = jobs.post(f"/v1/jobs/batches?callable={callable_}", content=b"{}\n")
        assert answer.status_code == 403, answer.text


def test_only_the_key_that_took_a_job_reports_of_it(server: Server) -> None:
    work = ("--scope", "jobs", "--scope", "work", "--scope")
    mine = client_of(server, "jobs", "mine", *work, "callables=wordcount")
    theirs = client_of(server, "jobs", "theirs", *work, "callables=wordcount")
    elsewhere = client_of(server, "jobs", "elsewhere", *work, "callables=other")
    handed_in = mine.post("/v1/jobs", json={"callable": "wordcount", "input": 1})
    job = handed_in.json()["id"]
    (lease,) = mine.post("/v1/leases", json={"callable": "wordcount"}).json()["leases"]
    assert lease["job"] == job
    reports: dict[str, dict[str, Any]] = {
        "extend": {},
        "progress": {"progress": 0.5},
        "complete": {"output": 0},
        "fail": {"error": "no"},
        "release": {},
    }
    for stranger, why in ((elsewhere, "callables=wordcount"), (theirs, "another key")):
        for what, body in reports.items():
            answer = stranger.post(f"/v1/leases/{job}/{what}", json={"attempt": 1, **body})
            assert answer.status_code == 403, (what, answer.text)
            assert why in answer.json()["detail"]
    for what in ("extend", "progress", "complete", "complete"):
        answer = mine.post(f"/v1/leases/{job}/{what}", json={"attempt": 1, **reports[what]})
        assert answer.status_code in (200, 204), answer.text
    answer = mine.post(f"/v1/leases/{job}/fail", json={"attempt": 1, "error": "late"})
    assert answer.status_code == 409
    assert answer.json()["job_status"] == "completed"


def test_a_job_of_a_best_effort_key_goes_before_nobody(server: Server) -> None:
    low = client_of(server, "iris", "low", "--scope", "callables=*", "--scope", "jobs")
    cheap = client_of(
        *(server, "iris", "cheap", "--scope", "callables=*", "--scope", "jobs"),
        *("--class", "best_effort"),
    )
    for client, priority in ((low, "high"), (cheap, "normal")):
        client.post("/predict", json={"data": [SETOSA], "priority": "high"})
        assert client.get("/jobs").json()["jobs"][0]["priority"] == priority
    direct = server.http("jobs")
    direct.headers.update(cheap.headers)
    for asked, given in (("high", "normal"), ("low", "low")):
        job = direct.post(
            "/v1/jobs", json={"callable": "setosa", "input": INFER, "priority": asked}
        ).json()["id"]
        assert direct.get(f"/v1/jobs/{job}").json()["priority"] == given
