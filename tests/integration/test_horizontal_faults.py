"""A failing member costs its own entry, never the answer: faults, quorum, deadlines."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from integration.remote_iris import Gateway
from support import iris
from support.config import IRIS_CLASSES
from support.fault_proxy import FaultProxy
from support.faults import (
    Answer,
    Close,
    Endless,
    Fault,
    Forward,
    Garbage,
    Half,
    Hold,
    Reset,
    Silent,
    Slow,
    http_answer,
    wrong_length,
)
from support.names import DEADLINE_HEADER
from support.server import timed
from support.waiting import eventually

pytestmark = pytest.mark.short

ASK = iris.data(iris.VERSICOLOR)

# Each fault of one member, and the codes by which its entry may say so.
FAULTS: dict[str, tuple[Fault, set[str]]] = {
    "reset_before": (Reset(), {"unavailable"}),
    "reset_after": (Reset(after_request=True), {"unavailable"}),
    "close": (Close(), {"unavailable"}),
    "garbage": (Garbage(), {"unavailable", "internal"}),
    "garbage_that_looks_like_http": (
        Garbage(b"HTTP/1.1 two hundred OK\r\n\r\n"),
        {"unavailable", "internal"},
    ),
    "half_then_close": (Half(), {"unavailable"}),
    "half_of_the_body_then_close": (Half(part=0.95), {"unavailable"}),
    "half_then_reset": (Half(then="reset"), {"unavailable"}),
    "half_then_silence": (Half(then="silent"), {"timeout"}),
    "silent": (Silent(), {"timeout"}),
    "slower_than_the_deadline": (Slow(delay_s=30), {"timeout"}),
    "a_byte_now_and_then": (Slow(drip=1, drip_s=0.2), {"timeout"}),
    "length_too_large": (wrong_length({"prediction": [1, 0]}, by=7), {"unavailable"}),
    "length_too_small": (wrong_length({"prediction": [1, 0]}, by=-7), {"unavailable", "internal"}),
    "endless": (Endless(), {"unavailable", "internal", "too_large", "timeout"}),
    "status_500": (Answer(http_answer(500, json={"error": "x"})), {"unavailable", "internal"}),
    "status_503": (Answer(http_answer(503)), {"unavailable"}),
    "status_404": (Answer(http_answer(404)), {"unavailable", "internal", "not_found"}),
    "redirect": (
        Answer(http_answer(302, headers={"Location": "http://127.0.0.1:1/"})),
        {"unavailable", "internal"},
    ),
    "not_json": (Answer(http_answer(body=b"<html>")), {"unavailable", "internal"}),
    "empty": (Answer(http_answer(body=b"")), {"unavailable", "internal"}),
    "no_prediction": (Answer(http_answer(json={"other": 1})), {"unavailable", "internal"}),
    "prediction_of_text": (
        Answer(http_answer(json={"prediction": ["a", "b"]})),
        {"unavailable", "internal"},
    ),
    "prediction_is_null": (
        Answer(http_answer(json={"prediction": None})),
        {"unavailable", "internal"},
    ),
}

quick = pytest.mark.ensemble(deadline="400ms")


def assert_others_answered(entries: dict[str, dict[str, object]], failed: str) -> None:
    for name in IRIS_CLASSES:
        if name != failed:
            iris.assert_prediction(entries[name], is_class=name == "versicolor")


def assert_error(entry: dict[str, object], codes: set[str]) -> None:
    assert set(entry) == {"error"}
    error = entry["error"]
    assert isinstance(error, dict)
    assert error["code"] in codes, error
    assert error["message"]


@quick
@pytest.mark.parametrize(("fault", "codes"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_costs_its_own_entry_only(gateway: Gateway, fault: Fault, codes: set[str]) -> None:
    gateway.fail("setosa", fault)
    for _ in range(2):  # the second time with whatever the first has left behind
        answer, took = timed(lambda: gateway.http.post("/predict", json=ASK))
        assert answer.status_code == 200, answer.text
        assert took < 10, "the deadline holds, whatever a member does"
        entries = answer.json()
        assert list(entries) == list(IRIS_CLASSES)
        assert_error(entries["setosa"], codes)
        assert_others_answered(entries, "setosa")


@quick
def test_a_refused_member(gateway: Gateway) -> None:
    gateway.proxies["setosa"].refuse()
    entries = gateway.http.post("/predict", json=ASK).json()
    assert_error(entries["setosa"], {"unavailable"})
    assert_others_answered(entries, "setosa")


@quick
def test_a_member_that_comes_back_is_used_again(gateway: Gateway) -> None:
    gateway.proxies["setosa"].refuse()
    assert "error" in gateway.http.post("/predict", json=ASK).json()["setosa"]
    gateway.proxies["setosa"].listen()
    _eventually_whole(gateway.http)


@quick
def test_a_flapping_member_is_right_or_absent_but_never_wrong(gateway: Gateway) -> None:
    gateway.proxies["setosa"].alternate(Forward(), Reset(), Forward(), Half())
    for _ in range(20):
        answer = gateway.http.post("/predict", json=ASK)
        assert answer.status_code == 200
        entries = answer.json()
        assert_others_answered(entries, "setosa")
        if "error" in entries["setosa"]:
            assert_error(entries["setosa"], {"unavailable"})
        else:
            iris.assert_prediction(entries["setosa"], is_class=False)
    gateway.fail("setosa", Forward())
    _eventually_whole(gateway.http)


@quick
def test_label_chooses_among_those_that_answered_and_names_the_missing(gateway: Gateway) -> None:
    gateway.fail("setosa", Reset())
    answer = gateway.http.post("/predict/label", json=ASK)
    assert answer.status_code == 200
    body = answer.json()
    assert body["prediction"]["label"] == "versicolor"
    assert body["prediction"]["proba"] > 0.5
    assert set(body["missing"]) == {"setosa"}
    assert_error({"error": body["missing"]["setosa"]}, {"unavailable"})


@quick
def test_label_without_the_best_member_takes_the_next(gateway: Gateway) -> None:
    gateway.fail("versicolor", Close())
    body = gateway.http.post("/predict/label", json=ASK).json()
    assert body["prediction"]["label"] in ("setosa", "virginica")
    assert set(body["missing"]) == {"versicolor"}


@quick
def test_health_all_reports_each_member(gateway: Gateway) -> None:
    gateway.proxies["virginica"].refuse()
    answer = gateway.http.get("/health/all")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == list(IRIS_CLASSES)
    assert body["setosa"] == body["versicolor"] == {"health": "ok"}
    assert body["virginica"] != {"health": "ok"}


@quick
def test_health_all_is_503_when_none_is_up(gateway: Gateway) -> None:
    for proxy in gateway.proxies.values():
        proxy.refuse()
    answer = gateway.http.get("/health/all")
    assert answer.status_code == 503
    assert list(answer.json()) == list(IRIS_CLASSES)
    assert gateway.http.get("/health").json() == {"health": "ok"}, "the proxy itself lives"


def _refuse(proxy: FaultProxy) -> None:
    proxy.refuse()


def _silence(proxy: FaultProxy) -> None:
    proxy.standing(Silent())


@quick
@pytest.mark.parametrize(("fail", "status"), [(_refuse, 503), (_silence, 504)])
@pytest.mark.parametrize("path", ["/predict", "/predict/label"])
def test_without_a_quorum_the_answer_is_an_error(
    gateway: Gateway, fail: Callable[[FaultProxy], None], status: int, path: str
) -> None:
    for proxy in gateway.proxies.values():
        fail(proxy)
    answer = gateway.http.post(path, json=ASK)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for name in IRIS_CLASSES:
        assert name in answer.json()["detail"]


@quick
def test_members_that_fail_in_different_ways_are_unavailable_together(gateway: Gateway) -> None:
    gateway.fail("setosa", Silent())
    gateway.fail("versicolor", Answer(http_answer(500)))
    gateway.fail("virginica", Answer(http_answer(500)))
    answer = gateway.http.post("/predict", json=ASK)
    assert answer.status_code == 503, answer.text


@pytest.mark.ensemble(deadline="400ms", quorum=3)
def test_a_quorum_of_all_needs_all(gateway: Gateway) -> None:
    assert gateway.http.post("/predict", json=ASK).status_code == 200
    gateway.fail("virginica", Reset())
    answer = gateway.http.post("/predict", json=ASK)
    assert answer.status_code == 503
    assert "virginica" in answer.json()["detail"]


@pytest.mark.ensemble(deadline="400ms", quorum=2)
def test_a_quorum_of_two_of_three(gateway: Gateway) -> None:
    gateway.fail("setosa", Reset())
    assert gateway.http.post("/predict", json=ASK).status_code == 200
    gateway.fail("virginica", Reset())
    assert gateway.http.post("/predict", json=ASK).status_code == 503


@pytest.mark.ensemble(deadline="30s")
def test_a_request_may_set_a_shorter_deadline(gateway: Gateway) -> None:
    gateway.fail("setosa", Silent())
    answer, took = timed(
        lambda: gateway.http.post("/predict", json=ASK, headers={DEADLINE_HEADER: "200"})
    )
    assert answer.status_code == 200
    assert took < 10
    assert_error(answer.json()["setosa"], {"timeout"})
    assert_others_answered(answer.json(), "setosa")


@pytest.mark.ensemble(deadline="50ms")
def test_a_request_may_set_a_longer_deadline(gateway: Gateway) -> None:
    gateway.fail("setosa", Slow(delay_s=0.15))
    entries = gateway.http.post("/predict", json=ASK, headers={DEADLINE_HEADER: "20000"}).json()
    iris.assert_prediction(entries["setosa"], is_class=False)


@quick
def test_a_member_given_up_is_not_kept_waiting(gateway: Gateway) -> None:
    """At the deadline the call to the silent member ends: its connection closes."""
    gateway.fail("setosa", Hold())
    gateway.http.post("/predict", json=ASK)
    gateway.proxies["setosa"].wait_for_messages(1)
    gateway.proxies["setosa"].wait_until_left()


def _eventually_whole(client: httpx.Client) -> None:
    def whole() -> bool:
        entries = client.post("/predict", json=ASK).json()
        return all("prediction" in entry for entry in entries.values())

    eventually(whole, what="every member answers again")
