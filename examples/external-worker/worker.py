#!/usr/bin/env python3
"""A callable in Python, with the standard library alone: leases jobs of `wordcount`, runs them."""

import collections
import contextlib
import json
import os
import threading
import time
import urllib.error
import urllib.request
from typing import Any

URL = os.environ.get("SLUICE_URL", "http://127.0.0.1:8080")
HEADERS = {"Content-Type": "application/json", "X-API-Key": os.environ.get("SLUICE_API_KEY", "")}
LEASE_S = int(os.environ.get("LEASE_S", "10"))  # silent for longer: another worker gets the job


def ask(path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), HEADERS)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def work(call: dict[str, Any]) -> dict[str, int]:
    time.sleep(call.get("seconds", 0))  # as if it were much
    return collections.Counter(call["text"].split())


def run(lease: dict[str, Any]) -> None:
    job, attempt, ended = f"/v1/leases/{lease['job']}", lease["attempt"], threading.Event()

    def keep() -> None:  # until the end, or until it is refused: the job is another's now
        with contextlib.suppress(OSError):
            while not ended.wait(LEASE_S / 3):
                ask(f"{job}/extend", {"attempt": attempt, "lease": f"{LEASE_S}s"})

    threading.Thread(target=keep, daemon=True).start()
    try:
        ask(f"{job}/complete", {"attempt": attempt, "output": work(lease["input"])})
    except (AttributeError, KeyError, TypeError) as error:  # wrong now and for ever
        ask(f"{job}/fail", {"attempt": attempt, "error": repr(error), "retry": False})
    finally:
        ended.set()


while True:
    try:
        wanted = {"callable": "wordcount", "lease": f"{LEASE_S}s"}
        for lease in ask("/v1/leases?wait=30s", wanted)["leases"]:
            run(lease)
    except OSError as error:  # the job is another's now, or the server is away
        print(error, flush=True)
        time.sleep(0.5)
