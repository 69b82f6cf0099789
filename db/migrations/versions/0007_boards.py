"""what became of every span of an evaluation, what it cost, and the summaries that the dashboard reads

Revision: 0007, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels = None
depends_on = None

KINDS = "'right', 'boundary', 'type', 'both', 'missed', 'invented'"
COLUMNS = (
    ("basis", sa.String(length=64), ""),
    ("detailed", sa.Boolean(), sa.false()),
    ("seconds", sa.Double(), "0"),
    ("characters", sa.BigInteger(), "0"),
    ("model_bytes", sa.BigInteger(), "0"),
    ("memory_bytes", sa.BigInteger(), "0"),
    ("device", sa.String(length=100), ""),
)


def upgrade() -> None:
    for name, kind, default in COLUMNS:
        op.add_column("evaluation", sa.Column(name, kind, server_default=default, nullable=False))
    op.create_table(
        "evaluation_span",
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("gold_start", sa.Integer(), nullable=True),
        sa.Column("gold_end", sa.Integer(), nullable=True),
        sa.Column("gold_label", sa.String(length=60), nullable=True),
        sa.Column("gold_fragments", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("predicted_start", sa.Integer(), nullable=True),
        sa.Column("predicted_end", sa.Integer(), nullable=True),
        sa.Column("predicted_label", sa.String(length=60), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("section", sa.String(length=60), nullable=False),
        sa.Column("assertion", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_evaluation_span_kind_known")),
        sa.CheckConstraint(
            "gold_start IS NOT NULL OR predicted_start IS NOT NULL", name=op.f("ck_evaluation_span_not_nothing")
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
            name=op.f("fk_evaluation_span_evaluation_id_evaluation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "position", name=op.f("pk_evaluation_span")),
    )
    op.create_table(
        "evaluation_summary",
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("f1", sa.Double(), nullable=True),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("versus", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
            name=op.f("fk_evaluation_summary_evaluation_id_evaluation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_evaluation_summary_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_evaluation_summary")),
    )
    op.create_index(op.f("ix_evaluation_summary_dataset_id_f1"), "evaluation_summary", ["dataset_id", "f1"])
    op.create_table(
        "board",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=120), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("models", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_board_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_board")),
    )


def downgrade() -> None:
    op.drop_table("board")
    op.drop_index(op.f("ix_evaluation_summary_dataset_id_f1"), table_name="evaluation_summary")
    op.drop_table("evaluation_summary")
    op.drop_table("evaluation_span")
    for name, _, _ in reversed(COLUMNS):
        op.drop_column("evaluation", name)
