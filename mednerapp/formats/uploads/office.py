"""Word and Excel files: zip archives of XML. Read part by part, so that a small file cannot become a huge tree."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from mednerapp.errors import RejectedNote
from mednerapp.formats.reading import DAMAGED
from mednerapp.formats.uploads.options import MOST_UNPACKED

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same text once more
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n"}
_WHOLE = frozenset((f"{_W}p", f"{_W}tr", f"{_W}tbl"))
_PARTS = ("header", "document", "footnotes", "endnotes", "footer")  # in this order


@contextmanager
def checked_archive(data: bytes) -> Generator[zipfile.ZipFile]:
    """Raises RejectedNote for what is no archive, is encrypted, or would unpack to more than MOST_UNPACKED."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            _check(found)
            yield found
    except DAMAGED as error:
        raise RejectedNote(f"The file is damaged or no archive ({type(error).__name__}).") from None


def _check(found: zipfile.ZipFile) -> None:
    total = sum(info.file_size for info in found.infolist())
    if total > MOST_UNPACKED:
        raise RejectedNote(f"The file unpacks to {total / 2**20:,.0f} MB; at most {MOST_UNPACKED >> 20} are read.")
    if any(info.flag_bits & 1 for info in found.infolist()):
        raise RejectedNote("The file is protected by a password. Save it without.")


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
    words = _Words()
    path: list[Element] = []
    try:
        with found.open(name) as file:
            for event, node in iterparse(file, events=("start", "end")):
                if event == "start":
                    path.append(node)
                    words.begin(node.tag)
                    continue
                path.pop()
                words.end(node, path[-1].tag if path else "")
                if node.tag in _WHOLE and path and len(path[-1]) and path[-1][-1] is node:
                    del path[-1][-1]  # so that the tree never grows
    except (ParseError, DefusedXmlException) as error:
        raise RejectedNote(f"The Word document is damaged ({type(error).__name__}).") from None
    return "\n".join(words.lines).strip("\n")


class _Words:
    """Lines of text, made from the elements of a part as they begin and end."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._run: list[str] = []
        self._rows: list[list[str]] = []  # of the tables that are open, the innermost last: cells of the current row
        self._depth = 0  # cells that are open
        self._hidden = 0

    def begin(self, tag: str) -> None:
        self._hidden += tag == _FALLBACK
        if tag == f"{_W}tr":
            self._rows.append([])
        elif tag == f"{_W}tc" and self._rows:
            self._depth += 1
            self._rows[-1].append("")

    def end(self, node: Element, parent: str) -> None:
        tag = node.tag
        self._hidden -= tag == _FALLBACK
        if tag == f"{_W}t" and not self._hidden:
            self._run.append(node.text or "")
        elif tag in _SIGNS and parent == f"{_W}r":
            self._run.append(_SIGNS[tag])
        elif tag == f"{_W}p":
            self._put("".join(self._run))
            self._run.clear()
        elif tag == f"{_W}tc":
            self._depth -= self._depth > 0
        elif tag == f"{_W}tr" and self._rows:
            self._put("\t".join(cell.strip("\n").replace("\n", " ") for cell in self._rows.pop()))

    def _put(self, text: str) -> None:
        if self._depth and self._rows and self._rows[-1]:
            self._rows[-1][-1] += ("\n" if self._rows[-1][-1] else "") + text
        else:
            self.lines.append(text)


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
        cells = _sheet(book).iter_rows(values_only=True)
        names = tuple(str(value or "").strip() for value in next(cells, ()))
    except (RejectedNote, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl lets through what XML, zip and its own classes raise
        raise RejectedNote(
            f"The file is no Excel workbook (.xlsx) that can be read ({type(error).__name__})."
        ) from None
    return names, _rows(names, cells)


def _sheet(book: Any) -> Any:
    sheets = [sheet for sheet in book.worksheets if sheet.max_row is None or sheet.max_row > 1]
    if not sheets:
        raise RejectedNote("The workbook has no rows.")
    if len(sheets) > 1:
        raise RejectedNote(f"The workbook has {len(sheets)} sheets with rows; save the one with the notes by itself.")
    return sheets[0]


def _rows(names: tuple[str, ...], cells: Iterator[Any]) -> Iterator[dict[str, Any]]:
    try:
        yield from (dict(zip(names, row, strict=False)) for row in cells)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - as above, and only now are the rows read
        raise RejectedNote(f"The Excel workbook is damaged ({type(error).__name__}).") from None
