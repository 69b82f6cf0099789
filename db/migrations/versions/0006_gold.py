"""gold that people decide, double annotation, promotion with its evidence, suspicious gold

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None

# Table: (column as the database writes it, its CHECK or foreign key, or ''). As in 0004: added in place.
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "dataset_note": (
        ("gold_id INTEGER", "fk_dataset_note_gold_id_gold REFERENCES gold (id)"),
        ("gold_revision INTEGER", ""),
    ),
    "project": (
        (
            "double_percent INTEGER DEFAULT 0 NOT NULL",
            "ck_project_double_percent_range CHECK (double_percent >= 0 AND double_percent <= 100)",
        ),
        (
            "gold_policy VARCHAR(20) DEFAULT 'submitted' NOT NULL",
            "ck_project_gold_policy_known CHECK (gold_policy IN ('submitted', 'approved'))",
        ),
        ("promotion_level {float}", ""),
        (
            "promotion_drop {float}",
            "ck_project_promotion_rule_whole CHECK ((promotion_level IS NULL) = (promotion_drop IS NULL))",
        ),
    ),
    "promotion": (
        (
            "kind VARCHAR(20) DEFAULT 'promote' NOT NULL",
            "ck_promotion_kind_known CHECK (kind IN ('promote', 'roll_back'))",
        ),
        ("previous_id INTEGER", "fk_promotion_previous_id_adapter REFERENCES adapter (id)"),
        ("evidence JSON", ""),
    ),
}
FLOAT = {"sqlite": "DOUBLE", "postgresql": "DOUBLE PRECISION"}

# The trigger of 0004, which takes a note out of the queue when somebody changes something: the product itself may now
# also take suggestions away, under the name "refresh", and that begins no work.
BEGUN = "SELECT note_id FROM annotation WHERE id = NEW.annotation_id"
PRODUCT = {"new": "NEW.client NOT IN ('model', 'refresh')", "old": "NEW.client <> 'model'"}


def watch_changes(condition: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER note_queue_changed")
        op.execute(
            f"CREATE TRIGGER note_queue_changed AFTER INSERT ON annotation_event WHEN {condition} BEGIN "
            f"DELETE FROM note_queue WHERE note_id = ({BEGUN}); END"
        )
        return
    op.execute("DROP TRIGGER note_queue_changed ON annotation_event")
    op.execute(
        "CREATE TRIGGER note_queue_changed AFTER INSERT ON annotation_event FOR EACH ROW "
        f"WHEN ({condition}) EXECUTE FUNCTION note_queue_changed()"
    )


def forbid_updates() -> None:
    """As in 0001: what was written stays as it was written; a purge may delete it."""
    when, message = "BEFORE UPDATE ON gold_event", "gold_event (every column) is immutable"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER gold_event_immutable {when} BEGIN SELECT RAISE(ABORT, '{message}'); END")
        return
    op.execute(
        "CREATE FUNCTION gold_event_immutable() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}'; END $$"
    )
    op.execute(f"CREATE TRIGGER gold_event_immutable {when} FOR EACH ROW EXECUTE FUNCTION gold_event_immutable()")


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.create_table('double_note',
    sa.Column('note_id', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=False),
    sa.Column('chosen_by', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['chosen_by'], ['app_user.id'], name=op.f('fk_double_note_chosen_by_app_user')),
    sa.ForeignKeyConstraint(['note_id'], ['note.id'], name=op.f('fk_double_note_note_id_note'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_double_note_project_id_project'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('note_id', name=op.f('pk_double_note'))
    )
    op.create_index(op.f('ix_double_note_project_id'), 'double_note', ['project_id'], unique=False)
    op.create_table('gold',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('note_id', sa.Integer(), nullable=False),
    sa.Column('origin', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('decided_by', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("origin IN ('adjudicated', 'approved', 'corrected')", name=op.f('ck_gold_origin_known')),
    sa.CheckConstraint("state IN ('open', 'final')", name=op.f('ck_gold_state_known')),
    sa.CheckConstraint('revision >= 0', name=op.f('ck_gold_revision_not_negative')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_gold_decided_by_app_user')),
    sa.ForeignKeyConstraint(['note_id'], ['note.id'], name=op.f('fk_gold_note_id_note'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_gold')),
    sa.UniqueConstraint('note_id', name=op.f('uq_gold_note_id'))
    )
    op.create_table('gold_event',
    sa.Column('gold_id', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.String(length=20), nullable=False),
    sa.Column('place', sa.String(length=64), server_default='', nullable=False),
    sa.Column('before', sa.JSON(), nullable=True),
    sa.Column('after', sa.JSON(), nullable=True),
    sa.Column('sources', sa.JSON(), nullable=True),
    sa.ForeignKeyConstraint(['gold_id'], ['gold.id'], name=op.f('fk_gold_event_gold_id_gold'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_gold_event_user_id_app_user')),
    sa.PrimaryKeyConstraint('gold_id', 'revision', name=op.f('pk_gold_event'))
    )
    op.create_table('gold_source',
    sa.Column('gold_id', sa.Integer(), nullable=False),
    sa.Column('annotation_id', sa.Integer(), nullable=False),
    sa.Column('annotation_revision', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['annotation_id'], ['annotation.id'], name=op.f('fk_gold_source_annotation_id_annotation'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['gold_id'], ['gold.id'], name=op.f('fk_gold_source_gold_id_gold'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('gold_id', 'annotation_id', name=op.f('pk_gold_source'))
    )
    op.create_table('gold_span',
    sa.Column('gold_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('start_offset', sa.Integer(), nullable=False),
    sa.Column('end_offset', sa.Integer(), nullable=False),
    sa.Column('label', sa.String(length=60), nullable=False),
    sa.Column('fragments', sa.JSON(), nullable=True),
    sa.Column('sources', sa.JSON(), nullable=False),
    sa.Column('decided_by', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('start_offset >= 0 AND end_offset > start_offset', name=op.f('ck_gold_span_not_empty')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_gold_span_decided_by_app_user')),
    sa.ForeignKeyConstraint(['gold_id'], ['gold.id'], name=op.f('fk_gold_span_gold_id_gold'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('gold_id', 'position', name=op.f('pk_gold_span'))
    )
    op.create_table('suspicion_round',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('dataset_id', sa.Integer(), nullable=False),
    sa.Column('adapter_id', sa.Integer(), nullable=True),
    sa.Column('folds', sa.Integer(), nullable=False),
    sa.Column('notes', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['adapter_id'], ['adapter.id'], name=op.f('fk_suspicion_round_adapter_id_adapter')),
    sa.ForeignKeyConstraint(['created_by'], ['app_user.id'], name=op.f('fk_suspicion_round_created_by_app_user')),
    sa.ForeignKeyConstraint(['dataset_id'], ['dataset.id'], name=op.f('fk_suspicion_round_dataset_id_dataset'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suspicion_round'))
    )
    op.create_index(op.f('ix_suspicion_round_dataset_id'), 'suspicion_round', ['dataset_id'], unique=False)
    op.create_table('suspicion',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('round_id', sa.Integer(), nullable=False),
    sa.Column('note_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('gold', sa.JSON(), nullable=True),
    sa.Column('predicted', sa.JSON(), nullable=True),
    sa.Column('margin', sa.Double(), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('decided_by', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('boundary', 'type', 'both', 'missed', 'invented')", name=op.f('ck_suspicion_kind_known')),
    sa.CheckConstraint("state IN ('open', 'fixed', 'kept')", name=op.f('ck_suspicion_state_known')),
    sa.CheckConstraint('gold IS NOT NULL OR predicted IS NOT NULL', name=op.f('ck_suspicion_about_something')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_suspicion_decided_by_app_user')),
    sa.ForeignKeyConstraint(['note_id'], ['note.id'], name=op.f('fk_suspicion_note_id_note'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['round_id'], ['suspicion_round.id'], name=op.f('fk_suspicion_round_id_suspicion_round'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suspicion'))
    )
    op.create_index(op.f('ix_suspicion_note_id'), 'suspicion', ['note_id'], unique=False)
    op.create_index(op.f('ix_suspicion_round_id_state_margin'), 'suspicion', ['round_id', 'state', 'margin'], unique=False)
    forbid_updates()
    for table, columns in COLUMNS.items():
        for column, rule in columns:
            constraint = f" CONSTRAINT {rule}" if rule else ""
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column.format(float=FLOAT[dialect])}{constraint}")
    watch_changes(PRODUCT["new"])


def downgrade() -> None:
    """What leads decided is lost; the annotations stay."""
    watch_changes(PRODUCT["old"])
    for table, columns in COLUMNS.items():
        for column, _ in reversed(columns):
            op.drop_column(table, column.split()[0])
    for table in ("suspicion", "suspicion_round", "gold_span", "gold_source", "gold_event", "gold", "double_note"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION gold_event_immutable()")
