"""Cutting differences into places, and what decisions about them lead to."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mednerapp.domain.adjudication import differences
from mednerapp.domain.gold import GoldAction, GoldEvent, decisions, is_double, settled
from mednerapp.domain.spans import Span

AT = datetime(2026, 1, 1, tzinfo=UTC)
SPANS = st.builds(
    lambda start, length, label: Span(start, start + length, label),
    st.integers(0, 30),
    st.integers(1, 6),
    st.sampled_from(["Drug", "Symptom"]),
)
SIDES = st.dictionaries(st.integers(1, 4), st.frozensets(SPANS, max_size=8), min_size=2, max_size=4)


def event(action: GoldAction, place: str = "", after: tuple[Span, ...] | None = None) -> GoldEvent:
    return GoldEvent(1, 1, 7, AT, action, place, None, after)


@given(SIDES, st.data())
def test_who_is_taken_at_every_place_is_the_gold(sides: dict[int, frozenset[Span]], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(sorted(sides)))
    _, places = differences(sides)
    made = {
        place.key: event(GoldAction.DECIDE, place.key, next(r.spans for r in place.readings if one in r.sides))
        for place in places
    }
    gold = settled(sides, made)
    assert [found.span for found in gold] == sorted(sides[one])
    for found in gold:
        assert found.sources == tuple(side for side, spans in sides.items() if found.span in spans)
        assert (found.decided_by is None) == (len(found.sources) == len(sides))


@given(SIDES)
def test_places_do_not_overlap_and_hold_every_difference(sides: dict[int, frozenset[Span]]) -> None:
    agreed, places = differences(sides)
    ends = [(place.start, place.end) for place in places]
    assert all(a[1] <= b[0] for a, b in pairwise(ends))
    inside = {span for place in places for reading in place.readings for span in reading.spans}
    assert inside == frozenset[Span]().union(*sides.values()) - set(agreed)
    assert len({place.key for place in places}) == len(places)
    for place in places:
        assert sorted(side for reading in place.readings for side in reading.sides) == sorted(sides)
        if place.majority is not None:
            assert 2 * len(place.readings[place.majority].sides) > len(sides)


def test_touching_spans_are_two_places_and_overlapping_ones_are_one() -> None:
    a, b, c = Span(0, 5, "Drug"), Span(5, 9, "Drug"), Span(4, 6, "Drug")
    assert len(differences({1: frozenset({a, b}), 2: frozenset()})[1]) == 2
    assert len(differences({1: frozenset({a, b, c}), 2: frozenset()})[1]) == 1


def test_a_place_keeps_its_key_whoever_holds_its_readings() -> None:
    a, b = frozenset({Span(0, 5, "Drug")}), frozenset({Span(0, 6, "Drug")})
    keys = {differences(sides)[1][0].key for sides in ({1: a, 2: b}, {1: b, 2: a}, {1: a, 2: b, 3: b})}
    assert len(keys) == 1


@given(st.lists(st.sampled_from(["a", "b", GoldAction.UNDO, GoldAction.REDO]), max_size=30))
def test_undo_and_redo_are_those_of_every_editor(steps: list[str]) -> None:
    done: list[int] = []
    undone: list[int] = []
    events: list[GoldEvent] = []
    for number, step in enumerate(steps):
        if step == GoldAction.UNDO:
            events.append(event(GoldAction.UNDO))
            undone += [done.pop()] if done else []
        elif step == GoldAction.REDO:
            events.append(event(GoldAction.REDO))
            done += [undone.pop()] if undone else []
        else:
            events.append(event(GoldAction.DECIDE, step, (Span(number, number + 1, "Drug"),)))
            done, undone = [*done, number], []
    made, can_undo, can_redo = decisions(events)
    last = {steps[number]: number for number in done}
    assert {place: e.after[0].start for place, e in made.items() if e.after} == last
    assert (can_undo, can_redo) == (bool(done), bool(undone))


def test_what_is_not_decided_is_no_gold() -> None:
    with pytest.raises(ValueError, match="not decided"):
        settled({1: frozenset({Span(0, 1, "Drug")}), 2: frozenset()}, {})


def test_a_greater_share_takes_no_note_away() -> None:
    hashes = [f"{number:064x}" for number in range(300)]
    chosen = [
        {digest for digest in hashes if is_double(project_id=1, content_hash=digest, percent=percent)}
        for percent in (0, 20, 60, 100)
    ]
    assert chosen[0] == set()
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3] == set(hashes)
    assert 30 < len(chosen[1]) < 90
