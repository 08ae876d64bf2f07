"""`sluice check`: everything that is wrong with a configuration, in one run, with its line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.certificates import self_signed
from support.config import Config, iris_path, mount
from support.server import run

pytestmark = pytest.mark.short


def check(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "sluice.yaml"
    path.write_text(text)
    return run("check", path)


def test_check_of_a_right_file(tmp_path: Path) -> None:
    config = Config().iris_models().listen("all", mount("open_inference"))
    done = check(tmp_path, config.to_yaml())
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr


def test_check_names_a_model_that_is_not_there(tmp_path: Path) -> None:
    config = Config().iris_models().listen("all", mount("open_inference"))
    config.model("broken", tmp_path / "gone.onnx")
    done = check(tmp_path, config.to_yaml())
    assert done.returncode != 0
    assert "gone.onnx" in done.stderr


WRONG = """\
version: 1
listeners:
  - address: nowhere
    mounts:
      - {api: horizontal_service}
      - {api: fantasy}
      - {api: horizontal_service, target: missing}
    colour: blue
callables:
  setosa: {model: {backend: onnx, path: a.onnx}}
  pair:
    ensemble:
      members: {one: {target: setosa}, two: {target: nobody}}
      deadline: 5 parsecs
      quorum: 3
limits:
  connections: many
"""


def assert_says(said: str, expected: dict[int, list[str]]) -> None:
    """Problems of these lines with these words, each with its place, and nothing else."""
    problems: dict[int, str] = {}
    for text in said.splitlines():
        place = re.match(r"\S*sluice\.yaml:(\d+):\d+: ", text)
        assert place, f"no place in {text!r} of:\n{said}"
        problems[int(place[1])] = problems.get(int(place[1]), "") + text + "\n"
    assert list(problems) == list(expected), said
    for line, words in expected.items():
        for word in words:
            assert word in problems[line], f"{word!r} of line {line} in:\n{said}"


def test_check_says_everything_that_is_wrong_with_lines(tmp_path: Path) -> None:
    done = check(tmp_path, WRONG)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert_says(
        said,
        {
            3: ["address"],
            5: ["'target' is missing"],
            6: ["fantasy", "horizontal_service"],
            7: ["no callable 'missing'", "GET /health"],
            8: ["colour"],
            10: ["a.onnx"],
            13: ["nobody"],
            14: ["deadline", "5 parsecs"],
            15: ["quorum"],
            17: ["connections", "many"],
        },
    )


UNUSABLE = """\
version: 1
listeners:
  - address: 127.0.0.1:0
    mounts:
      - {api: horizontal_service, target: setosa}
      - {api: open_inference}
      - {api: horizontal_service, target: setosa}
      - {api: open_inference}
  - address: localhost:0
    tls:
      certificate: none.pem
      key: none.key
      client_ca: broken.onnx
  - address: 127.0.0.1:0
    protocol: grpc
    mounts: [{api: open_inference}]
    tls:
      certificate: none.pem
      key: none.key
  - address: 127.0.0.1:0
    protocol: grpc
    tls: {certificate: certificate.pem,
          key: other/key.pem}
callables:
  setosa: {model: {backend: onnx, path: ${SETOSA}}}
  gone:
    model:
      backend: onnx
      path: gone.onnx
  broken: {model: {backend: onnx, path: broken.onnx}}
  remote:
    model:
      backend: http_predict
      replicas: ["https://localhost:1"]
      tls: {ca: none.ca,
            certificate: none.pem}
  c:
    ensemble:
      members:
        me: {target: c}
  right: {ensemble: {members: {one: {target: setosa}}}}
telemetry:
  log:
    output: none/sluice.log
