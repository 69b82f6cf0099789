"""One person's spans on one note: the current state and the events behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of


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
