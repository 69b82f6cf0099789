"""One web process on a demo data folder for all tests of the routes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.app_server import AppServer, prepare_demo, running


@pytest.fixture(scope="session")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as server:
        yield server
