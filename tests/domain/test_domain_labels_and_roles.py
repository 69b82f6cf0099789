from __future__ import annotations

import pytest

from mednerapp.domain.accounts import PERMISSIONS, Permission, Role, User
from mednerapp.domain.labels import MEDICAL_SCHEMA, Label, LabelSchema, schema_from
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
