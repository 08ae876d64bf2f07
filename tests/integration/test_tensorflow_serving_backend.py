"""A model behind TensorFlow Serving's gRPC: the server is another Sluice, or is away."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.http as triton

from integration import open_inference
from integration.open_inference import VALUES, array, identity_name
from support import iris
from support.certificates import self_signed
from support.config import MODELS, Config, mount
from support.fault_proxy import FaultProxy
from support.faults import Hold, Silent
from support.framing import any_bytes, header_of
from support.names import DEADLINE_HEADER
from support.ports import closed_port
from support.server import Server, run
from support.tensorflow_client import TensorflowClient, tensor
from support.waiting import eventually

pytestmark = pytest.mark.short

ASK = {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": iris.SETOSA}]}


def serving(**listener: Any) -> Config:
    """A TensorFlow Serving for `iris`, as far as its clients can tell."""
    config = Config().model("iris", MODELS / "iris.onnx")
    return config.listen("serving", mount("tensorflow_serving"), protocol="grpc", **listener)


def calling(address: str, **options: Any) -> Config:
    """A Sluice whose `iris` is there."""
    config = Config().tensorflow_serving("iris", address, **{"watch_every": "100ms"} | options)
    config.model("near", MODELS / "iris.onnx")  # so that it is ready whatever the other does
    return config.listen("rest", mount("open_inference"), mount("tensorflow_serving"))


def infer(http: httpx.Client, **headers: str) -> httpx.Response:
    return http.post("/v2/models/iris/infer", json=ASK, headers=headers)


def wait_until_ready(http: httpx.Client, name: str) -> None:
    eventually(lambda: http.get(f"/v2/models/{name}/ready").is_success, what=f"{name} is ready")


def answers(http: httpx.Client) -> bool:
    return infer(http).status_code == 200


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """One that serves every type, and one that calls it."""
    directory = tmp_path_factory.mktemp("backend")
    config = open_inference.configuration(directory)
    config.listen("serving", mount("tensorflow_serving"), protocol="grpc")
    with Server(config, directory / "serving") as there:
        address = config.address("serving")
        calls = calling(address, model="iris_three")
        for datatype in VALUES:
            calls.tensorflow_serving(identity_name(datatype), address)
        calls.tensorflow_serving("add_and_subtract", address, version=1)
        calls.tensorflow_serving("wrong", address, model="iris_three", signature="other")
        calls.tensorflow_serving("label", address, model="iris_three", label="stable")
        calls.tensorflow_serving("missing", address)
        with Server(calls, directory / "calling") as here:
            http = here.http("rest")
            for name in {*calls.data["callables"]} - {"wrong", "label", "missing"}:
                wait_until_ready(http, name)
            yield there, here


def test_answers_as_the_server_does(both: tuple[Server, Server]) -> None:
    there, here = both
    ask = {"instances": list(iris.ROWS.values())}
    with TensorflowClient(there.config.address("serving")) as client:
        rows = np.array(list(iris.ROWS.values()), dtype=np.float32)
        direct = client.predict("iris_three", {"input": tensor(rows)}).outputs["output"]
    expected = np.frombuffer(direct.tensor_content, np.float32).reshape(3, 3).tolist()
    answer = here.http("rest").post("/v1/models/iris:predict", json=ask).json()
    assert np.array(answer["predictions"], np.float32).tolist() == expected
    metadata = here.http("rest").get("/v2/models/iris").json()
    assert metadata["platform"] == "tensorflow_serving"
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}]
    assert metadata["properties"] == {"signature": "serving_default"}


@pytest.mark.parametrize("datatype", list(VALUES))
def test_every_type_comes_back_as_it_went(both: tuple[Server, Server], datatype: str) -> None:
    sent = array(datatype, rows=2)
    client = triton.InferenceServerClient(both[1].config.address("rest"))
    entry = triton.InferInput("input", list(sent.shape), datatype)
    entry.set_data_from_numpy(sent)
    answer = client.infer(identity_name(datatype), [entry]).as_numpy("output")
    client.close()
    assert answer.tolist() == sent.tolist()


def test_several_inputs_and_some_of_the_outputs(both: tuple[Server, Server]) -> None:
    def entry(name: str, data: list[float]) -> dict[str, Any]:
        return {"name": name, "shape": [1, 3], "datatype": "FP32", "data": data}

    body = {
        "inputs": [entry("a", [1, 2, 3]), entry("b", [1, 1, 1])],
        "outputs": [{"name": "difference"}],
    }
    answer = both[1].http("rest").post("/v2/models/add_and_subtract/infer", json=body).json()
    assert [(output["name"], output["data"]) for output in answer["outputs"]] == [
        ("difference", [0, 1, 2])
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wrong", "there is no signature 'other'; there are: serving_default"),
        ("label", "no version label 'stable'"),
        ("missing", "there is no version of a model 'missing'"),
    ],
)
def test_a_model_that_is_not_there_is_not_ready_and_says_why(
    both: tuple[Server, Server], name: str, why: str
) -> None:
    http = both[1].http("rest")

    def said() -> bool:
        answer = http.get(f"/v2/models/{name}/ready")
        return answer.status_code == 503 and why in answer.json()["error"]

    eventually(said, what=why)


def test_a_server_that_is_away_at_start_is_found_when_it_comes(tmp_path: Path) -> None:
    there = serving()
    with Server(calling(there.address("serving")), tmp_path / "calling") as here:
        http = here.http("rest")
        answer = infer(http)
        assert answer.status_code == 503, answer.text
        with Server(there, tmp_path / "serving"):
            eventually(lambda: answers(http), what="the model is found")


def test_a_server_that_is_killed_is_missed_at_once_and_taken_back(tmp_path: Path) -> None:
    there = serving()
    first = Server(there, tmp_path / "first")
    with Server(calling(there.address("serving")), tmp_path / "calling") as here:
        http = here.http("rest")
        eventually(lambda: answers(http), what="the model is found")
        first.kill()
        answer = infer(http)
        assert answer.status_code == 503, answer.text
        eventually(
            lambda: http.get("/v2/models/iris/ready").status_code == 503, what="it is not ready"
        )
        with Server(there, tmp_path / "second"):
            eventually(lambda: answers(http), what="the model is back")
            eventually(
                lambda: http.get("/v2/models/iris/ready").status_code == 200, what="it is ready"
            )


def test_a_server_that_says_nothing_keeps_nobody_waiting(tmp_path: Path) -> None:
    with (
        FaultProxy(framer=any_bytes, standing=Silent()) as silent,
        Server(calling(silent.address, connect_timeout="200ms"), tmp_path / "calling") as here,
    ):
        http = here.http("rest")
        eventually(
            lambda: f"{silent.address}: failed to connect" in infer(http).json()["error"],
            what="the attempt to connect was given up",
        )
        assert infer(http).status_code == 503
        assert silent.connections > 0


def test_a_configuration_is_right_while_the_server_is_away(tmp_path: Path) -> None:
    port = closed_port()
    config = calling(port.address)
    path = tmp_path / "sluice.yaml"
    path.write_text(config.to_yaml())
    config.release_ports()
    checked = run("check", path)
    port.release()
    assert checked.returncode == 0, checked.stderr


def test_a_process_may_call_itself(tmp_path: Path) -> None:
    config = Config().model("iris", MODELS / "iris.onnx")
    config.listen("serving", mount("tensorflow_serving"), protocol="grpc")
    config.tensorflow_serving("again", config.address("serving"), model="iris")
    config.listen("rest", mount("tensorflow_serving"))
    with Server(config, tmp_path / "server") as server:
        http = server.http("rest")
        body = {"instances": [iris.SETOSA]}
        eventually(
            lambda: http.post("/v1/models/again:predict", json=body).status_code == 200,
            what="it answers itself",
        )


# gRPC writes a timeout with few digits, and rounds it up.
ROUNDED = 1.05


def left_ms(message: bytes) -> float:
    return float(header_of(message, DEADLINE_HEADER) or 0)


class Chain:
    """One Sluice calls another over gRPC, whose model is behind a proxy that holds calls."""

    def __init__(self, directory: Path, hold: FaultProxy) -> None:
        there = Config().remote("held", hold.url, timeout="60s", columns=4, classes=2)
        there.listen("serving", mount("tensorflow_serving"), protocol="grpc")
        here = Config().tensorflow_serving("held", there.address("serving"), timeout="50s")
        here.listen("rest", mount("tensorflow_serving"))
        here.listen("grpc", mount("tensorflow_serving"), protocol="grpc")
        self.there = Server(there, directory / "there")
        self.here = Server(here, directory / "here")
        eventually(
            lambda: self.here.http("rest").get("/v1/models/held/metadata").status_code == 200,
            what="the model is found",
        )


@pytest.fixture
def hold() -> Iterator[FaultProxy]:
    with FaultProxy(standing=Hold()) as proxy:
        yield proxy


@pytest.fixture
def chain(hold: FaultProxy, tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(tmp_path, hold)
    with chain.there, chain.here:
        yield chain


def test_a_deadline_reaches_the_last_hop(chain: Chain, hold: FaultProxy) -> None:
    row = np.array([iris.SETOSA], dtype=np.float32)
    with TensorflowClient(chain.here.config.address("grpc")) as client:
        request = client.request("held", {"float_input": tensor(row)})
        with pytest.raises(grpc.RpcError) as error:
            client.predictions.Predict(request, timeout=2)
        assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    (seen,) = hold.wait_for_messages(1)
    assert 0 < left_ms(seen.message) <= 2000 * ROUNDED
    hold.wait_until_left()


def test_a_timeout_of_the_configuration_reaches_the_last_hop_too(
    chain: Chain, hold: FaultProxy
) -> None:
    row = np.array([iris.SETOSA], dtype=np.float32)
    with TensorflowClient(chain.here.config.address("grpc")) as client:
        request = client.request("held", {"float_input": tensor(row)})
        call = client.predictions.Predict.future(request)
        (seen,) = hold.wait_for_messages(1)
        assert 40_000 < left_ms(seen.message) <= 50_000 * ROUNDED
        call.cancel()
    hold.wait_until_left()


def test_a_client_that_leaves_cancels_the_last_hop(chain: Chain, hold: FaultProxy) -> None:
    connection = chain.here.raw("rest")
    body = b'{"instances": [[1, 2, 3, 4]]}'
    connection.send(
        b"POST /v1/models/held:predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )
    hold.wait_for_messages(1)
    connection.close()
    hold.wait_until_left()


def test_calls_run_side_by_side(chain: Chain, hold: FaultProxy) -> None:
    row = np.array([iris.SETOSA], dtype=np.float32)
    with (
        TensorflowClient(chain.here.config.address("grpc")) as client,
        ThreadPoolExecutor(16) as pool,
    ):
        request = client.request("held", {"float_input": tensor(row)})
        calls = [pool.submit(client.predictions.Predict, request, timeout=10) for _ in range(16)]
        hold.wait_for_messages(16)
        hold.drop()
        for call in calls:
            assert isinstance(call.exception(), grpc.RpcError)


def test_tls(tmp_path: Path) -> None:
    pair = self_signed(tmp_path / "tls")
    there = serving(tls={"certificate": str(pair.certificate), "key": str(pair.key)})
    _, port = there.tcp("serving")
    with Server(there, tmp_path / "serving"):
        trusting = calling(f"localhost:{port}", tls={"ca": str(pair.certificate)})
        trusting.tensorflow_serving("doubting", f"localhost:{port}", model="iris", tls={})
        trusting.tensorflow_serving(
            "careless", f"localhost:{port}", model="iris", tls={"verify": False}
        )
        trusting.tensorflow_serving("clear", f"localhost:{port}", model="iris")
        with Server(trusting, tmp_path / "calling") as here:
            http = here.http("rest")
            eventually(lambda: answers(http), what="the model is found")
            body = {"instances": [iris.SETOSA]}
            eventually(
                lambda: http.post("/v1/models/careless:predict", json=body).status_code == 200,
                what="a certificate that nobody checks is good enough",
            )
            for name in ("doubting", "clear"):
                answer = http.post(f"/v1/models/{name}:predict", json=body)
                assert answer.status_code == 503, name
        with TensorflowClient(f"localhost:{port}", pair.certificate) as client:
            assert client.status("iris")[0].state == 30


def test_a_host_name_with_an_underscore_is_a_name_like_any(tmp_path: Path) -> None:
    """As in compose files: what fails is its look-up, not its form."""
    with Server(calling("tensorflow_serving.invalid:8500"), tmp_path / "calling") as here:
        http = here.http("rest")

        def said() -> bool:
            answer = http.get("/v2/models/iris/ready")
            return answer.status_code == 503 and "DNS" in answer.json()["error"]

        eventually(said, what="the name is not found")
