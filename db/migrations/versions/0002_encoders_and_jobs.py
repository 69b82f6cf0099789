"""what is known of an installed encoder; jobs that pull, add, verify and compare; full fine-tuned checkpoints

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

OLD_JOB_KINDS = ("predict", "fine_tune", "evaluate")
NEW_JOB_KINDS = (*OLD_JOB_KINDS, "pull", "add_encoder", "verify")
OLD_ADAPTER_KINDS = ("starter", "lora")
NEW_ADAPTER_KINDS = (*OLD_ADAPTER_KINDS, "full")


def allow(table: str, kinds: tuple[str, ...]) -> None:
    """Make the table accept exactly these kinds.

    SQLite cannot change a CHECK in place: the table is written anew. A copy that an interrupted migration left behind
    goes first; from the first copied row on, all that follows is one transaction.
    """
    name = op.f(f"ck_{table}_kind_known")
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TABLE IF EXISTS _alembic_tmp_{table}")
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, f"kind IN ({', '.join(repr(kind) for kind in kinds)})")


def upgrade() -> None:
    allow("job", NEW_JOB_KINDS)
    allow("adapter", NEW_ADAPTER_KINDS)
    for column in (
        sa.Column("architecture", sa.String(length=40), server_default="", nullable=False),
        sa.Column("cased", sa.Boolean(), nullable=True),
        sa.Column("tokenizer", sa.String(length=20), server_default="", nullable=False),
        sa.Column("licence", sa.String(length=200), server_default="", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("encoder", column)


def downgrade() -> None:
    """Refused by the database while it holds a job or an adapter of a kind that 0001 does not know."""
    allow("adapter", OLD_ADAPTER_KINDS)
    allow("job", OLD_JOB_KINDS)
    for column in (
        "removed_at", "problem", "verified_at", "installed_at", "size_bytes", "licence", "tokenizer", "cased",
        "architecture",
    ):  # fmt: skip
        op.drop_column("encoder", column)
