"""sluice jobs, sluice batch, sluice backup and sluice restore, against a running server."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.jobs import INFER, job_of, jobs_config, submit, take
from support.ports import PortReservation
from support.server import Server, binary, run
from support.waiting import eventually

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(jobs_config(), tmp_path_factory.mktemp("jobs_cli")) as running:
        yield running


def url(server: Server, listener: str = "jobs") -> list[str]:
    return ["--url", f"http://{server.config.address(listener)}"]


@pytest.mark.parametrize(
    "command",
    [
        ["jobs"],
        *[["jobs", name] for name in ("submit", "get", "wait", "list", "cancel", "retry")],
        ["batch"],
        *[["batch", name] for name in ("run", "get", "cancel")],
        ["backup"],
        ["restore"],
    ],
    ids=" ".join,
)
def test_help_shows_an_example(command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0, done.stderr
    assert "sluice " + " ".join(command) in done.stdout.partition("\nExample")[2]


def test_a_job_from_its_submission_to_its_result(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text(json.dumps(INFER))
    done = run("jobs", "submit", "setosa", f"@{file}", *url(server))
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip()
    waited = run("jobs", "wait", job, *url(server), "--timeout", "20s")
    assert waited.returncode == 0, waited.stderr
    assert json.loads(waited.stdout)["model_name"]
    got = run("jobs", "get", job, *url(server))
    assert json.loads(got.stdout)["status"] == "completed"
    assert run("jobs", "get", job, "--result", *url(server)).stdout == waited.stdout
    listed = run("jobs", "list", "--status", "completed", *url(server))
    assert job in listed.stdout


def test_a_submission_that_waits_prints_the_result(server: Server) -> None:
    done = run("jobs", "submit", "setosa", json.dumps(INFER), "--wait", *url(server))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"]


def test_options_of_a_submission_go_along(server: Server) -> None:
    client = server.http("jobs")
    words = ["--priority", "high", "--run-at", "1h", "--metadata", '{"a":1}']
    words += ["--idempotency-key", "once"]
    first = run("jobs", "submit", "wordcount", '{"text":"a"}', *words, *url(server))
    second = run("jobs", "submit", "wordcount", '{"text":"a"}', *words, *url(server))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    job = job_of(client, first.stdout.strip())
    assert (job["priority"], job["metadata"]) == ("high", {"a": 1})
    assert "run_at" in job
    assert run("jobs", "cancel", job["id"], *url(server)).stdout.strip() == "cancelled"
    assert run("jobs", "wait", job["id"], *url(server)).returncode == 1


def test_a_failed_job_is_told_by_the_exit_status_and_can_be_retried(server: Server) -> None:
    client = server.http("jobs")
    job = submit(client, "wordcount", {})
    (lease,) = take(client)
    client.post(
        f"/v1/leases/{job}/fail",
        json={"attempt": lease["attempt"], "error": "out of luck", "retry": False},
    )
    done = run("jobs", "wait", job, *url(server))
    assert done.returncode == 1
    assert "out of luck" in done.stderr
    again = run("jobs", "retry", job, *url(server))
    assert again.returncode == 0, again.stderr
    assert job_of(client, again.stdout.strip())["status"] == "pending"
    client.delete(f"/v1/jobs/{again.stdout.strip()}")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["jobs", "get", "018bcfe5-6800-7000-8000-000000000000"], "no job"),
        (["jobs", "get", "../queues"], "no id"),
        (["jobs", "submit", "nobody", "{}"], "nobody"),
        (["jobs", "submit", "setosa", "{not json"], "not JSON"),
        (["jobs", "submit", "setosa", "@none.json"], "none.json"),
        (["jobs", "list", "--status", "odd"], "status"),
        (["jobs", "wait", "018bcfe5", "--timeout", "soon"], "--timeout"),
        (["batch", "run", "none.jsonl"], "none.jsonl"),
        (["batch", "get", "x y"], "no id"),
    ],
)
def test_what_is_wrong_is_told_with_a_status(server: Server, words: list[str], what: str) -> None:
    done = run(*words, *url(server))
    assert done.returncode == 1
    assert what in done.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    closed = PortReservation()
    for words in (["jobs", "list"], ["jobs", "get", "1"], ["backup", "never.db"]):
        done = run(*words, "--url", f"http://{closed.address}")
        assert done.returncode == 1
        assert closed.address in done.stderr
    assert not Path("never.db").exists()
    closed.release()


def test_a_batch_is_run_and_written(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps({"input": INFER}) + "\n" for _ in range(20)))
    out = tmp_path / "out.jsonl"
    words = ["batch", "run", str(file), "--callable", "setosa", "--output", str(out)]
    done = run(*words, *url(server))
    assert done.returncode == 0, done.stderr
    assert "20/20" in done.stderr
    assert "/s" in done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["line"] for line in lines] == list(range(1, 21))

    file.write_text(json.dumps({"input": INFER}) + "\nbroken\n")
    done = run(*words, "--quiet", *url(server))
    assert done.returncode == 1
    assert "1 of 2 lines" in done.stderr
    assert json.loads(Path(f"{file}.errors").read_text())["line"] == 2


def test_an_interrupted_batch_goes_on_and_that_is_said(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text(json.dumps({"callable": "wordcount", "input": 1}) + "\n")
    errors = tmp_path / "stderr"
    with errors.open("wb") as to:
        running = subprocess.Popen(
            [str(binary()), "batch", "run", str(file), *url(server)], stderr=to
        )
        eventually(lambda: "1 lines" in errors.read_text(), what="it was handed in")
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
    told = errors.read_text()
    batch = re.search(r"batch cancel ([0-9a-f-]{36})", told)
    assert batch, told
    got = run("batch", "get", batch[1], *url(server))
    assert json.loads(got.stdout)["status"] == "running"
    assert run("batch", "cancel", batch[1], *url(server)).returncode == 0


def test_a_backup_is_taken_back(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    with Server(jobs_config(), tmp_path / "s") as server:
        client = server.http("jobs")
        admin = url(server, "admin")
        kept = submit(client, "wordcount", {"text": "kept"})
        done = run("backup", file, *admin)
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert run("backup", file, *admin).returncode == 1, "not over a file"
        lost = submit(client, "wordcount", {"text": "lost"})
        waiting: list[int] = []
        thread = threading.Thread(
            target=lambda: waiting.append(
                server.http("jobs").get(f"/v1/jobs/{lost}?wait=60s").status_code
            )
        )
        thread.start()
        done = run("restore", file, *admin)
        assert done.returncode == 0, done.stderr
        thread.join(20)
        assert waiting == [404]
        assert client.get(f"/v1/jobs/{lost}").status_code == 404
        (lease,) = take(client)
        assert lease["job"] == kept
        server.kill()
        server.process = server._start()
        server.wait_until_ready()
        client = server.http("jobs")
        assert job_of(client, kept)["status"] == "processing"
        assert client.get(f"/v1/jobs/{lost}").status_code == 404
        bad = tmp_path / "bad.db"
        bad.write_bytes(b"x" * 10_000)
        done = run("restore", bad, *admin)
        assert done.returncode == 1
        assert job_of(client, kept)["status"] == "processing"
        assert not list((tmp_path / "s" / "data").glob("jobs-*.tmp*"))
