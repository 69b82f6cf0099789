"""CoNLL: a word and its tag a line, a blank line after a sentence, `-DOCSTART- id` before a note.

The columns have no offsets, so beside `notes.conll` goes `notes.offsets.jsonl` with each note's text and the half-open
code-point ranges of its words. Without it, words are read with blanks between them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.reading import Read, archive, build, guarded, opened, text_member
from mednerapp.formats.tokens import places, spans_of, tags
from mednerapp.formats.writing import Source, json_line, zipped

_START = "-DOCSTART-"
_WORDS, _OFFSETS = "notes.conll", "notes.offsets.jsonl"
Lines = list[list[tuple[str, str]]]


def write(documents: Source, *, bioes: bool = False) -> Iterator[bytes]:
    """The archive. Every span begins and ends with a word, in one piece, and none overlaps another."""
    yield from zipped(
        (
            (_WORDS, (_columns(document, bioes=bioes) for document in documents())),
            (_OFFSETS, (json_line(_offsets(document)) for document in documents())),
        )
    )


def _columns(document: Document, *, bioes: bool) -> bytes:
    spans = [item.span for item in document.spans]
    words = places(document.text, spans)
    lines = [f"{_START} {document.id}\tO\n\n"]
    for i, ((start, end), tag) in enumerate(zip(words, tags(words, spans, bioes=bioes), strict=True)):
        if i and "\n" in document.text[words[i - 1][1] : start]:
            lines.append("\n")
        lines.append(f"{document.text[start:end]}\t{tag}\n")
    return ("".join(lines) + "\n").encode()


def _offsets(document: Document) -> dict[str, object]:
    words = places(document.text, [item.span for item in document.spans])
    return {"id": document.id, "text": document.text, "tokens": [list(word) for word in words]}


def read(path: Path) -> Iterator[Read]:
    """Of the archive, or of a file with the columns alone."""
    if path.suffix != ".zip":
        with opened(path) as file:
            lines = (line.decode("utf-8", errors="surrogateescape") for line in file)
            for number, (name, sentences) in enumerate(_documents(lines), start=1):
                yield guarded(f"note {number}", lambda n=name, s=sentences: _from_words(n, s))
        return
    with archive(path) as found:
        if not {_WORDS, _OFFSETS} <= set(found.namelist()):
            raise RejectedNote(f"The archive has to hold {_WORDS} and {_OFFSETS}.")
        with text_member(found, _WORDS) as columns, text_member(found, _OFFSETS) as offsets:
            pairs = zip_longest(_documents(columns), offsets)
            for number, (document, line) in enumerate(pairs, start=1):
                yield guarded(f"note {number}", lambda d=document, s=line: _from_both(d, s))


def _documents(lines: Iterable[str]) -> Iterator[tuple[str, Lines]]:
    """(name, sentences of (word, tag)); files without a start line hold one document."""
    name, sentences, begun = "", [[]], False
    for line in lines:
        columns = line.rstrip("\r\n")
        columns = columns.split("\t") if "\t" in columns else columns.split()
        if columns and columns[0].startswith(_START):
            if begun:
                yield name, sentences
            name, sentences, begun = columns[0][len(_START) :].strip(), [[]], True
        elif not columns or not columns[0].strip():
            if sentences[-1]:
                sentences.append([])
        else:
            begun = True
            sentences[-1].append((columns[0], columns[-1] if len(columns) > 1 else "O"))
    if begun:
        yield name, sentences


def _from_words(name: str, sentences: Lines) -> Document:
    pieces: list[str] = []
    words: list[tuple[int, int]] = []
    given: list[str] = []
    length = 0
    for sentence in filter(None, sentences):
        for i, (word, tag) in enumerate(sentence):
            words.append((length, length + len(word)))
            given.append(tag)
            end = "\n" if i == len(sentence) - 1 else " "
            pieces.append(word + end)
            length += len(word) + 1
    return build("".join(pieces), map(ExchangeSpan, spans_of(words, given)), id=name)


def _from_both(document: tuple[str, Lines] | None, line: str | None) -> Document:
    if document is None or line is None:
        raise InvalidValue("The columns and the offsets hold different numbers of notes.")
    name, sentences = document
    known = json.loads(line)
    words = [(int(a), int(b)) for a, b in known["tokens"]]
    columns = [pair for sentence in sentences for pair in sentence]
    if name != known["id"] or [w for w, _ in columns] != [known["text"][a:b] for a, b in words]:
        raise InvalidValue("The columns and the offsets do not fit.")
    return build(known["text"], map(ExchangeSpan, spans_of(words, [tag for _, tag in columns])), id=name)
