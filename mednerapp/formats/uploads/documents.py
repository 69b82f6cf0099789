"""Single documents: plain text, Markdown, RTF, HTML, PDF."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

from mednerapp.errors import RejectedNote

_BLOCKS = frozenset(
    "address article aside blockquote br dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav "
    "ol option p pre section table tbody tfoot thead title tr ul".split()
)
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
    from pypdf.errors import PyPdfError

    if b"%PDF-" not in data[:1024]:
        raise RejectedNote("The file is no PDF.")
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise RejectedNote("The PDF is protected by a password. Save it without.")
        if len(reader.pages) > MOST_PAGES:
            raise RejectedNote(f"The PDF has {len(reader.pages):,} pages; at most {MOST_PAGES:,} are read.")
        texts: list[str] = []
        for number, page in enumerate(reader.pages, start=1):
            text = page.extract_text()
            if not text.strip() and _has_picture(page):
                raise RejectedNote(f"Page {number} is a scan: a picture without a text layer. Run text recognition first.")
            texts.append(text.strip("\n"))
    except RejectedNote:
        raise
    except (MemoryError, RecursionError):
        raise
    except (PyPdfError, Exception) as error:  # noqa: BLE001 - damaged PDFs raise whatever the part that is damaged leads to
        raise RejectedNote(f"The PDF is damaged ({type(error).__name__}).") from None
    if not any(text.strip() for text in texts):
        raise RejectedNote("The PDF has no text.")
    return "\n\n".join(text for text in texts if text)


def _has_picture(page: object) -> bool:
    resources = page.get("/Resources") or {}  # type: ignore[attr-defined]
    resources = resources.get_object() if hasattr(resources, "get_object") else resources
    things = resources.get("/XObject") or {}
    things = things.get_object() if hasattr(things, "get_object") else things
    return bool(len(things)) or b"BI" in (page.get_contents().get_data() if page.get_contents() else b"")  # type: ignore[attr-defined]
