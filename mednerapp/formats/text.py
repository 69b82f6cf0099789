"""Plain text files."""

from __future__ import annotations

import codecs
from pathlib import PurePosixPath

from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.errors import RejectedNote

# First bytes of files that are no text whatever they are called. A program for Windows begins with a bare "MZ", and so
# may a note ("MZ twins ..."): there, the NUL bytes that every program has decide.
_BINARY = {b"\x7fELF": "a program", b"PK\x03\x04": "a zip archive", b"%PDF-": "a PDF"}
_WINDOWS_PROGRAM = b"MZ"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def clean_title(text: str) -> str:
    """A title that can be shown and stored: no control characters, at most 200 characters, never empty."""
    return "".join(c for c in text if c.isprintable()).strip()[:200] or "Untitled note"


def safe_title(name: str) -> str:
    """What of a file name may be shown: as `clean_title`, and without its folders."""
    return clean_title(PurePosixPath(name.replace("\\", "/")).name)


def decode(data: bytes) -> str:
    """UTF-8, or UTF-16 where a byte-order mark says so; never a guess.

    Raises:
        RejectedNote: says what the file is instead, or where the first bad byte stands.
    """
    for magic, kind in _BINARY.items():
        if data.startswith(magic):
            raise RejectedNote(f"The file is {kind}, not a text file.")
    if data.startswith(_WINDOWS_PROGRAM) and b"\x00" in data:
        raise RejectedNote("The file is a Windows program, not a text file.")
    encoding = next((name for bom, name in _UTF16.items() if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise RejectedNote(
            f"The file is not valid {encoding.upper()} (first problem at byte {error.start:,}). Save it as UTF-8."
        ) from None


def read_note(*, name: str, data: bytes, max_bytes: int) -> NewNote:
    """A note from an uploaded `.txt` file.

    Raises:
        RejectedNote: with the reason that is shown beside the file name.
    """
    if not name.lower().endswith(".txt"):
        raise RejectedNote("Only .txt files can be imported.")
    if len(data) > max_bytes:
        size = len(data) / 2**20
        raise RejectedNote(f"The file has {size:.1f} MB; at most {max_bytes / 2**20:.0f} MB are allowed.")
    return NewNote(text=normalise_text(decode(data)), title=safe_title(name[: -len(".txt")]), source="upload")
