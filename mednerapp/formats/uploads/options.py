"""What a person can say about a file before its notes are read, and what is asked when that is not enough."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mednerapp.domain.exchange import Document, Unreadable

ROLES = {
    "text": "Text of the note",
    "id": "Name or number of the note",
    "patient_key": "Patient",
    "note_type": "Type of note",
    "written_on": "Date",
    "title": "Title",
}
ENCODINGS = {
    "cp1252": "Western European (Windows)",
    "iso8859-15": "Western European (Unix)",
    "cp1250": "Central European (Windows)",
    "cp1251": "Cyrillic (Windows)",
    "mac-roman": "Western European (old Mac)",
    "cp850": "Western European (DOS)",
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MOST_UNPACKED = 200 * 2**20  # bytes in all members of an archive, a .docx and an .xlsx being one


@dataclass(frozen=True, slots=True)
class Options:
    """encoding: one of ENCODINGS, '' to ask when the file is not UTF-8. columns: role (of ROLES) → column, of a table;
    those not named are guessed. note_types: only rows of these, None for all. limit: stop after so many, 0 for none.
    """

    encoding: str = ""
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    note_types: tuple[str, ...] | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """Of a table: its columns, which of them was taken for what, and the first cells of each."""

    names: tuple[str, ...]
    roles: Mapping[str, str]
    first: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class AskEncoding:
    """The file is not UTF-8: the place of its first strange character, as it reads in each encoding."""

    previews: Mapping[str, str]


Found = Document | Unreadable | Columns | AskEncoding
Reading = Iterator[Found]


class NotUtf8(Exception):  # noqa: N818 - it says what the file is
    """Carries the question."""

    def __init__(self, question: AskEncoding) -> None:
        super().__init__("The file is not UTF-8.")
        self.question = question


def encoding_of(data: bytes, options: Options) -> str:
    """By byte-order mark, else UTF-8 if it is strictly so, else what the person said; never a guess.

    Raises:
        NotUtf8: the person has to say.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if options.encoding:
            return options.encoding
        raise NotUtf8(_question(data, error.start)) from None
    return "utf-8"


def decode(data: bytes, options: Options) -> str:
    """Raises NotUtf8; RejectedNote's cousin UnicodeDecodeError when the chosen encoding does not fit either."""
    return data.decode(encoding_of(data, options))


def lines(data: bytes, options: Options) -> io.TextIOWrapper:
    """The text as a stream, line ends as they are."""
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding_of(data, options), newline="")


def _question(data: bytes, place: int) -> AskEncoding:
    part = data[max(0, place - 40) : place + 40]
    previews: dict[str, str] = {}
    for name in ENCODINGS:
        try:
            previews[name] = " ".join(part.decode(name).split())
        except UnicodeDecodeError:
            continue
    return AskEncoding(previews)


def first_cells(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """As they can be shown: short, one line each."""
    return tuple(tuple(" ".join(str(row.get(name) or "").split())[:80] for name in names) for row in rows)
