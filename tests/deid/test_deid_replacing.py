from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mednerapp.deid.moving_dates import moved
from mednerapp.deid.replacing import Replaced, Segment, replace_all, restore, to_original, to_replaced
from mednerapp.deid.surrogates import Surrogates, tag
from mednerapp.domain.identifiers import Identifier, IdentifierType
from mednerapp.errors import InvalidValue

KEY = b"0123456789abcdef0123456789abcdef"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=120)


@st.composite
def notes(draw: st.DrawFn) -> tuple[str, list[Identifier]]:
    """A text with identifiers of any type at places that do not overlap; they may touch."""
    text = draw(texts)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    pairs = [pair for pair in pairwise(cuts) if draw(st.booleans())]
    return text, [Identifier(start, end, draw(st.sampled_from(IdentifierType))) for start, end in pairs]


def kept(text: str, places: list[tuple[int, int]]) -> list[str]:
    """What stands between the places."""
    edges = [0, *(edge for place in places for edge in place), len(text)]
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


@given(notes(), st.sampled_from([tag, Surrogates(KEY, "p")]))
def test_replacing_alters_no_other_character_and_the_map_restores_the_note(
    note: tuple[str, list[Identifier]], substitute: Callable[[Identifier, str], str]
) -> None:
    text, found = note
    replaced = replace_all(text, found, substitute)
    before = kept(text, [(one.start, one.end) for one in found])
    assert kept(replaced.text, [(s.start, s.end) for s in replaced.segments]) == before
    assert restore(replaced.text, replaced.segments) == text
    assert [s.original for s in replaced.segments] == [text[one.start : one.end] for one in found]
    assert all(s.replacement.casefold() != s.original.casefold() for s in replaced.segments)


@given(notes(), st.data())
def test_offsets_outside_identifiers_are_the_same_place_in_both_texts(
    note: tuple[str, list[Identifier]], data: st.DataObject
) -> None:
    text, found = note
    replaced = replace_all(text, found, Surrogates(KEY, "p"))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if start == end:
        return
    there = to_replaced(start, replaced.segments), to_replaced(end, replaced.segments, end=True)
    assert there[0] <= there[1]
    back = to_original(there[0], replaced.segments), to_original(there[1], replaced.segments, end=True)
    assert back[0] <= start
    assert back[1] >= end
    if not any(one.start < end and start < one.end for one in found):  # touches no identifier
        assert replaced.text[slice(*there)] == text[start:end]
        assert back == (start, end)
    else:  # grows to whole identifiers, never beyond
        assert back[0] in {start, *(one.start for one in found)}
        assert back[1] in {end, *(one.end for one in found)}


@pytest.mark.parametrize("kind", IdentifierType)
def test_a_blank_identifier_becomes_a_tag(kind: IdentifierType) -> None:
    replaced = replace_all("a\x85b", [Identifier(1, 2, kind)], Surrogates(KEY, "p"))
    assert replaced.text == f"a[{kind.value.upper()}]b"


def test_identifiers_that_overlap_and_foreign_segments_are_refused() -> None:
    two = [Identifier(0, 3, IdentifierType.NAME), Identifier(2, 4, IdentifierType.DATE)]
    with pytest.raises(InvalidValue, match="overlaps"):
        replace_all("abcdef", two, tag)
    with pytest.raises(InvalidValue, match="do not belong"):
        restore("another text", (Segment(0, "x", "[NAME]", IdentifierType.NAME),))


def surrogate(value: str, kind: IdentifierType, *, patient: str = "p", key: bytes = KEY) -> str:
    return Surrogates(key, patient)(Identifier(0, len(value), kind), value)


def test_a_patient_keeps_one_name_in_whole_and_in_part_and_in_any_case() -> None:
    whole = surrogate("Mary Johnson", IdentifierType.NAME)
    assert whole.split()[1] == surrogate("Johnson", IdentifierType.NAME)
    assert surrogate("MARY JOHNSON", IdentifierType.NAME) == whole.upper()
    assert surrogate("Mary Johnson", IdentifierType.NAME, patient="q") != whole
    assert surrogate("Mary Johnson", IdentifierType.NAME, key=KEY[::-1]) != whole


@pytest.mark.parametrize(
    ("kind", "value", "shape"),
    [
        (IdentifierType.PHONE, "(413) 867-5309", r"\(\d{3}\) 555-01\d\d"),
        (IdentifierType.SSN, "123-45-6789", r"000-\d\d-\d{4}"),
        (IdentifierType.MRN, "AB-12345", r"[A-Z]{2}-\d{5}"),
        (IdentifierType.EMAIL, "m.j@mail.com", r"[a-z]+\.[a-z]+\d\d@example\.org"),
        (IdentifierType.IP, "10.0.0.1", r"192\.0\.2\.\d+"),
        (IdentifierType.AGE, "93", "90"),
        (IdentifierType.FACILITY, "Mercy Hospital", r"[A-Z][a-z]+ Hospital"),
    ],
)
def test_surrogates_belong_to_nobody(kind: IdentifierType, value: str, shape: str) -> None:
    assert re.fullmatch(shape, surrogate(value, kind))


FORMATS = ["%m/%d/%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%d.%m.%Y", "%Y%m%d"]


@given(st.dates(date(1930, 1, 1), date(2049, 12, 31)), st.sampled_from(FORMATS), st.integers(-800, 800))
def test_a_date_moves_by_the_days_and_keeps_its_way_of_writing(day: date, how: str, days: int) -> None:
    there = moved(day.strftime(how), days)
    assert there is not None
    short = "%B" in how and day.month == 5 and len(there) < len((day + timedelta(days=days)).strftime(how))
    assert parsed(there, how.replace("%B", "%b") if short else how) == day + timedelta(days=days)  # May is both


def parsed(value: str, how: str) -> date:
    return datetime.strptime(value, how).date()  # noqa: DTZ007 - a day has no zone


def test_all_dates_of_a_patient_move_by_the_same_whole_weeks() -> None:
    shifts = {Surrogates(KEY, patient).days for patient in ("a", "b", "c", "d")}
    assert len(shifts) > 1
    assert all(days % 7 == 0 and days < 0 for days in shifts)
    first, last = surrogate("2024-03-01", IdentifierType.DATE), surrogate("March 15, 2024", IdentifierType.DATE)
    assert parsed(last, "%B %d, %Y") - parsed(first, "%Y-%m-%d") == timedelta(days=14)
    assert surrogate("the day after", IdentifierType.DATE) == "[DATE]"


def test_a_letter_that_is_two_in_capitals_has_a_surrogate() -> None:
    found = [Identifier(1, 2, IdentifierType.NAME)]
    replaced = replace_all("0ß", found, Surrogates(KEY, "p"))
    assert restore(replaced.text, replaced.segments) == "0ß"


def test_nothing_to_replace_leaves_the_note() -> None:
    assert replace_all("Fever.", [], tag) == Replaced("Fever.", ())
