"""Single documents: plain text, Markdown, RTF, HTML, PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from mednerapp.errors import RejectedNote

_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre",
        "section", "table", "tbody", "tfoot", "thead", "title", "tr", "ul",
    )
)  # fmt: skip
_SILENT = frozenset(("script", "style", "template", "noscript", "svg", "head"))
_VOID = frozenset(("br", "hr", "img", "input", "meta", "link", "col", "wbr"))
MOST_PAGES = 2000


def html_text(text: str) -> str:
    """What a browser would show, blocks by lines, cells of a table apart by tabs; scripts and styles left out."""
    parser = _Html()
    parser.feed(text)
    parser.close()
    return parser.text()


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._silent: list[str] = []
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in ("td", "th"):
            self._pieces.append("\t")
        elif tag in _BLOCKS:
            self._pieces.append("\n")
        self._pre += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BLOCKS and tag not in _VOID:
            self._pieces.append("\n")
        self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._pieces.append(data if self._pre else re.sub(r"\s+", " ", data))

    def text(self) -> str:
        lines = re.sub(r"\n[ ]*\t", "\n", "".join(self._pieces)).split("\n")
        return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip(" ") for line in lines)).strip("\n")


def rtf_text(data: bytes) -> str:
    """Raises RejectedNote: it is no RTF."""
    from striprtf.striprtf import rtf_to_text

    if not data.lstrip().startswith(b"{\\rtf"):
        raise RejectedNote("The file is no RTF document.")
    try:
        return str(rtf_to_text(data.decode("latin-1"), errors="strict"))
    except (ValueError, LookupError, IndexError, KeyError, OverflowError) as error:
        raise RejectedNote(f"The RTF document is damaged ({type(error).__name__}).") from None


def pdf_text(data: bytes) -> str:
    """The text layer, page by page.

    Raises:
        RejectedNote: it is no PDF, is protected, or a page is a picture without text (a scan).
    """
    import pypdf

    if b"%PDF-" not in data[:1024]:
        raise RejectedNote("The file is no PDF.")
    try:
        texts = list(_pages(pypdf.PdfReader(io.BytesIO(data), strict=False)))
    except (RejectedNote, MemoryError, RecursionError):
        raise
    except Exception as error:  # noqa: BLE001 - a damaged PDF raises whatever its damaged part leads to
        raise RejectedNote(f"The PDF is damaged ({type(error).__name__}).") from None
    if not any(text.strip() for text in texts):
        raise RejectedNote("The PDF has no text.")
    return "\n\n".join(text for text in texts if text)


def _pages(reader: Any) -> Iterator[str]:
    if reader.is_encrypted and not reader.decrypt(""):
        raise RejectedNote("The PDF is protected by a password. Save it without.")
    if len(reader.pages) > MOST_PAGES:
        raise RejectedNote(f"The PDF has {len(reader.pages):,} pages; at most {MOST_PAGES:,} are read.")
    for number, page in enumerate(reader.pages, start=1):
        text = page.extract_text()
        if not text.strip() and _has_picture(page):
            raise RejectedNote(f"Page {number} is a scan: a picture without a text layer. Run text recognition first.")
        yield text.strip("\n")


def _has_picture(page: Any) -> bool:
    """A picture among its resources, or one that stands in its content."""
    resources = _given(page.get("/Resources"))
    contents = page.get_contents()
    return bool(_given(resources.get("/XObject"))) or (contents is not None and b"BI" in contents.get_data())


def _given(value: Any) -> Any:
    """What a reference leads to; nothing for none."""
    found = value.get_object() if value is not None and hasattr(value, "get_object") else value
    return found or {}
