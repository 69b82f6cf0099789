"""Rows for the `datasets` library: `{id, tokens, ner_tags, text, offsets}` as JSON lines and `names.json`, zipped.

`ner_tags` are places in `names`, BIO; `offsets` are half-open code-point ranges of the tokens in `text`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.reading import Read, archive, build, guarded, member, opened, text_member
from mednerapp.formats.tokens import places, spans_of, tags
from mednerapp.formats.writing import Source, json_line, zipped

_ROWS, _NAMES = "notes.jsonl", "names.json"


def write(documents: Source) -> Iterator[bytes]:
    """The archive. Every span begins and ends with a word, in one piece, and none overlaps another."""
    names: dict[str, int] = {"O": 0}

    def rows() -> Iterator[bytes]:
        for document in documents():
            spans = [item.span for item in document.spans]
            words = places(document.text, spans)
            found = tags(words, spans)
            for tag in found:
                if tag not in names:
                    names[f"B-{tag[2:]}"] = len(names)
                    names[f"I-{tag[2:]}"] = len(names)
            yield json_line(
                {
                    "id": document.id,
                    "tokens": [document.text[a:b] for a, b in words],
                    "ner_tags": [names[tag] for tag in found],
                    "text": document.text,
                    "offsets": [list(word) for word in words],
                }
            )

    def listed() -> Iterator[bytes]:
        yield json_line(list(names))

    yield from zipped(((_ROWS, rows()), (_NAMES, listed())))


def read(path: Path) -> Iterator[Read]:
    """Of the archive, or of a `.jsonl` whose tags are names. Without offsets, tokens have blanks between them."""
    if path.suffix != ".zip":
        with opened(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield guarded(f"line {number}", lambda given=line: _document(json.loads(given), ()))
        return
    with archive(path) as found:
        if not {_ROWS, _NAMES} <= set(found.namelist()):
            raise RejectedNote(f"The archive has to hold {_ROWS} and {_NAMES}.")
        try:
            names = [str(name) for name in json.loads(member(found, _NAMES))]
        except (ValueError, TypeError, RecursionError):
            raise RejectedNote(f"{_NAMES} is no list of names.") from None
        with text_member(found, _ROWS) as rows:
            for number, line in enumerate(rows, start=1):
                yield guarded(f"line {number}", lambda given=line: _document(json.loads(given), names))


def _document(row: dict[str, Any], names: Sequence[str]) -> Document:
    found: list[str] = []
    for tag in row["ner_tags"]:
        if isinstance(tag, int) and not 0 <= tag < len(names):
            raise InvalidValue(f"There is no tag {tag}; {_NAMES} has {len(names)}.")
        found.append(names[tag] if isinstance(tag, int) else str(tag))
    if "offsets" in row:
        words = [(int(a), int(b)) for a, b in row["offsets"]]
        text = row["text"]
    else:
        words, length = [], 0
        for token in row["tokens"]:
            words.append((length, length + len(token)))
            length += len(token) + 1
        text = " ".join(row["tokens"])
    if len(words) != len(found):
        raise InvalidValue(f"{len(found)} tags for {len(words)} tokens.")
    return build(text, map(ExchangeSpan, spans_of(words, found)), id=str(row.get("id") or ""))
