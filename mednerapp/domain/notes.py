"""Clinical notes: their text, and what may become one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mednerapp.domain.datasets import Split
from mednerapp.errors import RejectedNote

MAX_NOTE_CHARACTERS = 1_000_000
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note that is about to be imported; `text` has been through `normalise_text`.

    foreign_id: its name where it comes from, '' when it has none; written_on: the day that it is of.
    """

    text: str
    title: str
    source: str = ""
    patient_key: str | None = None
    note_type: str = ""
    foreign_id: str = ""
    written_on: date | None = None

    @property
    def content_hash(self) -> str:
        return content_hash(self.text)


@dataclass(frozen=True, slots=True)
class Note:
    """Immutable clinical text with its metadata. `length`: code points of the text."""

    id: int
    project_id: int
    text: str
    title: str
    source: str
    patient_key: str | None
    note_type: str
    content_hash: str
    split: Split
    created_at: datetime
    foreign_id: str = ""
    written_on: date | None = None

    @property
    def length(self) -> int:
        return len(self.text)


def content_hash(text: str) -> str:
    """Hex SHA-256 of the text without what nobody sees: blanks at ends of lines, blank lines around the whole.

    It is the identity of a note across projects and machines: whoever pastes a known note with one more newline at its
    end gets the same note, in the same split.
    """
    canonical = "\n".join(line.rstrip() for line in text.strip().split("\n")) + "\n"
    return hashlib.sha256(canonical.encode()).hexdigest()


def normalise_text(text: str) -> str:
    """The one change that a text may see, once, at import: BOM dropped, CRLF and CR made LF.

    Raises:
        RejectedNote: if the text is empty, too long, or holds NUL or an unpaired surrogate.
    """
    text = text.lstrip(_BOM).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise RejectedNote("The note is empty.")
    if "\x00" in text:
        raise RejectedNote("The note holds NUL bytes; it is probably not a text file.")
    if len(text) > MAX_NOTE_CHARACTERS:
        raise RejectedNote(f"The note has {len(text):,} characters; at most {MAX_NOTE_CHARACTERS:,} are allowed.")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise RejectedNote("The note holds unpaired surrogates; save it again as UTF-8.")
    return text


class NoteStatus(StrEnum):
    """What one person has done with a note so far."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True)
class NoteSummary:
    """A line of a list of notes, without the text. `status` is that of the person who asked.

    done: somebody has submitted it. held_by: who has it in hand now, '' when nobody has. blind: somebody began it
    without suggestions.
    """

    id: int
    title: str
    note_type: str
    length: int
    status: NoteStatus
    has_prediction: bool
    created_at: datetime
    done: bool = False
    held_by: str = ""
    blind: bool = False


@dataclass(frozen=True, slots=True)
class NoteFilter:
    """Which notes to list. None, False or '' asks for nothing.

    status: the asking person's own. mine: notes that the person has opened. open: nobody has submitted it. held_by: id
    of who has it in hand. search: words that stand beside each other in title or text, the last perhaps cut short.
    """

    status: NoteStatus | None = None
    mine: bool = False
    open: bool = False
    held_by: int | None = None
    note_type: str | None = None
    blind: bool | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class DeletedNote:
    """A line of the bin. submitted: gold would go with it. frozen: a dataset needs it, so it is never purged."""

    id: int
    title: str
    deleted_at: datetime
    deleted_by: str
    submitted: bool
    frozen: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a project is: notes in all, notes with a prediction, notes that somebody submitted."""

    notes: int
    predicted: int
    submitted: int
