"""remarks: an index of the spans that somebody is unsure of or has commented

Revision: 0011, after 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels = None
depends_on = None

_REMARKED = sa.text("(unsure OR comment <> '')")


def upgrade() -> None:
    op.create_index(
        op.f("ix_annotation_span_remarked"),
        "annotation_span",
        ["annotation_id"],
        sqlite_where=_REMARKED,
        postgresql_where=_REMARKED,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_annotation_span_remarked"), "annotation_span")
