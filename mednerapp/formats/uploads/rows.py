"""Tables of notes: CSV, TSV, Excel, Parquet, JSON lines. A person says what a column is; usual names are guessed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import IO, Any

from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.reading import build, guarded
from mednerapp.formats.uploads.office import xlsx_rows
from mednerapp.formats.uploads.options import Columns, Options, Reading, encoding_of, first_cells, lines

LONGEST_CELL = 4 * 2**20  # characters
_PREVIEW = 5  # rows
_AT_ONCE = 2**20  # bytes of a column
_USUAL: dict[str, tuple[str, ...]] = {
    "text": ("text", "note_text", "notetext", "note", "body", "report", "report_text", "content", "narrative"),
    "id": ("row_id", "note_id", "noteid", "id", "document_id", "doc_id", "report_id"),
    "patient_key": ("subject_id", "patient_key", "patient_id", "patientid", "patient", "mrn", "person_id"),
    "note_type": ("category", "note_type", "notetype", "type", "document_type", "doc_type"),
    "written_on": ("chartdate", "written_on", "note_date", "date", "charttime", "note_datetime", "datetime"),
    "title": ("title", "description", "name", "subject"),
}
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")
Rows = Iterable[Mapping[str, Any]]


def csv_rows(data: bytes, options: Options, *, tabs: bool = False) -> Reading:
    """Commas, semicolons, tabs or bars: what the first line has most of. Quotes as in Excel."""
    return _csv(lines(data, options), options, tabs=tabs)


def csv_file(path: str, options: Options, *, tabs: bool = False) -> Reading:
    """As `csv_rows`, of a file of any size: read as it goes."""
    with _text_of(path, options) as file:
        yield from _csv(file, options, tabs=tabs)


def _text_of(path: str, options: Options) -> IO[str]:
    """A file in the encoding that its first megabyte tells, line ends as they are."""
    with open(path, "rb") as head:  # noqa: PTH123 - a plain file, opened once
        encoding = encoding_of(_whole_characters(head.read(2**20)), options)
    return open(path, encoding=encoding, newline="")  # noqa: PTH123 - as above


def _whole_characters(data: bytes) -> bytes:
    """Without what the end of the piece cut off."""
    for cut in range(4):
        try:
            data[: len(data) - cut].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start < len(data) - 4:
                return data
        else:
            return data[: len(data) - cut]
    return data


def _csv(file: Iterable[str], options: Options, *, tabs: bool) -> Reading:
    csv.field_size_limit(LONGEST_CELL)
    stream = iter(file)
    head = next(stream, "")
    delimiter = "\t" if tabs else max(",;\t|", key=head.count)
    reader = csv.reader(chain([head], stream), delimiter=delimiter, strict=True)
    try:
        names = tuple(name.strip() for name in next(reader, []))
        yield from documents(names, (_row(names, cells, reader.line_num) for cells in reader if cells), options)
    except csv.Error as error:
        raise RejectedNote(f"The table cannot be read near line {reader.line_num} ({error}).") from None


def _row(names: Sequence[str], cells: list[str], line: int) -> dict[str, Any]:
    if len(cells) != len(names):
        return {"": f"The row that ends in line {line} has {len(cells)} cells, not {len(names)}."}
    return dict(zip(names, cells, strict=True))


def excel(data: bytes, options: Options) -> Reading:
    names, rows = xlsx_rows(data)
    yield from documents(names, rows, options)


def parquet(source: bytes | str, options: Options) -> Reading:
    """Batches of rows, of bytes or of the file at a path; columns that have no role are not read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(
            source if isinstance(source, str) else io.BytesIO(source),
            pre_buffer=False,  # else, and without a buffer, a column is read whole for all rows of a group
            buffer_size=_AT_ONCE,
            thrift_string_size_limit=2**24,
            thrift_container_size_limit=2**20,
        )
        names = tuple(file.schema_arrow.names)
        roles = roles_of(names, options)
        wanted = list(dict.fromkeys(roles.values()))
        rows = (row for batch in file.iter_batches(64, columns=wanted, use_threads=False) for row in batch.to_pylist())
        yield from documents(names, rows, options)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RejectedNote(f"The file is no Parquet table that can be read ({type(error).__name__}).") from None


