"""`sluice keys`: what it makes, lists and revokes, and how it keeps it."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path

import pytest

from integration.access import KEY
from support.server import run

pytestmark = pytest.mark.short


def test_a_key_is_shown_once_and_kept_as_its_digest(tmp_path: Path) -> None:
    env = {"SLUICE_DATA_DIR": str(tmp_path / "a" / "data")}
    done = run("keys", "create", "--name", "ci", "--tenant", "team", env=env)
    assert done.returncode == 0, done.stderr
    key = done.stdout.strip()
    found = KEY.fullmatch(key)
    assert found
    folder = tmp_path / "a" / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    file = folder / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text()
    stored = json.loads(file.read_text())
    assert stored["format"] == 1
    entry = stored["keys"][0]
    assert entry["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert entry["id"] == found[1]
    assert entry["tenant"] == "team"
    assert entry["scopes"] == ["callables=*"]
    listed = run("keys", "list", env=env)
    assert re.search(rf"^{found[1]} +ci +team +callables=\* .*active$", listed.stdout, re.M)
    assert key not in listed.stdout
    assert json.loads(run("keys", "list", "--json", env=env).stdout) == stored


def test_keys_list_scopes_limits_and_states(tmp_path: Path) -> None:
    place = ["--state-dir", str(tmp_path)]
    options = ["--scope", "callables=iris,team_*", "--scope", "jobs", "--class", "best_effort"]
    options += ["--rate", "100/1m", "--quota", "5/day", "--expires", "2099-01-01"]
    assert run("keys", "create", "--name", "full", *options, *place).returncode == 0
    assert run("keys", "create", "--name", "gone", *place).returncode == 0
    assert run("keys", "revoke", "gone", *place).returncode == 0
    rows = run("keys", "list", *place).stdout.splitlines()
    assert rows[0].split() == ["ID", "NAME", "TENANT", "SCOPES", "LIMITS", "STATE"]
    assert rows[1].split()[1:] == [
        *("full", "full", "callables=iris,team_*", "jobs", "100/1m", "5/day", "best_effort"),
        *("until", "2099-01-01T00:00:00Z"),
    ]
    assert " revoked " in rows[2]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["create", "--name", "a b"], "--name"),
        (["create", "--name", ""], "--name"),
        (["create", "--name", "a", "--tenant", "/"], "--tenant"),
        (["create", "--name", "a", "--tenant", ""], "--tenant"),
        (["create", "--name", "a", "--class", ""], "--class"),
        (["create", "--name", "a", "--rate", ""], "--rate"),
        (["create", "--name", "a", "--quota", ""], "--quota"),
        (["create", "--name", "a", "--expires", ""], "--expires"),
        (["create", "--name", "a", "--scope", "job"], "--scope"),
        (["create", "--name", "a", "--class", "best"], "realtime or best_effort"),
        (["create", "--name", "a", "--rate", "5"], "100/1m"),
        (["create", "--name", "a", "--quota", "5"], "10000/day"),
        (["create", "--name", "a", "--expires", "soon"], "90d"),
        (["create", "--name", "a", "--expires", "2020-01-01"], "over already"),
        (["create", "--name", "taken"], "taken"),
        (["revoke", "nobody"], "nobody"),
    ],
)
def test_what_is_wrong_with_a_keys_command_is_told(
    tmp_path: Path, arguments: list[str], word: str
) -> None:
    place = ["--state-dir", str(tmp_path)]
    assert run("keys", "create", "--name", "taken", *place).returncode == 0
    before = (tmp_path / "keys.json").read_bytes()
    done = run("keys", *arguments, *place)
    assert done.returncode == 1
    assert word in done.stderr
    assert not done.stdout
    assert (tmp_path / "keys.json").read_bytes() == before


def test_a_damaged_key_file_is_an_error_with_its_place_and_stays(tmp_path: Path) -> None:
    place = ["--state-dir", str(tmp_path)]
    file = tmp_path / "keys.json"
    file.write_text('{"format": 1, "keys": [{"id": "x"}]}')
    for arguments in (["create", "--name", "a"], ["list"], ["revoke", "a"]):
        done = run("keys", *arguments, *place)
        assert done.returncode == 1
        assert "keys.json: keys[0].name: it is missing" in done.stderr
    config = tmp_path / "sluice.yaml"
    text = "version: 1\nlisteners: [{address: '127.0.0.1:0', mounts: [{api: admin}]}]\n"
    config.write_text(text + f"state_dir: {tmp_path}\n")
    for command in (["check", str(config)], ["serve", "--config", str(config)]):
        done = run(*command)
        assert done.returncode == 1
        assert "keys.json: keys[0].name: it is missing" in done.stderr
    assert file.read_text() == '{"format": 1, "keys": [{"id": "x"}]}'


def test_keys_of_a_configuration_are_in_its_state_dir(tmp_path: Path) -> None:
    config = tmp_path / "sluice.yaml"
    # What is wrong elsewhere keeps nobody from revoking a key.
    config.write_text("version: 1\nstate_dir: here\nlisteners: []\n")
    assert run("keys", "create", "--name", "a", "--config", config).returncode == 0
    assert (tmp_path / "here" / "keys.json").is_file()
