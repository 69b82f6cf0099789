"""All tables. The rules that carry the weight are constraints here too, not only in the code above."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; SQLite would give a naive one back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime(), dict[str, Any]: JSON(), list[str]: JSON()}


def one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


# --- people -----------------------------------------------------------------------------------------------------------


class User(Base):
    __tablename__ = "app_user"  # "user" is a reserved word in PostgreSQL
    __table_args__ = (
        one_of("role", "clinician", "annotator", "lead", "admin"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(20))
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class UserSession(Base):
    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AuditEvent(Base):
    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(100))
    detail: Mapped[dict[str, Any]]


# --- notes ------------------------------------------------------------------------------------------------------------


class LabelSchema(Base):
    __tablename__ = "label_schema"
    __table_args__ = (
        UniqueConstraint("project_id", "version"),
        CheckConstraint("version >= 1", name="version_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    version: Mapped[int]


class Label(Base):
    __tablename__ = "label"

    schema_id: Mapped[int] = mapped_column(ForeignKey("label_schema.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    position: Mapped[int]
    color: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(1))
    description: Mapped[str] = mapped_column(Text)


class Project(Base):
    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    guideline: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Note(Base):
    """A trigger refuses another text, hash or split: they are those of the import for ever."""

    __tablename__ = "note"
    __table_args__ = (
        UniqueConstraint("project_id", "content_hash"),
        one_of("split", "train", "dev", "test"),
        CheckConstraint("length(text) > 0", name="text_not_empty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(String(300))
    source: Mapped[str] = mapped_column(String(300))
    patient_key: Mapped[str | None] = mapped_column(String(200))
    note_type: Mapped[str] = mapped_column(String(100))
    content_hash: Mapped[str] = mapped_column(String(64))
    split: Mapped[str] = mapped_column(String(5))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]


# --- annotations ------------------------------------------------------------------------------------------------------


class Annotation(Base):
    __tablename__ = "annotation"
    __table_args__ = (
        UniqueConstraint("note_id", "user_id"),
        one_of("state", "in_progress", "submitted"),
        CheckConstraint("revision >= 0", name="revision_not_negative"),
        CheckConstraint("(state = 'submitted') = (submitted_at IS NOT NULL)", name="submitted_has_time"),
        Index(None, "user_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    state: Mapped[str] = mapped_column(String(20))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]


class AnnotationSpan(Base):
    """The current state; always equal to the replay of the annotation's events."""

    __tablename__ = "annotation_span"
    __table_args__ = (
        CheckConstraint("start_offset >= 0 AND end_offset > start_offset", name="not_empty"),
        CheckConstraint("score IS NULL OR (score >= 0 AND score <= 1)", name="score_range"),
        one_of("state", "suggested", "confirmed", "rejected"),
        one_of("origin", "model", "person"),
    )

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    start_offset: Mapped[int]
    end_offset: Mapped[int]
    label: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(20))
    origin: Mapped[str] = mapped_column(String(20))
    score: Mapped[float | None]
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapter.id"))


class AnnotationEvent(Base):
    """Append-only, chained by hash; a trigger refuses updates. Holds offsets and labels, never note text."""

    __tablename__ = "annotation_event"
    __table_args__ = (UniqueConstraint("annotation_id", "client", "client_seq"),)

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(String(64))
    client_seq: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(20))
    span_id: Mapped[str] = mapped_column(String(64))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


# --- models -----------------------------------------------------------------------------------------------------------