def json_lines(data: bytes, options: Options) -> Reading:
    """A record a line; the keys of the first are the columns."""
    yield from _json_lines(lines(data, options), options)


def json_lines_file(path: str, options: Options) -> Reading:
    """As `json_lines`, of a file of any size: read as it goes."""
    with _text_of(path, options) as file:
        yield from _json_lines(file, options)


def _json_lines(found: Iterable[str], options: Options) -> Reading:
    parsed = (_parsed(line, number) for number, line in enumerate(found, start=1) if line.strip())
    head = list(islice(parsed, 1))
    names = tuple(str(name) for name in head[0]) if head else ()
    yield from documents(names, chain(head, parsed), options)


def _parsed(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {"": f"Line {number} is not JSON."}
    return value if isinstance(value, dict) else {"": f"Line {number} is no record."}


def roles_of(names: Sequence[str], options: Options) -> dict[str, str]:
    """Role → column: what the person said, else the usual names.

    Raises:
        RejectedNote: there is no column for the text, or one that was named.
    """
    folded = {name.casefold().replace(" ", "_"): name for name in reversed(names)}
    roles: dict[str, str] = {}
    for role, usual in _USUAL.items():
        if role in options.columns:
            column = options.columns[role]
            if column and column not in names:
                raise RejectedNote(f"There is no column {column[:60]!r}. There are: {', '.join(names)[:400]}.")
            if column:
                roles[role] = column
            continue
        found = next((folded[name] for name in usual if name in folded), None)
        if found and found not in roles.values():
            roles[role] = found
    return roles


def documents(names: Sequence[str], rows: Rows, options: Options) -> Reading:
    """The columns first, then a document or a reason for each row."""
    roles = roles_of(names, options)
    rest = iter(rows)
    head = list(islice(rest, _PREVIEW))
    yield Columns(tuple(names), roles, first_cells(head, names))
    if "text" not in roles:
        raise RejectedNote("Say which column holds the text of the notes.")
    flagged = next((name for name in names if name.casefold() == "iserror"), None)  # MIMIC-III: 1 for a wrong note
    number = 0
    for number, row in enumerate(chain(head, rest), start=1):
        place = f"row {number}"
        if "" in row and len(row) == 1:
            yield Unreadable(place, str(row[""]))
        elif flagged and str(row.get(flagged) or "").strip() == "1":
            yield Unreadable(place, "The note is marked as an error (ISERROR).")
        elif options.note_types is None or _cell(row, roles, "note_type") in options.note_types:
            yield guarded(place, lambda r=row: _document(r, roles))


def _document(row: Mapping[str, Any], roles: Mapping[str, str]) -> Document:
    text = row.get(roles["text"])
    if text is None:
        raise RejectedNote("The note is empty.")
    name = _cell(row, roles, "id")
    return build(
        text if isinstance(text, str) else str(text),
        id=name,
        title=_cell(row, roles, "title"),
        patient_key=_cell(row, roles, "patient_key"),
        note_type=_cell(row, roles, "note_type"),
        written_on=day_of(row.get(roles["written_on"])) if "written_on" in roles else None,
        submitted=False,
    )


def _cell(row: Mapping[str, Any], roles: Mapping[str, str], role: str) -> str:
    value = row.get(roles[role]) if role in roles else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # Excel and pandas make one of a number with gaps
    return "" if value is None else " ".join(str(value).split())


def day_of(value: Any) -> date | None:
    """Of a date, or a text that begins with one: YYYY-MM-DD or YYYYMMDD. None for an empty cell.

    Raises:
        InvalidValue: it is written in another way; which of two numbers is the month is not guessed.
    """
    if value is None or isinstance(value, datetime):
        return value.date() if value is not None else None
    if isinstance(value, date):
        return value
    text = str(value).strip()
    if not text:
        return None
    found = _DAY.fullmatch(text) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})\d*(?:\.\d+)?(?:[+-]\d{4})?", text)
    try:
        if found:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise InvalidValue("The date is not written YYYY-MM-DD. Write it so, or leave the date's column out.")


def limited(found: Reading, options: Options) -> Iterator[Any]:
    """At most `options.limit` documents."""
    left = options.limit
    for item in found:
        yield item
        if isinstance(item, Document) and left:
            left -= 1
            if not left:
                return
