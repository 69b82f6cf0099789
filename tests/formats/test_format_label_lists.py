"""Lists of labels as CSV."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import texts

from mednerapp.domain.labels import MEDICAL_SCHEMA, Label, LabelSchema, written_schema
from mednerapp.errors import InvalidValue
from mednerapp.formats.label_lists import read_labels, write_labels

names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)


def test_only_the_name_is_needed() -> None:
    assert read_labels("name\nDose\n\nRoute of administration\n") == [
        ("Dose", "", ""),
        ("Route of administration", "", ""),
    ]


def test_columns_come_in_any_order_and_texts_may_hold_commas() -> None:
    assert read_labels('Description, NAME\n"75 mg, daily",Dose\n') == [("Dose", "", "75 mg, daily")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names its columns: name, color, description."),
        ("Dose\nRoute\n", "not 'dose'"),
        ("name,colour\nDose,#fff\n", "not 'name', 'colour'"),
        ("name\nDose, by mouth\n", "Line 2 has more values"),
    ],
)
def test_what_is_no_list_of_labels_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        read_labels(text)


@given(st.lists(st.tuples(names, st.sampled_from(["#000", "#0072B2"]), texts()), min_size=1, max_size=9))
def test_what_is_written_is_read_again(rows: list[tuple[str, str, str]]) -> None:
    labels = LabelSchema(
        tuple(
            Label(f"{i} {name}"[:60], color, "", " ".join(text.split())) for i, (name, color, text) in enumerate(rows)
        )
    )
    again = written_schema(read_labels(write_labels(labels.labels)))
    assert [(one.name, one.color, one.description) for one in again.labels] == [
        (one.name, one.color, one.description.strip()) for one in labels.labels
    ]


def test_the_labels_of_the_starter_are_the_same_after_a_round_trip() -> None:
    assert written_schema(read_labels(write_labels(MEDICAL_SCHEMA.labels))) == MEDICAL_SCHEMA
