"""Jobs over HTTP, as tests ask for them."""

from __future__ import annotations

from typing import Any

import httpx

from support.waiting import eventually

SETOSA = [5.1, 3.5, 1.4, 0.2]
TERMINAL = {"completed", "failed", "cancelled"}


def iris_input(row: list[float] | None = None) -> dict[str, Any]:
    """The input of the three-class model, as the Open Inference Protocol writes it."""
    data = {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": row or SETOSA}
    return {"inputs": [data]}


def submit(client: httpx.Client, **fields: Any) -> str:
    """Hands a job in and returns its id."""
    headers = fields.pop("headers", {})
    body = {"callable": "iris", "input": iris_input(), **fields}
    answer = client.post("/v1/jobs", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"].endswith(answer.json()["id"])
    return str(answer.json()["id"])


def job(client: httpx.Client, job_id: str, wait: str | None = None) -> dict[str, Any]:
    answer = client.get(f"/v1/jobs/{job_id}", params={"wait": wait} if wait else {})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """The job when it has ended."""

    def look() -> dict[str, Any] | None:
        found = job(client, job_id, wait="1s")
        return found if found["status"] in TERMINAL else None

    found = eventually(look, what=f"job {job_id} ends")
    assert found is not None
    return found
