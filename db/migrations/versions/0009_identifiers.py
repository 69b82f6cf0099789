"""identifiers: policy of a project, verdicts on notes, offset maps, notes that wait for a person

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project_privacy",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.CheckConstraint("policy IN ('off', 'keep', 'replace', 'tag', 'refuse')", name=op.f("ck_project_privacy_policy_known")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_privacy_project_id_project"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_project_privacy")),
    )
    op.create_table(
        "note_privacy",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Integer(), nullable=True),
        sa.CheckConstraint("verdict IN ('held', 'found none', 'replaced', 'cleared')", name=op.f("ck_note_privacy_verdict_known")),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"], name=op.f("fk_note_privacy_note_id_note"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_note_privacy_by_app_user")),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_note_privacy")),
    )
    op.create_table(
        "note_original",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("patient_key", sa.String(length=200), nullable=True),
        sa.Column("segments", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"], name=op.f("fk_note_original_note_id_note"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_note_original")),
    )
    op.create_table(
        "held_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("patient_key", sa.String(length=200), nullable=True),
        sa.Column("note_type", sa.String(length=100), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("clients", sa.JSON(), nullable=False),
        sa.Column("last_client", sa.String(length=64), server_default="", nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("revision >= 0", name=op.f("ck_held_note_revision_not_negative")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_held_note_project_id_project"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_held_note_created_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_note")),
        sa.UniqueConstraint("project_id", "content_hash", name=op.f("uq_held_note_project_id_content_hash")),
    )


def downgrade() -> None:
    """The offset maps go: what was replaced cannot be restored any more, and notes that wait are lost."""
    for table in ("held_note", "note_original", "note_privacy", "project_privacy"):
        op.drop_table(table)
