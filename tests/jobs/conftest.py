from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from job_bench import Bench


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Empty for SQLite in the data folder, or a fresh database of the session's PostgreSQL server."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def bench(tmp_path: Path, url: str) -> Iterator[Bench]:
    bench = Bench(tmp_path, url)
    yield bench
    bench.close()
