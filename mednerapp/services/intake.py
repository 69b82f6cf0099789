"""Files as hospitals have them: looked at first, in a process with limits, then imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.domain.notes import NewNote
from mednerapp.errors import RejectedNote
from mednerapp.formats.text import clean_title, safe_title
from mednerapp.formats.uploads.options import ENCODINGS, ROLES, AskEncoding, Columns, Options
from mednerapp.formats.uploads.sandbox import Looked, Sandbox
from mednerapp.formats.uploads.table import ENDINGS
from mednerapp.services.importing import Upload, patient
from mednerapp.settings import Settings
from mednerapp.store import Store

__all__ = ["ENCODINGS", "ENDINGS", "ROLES", "Options"]
_LONGEST = {"note_type": 100, "id": 200, "patient_key": 200}


@dataclass(frozen=True, slots=True)
class File:
    """What was handed in."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LookedFile:
    """What a file holds: for each note, or for the file as a whole, an upload that can be imported or says why not.

    columns: of a table. question: the file is in none of the encodings that can be told; choose one and look again.
    """

    name: str
    size: int
    uploads: tuple[Upload, ...]
    columns: Columns | None = None
    question: AskEncoding | None = None


def look_at_files(
    files: Sequence[File], *, settings: Settings, options: Mapping[str, Options], patient_key: str | None = None
) -> list[LookedFile]:
    """Nothing is stored. options: by name of the file. patient_key: of notes that come without one of their own.

    A file whose name is there twice is looked at twice: what a name says is for people.
    """
    if not files:
        return []
    with Sandbox() as sandbox:
        return [_look(sandbox, file, settings, options.get(file.name, Options()), patient_key) for file in files]


def _look(sandbox: Sandbox, file: File, settings: Settings, options: Options, patient_key: str | None) -> LookedFile:
    title = safe_title(file.name)
    if len(file.data) > settings.max_upload_mb * 2**20:
        size = len(file.data) / 2**20
        reason = f"The file has {size:.1f} MB; at most {settings.max_upload_mb} MB are allowed."
        return LookedFile(title, len(file.data), (Upload(title, None, reason),))
    looked = sandbox.look(name=file.name, data=file.data, options=options)
    return LookedFile(
        title, len(file.data), tuple(_uploads(title, looked, patient_key)), looked.columns, looked.question
    )


def _uploads(title: str, looked: Looked, patient_key: str | None) -> Iterator[Upload]:
    if looked.question:
        yield Upload(title, None, "The file is not UTF-8. Choose its encoding, or save it as UTF-8.")
        return
    if looked.reason:
        yield Upload(title, None, looked.reason)
        return
    several = len(looked.documents) + len(looked.unreadable) > 1
    for number, document in enumerate(looked.documents, start=1):
        yield as_upload(named(document, title, number if several else 0), patient_key)
    for item in looked.unreadable:
        yield Upload(clean_title(f"{title}: {item.place}"), None, item.reason)


def named(document: Document, file_name: str, number: int) -> Document:
    """With a title and its source. number: of the note in a file of several, 0 for one by itself."""
    stem = PurePosixPath(file_name).stem
    title = " ".join(part for part in (document.title, document.id) if part) if number else document.title
    title = title or (f"{stem} {number}" if number else stem)
    return replace(document, title=clean_title(title), source=document.source or clean_title(file_name))


def as_upload(document: Document, patient_key: str | None) -> Upload:
    """One that can be imported, unless something of it would have to be cut to be kept."""
    try:
        note = _note(document, patient_key)
    except RejectedNote as error:
        return Upload(document.title, None, str(error))
    return Upload(document.title, note)


def _note(document: Document, patient_key: str | None) -> NewNote:
    for name, longest in _LONGEST.items():
        value = getattr(document, name)
        if len(value) > longest or not value.isprintable():  # never cut: it could be another's afterwards
            raise RejectedNote(f"{name} has to be a text of at most {longest} printable characters.")
    return NewNote(
        text=document.text,
        title=document.title,
        source=document.source[:300],
        patient_key=document.patient_key or patient(patient_key),
        note_type=document.note_type,
        foreign_id=document.id,
        written_on=document.written_on,
    )


def already_here(store: Store, *, user: User, project_id: int, uploads: Sequence[Upload]) -> set[int]:
    """Places in the list of uploads whose text is in the project, or earlier in the list."""
    user.require(Permission.IMPORT)
    found: set[int] = set()
    seen: set[str] = set()
    with store.read() as tx:
        for place, upload in enumerate(uploads):
            if upload.note is None:
                continue
            key = upload.note.content_hash
            if key in seen or tx.notes.by_hash(project_id=project_id, content_hash=key) is not None:
                found.add(place)
            seen.add(key)
    return found


def read_files(paths: Sequence[Path], *, options: Options) -> Iterator[Document | Unreadable]:
    """The notes of files on this machine, one after the other, tables of any size as they are read."""
    if not paths:
        return
    with Sandbox() as sandbox:
        for path in paths:
            yield from _of_path(sandbox, path, options)


def _of_path(sandbox: Sandbox, path: Path, options: Options) -> Iterator[Document | Unreadable]:
    name, number = clean_title(path.name), 0
    single = path.suffix.casefold() not in (
        ".csv",
        ".tsv",
        ".jsonl",
        ".parquet",
        ".xlsx",
        ".zip",
        ".hl7",
        ".json",
        ".ndjson",
    )
    try:
        for item in sandbox.stream(path, options=options):
            number += 1
            if isinstance(item, Document):
                yield named(item, name, 0 if single else number)
            elif isinstance(item, Unreadable):
                yield Unreadable(f"{name}, {item.place}", item.reason)
            elif isinstance(item, AskEncoding):
                known = ", ".join(item.previews)
                yield Unreadable(name, f"The file is not UTF-8. Say what it is with --encoding: {known}.")
    except RejectedNote as error:
        yield Unreadable(name, str(error))
