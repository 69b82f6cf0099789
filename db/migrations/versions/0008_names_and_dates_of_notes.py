"""what a note is called where it comes from, and the day that it is of

Revision: 0008, after 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("note", sa.Column("foreign_id", sa.String(length=200), server_default="", nullable=False))
    op.add_column("note", sa.Column("written_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("note", "written_on")
    op.drop_column("note", "foreign_id")
