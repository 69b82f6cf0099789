"""Shared by all tests: no network, and fresh migrated databases of both kinds."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from support import postgres
from support.network import forbid_outgoing
from support.warm import warm

from db.engine import Database, connect
from db.migrate import upgrade
from mednerapp.store import Store

__all__ = ["warm"]

forbid_outgoing()

# No deadline: a test machine is shared and its speed is not what these tests are about.
# The same examples each time where a change is judged, so that chance is not what refuses it; new ones everywhere else.
hypothesis.settings.register_profile("medner", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("medner")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A PostgreSQL server for the session. Where none can be had the test is skipped, but in CI it fails."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.PostgresMissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs PostgreSQL: {missing}", pytrace=False)
        pytest.skip(f"No PostgreSQL: {missing}")


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database, for tests that leave more behind than rows of ours."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def _shared_postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture
def emptied_postgres_url(_shared_postgres_url: str) -> str:
    """A migrated PostgreSQL database without a row: as good as a fresh one for whoever only writes rows, and faster."""
    postgres.empty(_shared_postgres_url)
    return _shared_postgres_url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path) -> str:
    """A fresh, migrated SQLite database, where that of the test before was."""
    path = _sqlite_template.with_name("medner.sqlite")
    for former in path.parent.glob(f"{path.name}*"):
        former.unlink()
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database without a row; the test runs once for each kind, and changes rows only."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "emptied_postgres_url")


_connected = cache(connect)  # an engine keeps what it has compiled, which is most of the work of a short test


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = _connected(database_url)
    yield opened
    opened.dispose()  # the connections


@pytest.fixture
def store(database: Database) -> Store:
    """The store on a fresh database; the test runs once for SQLite and once for PostgreSQL."""
    return Store(database)


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """The store on a fresh SQLite database, for tests whose point is not the database."""
    opened = _connected(sqlite_url)
    yield Store(opened)
    opened.dispose()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    yield
    if "support.browser" in sys.modules and "browser" not in getattr(nextitem, "fixturenames", ()):
        sys.modules["support.browser"].close()


# Files that take minutes: begun first, so that no process is left with one of them while the others have nothing to do.
_LONG = (
    "loop/test_whole_loop.py",
    "jobs/test_worker.py",
    "browser/test_accessibility.py",
    "loop/test_kills.py",
    "browser/test_dashboard.py",
    "browser/test_pages_in_browser.py",
    "ner/test_encoder_rows.py",
    "jobs/test_together.py",
    "cli/test_command_line.py",
    "bench/test_bench_editor.py",
    "browser/test_queue_in_browser.py",
    "browser/test_annotate_states.py",
    "ui/test_pages.py",
    "cli/test_compare_command.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    long = [str(here / name) for name in _LONG]
    items.sort(key=lambda item: long.index(str(item.path)) if str(item.path) in long else len(long))