"""


def test_check_tries_everything_out_and_says_it_with_lines(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_text("not a model")
    (tmp_path / "other").mkdir()
    self_signed(tmp_path)
    self_signed(tmp_path / "other")
    done = check(tmp_path, UNUSABLE.replace("${SETOSA}", str(iris_path("setosa"))))
    assert done.returncode == 1
    assert not done.stdout
    assert_says(
        done.stderr,
        {
            7: ["mounts[2]", "/health"],
            8: ["mounts[3]", "/v2"],
            11: ["certificate", "none.pem"],
            12: ["key", "none.key"],
            13: ["client_ca", "broken.onnx"],
            18: ["certificate", "none.pem"],
            19: ["key", "none.key"],
            23: ["key", "other/key.pem"],
            29: ["gone", "gone.onnx"],
            30: ["broken", "broken.onnx"],
            35: ["remote", "none.ca"],
            36: ["remote", "none.pem"],
            40: ["ensemble 'c' contains itself"],
            44: ["none/sluice.log"],
        },
    )


def test_check_tries_what_is_left_of_a_text_that_does_not_read(tmp_path: Path) -> None:
    text = UNUSABLE.replace("key: none.key", "kye: none.key", 1)
    text = text.replace("path: gone.onnx", "latest: x", 1)
    done = check(tmp_path, text.replace("${SETOSA}", str(iris_path("setosa"))))
    assert done.returncode == 1
    assert_says(
        done.stderr,
        {
            7: ["/health"],
            8: ["/v2"],
            11: ["the key 'key' is missing", "none.pem"],
            12: ["kye"],
            13: ["client_ca"],
            18: ["none.pem"],
            19: ["none.key"],
            22: ["certificate.pem"],
            23: ["other/key.pem"],
            28: ["the key 'path' is missing"],
            29: ["latest"],
            30: ["broken.onnx"],
            35: ["none.ca"],
            36: ["none.pem"],
            40: ["itself"],
            44: ["none/sluice.log"],
        },
    )


CONTRADICTIONS = {
    "unknown_target": (
        "callables: {}\nlisteners:\n"
        "  - address: 127.0.0.1:0\n    mounts: [{api: horizontal_service, target: nobody}]\n",
        "nobody",
    ),
    "quorum_over_members": (
        "listeners: [{address: '127.0.0.1:0', mounts: [{api: open_inference}]}]\n"
        "callables:\n  a: {model: {backend: onnx, path: a.onnx}}\n"
        "  b: {ensemble: {members: {a: {target: a}}, quorum: 2}}\n",
        "quorum",
    ),
    "ensemble_of_itself": (
        "listeners: [{address: '127.0.0.1:0', mounts: [{api: open_inference}]}]\n"
        "callables:\n  b: {ensemble: {members: {b: {target: b}}}}\n",
        "itself",
    ),
    "overlapping_routes": (
        "callables: {a: {model: {backend: onnx, path: a.onnx}}}\nlisteners:\n"
        "  - address: 127.0.0.1:0\n    mounts:\n"
        "      - {api: horizontal_service, target: a}\n"
        "      - {api: horizontal_service, target: a}\n",
        "/health",
    ),
    "same_address_twice": (
        "listeners:\n  - {address: '127.0.0.1:8080', mounts: [{api: open_inference}]}\n"
        "  - {address: '127.0.0.1:8080', mounts: [{api: admin}]}\n",
        "127.0.0.1:8080",
    ),
    "administration_beyond_loopback": (
        "listeners: [{address: '0.0.0.0:8080', mounts: [{api: admin}]}]\n",
        "key",
    ),
    "queue_that_is_another_key": (
        "listeners: [{address: '127.0.0.1:0', mounts: [{api: jobs}]}]\n"
        "callables: {a: {external: {}}}\n"
        "jobs: {store: redis, seed_queue: {callable: a, key: 'job:1:data'}}\n"
        "stores: {redis: {address: '127.0.0.1:1'}}\n",
        "begins neither with sluice: nor with job:",
    ),
    "duplicate_key": ("listeners: []\nlisteners: []\n", "listeners"),
    "not_yaml": ("listeners: [\n", "sluice.yaml"),
    "unset_variable": (
        "listeners: [{address: '${SLUICE_TEST_NOT_SET}', mounts: [{api: admin}]}]\n",
        "SLUICE_TEST_NOT_SET",
    ),
}


@pytest.mark.parametrize(("text", "word"), CONTRADICTIONS.values(), ids=list(CONTRADICTIONS))
def test_check_refuses_contradictions(tmp_path: Path, text: str, word: str) -> None:
    done = check(tmp_path, "version: 1\n" + text)
    assert done.returncode != 0, done.stdout
    assert word in done.stdout + done.stderr


def test_secrets_are_never_printed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-very-secret-key")
    text = "version: 1\nlisteners:\n  - address: 0.0.0.0:70000\n"
    text += f"    mounts: [{{api: admin, key: '${{file:{tmp_path}/key}}', colour: blue}}]\n"
    done = check(tmp_path, text)
    assert done.returncode != 0
    assert "a-very-secret-key" not in done.stdout + done.stderr


def test_serve_refuses_what_check_refuses(tmp_path: Path) -> None:
    path = tmp_path / "sluice.yaml"
    path.write_text(WRONG)
    done = run("serve", "--config", path)
    assert done.returncode != 0
    assert "sluice.yaml:8" in done.stdout + done.stderr
