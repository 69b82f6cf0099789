"""One person's spans on one note: the current state and the events behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of

REMARKED = text("(unsure OR comment <> '')")  # of spans; the index is used by what asks in these words


class Annotation(Base):
    """blind: the person saw no suggestions, so that what suggestions do to people can be measured.

    skipped_at: when the person put the note off; NULL when it was not or was opened again since.
    """

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
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    skipped_at: Mapped[datetime | None]


class AnnotationSpan(Base):
    """The current state; always equal to the replay of the annotation's events.

    fragments: of a discontinuous span its pieces, `[[start, end], ...]`; NULL for a span in one piece.
    assertion_by: who said so: `model` (the rules; a suggestion) or `person`.
    """

    __tablename__ = "annotation_span"
    __table_args__ = (
        CheckConstraint("start_offset >= 0 AND end_offset > start_offset", name="not_empty"),
        CheckConstraint("score IS NULL OR (score >= 0 AND score <= 1)", name="score_range"),
        one_of("state", "suggested", "confirmed", "rejected"),
        one_of("origin", "model", "person"),
        one_of("assertion", "present", "absent", "possible", "conditional", "historical", "family"),
        one_of("assertion_by", "model", "person"),
        CheckConstraint("(assertion IS NULL) = (assertion_by IS NULL)", name="assertion_has_author"),
        Index("ix_annotation_span_remarked", "annotation_id", sqlite_where=REMARKED, postgresql_where=REMARKED),
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
    fragments: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    assertion: Mapped[str | None] = mapped_column(String(20))
    assertion_by: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(Text, default="", server_default="")
    unsure: Mapped[bool] = mapped_column(default=False, server_default=false())


class AnnotationEvent(Base):
    """Append-only, chained by hash; a trigger refuses updates. Holds offsets and labels, never note text.

    step: what a person undoes at once; events of one step share it, '' is a step of its own.
    phase: whether the event does the step, undoes it or does it again.
    """

    __tablename__ = "annotation_event"
    __table_args__ = (
        UniqueConstraint("annotation_id", "client", "client_seq"),
        Index(None, "annotation_id", "span_id"),  # what became of a span
        one_of("phase", "do", "undo", "redo"),
    )

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
    step: Mapped[str] = mapped_column(String(64), default="", server_default="")
    phase: Mapped[str] = mapped_column(String(4), default="do", server_default="do")


class BulkOperation(Base):
    """One change of many mentions over several notes, undone as one. Holds labels and counts, never the mention.

    step: that of the events it wrote, in every annotation. kept: notes that had been changed since and stayed as they
    were when it was undone.
    """

    __tablename__ = "bulk_operation"
    __table_args__ = (
        one_of("kind", "create", "relabel", "delete", "reject", "accept"),
        CheckConstraint("notes >= 0 AND places >= 0 AND kept >= 0", name="not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(String(64), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(60))
    new_label: Mapped[str] = mapped_column(String(60), default="", server_default="")
    notes: Mapped[int]
    places: Mapped[int]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    kept: Mapped[int] = mapped_column(default=0, server_default="0")
