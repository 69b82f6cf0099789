"""People, what they may do, and what they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mednerapp.errors import PermissionDenied


class Role(StrEnum):
    CLINICIAN = "clinician"
    ANNOTATOR = "annotator"
    LEAD = "lead"
    ADMIN = "admin"


class Permission(StrEnum):
    ANNOTATE = "annotate"
    IMPORT = "import notes"
    SEE_RESULTS = "see results"
    TRAIN = "train models"
    EXPORT = "export"
    DELETE = "delete notes"
    REVIEW = "review others' annotations"
    SEE_IDENTIFIERS = "see notes with their identifiers"
    RESTORE_IDENTIFIERS = "restore replaced identifiers"
    ADMINISTER = "administer"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.CLINICIAN: frozenset({Permission.ANNOTATE, Permission.IMPORT, Permission.SEE_RESULTS}),
    Role.ANNOTATOR: frozenset({Permission.ANNOTATE}),
    Role.LEAD: frozenset(
        {
            Permission.ANNOTATE,
            Permission.IMPORT,
            Permission.SEE_RESULTS,
            Permission.TRAIN,
            Permission.EXPORT,
            Permission.DELETE,
            Permission.REVIEW,
            Permission.SEE_IDENTIFIERS,
        }
    ),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class User:
    id: int
    email: str
    name: str
    role: Role
    disabled: bool = False

    def may(self, permission: Permission) -> bool:
        return not self.disabled and permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises PermissionDenied."""
        if not self.may(permission):
            raise PermissionDenied(f"The role {self.role.value} may not {permission.value}.")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what to which record, when. `detail` holds counts and ids, never note text."""

    id: int
    at: datetime
    user_id: int | None
    action: str
    target: str
    detail: dict[str, Any]
