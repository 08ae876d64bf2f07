"""Who may call and what: API keys and scopes, with the real binary over HTTP and gRPC."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from integration.access import (
    BODY,
    INFER,
    KEY,
    admitted,
    create,
    data_dir,
    infer,
    keys,
    predict,
    serving,
    with_key,
)
from support import iris
from support.config import mount
from support.metrics import Scrape
from support.server import Server, run
from support.waiting import eventually

pytestmark = pytest.mark.short


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(serving(), tmp_path / "server") as running:
        yield running


# -- HTTP


def test_a_call_needs_a_key_and_probes_do_not(server: Server) -> None:
    client = server.http("all")
    key = create(server, "a")
    for path in ("/health", "/health/ready", "/v2/health/live", "/v2/models/setosa/ready"):
        assert client.get(path).status_code == 200, path
    assert client.get("/metrics").status_code == 200
    admitted(client, key)
    bearer = {"Authorization": f"Bearer {key}"}
    assert client.post("/predict", json=BODY, headers=bearer).status_code == 200
    for path in ("/metadata", "/v2", "/v2/models/setosa", "/admin/models"):
        assert client.get(path).status_code == 401, path

    refused = predict(client)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="sluice"'
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "unauthenticated"
    assert "X-API-Key" in refused.json()["detail"]
    assert predict(client, key + "x").status_code == 401
    own = client.post("/v2/models/setosa/infer", json=INFER)
    assert own.status_code == 401
    assert set(own.json()) == {"error"}
    assert "www-authenticate" in own.headers


def test_commands_send_a_key_from_the_environment(server: Server) -> None:
    url = f"http://{server.config.address('all')}"
    key = create(server, "a")
    admitted(server.http("all"), key)
    row = [str(value) for value in iris.SETOSA]
    refused = run("predict", "--url", url, "setosa", *row)
    assert refused.returncode == 1
    assert "a key is asked for" in refused.stderr
    env = {"SLUICE_API_KEY": key}
    assert run("predict", "--url", url, "setosa", *row, env=env).returncode == 0
    assert "setosa" in run("models", "--url", url, env=env).stdout


def test_a_key_may_what_its_scopes_say(server: Server) -> None:
    client = server.http("all")
    key = create(server, "narrow", "--scope", "callables=oth*")
    headers = with_key(key)

    def infer(name: str) -> httpx.Response:
        return client.post(f"/v2/models/{name}/infer", json=INFER, headers=headers)

    eventually(lambda: infer("other").status_code == 200, what="the key is good")
    refused = infer("setosa")
    assert refused.status_code == 403
    assert "callables=setosa" in refused.json()["error"]
    refused = predict(client, key)
    assert refused.status_code == 403
    assert "callables=setosa" in refused.json()["detail"]
    assert client.get("/v2/models/setosa", headers=headers).status_code == 403
    assert client.get("/v2/models/other", headers=headers).status_code == 200
    index = client.post("/v2/repository/index", headers=headers).json()
    assert [entry["name"] for entry in index] == ["other"]
    refused = client.get("/admin/models", headers=headers)
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]
    assert client.post("/v2/repository/models/other/load", headers=headers).status_code == 403

    admin = with_key(create(server, "ops", "--scope", "admin"))
    eventually(
        lambda: client.get("/admin/models", headers=admin).status_code == 200, what="an admin"
    )
    assert client.post("/v2/repository/models/other/load", headers=admin).status_code == 200
    assert client.post("/predict", json=BODY, headers=admin).status_code == 403


def test_a_revoked_key_is_refused_at_once_and_a_late_one_too(server: Server) -> None:
    client = server.http("all")
    key = create(server, "a")
    admitted(client, key)
    keys(server, "revoke", "a")
    eventually(lambda: predict(client, key).status_code == 401, what="revoked")
    assert "revoked" in predict(client, key).json()["detail"]
    short = create(server, "short", "--expires", "1s")
    eventually(lambda: "expired" in predict(client, short).json().get("detail", ""), what="expired")


def test_a_damaged_file_changes_nothing_in_a_running_server(server: Server) -> None:
    client = server.http("all")
    key = create(server, "a")
    admitted(client, key)
    file = data_dir(server) / "keys.json"
    good = file.read_text()
    file.write_text(good[:-10])
    line = server.wait_for_log(component="access", action="keys_not_read")
    assert "keys.json: not JSON at byte" in line["error"]
    assert predict(client, key).status_code == 200
    server.signal(signal.SIGHUP)
    assert "keys.json" in server.wait_for_log(action="reload_failed")["error"]
    assert predict(client, key).status_code == 200
    file.write_text(good)
    again = create(server, "b")
    admitted(client, again)


def test_keys_of_the_configuration_are_good_after_a_reload(server: Server) -> None:
    client = server.http("all")
    digest = hashlib.sha256(b"shared-by-many-machines").hexdigest()
    access = server.config.data["access"]
    access["keys"] = [{"name": "shared", "sha256": digest, "scopes": ["callables=setosa"]}]
    server.write_config()
    server.signal(signal.SIGHUP)
    admitted(client, "shared-by-many-machines")
    del access["keys"]
    server.write_config()
    server.signal(signal.SIGHUP)
    eventually(
        lambda: predict(client, "shared-by-many-machines").status_code == 401, what="taken out"
    )


def test_the_log_names_the_key_and_the_metrics_count_it(server: Server) -> None:
    client = server.http("all")
    key = create(server, "ci", "--tenant", "team", "--scope", "callables=other")
    eventually(lambda: predict(client, key).status_code == 403, what="the key is known")
    line = server.wait_for_log(action="request", status=403)
    found = KEY.fullmatch(key)
    assert found
    assert line["key"] == found[1]
    assert line["tenant"] == "team"
    predict(client, "sk-sluice-wrong")
    server.wait_for_log(action="request", status=401)
    assert "sk-sluice" not in server.log_path.read_text()
    scrape = Scrape(server.http("admin").get("/metrics").text)
    assert scrape.value("sluice_key_requests_total", key="ci", outcome="admitted") >= 1
    assert scrape.value("sluice_refusals_total", reason="unauthenticated") >= 1


def test_where_no_key_is_asked_for_a_bad_one_of_ours_is_still_refused(tmp_path: Path) -> None:
    with Server(serving(required=None), tmp_path / "server") as server:
        client = server.http("all")
        assert predict(client).status_code == 200
        assert predict(client, "sk-sluice-x").status_code == 200, "nobody looks yet"
        key = create(server, "narrow", "--scope", "callables=other")
        eventually(lambda: predict(client, key).status_code == 403, what="its scopes hold")
        assert predict(client).status_code == 200
        assert predict(client, "anything else").status_code == 200
        assert predict(client, "sk-sluice-x").status_code == 401


def test_a_mount_keeps_its_own_key_beside_admin_keys(tmp_path: Path) -> None:
    config = serving()
    config.listen("ops", {"api": "admin", "key": "mount-key"})
    with Server(config, tmp_path / "server") as server:
        client = server.http("ops")
        admin = create(server, "ops", "--scope", "admin")
        caller = create(server, "caller")
        eventually(
            lambda: client.get("/metrics", headers=with_key(admin)).status_code == 200, what="ops"
        )
        eventually(
            lambda: client.get("/metrics", headers=with_key(caller)).status_code == 403,
            what="the other key",
        )
        for path in ("/metrics", "/admin/models"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=with_key("wrong")).status_code == 401
            assert client.get(path, headers=with_key("mount-key")).status_code == 200
            assert client.get(path, headers=with_key(admin)).status_code == 200
            assert client.get(path, headers=with_key(caller)).status_code == 403


# -- beyond loopback


def test_beyond_loopback_it_warns_until_there_is_a_key_and_then_asks(tmp_path: Path) -> None:
    config = serving(required=None)
    entry = config.listener("all")
    entry["address"] = entry["address"].replace("127.0.0.1", "0.0.0.0")
    entry["mounts"] = [mount("horizontal_service", "setosa")]
    with Server(config, tmp_path / "server") as server:
        line = server.wait_for_log(component="access", action="open_to_strangers", level="WARN")
        assert line["listener"] == entry["address"]
        assert "sluice keys create" in line["message"]
        client = httpx.Client(base_url=f"http://127.0.0.1:{config.tcp('all')[1]}", trust_env=False)
        assert predict(client).status_code == 200
        key = create(server, "a")
        eventually(lambda: predict(client).status_code == 401, what="a key is asked for")
        assert predict(client, key).status_code == 200
        client.close()


@pytest.mark.parametrize("required", [None, False])
def test_it_does_not_warn_on_loopback_or_where_it_is_meant(
    tmp_path: Path, required: bool | None
) -> None:
    config = serving(required=required)
    if required is False:
        entry = config.listener("all")
        entry["address"] = entry["address"].replace("127.0.0.1", "0.0.0.0")
        entry["mounts"] = [mount("horizontal_service", "setosa")]
    with Server(config, tmp_path / "server") as server:
        server.wait_for_log(action="started")
        assert not [line for line in server.log() if line["component"] == "access"]


def test_a_key_that_is_asked_for_and_does_not_exist_is_said(server: Server) -> None:
    assert "nobody can call" in server.wait_for_log(action="no_keys")["message"]


# -- gRPC


@pytest.fixture
def grpc(server: Server) -> Iterator[grpcclient.InferenceServerClient]:
    client = grpcclient.InferenceServerClient(server.config.address("grpc"))
    yield client
    client.close()


def test_grpc_asks_for_keys_and_scopes(
    server: Server, grpc: grpcclient.InferenceServerClient
) -> None:
    assert grpc.is_server_live()
    assert grpc.is_model_ready("setosa")
    refused = infer(grpc, "setosa")
    assert refused.startswith("StatusCode.UNAUTHENTICATED: a key is asked for")
    key = create(server, "narrow", "--scope", "callables=setosa")
    headers = {"x-api-key": key}
    eventually(lambda: infer(grpc, "setosa", headers) == "OK", what="the key is good")
    assert infer(grpc, "setosa", {"authorization": f"Bearer {key}"}) == "OK"
    refused = infer(grpc, "other", headers)
    assert refused.startswith("StatusCode.PERMISSION_DENIED: this needs the scope callables=other")
    with pytest.raises(InferenceServerException, match="scope admin"):
        grpc.load_model("setosa", headers=headers)
    with pytest.raises(InferenceServerException, match="callables=other"):
        grpc.get_model_metadata("other", headers=headers)
    index = grpc.get_model_repository_index(headers=headers)
    assert [model.name for model in index.models] == ["setosa"]
    admin = {"x-api-key": create(server, "ops", "--scope", "admin")}

    def loaded() -> bool:
        grpc.load_model("setosa", headers=admin)
        return True

    eventually(loaded, what="an admin", ignore=(InferenceServerException,))
    line = server.wait_for_log(action="request", method="GRPC", status=7)
    assert line["tenant"] == "narrow"


# -- the configuration


def test_check_knows_what_contradicts_itself(tmp_path: Path) -> None:
    config = serving(
        required=True,
        keys=[
            {"name": "a", "sha256": "0" * 64, "scopes": ["callables=nobody"]},
            {"name": "a", "sha256": "0" * 64, "rate": "often"},
        ],
    )
    path = tmp_path / "sluice.yaml"
    path.write_text(config.to_yaml())
    done = run("check", path, env={"SLUICE_DATA_DIR": str(tmp_path / "data")})
    assert done.returncode == 1
    for word in (
        "there is no callable 'nobody'",
        "another key has this name",
        "another key has the same",
        "often",
    ):
        assert word in done.stderr
    assert not (tmp_path / "data").exists(), "check makes nothing"
