"""Webhooks: signed, durable, tried again, and never sent to where only the operator may go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.jobs import INFER, job_of, jobs_config, submit, take, wait_for_end
from support.metrics import Scrape
from support.server import Server, run
from support.waiting import eventually
from support.webhook_receiver import SECRET, WebhookReceiver

pytestmark = pytest.mark.short


def config(**more: Any) -> Any:
    return jobs_config(webhooks={"secret": SECRET, "allow_private": True, **more})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(config(max_body_bytes="8KiB"), tmp_path_factory.mktemp("webhooks")) as running:
        yield running


def test_an_end_is_told_signed_and_whole(server: Server) -> None:
    client = server.http("jobs")
    with WebhookReceiver() as receiver:
        job = submit(client, "setosa", INFER, webhook=receiver.url, metadata={"for": "me"})
        (message,) = receiver.wait_for(1)
        assert message.path == "/hook?a=1"
        assert message.id == job
        assert message.is_signed()
        assert abs(message.timestamp - time.time()) < 60
        assert message.body["type"] == "job.completed"
        assert message.body["data"] == wait_for_end(client, job)
        assert message.body["data"]["result"]["model_name"]
        assert message.body["data"]["metadata"] == {"for": "me"}


def test_each_kind_of_end_is_told(server: Server) -> None:
    client = server.http("jobs")
    with WebhookReceiver() as receiver:
        cancelled = submit(client, "wordcount", {}, webhook=receiver.url)
        client.delete(f"/v1/jobs/{cancelled}")
        receiver.wait_for(1)
        failed = submit(client, "wordcount", {}, webhook=receiver.url)
        (lease,) = take(client)
        client.post(
            f"/v1/leases/{failed}/fail",
            json={"attempt": lease["attempt"], "error": "no", "retry": False},
        )
        types = [message.body["type"] for message in receiver.wait_for(2)]
        assert types == ["job.cancelled", "job.failed"]


def test_a_result_that_is_too_long_is_left_out(server: Server) -> None:
    client = server.http("jobs")
    with WebhookReceiver() as receiver:
        job = submit(client, "wordcount", {}, webhook=receiver.url)
        (lease,) = take(client)
        client.post(
            f"/v1/leases/{job}/complete", json={"attempt": lease["attempt"], "output": "x" * 9000}
        )
        (message,) = receiver.wait_for(1)
        assert message.body["data"]["status"] == "completed"
        assert "result" not in message.body["data"]
        assert len(job_of(client, job)["result"]) == 9000


def test_a_failure_is_tried_again_under_the_same_id(server: Server) -> None:
    client = server.http("jobs")
    with WebhookReceiver(500, 200) as receiver:
        job = submit(client, "setosa", INFER, webhook=receiver.url)
        first, second = receiver.wait_for(2)
        assert first.id == second.id == job
        assert first.raw == second.raw
        assert second.is_signed()


def test_a_redirect_is_not_followed(server: Server) -> None:
    with (
        WebhookReceiver() as never,
        WebhookReceiver(302, 204, headers={"Location": never.url}) as receiver,
    ):
        submit(server.http("jobs"), "setosa", INFER, webhook=receiver.url)
        receiver.wait_for(2)
        assert not never.messages


def test_who_answers_410_is_told_no_more(server: Server) -> None:
    client = server.http("jobs")
    with WebhookReceiver(410) as receiver:
        submit(client, "setosa", INFER, webhook=receiver.url)
        receiver.wait_for(1)
        outcome = 'sluice_webhook_attempts_total{outcome="gone"}'
        admin = server.http("admin")

        def gone() -> float:
            return Scrape(admin.get("/metrics").text).value(
                "sluice_webhook_attempts_total", outcome="gone"
            )

        eventually(lambda: gone() == 1, what=outcome)
        submit(client, "setosa", INFER, webhook=receiver.url)
        eventually(lambda: gone() == 2, what=outcome)
        assert len(receiver.messages) == 1


def test_what_was_not_delivered_survives_a_kill(tmp_path: Path) -> None:
    with WebhookReceiver(503, 204) as receiver, Server(config(), tmp_path / "s") as server:
        client = server.http("jobs")
        job = submit(client, "setosa", INFER, webhook=receiver.url)
        receiver.wait_for(1)
        server.wait_for_log(action="webhook_failed")
        server.kill()
        server.process = server._start()
        server.wait_until_ready()
        _, again = receiver.wait_for(2, timeout=60)
        assert again.id == job
        assert again.is_signed()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost/",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http+unix://%2Frun%2Fa.sock/",
        "not a url",
    ],
)
def test_private_addresses_are_refused_unless_allowed(tmp_path: Path, url: str) -> None:
    with Server(jobs_config(webhooks={"secret": SECRET}), tmp_path / "s") as server:
        answer = server.http("jobs").post(
            "/v1/jobs", json={"callable": "setosa", "input": INFER, "webhook": url}
        )
        assert answer.status_code == 422, answer.text
        assert "webhook" in answer.json()["detail"]


def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_asked_for(
    tmp_path: Path,
) -> None:
    name = "localhost.localdomain"
    with (
        WebhookReceiver() as receiver,
        Server(jobs_config(webhooks={"secret": SECRET}), tmp_path / "s") as server,
    ):
        submit(server.http("jobs"), "setosa", INFER, webhook=f"http://{name}:{receiver.port}/hook")
        line = server.wait_for_log(action="webhook_failed")
        # Where this machine does not know the name it cannot be resolved, and nothing is sent too.
        assert line["outcome"] in ("refused", "failed")
        assert not receiver.messages


def test_without_a_secret_there_are_none(tmp_path: Path) -> None:
    with Server(jobs_config(), tmp_path / "s") as server:
        answer = server.http("jobs").post(
            "/v1/jobs", json={"callable": "setosa", "input": INFER, "webhook": "https://a.example/"}
        )
        assert answer.status_code == 422
        assert "jobs.webhooks.secret" in answer.json()["detail"]


def test_a_secret_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    made = jobs_config(webhooks={"secret": "hunter2"})
    path = tmp_path / "sluice.yaml"
    path.write_text(made.to_yaml())
    done = run("check", path)
    assert done.returncode == 1
    assert "whsec_" in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
