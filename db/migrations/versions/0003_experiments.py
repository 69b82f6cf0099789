"""experiments: encoders x seeds, each cell a run

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("preset", sa.String(length=40), nullable=False),
        sa.Column("hyper", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_experiment_project_id_project"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_experiment_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_experiment_created_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
    )
    op.create_index(op.f("ix_experiment_project_id"), "experiment", ["project_id"], unique=False)
    op.create_table(
        "experiment_cell",
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("encoder_id", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiment.id"],
            name=op.f("fk_experiment_cell_experiment_id_experiment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoder.id"], name=op.f("fk_experiment_cell_encoder_id_encoder")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_experiment_cell_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "position", name=op.f("pk_experiment_cell")),
        sa.UniqueConstraint(
            "experiment_id", "encoder_id", "seed", name=op.f("uq_experiment_cell_experiment_id_encoder_id_seed")
        ),
    )
    op.create_index(op.f("ix_experiment_cell_run_id"), "experiment_cell", ["run_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_experiment_cell_run_id"), table_name="experiment_cell")
    op.drop_table("experiment_cell")
    op.drop_index(op.f("ix_experiment_project_id"), table_name="experiment")
    op.drop_table("experiment")
