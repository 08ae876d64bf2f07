"""Jobs handed in under load while processes die, and the account of every one of them.

Each has an Idempotency-Key and is handed in until it was accepted, under the same key. Some are
cancelled. A watcher looks at accepted ones all the while: none may be unknown, and what has ended
may not change.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from support import twice
from support.caller import Address, Caller, Heard
from support.iris_jobs import TERMINAL
from support.waiting import eventually

_CANCELLED_EACH = 10
_SLOW_EACH = 5


@dataclass
class _Job:
    number: int
    callable: str
    tries: int = 0
    id: str = ""
    cancelled: bool = False  # it was said so


@dataclass
class JobLoad:
    """Within `with`: `start`, `stop`, then `account`."""

    addresses: Sequence[Address]
    callables: Sequence[str]
    chance: random.Random
    threads: int = 4
    pause_s: float = 0.01
    # How long after `stop` a job may still need to be accepted, and all of them to end.
    patience_s: float = 60
    accepted: dict[str, _Job] = field(default_factory=dict)
    repeated: int = 0
    run_again: int = 0
    slowest_s: float = 0
    statuses: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)  # why, of those with 503
    _ended: dict[str, Any] = field(default_factory=dict)
    _errors: list[BaseException] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _stopped_at: float = 0
    _running: list[threading.Thread] = field(default_factory=list)

    # -- load --

    def start(self) -> None:
        works: list[Callable[[], None]] = [self._watch]
        for thread in range(self.threads):
            chance = random.Random(self.chance.randrange(1 << 32))
            works.append(partial(self._hand_in, thread, chance))
        for work in works:
            thread_ = threading.Thread(target=self._guarded, args=(work,), daemon=True)
            thread_.start()
            self._running.append(thread_)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """After a failure nobody goes on asking."""
        self.patience_s = 0
        self._over.set()

    def wait_for_more(self, count: int) -> None:
        enough = len(self.accepted) + count
        eventually(
            lambda: self._errors or len(self.accepted) >= enough,
            what=f"{count} more jobs",
            timeout=self.patience_s,
        )

    def stop(self) -> None:
        """Once all processes run: each job that was begun is handed in to its end."""
        self._stopped_at = time.monotonic()
        self._over.set()
        for thread in self._running:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._errors.append(error)

    def _caller(self, chance: random.Random | None = None) -> Caller:
        order = list(self.addresses)
        if chance is not None:
            chance.shuffle(order)
        return Caller(*order)

    def _hand_in(self, number: int, chance: random.Random) -> None:
        with self._caller(chance) as caller:
            while not self._over.is_set():
                slow = len(self.callables) > 1 and chance.randrange(_SLOW_EACH) == 0
                job = _Job(number, self.callables[1 if slow else 0])
                self._until_accepted(caller, job, chance)
                if chance.randrange(_CANCELLED_EACH) == 0:
                    self._cancel(caller, job)
                number += self.threads
                time.sleep(chance.uniform(0, 2 * self.pause_s))

    def _until_accepted(self, caller: Caller, job: _Job, chance: random.Random) -> None:
        body = {
            "callable": job.callable,
            "input": twice.job_input(job.number),
            "priority": chance.choice(("high", "normal", "normal", "low")),
            "metadata": {"number": job.number},
        }
        headers = {"Idempotency-Key": f"number-{job.number}"}
        heard = self._until_answered(
            caller, lambda: caller.ask("POST", "/v1/jobs", body, headers), {202}, job
        )
        job.id = heard.body["id"]
        with self._lock:
            assert job.id not in self.accepted, f"{job} has the id of {self.accepted[job.id]}"
            self.accepted[job.id] = job

    def _cancel(self, caller: Caller, job: _Job) -> None:
        path = f"/v1/jobs/{job.id}"
        heard = self._until_answered(caller, lambda: caller.ask("DELETE", path), {200, 409}, None)
        if heard.status == 200:
            assert heard.body["status"] == "cancelled", heard
            job.cancelled = True

    def _until_answered(
        self,
        caller: Caller,
        ask: Callable[[], Heard | None],
        wanted: set[int],
        job: _Job | None,
    ) -> Heard:
        while True:
            heard = self._counted(ask())
            if job is not None:
                job.tries += 1
                self.repeated += job.tries == 2
            if heard is not None and heard.status in wanted:
                return heard
            # 409 to a submission: the lost one is being written. 502 is a balancer's.
            assert heard is None or heard.status in {409, 502, 503}, heard
            late = self._over.is_set() and time.monotonic() > self._stopped_at + self.patience_s
            assert not late, f"{job} is not accepted: {heard}"
            caller.move_on()
            time.sleep(0.02)

    def _counted(self, heard: Heard | None) -> Heard | None:
        with self._lock:
            self.statuses[str(heard.status) if heard else "none"] += 1
            self.slowest_s = max(self.slowest_s, heard.took_s if heard else 0)
        if heard is not None and heard.status == 503:
            assert int(heard.headers["retry-after"]) >= 1, heard
            self.refusals[heard.body["detail"]] += 1
        return heard

    def _watch(self) -> None:
        chance = random.Random(self.chance.randrange(1 << 32))
        with self._caller() as caller:
            while not self._over.is_set():
                with self._lock:
                    known = list(self.accepted)[-500:]
                if known:
                    job_id = chance.choice(known)
                    heard = self._counted(caller.ask("GET", f"/v1/jobs/{job_id}"))
                    if heard is None or heard.status in {502, 503}:
                        caller.move_on()
                    else:
                        assert heard.status == 200, f"{job_id} was accepted: {heard}"
                        self._note_end(heard.body)
                time.sleep(self.pause_s)

    def _note_end(self, body: dict[str, Any]) -> None:
        """What has ended once stays so, to the last letter."""
        if body["status"] in TERMINAL:
            before = self._ended.setdefault(body["id"], body)
            assert body == before, f"it ended as {before} and is now {body}"

    # -- account --

    def account(self) -> None:
        """Every accepted job is there once, ended as it should, and no other of its callable is."""
        for address in self.addresses:
            with Caller(address) as caller:
                eventually(partial(_answers, caller), what="the store is well")
        with self._caller() as caller:
            end = time.monotonic() + self.patience_s
            for job in self.accepted.values():
                self._settle(caller, job, end)
            for ended in list(self._ended.values()):
                self._note_end(_must(caller, f"/v1/jobs/{ended['id']}").body)
            listed = [job_id for name in self.callables for job_id in _listed(caller, name)]
            assert sorted(listed) == sorted(self.accepted), "one key is one job, and one job only"
            # What was queued twice is found out, and leaves the queue, when it is to be taken.
            eventually(lambda: _idle(caller), what="no job waits or runs")

    def _settle(self, caller: Caller, job: _Job, end: float) -> None:
        def look() -> dict[str, Any] | None:
            heard = _must(caller, f"/v1/jobs/{job.id}?wait=1s")
            body: dict[str, Any] = heard.body
            return body if body["status"] in TERMINAL else None

        left = max(1, end - time.monotonic())
        body = eventually(look, what=f"{job} ends", timeout=left)
        assert body is not None
        self._note_end(body)
        self.run_again += body["attempt"] > 1
        assert body["metadata"] == {"number": job.number}
        if job.cancelled:
            assert body["status"] == "cancelled", body
            assert "result" not in body, body
        else:
            assert body["status"] == "completed", body
            assert twice.is_right(job.number, body["result"]), body
            assert body["failures"] == 0, body

    def answered(self) -> float:
        """The part of all questions that had an answer, and one that blames the caller at most."""
        missed = sum(n for what, n in self.statuses.items() if what == "none" or what >= "500")
        return 1 - missed / max(1, self.statuses.total())

    def summary(self) -> str:
        cancelled = sum(job.cancelled for job in self.accepted.values())
        return (
            f"{len(self.accepted)} jobs, {cancelled} cancelled, {self.repeated} handed in more "
            f"than once, {self.run_again} run again, answers {dict(self.statuses)}, "
            f"slowest {self.slowest_s:.2f} s, refused for {dict(self.refusals)}"
        )


def _answers(caller: Caller) -> bool:
    heard = caller.ask("GET", "/v1/queues")
    return heard is not None and heard.status == 200


def _must(caller: Caller, path: str) -> Heard:
    heard = caller.ask("GET", path)
    assert heard is not None, path
    assert heard.status == 200, f"{path}: {heard}"
    return heard


def _listed(caller: Caller, callable_: str) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = _must(caller, f"/v1/jobs?limit=500&callable={callable_}{after}").body
        found += [job["id"] for job in page["jobs"]]
        if not page["next"]:
            return found
        after = f"&after={page['next']}"


def _idle(caller: Caller) -> bool:
    queues = _must(caller, "/v1/queues").body["queues"]
    return all(queue["pending"] == queue["processing"] == 0 for queue in queues)
