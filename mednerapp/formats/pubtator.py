"""PubTator: `id|t|title`, `id|a|abstract`, then `id⇥start⇥end⇥mention⇥type[⇥code]`, a blank line after each document.

Offsets are code points of title, one blank, abstract. Notes have no titles of their own: theirs is the first sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mednerapp.domain.exchange import Document, ExchangeSpan, LossReport
from mednerapp.errors import InvalidValue
from mednerapp.formats.losses import LINE_ENDS, TEXT_EDGES, off_line_ends
from mednerapp.formats.reading import Read, build, guarded, opened, span_of
from mednerapp.formats.writing import Source

_TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_SPAN = re.compile(r"[^|\t]+\t\d+\t\d+\t")


def one_line(document: Document, report: LossReport) -> Document:
    """The text without line ends: those around it go, the others become blanks."""
    document = off_line_ends(document, report)
    text = document.text.strip("\n")
    lead = len(document.text) - len(document.text.lstrip("\n"))
    report.count(TEXT_EDGES, text != document.text)
    report.count(LINE_ENDS, text.count("\n"))
    spans: list[ExchangeSpan] = []
    for item in document.spans:
        pieces = [(a - lead, b - lead) for a, b in item.span.pieces]
        spans.append(replace(item, span=span_of(0, 0, item.span.label, pieces)))
    return replace(document, text=text.replace("\n", " "), spans=tuple(spans))


def one_code(document: Document, report: LossReport) -> Document:
    """There is one column for codes."""
    spans: list[ExchangeSpan] = []
    for item in document.spans:
        report.count("codes of one span joined by |", len(item.concepts) > 1)
        spans.append(replace(item, concepts=("|".join(item.concepts),) if item.concepts else ()))
    return replace(document, spans=tuple(spans))


def name(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", text) else ""


def write(documents: Source) -> Iterator[bytes]:
    """A block for each note, in one line of text; the title ends at the first full stop, or is all of a short note."""
    for document in documents():
        stop = re.search(r"(?<=[.!?:]) (?=\S)", document.text)
        at = stop.start() if stop else len(document.text)
        lines = [f"{document.id}|t|{document.text[:at]}", f"{document.id}|a|{document.text[at + 1 :]}"]
        for item in document.spans:
            span = item.span
            mention = document.text[span.start : span.end].replace("\t", " ")
            lines.append("\t".join([document.id, str(span.start), str(span.end), mention, span.label, *item.concepts]))
        yield ("\n".join(lines) + "\n\n").encode()


def read(path: Path) -> Iterator[Read]:
    """A code after the type is kept; relations are skipped. Title and abstract are joined by one blank."""
    with opened(path) as file:
        for number, block in enumerate(_blocks(file), start=1):
            yield guarded(f"document {number}", lambda b=block: _document(b))


def _blocks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _document(block: list[bytes]) -> Document:
    texts: dict[str, str] = {}
    identifier = ""
    spans: list[ExchangeSpan] = []
    for raw in block:
        line = raw.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
        if found := _TEXT.fullmatch(line):
            identifier, texts[found[2]] = found[1], found[3]
        elif _SPAN.match(line):
            fields = line.split("\t")
            concepts = ("_".join(fields[5].split()),) if fields[5:] and fields[5].strip() else ()
            spans.append(ExchangeSpan(span_of(int(fields[1]), int(fields[2]), fields[4]), concepts=concepts))
    if "t" not in texts:
        raise InvalidValue("The document has no title line (`id|t|...`).")
    text = texts["t"] + (f" {texts['a']}" if texts.get("a") else "")
    return build(text, spans, id=identifier)
