"""brat standoff: a zip archive (or folder) of `.txt` and `.ann`; offsets are code points.

`T1⇥Label s e[;s e]⇥mention`, `A1⇥Name T1 [value]`, `N1⇥Reference T1 code⇥`, `#1⇥AnnotatorNotes T1⇥comment`. A piece may
hold no line end, so a span over several lines is written as pieces that only line ends separate, and read as one again.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import InvalidValue
from mednerapp.formats.reading import Read, archive, build, guarded, member, span_fields, span_from, span_of
from mednerapp.formats.writing import Source, zipped

_T = re.compile(r"(?P<label>.*\S) (?P<places>\d+ \d+(?:;\d+ \d+)*)")
# As brat names them: attributes with a value, and one without.
_ATTRIBUTES = {
    "State": "state",
    "Origin": "origin",
    "Score": "score",
    "Model": "model",
    "Assertion": "assertion",
    "AssertionBy": "assertion_by",
}
_FLAG = "Unsure"


def write(documents: Source) -> Iterator[bytes]:
    """The archive; ids are safe file names. `annotation.conf` tells brat which labels and attributes there are."""
    labels: set[str] = set()
    values: dict[str, set[str]] = {}

    def entries() -> Iterator[tuple[str, Iterable[bytes]]]:
        for document in documents():
            labels.update(item.span.label for item in document.spans)
            yield f"{document.id}.txt", (document.text.encode(),)
            yield f"{document.id}.ann", ("".join(_lines(document, values)).encode(),)
        yield "annotation.conf", (_configuration(labels, values).encode(),)

    yield from zipped(entries())


def _lines(document: Document, values: dict[str, set[str]]) -> Iterator[str]:
    attribute = 0
    for number, item in enumerate(document.spans, start=1):
        pieces = [place for a, b in item.span.pieces for place in _without_line_ends(document.text, a, b)]
        places = ";".join(f"{a} {b}" for a, b in pieces)
        mention = " ".join(document.text[a:b] for a, b in pieces)
        yield f"T{number}\t{item.span.label} {places}\t{mention}\n"
        known = span_fields(item)
        for name, field in _ATTRIBUTES.items():
            if field in known:
                attribute += 1
                values.setdefault(name, set()).add(known[field])
                yield f"A{attribute}\t{name} T{number} {known[field]}\n"
        if item.unsure:
            attribute += 1
            values.setdefault(_FLAG, set())
            yield f"A{attribute}\t{_FLAG} T{number}\n"
        for concept in item.concepts:
            yield f"N{number}\tReference T{number} {concept}\t\n"
        if item.comment:
            yield f"#{number}\tAnnotatorNotes T{number}\t{item.comment}\n"


def _without_line_ends(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [(start + m.start(), start + m.end()) for m in re.finditer(r"[^\n]+", text[start:end])]


def _configuration(labels: set[str], values: dict[str, set[str]]) -> str:
    lines = ["[entities]", *sorted(labels), "[relations]", "[events]", "[attributes]"]
    for name, found in sorted(values.items()):
        lines.append(f"{name} Arg:<ENTITY>" + (f", Value:{'|'.join(sorted(found))}" if found else ""))
    return "\n".join(lines) + "\n"


def read(path: Path) -> Iterator[Read]:
    """The documents of an archive or of a folder, in order. A `.txt` without `.ann` has no spans."""
    if path.is_dir():
        names = sorted(str(p.relative_to(path)) for p in path.rglob("*.txt"))
        yield from _each(names, lambda name: (path / name).read_bytes() if (path / name).exists() else None)
        return
    with archive(path) as found:
        names = [n for n in found.namelist() if n.endswith(".txt")]
        yield from _each(names, lambda name: _of_archive(found, name))


def _of_archive(found: zipfile.ZipFile, name: str) -> bytes | None:
    return member(found, name) if name in found.NameToInfo else None


def _each(names: list[str], content: Callable[[str], bytes | None]) -> Iterator[Read]:
    for name in names:
        base = name.removesuffix(".txt")

        def make(name: str = name, base: str = base) -> Document:
            text = (content(name) or b"").decode("utf-8-sig")
            return parse(text, (content(f"{base}.ann") or b"").decode("utf-8-sig"), id=Path(base).name)

        yield guarded(name, make)


def parse(text: str, annotations: str, *, id: str = "") -> Document:  # noqa: A002 - as in the value
    """A document from both files. Relations, events and what is unknown are skipped.

    Raises:
        InvalidValue: a T line cannot be read.
    """
    places: dict[str, tuple[str, list[tuple[int, int]]]] = {}
    known: dict[str, dict[str, Any]] = {}
    for line in annotations.split("\n"):
        key, _, rest = line.rstrip("\r").partition("\t")
        body, _, tail = rest.partition("\t")
        if key.startswith("T"):
            found = _T.fullmatch(body)
            if not found:
                raise InvalidValue("A line of the annotation file is not `T⇥label start end⇥mention`.")
            pairs = [piece.split() for piece in found["places"].split(";")]
            places[key] = (found["label"], [(int(a), int(b)) for a, b in pairs])
            known.setdefault(key, {})
        elif key[:1] in ("A", "M", "N", "#") and body:
            kind, *more = body.split(" ", 2)
            target = known.setdefault(more[0], {}) if more else {}
            value = more[1] if len(more) > 1 else ""
            if key[0] == "N":
                target["concepts"] = f"{target.get('concepts', '')} {value}"
            elif key[0] == "#":
                target["comment"] = " ".join([*target.get("comment", "").split("\n"), tail]).strip()
            elif kind == _FLAG:
                target["unsure"] = "yes"
            elif kind in _ATTRIBUTES:
                target[_ATTRIBUTES[kind]] = value.casefold() if kind.startswith("Assertion") else value
    return build(text, (_span(text, *places[key], known[key]) for key in places), id=id)


def _span(text: str, label: str, pieces: list[tuple[int, int]], known: dict[str, Any]) -> ExchangeSpan:
    joined = [pieces[0]] if pieces else []
    for start, end in pieces[1:]:
        if start > joined[-1][1] and not text[joined[-1][1] : start].strip("\r\n"):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return span_from(span_of(0, 0, label, joined), known)