class Encoder(Base):
    """An installed base model. One that runs were made over is marked as removed, so that they keep their history.

    `problem`: what the check of `verified_at` found; empty: nothing. `size_bytes`: of all its files.
    """

    __tablename__ = "encoder"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    source: Mapped[str] = mapped_column(String(300))
    revision: Mapped[str] = mapped_column(String(100))
    folder: Mapped[str] = mapped_column(String(300))
    weights_hash: Mapped[str] = mapped_column(String(64))
    architecture: Mapped[str] = mapped_column(String(40), server_default="")
    cased: Mapped[bool | None]
    tokenizer: Mapped[str] = mapped_column(String(20), server_default="")
    licence: Mapped[str] = mapped_column(String(200), server_default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    installed_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(Text, server_default="")
    removed_at: Mapped[datetime | None]


class Adapter(Base):
    __tablename__ = "adapter"
    __table_args__ = (one_of("kind", "starter", "lora", "full"), UniqueConstraint("run_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    folder: Mapped[str] = mapped_column(String(300))
    weights_hash: Mapped[str] = mapped_column(String(64))
    labels: Mapped[list[str]]
    created_at: Mapped[datetime]


class Promotion(Base):
    """A person made an adapter the one that pre-annotates the project's notes; the newest row is in force."""

    __tablename__ = "promotion"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapter.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    at: Mapped[datetime]


class Prediction(Base):
    """Spans with scores written by one adapter on one note."""

    __tablename__ = "prediction"
    __table_args__ = (UniqueConstraint("note_id", "adapter_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"))
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapter.id"), index=True)
    created_at: Mapped[datetime]


class PredictionSpan(Base):
    __tablename__ = "prediction_span"
    __table_args__ = (
        CheckConstraint("start_offset >= 0 AND end_offset > start_offset", name="not_empty"),
        CheckConstraint("score >= 0 AND score <= 1", name="score_range"),
    )

    prediction_id: Mapped[int] = mapped_column(ForeignKey("prediction.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    start_offset: Mapped[int]
    end_offset: Mapped[int]
    label: Mapped[str] = mapped_column(String(60))
    score: Mapped[float]


class Dataset(Base):
    """Immutable with its notes and spans; triggers refuse updates."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    schema_id: Mapped[int] = mapped_column(ForeignKey("label_schema.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]


class DatasetNote(Base):
    """A gold note of a dataset; `annotation_revision` says which state of the annotation was frozen."""

    __tablename__ = "dataset_note"
    __table_args__ = (one_of("split", "train", "dev", "test"),)

    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id"), primary_key=True, index=True)
    split: Mapped[str] = mapped_column(String(5))
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotation.id"))
    annotation_revision: Mapped[int]


class DatasetSpan(Base):
    __tablename__ = "dataset_span"
    __table_args__ = (CheckConstraint("start_offset >= 0 AND end_offset > start_offset", name="not_empty"),)

    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    start_offset: Mapped[int]
    end_offset: Mapped[int]
    label: Mapped[str] = mapped_column(String(60))


# --- jobs, runs, evaluations ------------------------------------------------------------------------------------------

JOB_STATES = ("queued", "running", "succeeded", "failed", "interrupted", "cancelled")


class Job(Base):
    """The outbox: a job is queued in the transaction that makes it necessary. `args` holds ids and numbers only."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("kind", "predict", "fine_tune", "evaluate", "pull", "add_encoder", "verify"),
        one_of("state", *JOB_STATES),
        Index(None, "state", "priority", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    args: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20))
    priority: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    unit: Mapped[str] = mapped_column(String(20), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    worker: Mapped[str] = mapped_column(String(100), default="")
    attempt: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]


class Worker(Base):
    """A worker process; it is alive while its heartbeat is fresh."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    device: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]


class Run(Base):
    __tablename__ = "run"
    __table_args__ = (one_of("state", *JOB_STATES), Index(None, "project_id", "created_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    name: Mapped[str] = mapped_column(String(200))
    hyper: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20))
    device: Mapped[str] = mapped_column(String(100), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunEpoch(Base):
    """One point of the curves of a run."""

    __tablename__ = "run_epoch"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float]
    dev_loss: Mapped[float | None]
    dev_f1: Mapped[float | None]
    seconds: Mapped[float]


class Evaluation(Base):
    __tablename__ = "evaluation"
    __table_args__ = (UniqueConstraint("adapter_id", "dataset_id", "split"), one_of("split", "train", "dev", "test"))

    id: Mapped[int] = mapped_column(primary_key=True)
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapter.id"))
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), index=True)
    split: Mapped[str] = mapped_column(String(5))
    notes: Mapped[int]
    excluded: Mapped[int]
    created_at: Mapped[datetime]


class EvaluationCount(Base):
    """Strict counts per note and label: everything that the dashboard shows is summed or resampled from these."""

    __tablename__ = "evaluation_count"
    __table_args__ = (CheckConstraint("tp >= 0 AND fp >= 0 AND fn >= 0", name="not_negative"),)

    evaluation_id: Mapped[int] = mapped_column(ForeignKey("evaluation.id", ondelete="CASCADE"), primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id"), primary_key=True)
    label: Mapped[str] = mapped_column(String(60), primary_key=True)
    tp: Mapped[int]
    fp: Mapped[int]
    fn: Mapped[int]


class Experiment(Base):
    """Encoders x seeds on one dataset with the same settings: `hyper`, but each cell has a seed of its own."""

    __tablename__ = "experiment"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    preset: Mapped[str] = mapped_column(String(40))
    hyper: Mapped[dict[str, Any]]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]


class ExperimentCell(Base):
    """One encoder with one seed. Two experiments share a run where they ask for the same."""

    __tablename__ = "experiment_cell"
    __table_args__ = (UniqueConstraint("experiment_id", "encoder_id", "seed"),)

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id"))
    seed: Mapped[int]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
