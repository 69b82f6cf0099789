"""annotating in full: fragments, assertions, comments, steps of undo, leases, the bin, bulk operations, full text search

Revision: 0004, after 0003
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

ASSERTIONS = ("present", "absent", "possible", "conditional", "historical", "family")
# Table: (column as the database writes it, its CHECK or ''). Written out, because SQLite adds a column in place with
# its CHECK, but would have to write the table anew, and lose its triggers, for a CHECK that is added later.
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "annotation": (("blind BOOLEAN DEFAULT {false} NOT NULL", ""), ("skipped_at {time}", "")),
    "annotation_span": (
        ("fragments JSON", ""),
        ("assertion VARCHAR(20)", f"ck_annotation_span_assertion_known CHECK (assertion IN {ASSERTIONS})"),
        ("assertion_by VARCHAR(20)", "ck_annotation_span_assertion_by_known CHECK (assertion_by IN ('model', 'person'))"),
        ("comment TEXT DEFAULT '' NOT NULL", ""),
        (
            "unsure BOOLEAN DEFAULT {false} NOT NULL",
            "ck_annotation_span_assertion_has_author CHECK ((assertion IS NULL) = (assertion_by IS NULL))",
        ),
    ),
    "annotation_event": (
        ("step VARCHAR(64) DEFAULT '' NOT NULL", ""),
        (
            "phase VARCHAR(4) DEFAULT 'do' NOT NULL",
            "ck_annotation_event_phase_known CHECK (phase IN ('do', 'undo', 'redo'))",
        ),
    ),
    "dataset_span": (("fragments JSON", ""),),
    "note": (("deleted_at {time}", ""), ("deleted_by INTEGER", "fk_note_deleted_by_app_user REFERENCES app_user (id)")),
    "prediction": (("uncertainty {float}", ""),),
    "project": (
        (
            "queue_order VARCHAR(20) DEFAULT 'import' NOT NULL",
            "ck_project_queue_order_known CHECK (queue_order IN ('import', 'uncertain', 'random'))",
        ),
        (
            "blind_percent INTEGER DEFAULT 0 NOT NULL",
            "ck_project_blind_percent_range CHECK (blind_percent >= 0 AND blind_percent <= 100)",
        ),
    ),
}
TYPES = {
    "sqlite": {"false": "0", "time": "DATETIME", "float": "DOUBLE"},
    "postgresql": {"false": "false", "time": "TIMESTAMP WITH TIME ZONE", "float": "DOUBLE PRECISION"},
}

# PostgreSQL: what SQLite's unicode61 does by itself. Words without case and accents, one blank between them. Its own
# parser would take "mg/dl" for the name of a file, and what is no letter under the C locale differs from others.
MARKS = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
SEPARATORS = (
    r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2775\u2794-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\ufe30-\ufe6f"
    r"\ufeff\ufff0-\uffff\U0001f000-\U0001faff]+"
)
PLAIN = (
    "lower(regexp_replace(regexp_replace(normalize({}, NFD), '" + MARKS + "', '', 'g'), '" + SEPARATORS + "', ' ', 'g'))"
)

WHOLE, BEGINNING = "title || ' ' || body", "title || ' ' || left(body, 100000)"

# The index over the words of titles and texts. It holds no second copy of the text; a note's text never changes, its
# title could. PostgreSQL gives up on a text with very many different words: then its beginning has to do.
SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE note_search USING fts5(title, text, content='note', content_rowid='id', "
        "tokenize='unicode61 remove_diacritics 2')",
        "CREATE TRIGGER note_search_insert AFTER INSERT ON note BEGIN "
        "INSERT INTO note_search(rowid, title, text) VALUES (new.id, new.title, new.text); END",
        "CREATE TRIGGER note_search_delete AFTER DELETE ON note BEGIN "
        "INSERT INTO note_search(note_search, rowid, title, text) VALUES ('delete', old.id, old.title, old.text); END",
        "CREATE TRIGGER note_search_update AFTER UPDATE OF title ON note BEGIN "
        "INSERT INTO note_search(note_search, rowid, title, text) VALUES ('delete', old.id, old.title, old.text); "
        "INSERT INTO note_search(rowid, title, text) VALUES (new.id, new.title, new.text); END",
        "INSERT INTO note_search(note_search) VALUES ('rebuild')",
    ),
    "postgresql": (
        # Not one function in the other: the database computes an index with no search path.
        "CREATE FUNCTION plain_words(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ "
        f"SELECT ' ' || {PLAIN.format('value')} || ' ' $$",
        "CREATE FUNCTION note_words(title text, body text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN "
        f"RETURN to_tsvector('simple', {PLAIN.format(WHOLE)}); EXCEPTION WHEN program_limit_exceeded "
        f"THEN RETURN to_tsvector('simple', {PLAIN.format(BEGINNING)}); END $$",
        "CREATE INDEX note_search ON note USING gin (note_words(title, text))",
    ),
}
NO_SEARCH = {
    "sqlite": (
        "DROP TRIGGER note_search_insert",
        "DROP TRIGGER note_search_delete",
        "DROP TRIGGER note_search_update",
        "DROP TABLE note_search",
    ),
    "postgresql": (
        "DROP INDEX note_search",
        "DROP FUNCTION note_words(text, text)",
        "DROP FUNCTION plain_words(text)",
    ),
}

# What nobody has begun is in note_queue; whoever changes or submits something has begun.
BEGUN = "SELECT note_id FROM annotation WHERE id = NEW.annotation_id"
QUEUE = {
    "sqlite": (
        "CREATE TRIGGER note_queue_changed AFTER INSERT ON annotation_event WHEN NEW.client <> 'model' BEGIN "
        f"DELETE FROM note_queue WHERE note_id = ({BEGUN}); END",
        "CREATE TRIGGER note_queue_submitted AFTER UPDATE OF state ON annotation WHEN NEW.state = 'submitted' BEGIN "
        "DELETE FROM note_queue WHERE note_id = NEW.note_id; END",
    ),
    "postgresql": (
        "CREATE FUNCTION note_queue_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"DELETE FROM note_queue WHERE note_id = ({BEGUN}); RETURN NULL; END $$",
        "CREATE TRIGGER note_queue_changed AFTER INSERT ON annotation_event FOR EACH ROW "
        "WHEN (NEW.client <> 'model') EXECUTE FUNCTION note_queue_changed()",
        "CREATE FUNCTION note_queue_submitted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "DELETE FROM note_queue WHERE note_id = NEW.note_id; RETURN NULL; END $$",
        "CREATE TRIGGER note_queue_submitted AFTER UPDATE OF state ON annotation FOR EACH ROW "
        "WHEN (NEW.state = 'submitted') EXECUTE FUNCTION note_queue_submitted()",
    ),
}
NO_QUEUE = {
    "sqlite": ("DROP TRIGGER note_queue_changed", "DROP TRIGGER note_queue_submitted"),
    "postgresql": (
        "DROP TRIGGER note_queue_changed ON annotation_event",
        "DROP TRIGGER note_queue_submitted ON annotation",
        "DROP FUNCTION note_queue_changed()",
        "DROP FUNCTION note_queue_submitted()",
    ),
}
NOT_BEGUN = (
    "SELECT id, project_id, content_hash FROM note WHERE NOT EXISTS (SELECT 1 FROM annotation WHERE note_id = note.id "
    "AND (state = 'submitted' OR EXISTS (SELECT 1 FROM annotation_event WHERE annotation_id = annotation.id "
    "AND client <> 'model'))) ORDER BY id"
)
UNCERTAINTY = (
    "UPDATE prediction SET uncertainty = coalesce((SELECT avg(1 - score) FROM prediction_span "
    "WHERE prediction_id = prediction.id), 0)"
)
CERTAINTY = (
    "UPDATE note_queue SET certainty = coalesce((SELECT 1 - uncertainty FROM prediction "
    "WHERE note_id = note_queue.note_id AND adapter_id = (SELECT adapter_id FROM promotion "
    "WHERE project_id = note_queue.project_id ORDER BY id DESC LIMIT 1)), 2)"
)


def fill_queue() -> None:
    """As `mednerapp.domain.queue` does it today; written out, because a migration does for ever what it did."""
    connection = op.get_bind()
    op.execute(UNCERTAINTY)
    add = sa.text("INSERT INTO note_queue (note_id, project_id, shuffle) VALUES (:note_id, :project_id, :shuffle)")
    for rows in connection.execute(sa.text(NOT_BEGUN)).partitions(5_000):
        values = [
            {
                "note_id": note_id,
                "project_id": project_id,
                "shuffle": int.from_bytes(hashlib.sha256(f"order:{project_id}:{digest}".encode()).digest()[:8]) >> 2,
            }
            for note_id, project_id, digest in rows
        ]
        connection.execute(add, values)
    op.execute(CERTAINTY)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table, columns in COLUMNS.items():
        for column, rule in columns:
            constraint = f" CONSTRAINT {rule}" if rule else ""
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column.format(**TYPES[dialect])}{constraint}")
    op.create_index(op.f("ix_prediction_adapter_id_uncertainty"), "prediction", ["adapter_id", "uncertainty"])
    op.create_index(op.f("ix_annotation_event_annotation_id_span_id"), "annotation_event", ["annotation_id", "span_id"])
    op.create_table(
        "note_lease",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["note_id"], ["note.id"], name=op.f("fk_note_lease_note_id_note"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_note_lease_user_id_app_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_note_lease")),
    )
    op.create_index(op.f("ix_note_lease_user_id"), "note_lease", ["user_id"])
    op.create_index(op.f("ix_note_project_id_deleted_at"), "note", ["project_id", "deleted_at"])
    op.create_index(op.f("ix_note_project_id_note_type"), "note", ["project_id", "note_type"])
    op.create_table(
        "note_queue",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("shuffle", sa.BigInteger(), nullable=False),
        sa.Column("certainty", sa.Double(), server_default="2", nullable=False),
        sa.ForeignKeyConstraint(
            ["note_id"], ["note.id"], name=op.f("fk_note_queue_note_id_note"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_note_queue_project_id_project"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_note_queue")),
    )
    op.create_index(op.f("ix_note_queue_project_id_note_id"), "note_queue", ["project_id", "note_id"])
    op.create_index(op.f("ix_note_queue_project_id_shuffle"), "note_queue", ["project_id", "shuffle"])
    op.create_index(
        op.f("ix_note_queue_project_id_certainty_note_id"), "note_queue", ["project_id", "certainty", "note_id"]
    )
    fill_queue()
    op.create_table(
        "bulk_operation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("new_label", sa.String(length=60), server_default="", nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "kind IN ('create', 'relabel', 'delete', 'reject', 'accept')", name=op.f("ck_bulk_operation_kind_known")
        ),
        sa.CheckConstraint("notes >= 0 AND places >= 0 AND kept >= 0", name=op.f("ck_bulk_operation_not_negative")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_bulk_operation_project_id_project"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_bulk_operation_user_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_operation")),
        sa.UniqueConstraint("step", name=op.f("uq_bulk_operation_step")),
    )
    op.create_index(op.f("ix_bulk_operation_project_id"), "bulk_operation", ["project_id"])
    for statement in (*QUEUE[dialect], *SEARCH[dialect]):
        op.execute(statement)


def downgrade() -> None:
    """What people said with the new columns is lost; the events keep it."""
    dialect = op.get_bind().dialect.name
    for statement in (*NO_QUEUE[dialect], *NO_SEARCH[dialect]):
        op.execute(statement)
    op.drop_table("bulk_operation")
    op.drop_table("note_queue")
    op.drop_index(op.f("ix_note_project_id_note_type"), table_name="note")
    op.drop_index(op.f("ix_note_project_id_deleted_at"), table_name="note")
    op.drop_table("note_lease")
    op.drop_index(op.f("ix_annotation_event_annotation_id_span_id"), table_name="annotation_event")
    op.drop_index(op.f("ix_prediction_adapter_id_uncertainty"), table_name="prediction")
    for table, columns in COLUMNS.items():
        for column, _ in reversed(columns):
            op.drop_column(table, column.split()[0])
