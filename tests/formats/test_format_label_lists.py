"""Lists of labels as CSV."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mednerapp.domain.labels import MEDICAL_SCHEMA, written_schema
from mednerapp.errors import InvalidValue
from mednerapp.formats.label_lists import read_labels, write_labels

lines = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60)


def test_only_the_name_is_needed() -> None:
    assert read_labels("name\nDose\n\nRoute of administration\n") == [
        ("Dose", "", ""),
        ("Route of administration", "", ""),
    ]


def test_what_a_spreadsheet_leaves_behind_is_passed_over() -> None:
    assert read_labels("name,color,description\r\nDose,,,,\r\n,,\r\n,,,\r\n") == [("Dose", "", "")]


def test_columns_come_in_any_order_and_texts_may_hold_commas() -> None:
    assert read_labels('Description, NAME\n"75 mg, daily",Dose\n') == [("Dose", "", "75 mg, daily")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names its columns: name, color, description."),
        ("Dose\nRoute\n", "not 'dose'"),
        ("name,colour\nDose,#fff\n", "not 'name', 'colour'"),
        ("name\nDose, by mouth\n", "Line 2 has more values"),
        ("name,name\nDose,Route\n", "names its columns"),
    ],
)
def test_what_is_no_list_of_labels_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        read_labels(text)


def test_a_value_beyond_the_reader_s_limit_is_refused() -> None:
    before = csv.field_size_limit(100)
    try:
        with pytest.raises(InvalidValue, match="no list of comma-separated values"):
            read_labels("name\n" + "x" * 101)
    finally:
        csv.field_size_limit(before)


@given(st.lists(st.tuples(lines, st.sampled_from(["#000", "#0072B2"]), lines), min_size=1, max_size=9))
def test_what_is_written_is_read_again(rows: list[tuple[str, str, str]]) -> None:
    once = written_schema([(f"{number} {name}"[:60], color, text) for number, (name, color, text) in enumerate(rows)])
    assert written_schema(read_labels(write_labels(once.labels))) == once


def test_the_labels_of_the_starter_are_the_same_after_a_round_trip() -> None:
    assert written_schema(read_labels(write_labels(MEDICAL_SCHEMA.labels))) == MEDICAL_SCHEMA
