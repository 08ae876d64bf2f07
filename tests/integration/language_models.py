"""The server of the tests of language models, one for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.language_models import language_models
from support.server import Server


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(language_models(), tmp_path_factory.mktemp("models") / "server") as running:
        yield running
