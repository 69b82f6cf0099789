from __future__ import annotations

from mednerapp.bench.uploads import command


def test_the_bench_of_malformed_uploads_counts_each_and_finds_none_that_crashes() -> None:
    tally = command.run(count=15, seed=3)
    assert tally.files == 15
    assert tally.with_notes + tally.refused + tally.asked == 15
    assert not tally.failed()
