"""Which reader a file goes to: by the ending of its name, and only if its first bytes agree."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

from mednerapp.domain.exchange import Unreadable
from mednerapp.errors import RejectedNote
from mednerapp.formats.reading import DAMAGED, build
from mednerapp.formats.text import clean_title, safe_title
from mednerapp.formats.uploads import clinical, documents, hl7, office, rows
from mednerapp.formats.uploads.options import NotUtf8, Options, Reading, decode

Reader = Callable[[bytes, str, Options], Reading]
MOST_MEMBERS = 10_000
_HEAD = 64  # bytes
MOST_BYTES = 8 * 2**20  # of a file that is one note
_SINGLE = frozenset(("txt", "md", "html", "htm", "rtf"))
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"%PDF-": "pdf",
    b"{\\rtf": "rtf",
    b"PAR1": "parquet",
    b"\x7fELF": "program",
    b"\xd0\xcf\x11\xe0": "old Office",
}
_OWN = {"docx": "zip", "xlsx": "zip", "zip": "zip", "pdf": "pdf", "rtf": "rtf", "parquet": "parquet"}


def _one(text_of: Callable[[bytes, Options], str]) -> Reader:
    def read(data: bytes, name: str, options: Options) -> Reading:
        yield build(text_of(data, options), title=safe_title(PurePosixPath(name).stem), id="", submitted=False)

    return read


def _plain(data: bytes, options: Options) -> str:
    if data.startswith(b"MZ") and b"\x00" in data:
        raise RejectedNote("The file is a Windows program, not a text file.")
    return decode(data, options)


_PLAIN = _one(_plain)
READERS: dict[str, Reader] = {
    "txt": _PLAIN,
    "md": _PLAIN,
    "html": _one(lambda data, options: documents.html_text(decode(data, options))),
    "htm": _one(lambda data, options: documents.html_text(decode(data, options))),
    "rtf": _one(lambda data, _: documents.rtf_text(data)),
    "pdf": _one(lambda data, _: documents.pdf_text(data)),
    "docx": _one(lambda data, _: office.docx_text(data)),
    "csv": lambda data, _, options: rows.csv_rows(data, options),
    "tsv": lambda data, _, options: rows.csv_rows(data, options, tabs=True),
    "xlsx": lambda data, _, options: rows.excel(data, options),
    "parquet": lambda data, _, options: rows.parquet(data, options),
    "jsonl": lambda data, _, options: rows.json_lines(data, options),
    "hl7": lambda data, _, options: hl7.messages(decode(data, options)),
    "json": lambda data, _, options: clinical.fhir(data, options),
    "ndjson": lambda data, _, options: clinical.fhir(data, options),
    "xml": lambda data, _, options: clinical.cda(data),  # noqa: ARG005
}
STREAMS: dict[str, Callable[[str, Options], Reading]] = {
    "csv": rows.csv_file,
    "tsv": lambda path, options: rows.csv_file(path, options, tabs=True),
    "jsonl": rows.json_lines_file,
    "parquet": rows.parquet,
}
ENDINGS = (*READERS, "zip")


def ending_of(name: str) -> str:
    return PurePosixPath(name.casefold().replace("\\", "/")).suffix.removeprefix(".")


def read(data: bytes, name: str, options: Options) -> Reading:
    """What is in the file: documents, reasons, and what was taken for what.

    Raises:
        RejectedNote: nothing of it can be read; the reason is for the person.
    """
    found = _archive(data, options) if ending_of(name) == "zip" else _single(data, name, options)
    yield from rows.limited(found, options)


def read_file(path: str, name: str, options: Options) -> Reading:
    """As `read`, of a file on this machine: tables of any size are read as they go, other files whole."""
    ending = ending_of(name)
    with open(path, "rb") as file:  # noqa: PTH123 - a plain file
        data = file.read(_HEAD if ending in STREAMS else -1)
    if ending not in STREAMS:
        yield from read(data, name, options)
        return
    _require(data, ending)
    yield from rows.limited(_asking(lambda: STREAMS[ending](path, options)), options)


def _single(data: bytes, name: str, options: Options) -> Reading:
    ending = ending_of(name)
    _require(data, ending)
    if ending in _SINGLE and len(data) > MOST_BYTES:
        raise RejectedNote(f"The file has {len(data) / 2**20:,.0f} MB of text; a note has at most {MOST_BYTES >> 20}.")
    yield from _asking(lambda: READERS[ending](data, name, options))


def _require(data: bytes, ending: str) -> None:
    """Raises RejectedNote when a file of this ending is not read, or is none by its first bytes."""
    if ending not in READERS:
        raise RejectedNote(f"Files of this kind are not read. Those that are: {', '.join('.' + e for e in ENDINGS)}.")
    if not data:
        raise RejectedNote("The file is empty.")
    what = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "")
    if what != _OWN.get(ending, "") and (what or ending in ("docx", "xlsx", "parquet")):
        raise RejectedNote(f"The file is called .{ending} but is {f'a {what} file' if what else 'something else'}.")


def _asking(read_: Callable[[], Reading]) -> Reading:
    """A reader may find out what it has to ask when it is called, or later."""
    try:
        yield from read_()
    except NotUtf8 as error:
        yield error.question
    except UnicodeDecodeError:
        raise RejectedNote("The text does not fit its encoding. Save the file as UTF-8.") from None


def _archive(data: bytes, options: Options) -> Reading:
    with office.checked_archive(data) as found:
        members = [info for info in found.infolist() if _wanted(info)]
        if len(members) > MOST_MEMBERS:
            raise RejectedNote(f"The archive has {len(members):,} files; at most {MOST_MEMBERS:,} are read.")
        if not members:
            raise RejectedNote("The archive holds no file.")
        for info in members:
            place = clean_title(info.filename)
            try:
                for item in _single(_content(found, info), info.filename, options):
                    yield Unreadable(f"{place}, {item.place}", item.reason) if isinstance(item, Unreadable) else item
            except RejectedNote as error:
                yield Unreadable(place, str(error))


def _content(found: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if ending_of(info.filename) == "zip":
        raise RejectedNote("An archive inside an archive is not opened.")
    try:
        with found.open(info) as file:
            return file.read(info.file_size)
    except DAMAGED:
        raise RejectedNote("The file is damaged.") from None


def _wanted(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return not info.is_dir() and not hidden
