"""Frozen gold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of


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
    """A gold note of a dataset; `annotation_revision` says which state of the annotation was frozen.

    gold_id, gold_revision: where a lead decided, of that decision; then the annotation is one of those behind it.
    """

    __tablename__ = "dataset_note"
    __table_args__ = (one_of("split", "train", "dev", "test"),)

    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id"), primary_key=True, index=True)
    split: Mapped[str] = mapped_column(String(5))
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotation.id"))
    annotation_revision: Mapped[int]
    gold_id: Mapped[int | None] = mapped_column(ForeignKey("gold.id"))
    gold_revision: Mapped[int | None]


class DatasetSpan(Base):
    __tablename__ = "dataset_span"
    __table_args__ = (CheckConstraint("start_offset >= 0 AND end_offset > start_offset", name="not_empty"),)

    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    start_offset: Mapped[int]
    end_offset: Mapped[int]
    label: Mapped[str] = mapped_column(String(60))
    fragments: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
