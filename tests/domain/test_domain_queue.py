from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mednerapp.domain.datasets import Split, split_of
from mednerapp.domain.notes import content_hash
from mednerapp.domain.queue import GroupOfNotes, Work, is_blind, pace, shuffle_key, uncertainty

HASHES = [content_hash(f"Note {number}") for number in range(2_000)]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_uncertainty_is_the_mean_of_what_is_missing_to_certainty() -> None:
    assert uncertainty([0.9, 0.5]) == pytest.approx(0.3)
    assert uncertainty([]) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(2, 5))
def test_a_note_is_no_less_certain_for_being_longer(scores: list[float], times: int) -> None:
    assert 0 <= uncertainty(scores) <= 1
    assert uncertainty(scores * times) == pytest.approx(uncertainty(scores))


def test_the_blind_notes_are_the_share_asked_for_and_more_only_adds_some() -> None:
    blind = {
        percent: {h for h in HASHES if is_blind(project_id=1, content_hash=h, percent=percent)}
        for percent in (0, 10, 30, 100)
    }
    assert blind[0] == set()
    assert blind[100] == set(HASHES)
    assert blind[10] < blind[30]
    assert 0.07 < len(blind[10]) / len(HASHES) < 0.13
    assert 0.26 < len(blind[30]) / len(HASHES) < 0.34


def test_blindness_order_and_split_have_nothing_to_do_with_each_other() -> None:
    shuffled = sorted(HASHES, key=lambda h: shuffle_key(project_id=1, content_hash=h))
    first = shuffled[: len(HASHES) // 2]
    blind = [is_blind(project_id=1, content_hash=h, percent=50) for h in first]
    assert 0.45 < sum(blind) / len(blind) < 0.55
    test = [split_of(patient_key=None, content_hash=h) is Split.TEST for h in first]
    assert 0.11 < sum(test) / len(test) < 0.19
    assert shuffled != sorted(HASHES, key=lambda h: shuffle_key(project_id=2, content_hash=h))


def test_a_place_in_the_random_order_fits_the_column_and_stays_what_it_is() -> None:
    keys = [shuffle_key(project_id=1, content_hash=h) for h in HASHES]
    assert all(0 <= key < 2**62 for key in keys)
    assert len(set(keys)) == len(keys)
    assert keys[0] == 871_549_757_232_216_929  # rows keep it: another formula would mix two orders


def work(minutes: float, *, user: int = 1, took: float | None = 2) -> Work:
    at = NOON + timedelta(minutes=minutes)
    return Work(user, at, None if took is None else at - timedelta(minutes=took), None if took is None else at)


def test_pace_leaves_out_pauses_and_what_others_do_meanwhile() -> None:
    mine = [work(minutes) for minutes in (0, 10, 20, 30, 200, 210)]  # four steps of ten minutes, one pause
    found = pace(mine, today=NOON + timedelta(hours=1))
    assert (found.today, found.week, found.minutes) == (2, 6, 2)
    assert found.per_hour == pytest.approx(6)
    assert found.hours_for(12) == pytest.approx(2)
    others = [work(minutes + 5, user=2) for minutes in (0, 10, 20, 30)]
    assert pace(mine + others, today=NOON).per_hour == pytest.approx(6)  # of each


def test_a_pace_that_would_be_a_guess_is_none() -> None:
    found = pace([work(0, took=None), work(5, took=None)], today=NOON)
    assert (found.week, found.per_hour, found.minutes, found.hours_for(3)) == (2, None, None, None)
    assert pace([work(0)] * 5, today=NOON).per_hour is None  # all at the same moment
    assert pace([], today=NOON).week == 0


def test_density_is_per_thousand_words() -> None:
    assert GroupOfNotes(blind=True, notes=1, words=500, spans=10, minutes=None).density == 20
    assert GroupOfNotes(blind=True, notes=0, words=0, spans=0, minutes=None).density is None
