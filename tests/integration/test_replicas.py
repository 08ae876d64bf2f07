"""A remote member with several replicas: choice, retry on another one, ejection and return."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integration.remote_iris import gateway_config
from support import iris
from support.config import Config
from support.fault_proxy import FaultProxy
from support.faults import Answer, Hold, Reset, Silent, http_answer
from support.names import DEADLINE_HEADER
from support.raw_http import RawConnection
from support.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.short

ASK = iris.data(iris.SETOSA)
QUICK = {"ejection": {"consecutive_failures": 2, "base_time": "50ms", "max_time": "200ms"}}


def says(who: int) -> Answer:
    """Replica number `who` names itself in its answer."""
    return Answer(http_answer(json={"prediction": [who / 10, 1 - who / 10]}))


@pytest.fixture
def replicas() -> Iterator[list[FaultProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FaultProxy(standing=says(n))) for n in range(1, 4)]


def config(replicas: list[FaultProxy], **remote: Any) -> Config:
    return gateway_config(
        {"setosa": [replica.url for replica in replicas]},
        remote={**QUICK, **remote},
        deadline="5s",
    )


def ask(server: Server, **headers: str) -> dict[str, Any]:
    answer = server.http("proxy").post("/predict", json=ASK, headers=headers)
    return dict(answer.json())


def start_call(server: Server) -> RawConnection:
    """A call that is under way; its answer is read later."""
    connection = server.raw("proxy")
    body = json.dumps(ASK).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.send(head.encode() + body)
    return connection


def messages(replicas: list[FaultProxy]) -> int:
    return sum(len(replica.seen) for replica in replicas)


def replicas_have(replicas: list[FaultProxy], count: int) -> bool:
    return messages(replicas) >= count


def test_calls_are_spread(replicas: list[FaultProxy], tmp_path: Path) -> None:
    with Server(config(replicas), tmp_path / "s") as server:
        for _ in range(60):
            assert "prediction" in ask(server)["setosa"]
    assert all(len(replica.seen) >= 5 for replica in replicas)


def test_the_less_busy_of_two_is_chosen(replicas: list[FaultProxy], tmp_path: Path) -> None:
    """With two replicas both are looked at: while one is busy every call goes to the other."""
    hold = Hold(then=says(1))
    busy, free = replicas[:2]
    busy.standing(hold)
    with Server(config([busy, free]), tmp_path / "s") as server:
        stuck = []
        while not busy.seen:
            before = messages(replicas)
            stuck.append(start_call(server))
            arrived = functools.partial(replicas_have, replicas, before + 1)
            eventually(arrived, what="the call arrived")
        for _ in range(20):
            assert ask(server)["setosa"]["prediction"][0] == pytest.approx(0.2)
        assert len(busy.seen) == 1
        hold.release()
        assert stuck[-1].answer().json()["setosa"]["prediction"][0] == pytest.approx(0.1)
        for connection in stuck:
            connection.close()


def test_a_failed_call_is_tried_once_more_elsewhere(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    replicas[0].standing(Reset())
    with Server(config(replicas[:2]), tmp_path / "s") as server:
        for _ in range(30):
            assert ask(server)["setosa"]["prediction"][0] == pytest.approx(0.2)
    assert len(replicas[0].seen) >= 1, "the broken one was tried"


def test_never_twice_on_the_same_replica(replicas: list[FaultProxy], tmp_path: Path) -> None:
    replicas[0].standing(Reset())
    with Server(config(replicas[:1]), tmp_path / "s") as server:
        answer = server.http("proxy").post("/predict", json=ASK)
        assert answer.status_code == 503
    assert len(replicas[0].seen) == 1


def test_at_most_one_retry(replicas: list[FaultProxy], tmp_path: Path) -> None:
    for replica in replicas:
        replica.standing(Reset())
    with Server(config(replicas), tmp_path / "s") as server:
        assert server.http("proxy").post("/predict", json=ASK).status_code == 503
    assert messages(replicas) == 2


def test_no_retry_when_the_answer_came_and_blames_the_caller(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    for replica in replicas:
        replica.standing(Answer(http_answer(422, json={"detail": "no"})))
    with Server(config(replicas), tmp_path / "s") as server:
        server.http("proxy").post("/predict", json=ASK)
    assert messages(replicas) == 1


def test_no_retry_when_the_deadline_has_passed(replicas: list[FaultProxy], tmp_path: Path) -> None:
    for replica in replicas:
        replica.standing(Silent())
    with Server(config(replicas), tmp_path / "s") as server:
        answer = server.http("proxy").post("/predict", json=ASK, headers={DEADLINE_HEADER: "150"})
        assert answer.status_code == 504
    assert messages(replicas) == 1


def test_the_retry_budget_bounds_what_an_outage_adds(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    """All fail with 503 and none is ejected: without a budget every call would become two."""
    for replica in replicas:
        replica.standing(Answer(http_answer(503)))
    options = {
        "ejection": {"enabled": False},
        "retry": {"budget_ratio": 0.1, "budget_per_second": 0.0},
    }
    with Server(config(replicas, **options), tmp_path / "s") as server:
        for _ in range(200):
            assert "error" in ask(server).get("setosa", {"error": 1})
    assert 200 < messages(replicas) <= 200 + 20 + 2


def test_a_failing_replica_is_ejected_and_comes_back(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    flaky, good = replicas[:2]
    with Server(config([flaky, good]), tmp_path / "s") as server:
        admin = server.http("admin")

        def ejected() -> bool:
            ask(server)
            text = admin.get("/metrics").text
            return any(
                line.endswith(" 1") and flaky.address in line
                for line in text.splitlines()
                if line.startswith("sluice_replica_ejected{")
            )

        flaky.refuse()
        eventually(ejected, what="the replica is ejected")
        for _ in range(10):
            assert ask(server)["setosa"]["prediction"][0] == pytest.approx(0.2)
        flaky.listen()
        seen = len(flaky.seen)

        def used_again() -> bool:
            assert "prediction" in ask(server)["setosa"]
            return len(flaky.seen) > seen + 3

        eventually(used_again, what="the replica is used again")


def test_when_all_are_ejected_they_are_still_tried(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    """Ejection must not turn a short outage into a long one."""
    for replica in replicas:
        replica.refuse()
    with Server(config(replicas), tmp_path / "s") as server:
        for _ in range(20):
            assert server.http("proxy").post("/predict", json=ASK).status_code == 503
        for replica in replicas:
            replica.listen()
        eventually(lambda: "prediction" in ask(server).get("setosa", {}), what="an answer again")


def test_a_gateway_is_not_ready_while_every_replica_fails(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    """It is ready again without a call, since balancers send none to what is not ready."""
    with Server(config(replicas[:2]), tmp_path / "s") as server:
        admin = server.http("admin")

        def readiness() -> int:
            return admin.get("/health/ready").status_code

        assert readiness() == 200, "nobody has asked the replicas yet"
        for replica in replicas[:2]:
            replica.refuse()

        def not_ready() -> bool:
            assert server.http("proxy").post("/predict", json=ASK).status_code == 503
            return readiness() == 503

        eventually(not_ready, what="it is not ready")
        replicas[1].listen()
        eventually(lambda: readiness() == 200, what="it is ready again")
        assert "prediction" in ask(server)["setosa"]


def test_calls_in_hand_survive_a_replica_that_goes(
    replicas: list[FaultProxy], tmp_path: Path
) -> None:
    """A replica dropped with idle and busy connections costs no call while another is there."""
    with Server(config(replicas), tmp_path / "s") as server:
        for turn in range(60):
            if turn % 20 == 10:
                replicas[(turn // 20) % 3].refuse()
            if turn % 20 == 0 and turn:
                replicas[(turn // 20 - 1) % 3].listen()
            assert "prediction" in ask(server)["setosa"], f"turn {turn}"
