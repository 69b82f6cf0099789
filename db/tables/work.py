"""The queue, its workers, and what runs and evaluations found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
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
