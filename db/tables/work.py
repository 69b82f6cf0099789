"""The queue, its workers, and what runs and evaluations found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of

JOB_STATES = ("queued", "running", "succeeded", "failed", "interrupted", "cancelled")


class Job(Base):
    """The outbox: a job is queued in the transaction that makes it necessary. `args` holds ids and numbers only.

    `rate`: units per second, 0 while unknown. `memory`: bytes that its worker used at last. `deaths`: workers that died
    over it in a row without anything being kept. `not_before`: after such a death it waits a while.
    """

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
    rate: Mapped[float] = mapped_column(default=0.0, server_default="0")
    memory: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    device: Mapped[str] = mapped_column(String(100), default="", server_default="")
    deaths: Mapped[int] = mapped_column(default=0, server_default="0")
    not_before: Mapped[datetime | None]


class JobAttempt(Base):
    """Who had a job when, on which device slot. A slot is one GPU of one machine, or one worker on a CPU.

    While `ended_at` is empty the slot is taken: the index lets nobody else have it.
    """

    __tablename__ = "job_attempt"
    __table_args__ = (
        UniqueConstraint("job_id", "attempt"),
        Index(
            "uq_job_attempt_open_slot",
            "slot",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    worker: Mapped[str] = mapped_column(String(100))
    slot: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(20), default="")


class JobLog(Base):
    """What a job said of itself: numbers and names of ours, never note text."""

    __tablename__ = "job_log"
    __table_args__ = (Index(None, "job_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)


class JobNotice(Base):
    """That whoever started a job was told of its end, or is just being told: once for each job."""

    __tablename__ = "job_notice"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime]


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
    """basis: a hash of the notes that were scored. detailed: whether its spans are in evaluation_span.

    What it cost: seconds of prediction for so many characters on `device`; bytes of the model's files and the most
    memory that the process took. 0 and '' where it was not measured.
    """

    __tablename__ = "evaluation"
    __table_args__ = (UniqueConstraint("adapter_id", "dataset_id", "split"), one_of("split", "train", "dev", "test"))

    id: Mapped[int] = mapped_column(primary_key=True)
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapter.id"))
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), index=True)
    split: Mapped[str] = mapped_column(String(5))
    notes: Mapped[int]
    excluded: Mapped[int]
    created_at: Mapped[datetime]
    basis: Mapped[str] = mapped_column(String(64), default="", server_default="")
    detailed: Mapped[bool] = mapped_column(default=False, server_default=false())
    seconds: Mapped[float] = mapped_column(default=0.0, server_default="0")
    characters: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    model_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    memory_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    device: Mapped[str] = mapped_column(String(100), default="", server_default="")


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


class EvaluationSpan(Base):
    """What became of a span of the test notes: a gold span, the predicted one that answers it, or either alone.

    kind: `right`, or what is wrong. What is said of the mention (section, assertion, words, seen) is of the gold span
    where there is one. Holds offsets and labels, never note text.
    """

    __tablename__ = "evaluation_span"
    __table_args__ = (
        one_of("kind", "right", "boundary", "type", "both", "missed", "invented"),
        CheckConstraint("gold_start IS NOT NULL OR predicted_start IS NOT NULL", name="not_nothing"),
    )

    evaluation_id: Mapped[int] = mapped_column(ForeignKey("evaluation.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int]  # evaluation_count holds the note; a reference here would be looked for at every purge
    kind: Mapped[str] = mapped_column(String(10))
    gold_start: Mapped[int | None]
    gold_end: Mapped[int | None]
    gold_label: Mapped[str | None] = mapped_column(String(60))
    gold_fragments: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    predicted_start: Mapped[int | None]
    predicted_end: Mapped[int | None]
    predicted_label: Mapped[str | None] = mapped_column(String(60))
    score: Mapped[float | None]
    section: Mapped[str] = mapped_column(String(60))
    assertion: Mapped[str] = mapped_column(String(20))
    words: Mapped[int]
    seen: Mapped[bool]


class EvaluationSummary(Base):
    """An evaluation summed up over the notes that every model of its dataset was scored on (`basis`).

    f1: strict micro, by which the models are ranked; NULL where undefined. head: its row of the table of models.
    detail: all the rest that a page shows of one model. versus: the paired comparison with the best one.
    """

    __tablename__ = "evaluation_summary"
    __table_args__ = (Index(None, "dataset_id", "f1"),)

    evaluation_id: Mapped[int] = mapped_column(ForeignKey("evaluation.id", ondelete="CASCADE"), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    basis: Mapped[str] = mapped_column(String(64))
    f1: Mapped[float | None]
    head: Mapped[dict[str, Any]]
    detail: Mapped[dict[str, Any]]
    versus: Mapped[dict[str, Any]]


class Board(Base):
    """What is said of a dataset's models together. state: the evaluations that it was made from; with others it is
    out of date. notes: that every model was scored on; left_out: the other test notes.
    """

    __tablename__ = "board"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(120))
    basis: Mapped[str] = mapped_column(String(64))
    models: Mapped[int]
    notes: Mapped[int]
    left_out: Mapped[int]
    detail: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]


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
