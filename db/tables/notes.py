"""Projects, their labels and their notes."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of


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
    """queue_order: in which order notes are handed out. blind_percent: notes of 100 that come without suggestions.

    double_percent: notes of 100 that get two annotators. gold_policy: when a note with one annotator becomes gold.
    promotion_level, promotion_drop: what a challenger has to pass, NULL for no rule.
    """

    __tablename__ = "project"
    __table_args__ = (
        one_of("queue_order", "import", "uncertain", "random"),
        CheckConstraint("blind_percent >= 0 AND blind_percent <= 100", name="blind_percent_range"),
        CheckConstraint("double_percent >= 0 AND double_percent <= 100", name="double_percent_range"),
        one_of("gold_policy", "submitted", "approved"),
        CheckConstraint("(promotion_level IS NULL) = (promotion_drop IS NULL)", name="promotion_rule_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    guideline: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    queue_order: Mapped[str] = mapped_column(String(20), default="import", server_default="import")
    blind_percent: Mapped[int] = mapped_column(default=0, server_default="0")
    double_percent: Mapped[int] = mapped_column(default=0, server_default="0")
    gold_policy: Mapped[str] = mapped_column(String(20), default="submitted", server_default="submitted")
    promotion_level: Mapped[float | None]
    promotion_drop: Mapped[float | None]


class Note(Base):
    """A trigger refuses another text, hash or split: they are those of the import for ever.

    deleted_at: when it was put into the bin; it can be restored until the retention is over and it is purged.
    foreign_id: its name where it comes from. written_on: the day that it is of.
    """

    __tablename__ = "note"
    __table_args__ = (
        UniqueConstraint("project_id", "content_hash"),
        one_of("split", "train", "dev", "test"),
        CheckConstraint("length(text) > 0", name="text_not_empty"),
        # Lists and counts look here and leave the rows alone: in them these columns lie behind the text.
        Index(None, "project_id", "deleted_at"),
        Index(None, "project_id", "note_type"),
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
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    foreign_id: Mapped[str] = mapped_column(String(200), default="", server_default="")
    written_on: Mapped[date | None] = mapped_column(Date)


class NoteLease(Base):
    """A note in a person's hands: until `expires_at` the queue gives it to nobody else."""

    __tablename__ = "note_lease"

    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]


class NoteQueue(Base):
    """The notes that nobody has begun: a row is made with the note and goes, by a trigger, with the first change that a
    person makes or with a submit. So what comes next is the first row of an index, however many notes are done.

    shuffle: place in the random order. certainty: 1 - uncertainty by the adapter in force, 2 where it has not looked.
    """

    __tablename__ = "note_queue"
    __table_args__ = (
        Index(None, "project_id", "note_id"),
        Index(None, "project_id", "shuffle"),
        Index(None, "project_id", "certainty", "note_id"),
    )

    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    shuffle: Mapped[int] = mapped_column(BigInteger)
    certainty: Mapped[float] = mapped_column(default=2.0, server_default="2")
