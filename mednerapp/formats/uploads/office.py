"""Word and Excel files: zip archives of XML. Read part by part, so that a small file cannot become a huge tree."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from mednerapp.errors import RejectedNote
from mednerapp.formats.uploads.options import MOST_UNPACKED

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same text once more
_PARTS = ("header", "document", "footnotes", "endnotes", "footer")  # in this order


@contextmanager
def checked_archive(data: bytes) -> Iterator[zipfile.ZipFile]:
    """Raises RejectedNote for what is no archive, is encrypted, or would unpack to more than MOST_UNPACKED."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            total = sum(info.file_size for info in found.infolist())
            if total > MOST_UNPACKED:
                raise RejectedNote(f"The file unpacks to {total / 2**20:,.0f} MB; at most {MOST_UNPACKED >> 20} are read.")
            if any(info.flag_bits & 1 for info in found.infolist()):
                raise RejectedNote("The file is protected by a password. Save it without.")
            yield found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise RejectedNote(f"The file is damaged or no archive ({type(error).__name__}).") from None


def docx_text(data: bytes) -> str:
    """The text of a .docx: headers, body with its tables (cells apart by tabs), notes, footers.

    Raises:
        RejectedNote: it is none.
    """
    with checked_archive(data) as found:
        names = sorted(n for n in found.namelist() if posixpath.dirname(n) == "word" and n.endswith(".xml"))
        if "word/document.xml" not in names:
            raise RejectedNote("The file is no Word document (.docx).")
        texts: list[str] = []
        for part in _PARTS:
            for name in names:
                if posixpath.basename(name).rstrip("0123456789.xml").startswith(part):
                    text = _part(found, name)
                    if text.strip() and text not in texts:  # the same header for first, odd and even pages
                        texts.append(text)
    return "\n\n".join(texts)


def _part(found: zipfile.ZipFile, name: str) -> str:
    """Paragraphs by lines; a row of a table is one line, its cells apart by tabs."""
    lines: list[str] = []
    run: list[str] = []
    cells: list[list[str]] = []  # of the tables that are open, the innermost last: the cells of the current row
    path: list[Element] = []
    depth = hidden = 0
    try:
        with found.open(name) as file:
            for event, node in iterparse(file, events=("start", "end")):
                tag = node.tag
                if event == "start":
                    path.append(node)
                    hidden += tag == _FALLBACK
                    if tag == f"{_W}tr":
                        cells.append([])
                    elif tag == f"{_W}tc" and cells:
                        depth += 1
                        cells[-1].append("")
                    continue
                path.pop()
                hidden -= tag == _FALLBACK
                if tag == f"{_W}t" and not hidden:
                    run.append(node.text or "")
                elif tag in (f"{_W}tab", f"{_W}br", f"{_W}cr") and path and path[-1].tag == f"{_W}r":
                    run.append("\t" if tag == f"{_W}tab" else "\n")
                elif tag == f"{_W}p":
                    _put("".join(run), lines, cells if depth else [])
                    run.clear()
                elif tag == f"{_W}tc":
                    depth -= 1
                elif tag == f"{_W}tr" and cells:
                    row = "\t".join(cell.strip("\n").replace("\n", " ") for cell in cells.pop())
                    _put(row, lines, cells if depth else [])
                if tag in (f"{_W}p", f"{_W}tr", f"{_W}tbl") and path and len(path[-1]) and path[-1][-1] is node:
                    del path[-1][-1]  # so that the tree never grows
    except (ParseError, DefusedXmlException) as error:
        raise RejectedNote(f"The Word document is damaged ({type(error).__name__}).") from None
    return "\n".join(lines).strip("\n")


def _put(text: str, lines: list[str], cells: list[list[str]]) -> None:
    if cells and cells[-1]:
        cells[-1][-1] += ("\n" if cells[-1][-1] else "") + text
    else:
        lines.append(text)


def xlsx_rows(data: bytes) -> tuple[tuple[str, ...], Iterator[dict[str, Any]]]:
    """(columns, rows) of the first sheet; the first row names the columns.

    Raises:
        RejectedNote: it is no workbook, or further sheets have rows, too.
    """
    import openpyxl

    with checked_archive(data):
        pass
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if (sheet.max_row or 0) > 1 or sheet.max_row is None]
        if not sheets:
            raise RejectedNote("The workbook has no rows.")
        if len(sheets) > 1:
            raise RejectedNote(f"The workbook has {len(sheets)} sheets with rows; save the one with the notes by itself.")
        cells = sheets[0].iter_rows(values_only=True)
        names = tuple(str(value or "").strip() for value in next(cells, ()))
    except RejectedNote:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl lets through what XML, zip and its own classes raise
        raise RejectedNote(f"The file is no Excel workbook (.xlsx) that can be read ({type(error).__name__}).") from None
    return names, (dict(zip(names, row, strict=False)) for row in cells)
