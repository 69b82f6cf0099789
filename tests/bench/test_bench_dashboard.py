"""The measurement of the dashboard, on little data and without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import big
from mednerapp.bench.dashboard import Result, World, _lines, measure_reads


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def test_a_database_is_filled_summed_up_and_read(tmp_path: Path, url: str) -> None:
    world = World(tmp_path / "data", url, big.Sizes(notes=500, runs=4))
    try:
        assert world.rows == {
            "notes": 500,
            "spans": 500 * big.SPANS,
            "runs": 4,
            "evaluations": 4,
            "scored spans": 4 * 3 * big.SPANS,  # one note in 25, three of twenty are test notes
        }
        tenth, full, queries = measure_reads(world, world, 1)
        result = Result(world.rows, 1.0, 1.0, tenth, full, queries, 1.0, 2.0, 2.0)
        printed = "\n".join(_lines(result))
        assert "500 notes, 20,000 spans, 4 runs" in printed
        assert "FROM evaluation_summary" in printed
        assert not [q for q in queries if "annotation_span" in q.statement or "evaluation_span" in q.statement]
    finally:
        world.product.close()
