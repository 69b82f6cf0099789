"""What people are unsure of and what they wrote beside spans, for those who can answer."""

from __future__ import annotations

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.remarks import Remark, RemarkFilter
from mednerapp.services.finding import AROUND
from mednerapp.store import Store

MOST = 1_000


def remarks(
    store: Store, *, user: User, project_id: int, wanted: RemarkFilter | None = None, limit: int = MOST
) -> list[Remark]:
    """The user's own in the project, and everybody's for whom reviews; the note that was worked on last comes first.

    On a note that comes without suggestions, or that two people annotate, they see their own only, until nothing that
    others say can lead them any more (`may_see_others`).
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        tx.projects.get(project_id)
        return tx.remarks.of_project(
            project_id,
            user_id=user.id,
            others=user.may(Permission.REVIEW),
            wanted=wanted or RemarkFilter(),
            around=AROUND,
            limit=limit,
        )
