"""Finding words in the notes of a project."""

from __future__ import annotations

from dataclasses import dataclass

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.mentions import MOST_MENTION, find_words
from mednerapp.domain.notes import NoteStatus
from mednerapp.errors import InvalidValue
from mednerapp.store import Store

NOTES_PER_PAGE = 50
MOST_PLACES = 20  # of one note in a page of results
AROUND = 60  # characters shown before and after a place


@dataclass(frozen=True, slots=True)
class Context:
    """A place with what stands around it, on one line. `start`, `end`: half-open, in code points of the note."""

    start: int
    end: int
    before: str
    mention: str
    after: str


@dataclass(frozen=True, slots=True)
class FoundNote:
    note_id: int
    title: str
    status: NoteStatus
    places: tuple[Context, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """next: what to give as `after` for the following notes; None when these were the last."""

    notes: tuple[FoundNote, ...]
    next: int | None


def around(text: str, start: int, end: int) -> Context:
    """The place `[start, end)` of `text` with up to `AROUND` characters on either side."""
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    return Context(start, end, _one_line(before), text[start:end], _one_line(after))


def _one_line(text: str) -> str:
    return "".join(" " if c in "\r\n\t\u2028\u2029" else c for c in text)


def find(store: Store, *, user: User, project_id: int, query: str, after: int = 0) -> Found:
    """A page of the notes of the project that hold the words of `query` beside each other, in order of import.

    Case, accents and what stands between words do not count. Notes in the bin are not found.

    after: only notes with a larger id.

    Raises:
        InvalidValue: if the query is longer than any term.
    """
    user.require(Permission.ANNOTATE)
    if len(query) > MOST_MENTION:
        raise InvalidValue(f"Search for at most {MOST_MENTION} characters, not {len(query)}.")
    with store.read() as tx:
        tx.projects.get(project_id)
        ids = tx.search.matching(project_id, query, NOTES_PER_PAGE + 1, after, titles=False)
        page = ids[:NOTES_PER_PAGE]
        states = tx.bulk.statuses(note_ids=page, user_id=user.id)
        found: list[FoundNote] = []
        for note_id in page:
            note = tx.notes.get(note_id)
            places = find_words(note.text, query)[:MOST_PLACES]
            contexts = tuple(around(note.text, start, end) for start, end in places)
            found.append(FoundNote(note_id, note.title, states.get(note_id, NoteStatus.NEW), contexts))
    return Found(tuple(found), page[-1] if len(ids) > NOTES_PER_PAGE else None)
