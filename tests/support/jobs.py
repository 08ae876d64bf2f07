"""Jobs as tests want them: a server that takes them, and shorthand for what is asked of it."""

from __future__ import annotations

from typing import Any

import httpx

from support.config import Config, iris_path, mount
from support.waiting import eventually

ENDED = ("completed", "failed", "cancelled")
INFER = {
    "inputs": [
        {
            "name": "float_input",
            "datatype": "FP32",
            "shape": [1, 4],
            "data": [5.1, 3.5, 1.4, 0.2],
        }
    ]
}


def jobs_config(**options: Any) -> Config:
    """`setosa` is run by Sluice, `wordcount` by programs that lease its jobs."""
    made = Config().model("setosa", iris_path("setosa"))
    made.data["callables"]["wordcount"] = {"external": {}}
    made.listen("jobs", mount("jobs"))
    if options:
        made.set("jobs", options)
    return made


def submit(client: httpx.Client, callable_: str, input_: Any, **more: Any) -> str:
    answer = client.post("/v1/jobs", json={"callable": callable_, "input": input_, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def job_of(client: httpx.Client, job: str) -> dict[str, Any]:
    answer = client.get(f"/v1/jobs/{job}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def wait_for_end(client: httpx.Client, job: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found = client.get(f"/v1/jobs/{job}?wait=5s")
        assert found.status_code == 200, found.text
        return dict(found.json()) if found.json()["status"] in ENDED else None

    end = eventually(ended, what=f"job {job} ends")
    assert end is not None
    return end


def take(client: httpx.Client, callable_: str = "wordcount", **more: Any) -> list[dict[str, Any]]:
    wait = more.pop("wait", None)
    answer = client.post(
        "/v1/leases" + (f"?wait={wait}" if wait else ""), json={"callable": callable_, **more}
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["leases"])
