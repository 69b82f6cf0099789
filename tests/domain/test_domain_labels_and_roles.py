from __future__ import annotations

from collections import Counter

import pytest

from mednerapp.domain.accounts import PERMISSIONS, Permission, Role, User
from mednerapp.domain.labels import MEDICAL_SCHEMA, PALETTE, Label, LabelSchema, schema_from, written_schema
from mednerapp.errors import InvalidValue, PermissionDenied, UnknownLabel

MAY = {
    Permission.ANNOTATE: {Role.CLINICIAN, Role.ANNOTATOR, Role.LEAD, Role.ADMIN},
    Permission.IMPORT: {Role.CLINICIAN, Role.LEAD, Role.ADMIN},
    Permission.SEE_RESULTS: {Role.CLINICIAN, Role.LEAD, Role.ADMIN},
    Permission.TRAIN: {Role.LEAD, Role.ADMIN},
    Permission.EXPORT: {Role.LEAD, Role.ADMIN},
    Permission.DELETE: {Role.LEAD, Role.ADMIN},
    Permission.REVIEW: {Role.LEAD, Role.ADMIN},
    Permission.SEE_IDENTIFIERS: {Role.LEAD, Role.ADMIN},
    Permission.RESTORE_IDENTIFIERS: {Role.ADMIN},
    Permission.ADMINISTER: {Role.ADMIN},
}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_who_may_do_what(role: Role, permission: Permission) -> None:
    user = User(1, "a@b.c", "A", role)
    assert user.may(permission) == (role in MAY[permission])
    if user.may(permission):
        user.require(permission)
    else:
        with pytest.raises(PermissionDenied, match=role.value):
            user.require(permission)
    assert not User(1, "a@b.c", "A", role, disabled=True).may(permission)


def test_every_role_has_its_row() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert set(MAY) == set(Permission)


def test_an_unknown_label_is_answered_with_the_valid_ones() -> None:
    with pytest.raises(UnknownLabel, match=r"'Drg'. Valid labels: Disease, Symptom, Drug, Procedure, Test\."):
        MEDICAL_SCHEMA.check("Drg")
    MEDICAL_SCHEMA.check("Drug")


def test_a_schema_has_labels_with_names_of_their_own() -> None:
    for labels in ((), (Label("Drug", ""), Label("Drug", "#000"))):
        with pytest.raises(InvalidValue):
            LabelSchema(labels)


def test_the_digit_keys_follow_the_order_as_far_as_there_are_digits() -> None:
    schema = schema_from([(f"L{i}", "#000", "") for i in range(12)])
    assert [label.key for label in schema.labels] == [*"123456789", "", "", ""]


def test_labels_as_people_write_them_get_colours_and_keys() -> None:
    schema = written_schema([(" Dose ", "", ""), ("Route", "#0072b2", " By mouth … "), ("Form", "", "")])
    assert [(one.name, one.key, one.description) for one in schema.labels] == [
        ("Dose", "1", ""), ("Route", "2", "By mouth …"), ("Form", "3", ""),
    ]  # fmt: skip
    assert [one.color for one in schema.labels] == [PALETTE[0], "#0072b2", PALETTE[1]]
    many = written_schema([(f"L{i}", "", "") for i in range(2 * len(PALETTE))])
    assert Counter(one.color for one in many.labels) == dict.fromkeys(PALETTE, 2)


def test_a_label_is_there_however_it_is_written() -> None:
    schema = written_schema([("Déficit", "", "")])
    assert all(schema.has(name) for name in ("Déficit", "De\u0301ficit", " DÉFICIT "))
    assert not schema.has("Deficit")


def test_more_labels_come_behind_those_that_are_there_and_change_nothing_of_them() -> None:
    own = LabelSchema((Label("Gene", "#123456", "g", "Genes."),), version=3, id=7)
    more = written_schema([("Dose", "", "")], after=own)
    assert more == LabelSchema((*own.labels, Label("Dose", PALETTE[0], "2")), version=4)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no label"),
        ([("", "", "")], "1 to 60 characters"),
        ([("x" * 61, "", "")], "1 to 60 characters"),
        ([("two\nlines", "", "")], "on one line"),
        ([("Dose", "red", "")], "'Dose' is written like #0072B2, not 'red'"),
        ([("Dose", "#12", "")], "written like"),
        ([("Dose", "", "x" * 501)], "at most 500 characters"),
        ([("Dose", "", "a\x00b")], "on one line"),
        ([("Dose\ud800", "", "")], "on one line"),
        ([("e\u0301", "", ""), ("\xe9", "", "")], "there twice"),
        ([("Dose", "", ""), ("DOSE", "", "")], "'DOSE' is there twice"),
        ([("drug", "", "")], "'drug' is there twice"),
        ([(f"L{i}", "", "") for i in range(46)], "at most 50 labels, not 51"),
    ],
)
def test_what_is_no_label_is_refused_with_its_name(rows: list[tuple[str, str, str]], says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        written_schema(rows, after=MEDICAL_SCHEMA)
