"""Encoders, adapters and what they predicted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of


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
    """A person made an adapter the one that pre-annotates the project's notes; the newest row is in force.

    previous_id: the one before. evidence: the numbers that the person was shown; ids and figures only.
    """

    __tablename__ = "promotion"
    __table_args__ = (one_of("kind", "promote", "roll_back"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapter.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(20), default="promote", server_default="promote")
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("adapter.id"))
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Prediction(Base):
    """Spans with scores written by one adapter on one note. `uncertainty`: what the queue orders by, 0 to 1."""

    __tablename__ = "prediction"
    __table_args__ = (UniqueConstraint("note_id", "adapter_id"), Index(None, "adapter_id", "uncertainty"))

    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"))
    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapter.id"), index=True)
    created_at: Mapped[datetime]
    uncertainty: Mapped[float | None]


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
