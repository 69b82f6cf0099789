"""What leads decide about gold, who annotates twice, and which gold is probably wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of


class DoubleNote(Base):
    """A note that two annotators are asked for. chosen_by: who chose it; NULL where it is of the project's share."""

    __tablename__ = "double_note"

    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    chosen_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))


class Gold(Base):
    """What a lead decided about a note: adjudicated, approved or corrected. Gold that follows from the annotations by
    the project's policy has no row. An open one is being adjudicated and is no gold.
    """

    __tablename__ = "gold"
    __table_args__ = (
        one_of("origin", "adjudicated", "approved", "corrected"),
        one_of("state", "open", "final"),
        CheckConstraint("revision >= 0", name="revision_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), unique=True)
    origin: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    revision: Mapped[int]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    decided_at: Mapped[datetime]


class GoldSource(Base):
    """An annotation that a decision rests on, at the revision it had then."""

    __tablename__ = "gold_source"

    gold_id: Mapped[int] = mapped_column(ForeignKey("gold.id", ondelete="CASCADE"), primary_key=True)
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), primary_key=True)
    annotation_revision: Mapped[int]


class GoldSpan(Base):
    """sources: ids of the annotations that hold exactly this span. decided_by: NULL where all agreed."""

    __tablename__ = "gold_span"
    __table_args__ = (CheckConstraint("start_offset >= 0 AND end_offset > start_offset", name="not_empty"),)

    gold_id: Mapped[int] = mapped_column(ForeignKey("gold.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    start_offset: Mapped[int]
    end_offset: Mapped[int]
    label: Mapped[str] = mapped_column(String(60))
    fragments: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    sources: Mapped[list[int]] = mapped_column(JSON)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    decided_at: Mapped[datetime | None]


class GoldEvent(Base):
    """Append-only; a trigger refuses updates. Holds offsets and labels, never note text."""

    __tablename__ = "gold_event"

    gold_id: Mapped[int] = mapped_column(ForeignKey("gold.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(64), default="", server_default="")
    before: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    sources: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))


class SuspicionRound(Base):
    """One look through a dataset's gold. folds: 0 where an adapter that had not seen the notes was asked instead."""

    __tablename__ = "suspicion_round"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), index=True)
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapter.id"))
    folds: Mapped[int]
    notes: Mapped[int]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]


class Suspicion(Base):
    """A gold span, or a place without one, that is probably wrong, and what the model says instead."""

    __tablename__ = "suspicion"
    __table_args__ = (
        one_of("kind", "boundary", "type", "both", "missed", "invented"),
        one_of("state", "open", "fixed", "kept"),
        CheckConstraint("gold IS NOT NULL OR predicted IS NOT NULL", name="about_something"),
        Index(None, "round_id", "state", "margin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("suspicion_round.id", ondelete="CASCADE"))
    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    gold: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    predicted: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    margin: Mapped[float]
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    decided_at: Mapped[datetime | None]
