"""notices: who wants a mail when a job of theirs has ended, and for which jobs there was one

Revision: 0010, after 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("app_user", sa.Column("mail_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "job_notice",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_notice_job_id_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_notice")),
    )


def downgrade() -> None:
    op.drop_table("job_notice")
    op.drop_column("app_user", "mail_since")
