"""What a project does about identifiers, and what may only be seen by few."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, one_of


class ProjectPrivacy(Base):
    """No row: nothing is looked for. key: hex secret of the project's surrogates; without it none can be derived."""

    __tablename__ = "project_privacy"
    __table_args__ = (one_of("policy", "off", "keep", "replace", "tag", "refuse"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    policy: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(64))


class NotePrivacy(Base):
    """How a note stands with the policy. counts: identifiers by type, never their values."""

    __tablename__ = "note_privacy"
    __table_args__ = (one_of("verdict", "held", "found none", "replaced", "cleared"),)

    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(20))
    counts: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))


class NoteOriginal(Base):
    """The offset map of a note whose identifiers were replaced: it holds them. Read for one permission only.

    segments: `[[start, original, replacement, type], ...]`.
    """

    __tablename__ = "note_original"

    note_id: Mapped[int] = mapped_column(ForeignKey("note.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str] = mapped_column(String(300))
    source: Mapped[str] = mapped_column(String(300))
    patient_key: Mapped[str | None] = mapped_column(String(200))
    segments: Mapped[list[list[Any]]] = mapped_column(JSON)


class HeldNote(Base):
    """A note with its identifiers, waiting for a person: in no list, search, queue, prediction, dataset or export.

    spans: the identifiers as the editor keeps spans. clients: the highest edit of each of its clients.
    """

    __tablename__ = "held_note"
    __table_args__ = (
        UniqueConstraint("project_id", "content_hash"),
        CheckConstraint("revision >= 0", name="revision_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(String(300))
    source: Mapped[str] = mapped_column(String(300))
    patient_key: Mapped[str | None] = mapped_column(String(200))
    note_type: Mapped[str] = mapped_column(String(100))
    content_hash: Mapped[str] = mapped_column(String(64))
    spans: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    revision: Mapped[int]
    clients: Mapped[dict[str, Any]]
    last_client: Mapped[str] = mapped_column(String(64), default="", server_default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
