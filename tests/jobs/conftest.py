from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from job_bench import Bench

POSTGRES = os.environ.get("MEDNER_TEST_POSTGRES_URL", "")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Empty for SQLite in the data folder, or a database of the test's own on the PostgreSQL server."""
    if request.param == "sqlite":
        yield ""
        return
    if not POSTGRES:
        pytest.skip("MEDNER_TEST_POSTGRES_URL is not set")
    name = f"jobs_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield sa.make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@pytest.fixture
def bench(tmp_path: Path, url: str) -> Iterator[Bench]:
    bench = Bench(tmp_path, url)
    yield bench
    bench.close()
