"""spaCy DocBin: `.spacy` files of at most PART notes in a zip archive; unpacked, the folder is one for `spacy train`.

`doc.ents` has the longest of overlapping spans, `doc.spans["sc"]` all of them. spaCy counts code points; every span
begins and ends with a token. Title, patient and the like are in `doc.user_data`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.domain.spans import without_overlaps
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.reading import Read, archive, build, given_note_fields, guarded, member, note_fields, span_of
from mednerapp.formats.tokens import Place, places
from mednerapp.formats.writing import Source, zipped

PART = 500  # notes of a file: a DocBin is in memory as a whole
_KEY = "sc"  # where spaCy's own span categorizer looks


def write(documents: Source) -> Iterator[bytes]:
    """The archive. Raises InvalidValue when spaCy is not installed."""
    spacy = _spacy()

    def entries() -> Iterator[tuple[str, tuple[bytes, ...]]]:
        vocab, rest, number = spacy.vocab.Vocab(), iter(documents()), 0
        while batch := list(islice(rest, PART)):
            number += 1
            packed = spacy.tokens.DocBin(attrs=["ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID"], store_user_data=True)
            for document in batch:
                packed.add(_doc(spacy, vocab, document))
            yield f"notes-{number:05d}.spacy", (packed.to_bytes(),)

    return zipped(entries())


def _spacy() -> Any:
    try:
        import spacy
    except ImportError:
        raise InvalidValue("This format needs spaCy: pip install spacy.") from None
    return spacy


def _doc(spacy: Any, vocab: Any, document: Document) -> Any:
    text = document.text
    words = _with_blanks(text, places(text, [item.span for item in document.spans]))
    doc = spacy.tokens.Doc(vocab, words=[text[a:b] for a, b, _ in words], spaces=[space for _, _, space in words])
    doc.user_data.update({f"medner_{name}": value for name, value in note_fields(document).items()})
    if document.id:
        doc.user_data["medner_id"] = document.id
    starts = {a: i for i, (a, _, _) in enumerate(words)}
    ends = {b: i + 1 for i, (_, b, _) in enumerate(words)}

    def of(item: ExchangeSpan) -> Any:
        span = item.span
        code = item.concepts[0] if item.concepts else ""
        return spacy.tokens.Span(doc, starts[span.start], ends[span.end], label=span.label, kb_id=code, span_id=item.id)

    flat = set(without_overlaps([item.span for item in document.spans]))
    seen: set[tuple[int, int]] = set()
    entities: list[Any] = []
    for item in document.spans:
        place = (item.span.start, item.span.end)
        if item.span in flat and place not in seen:
            seen.add(place)
            entities.append(of(item))
    doc.set_ents(entities)
    doc.spans[_KEY] = [of(item) for item in document.spans]
    return doc


def _with_blanks(text: str, words: list[Place]) -> list[tuple[int, int, bool]]:
    """(start, end, whether one blank follows that is no token): together all of the text."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    for start, end in [*words, (len(text), len(text))]:
        if at < start:
            gap = text[at:start]
            if found and gap[0] == " ":
                found[-1] = (*found[-1][:2], True)
                at += 1
            if at < start:
                found.append((at, start, False))
        if start < end:
            found.append((start, end, False))
        at = end
    return found


def read(path: Path) -> Iterator[Read]:
    """Of the archive, a single `.spacy` file or a folder of them. Spans of every group count, and the entities."""
    if path.is_dir():
        for part in sorted(path.rglob("*.spacy")):
            yield from _parts(part.name, part.read_bytes())
    elif path.suffix == ".spacy":
        yield from _parts(path.name, path.read_bytes())
    else:
        with archive(path) as found:
            for name in sorted(n for n in found.namelist() if n.endswith(".spacy")):
                yield from _parts(name, member(found, name))


def _parts(name: str, data: bytes) -> Iterator[Read]:
    spacy = _spacy()
    try:
        packed = spacy.tokens.DocBin(store_user_data=True).from_bytes(data)
        docs = packed.get_docs(spacy.vocab.Vocab())
        for number, doc in enumerate(docs, start=1):
            yield guarded(f"{name}, note {number}", lambda d=doc: _document(d))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - msgpack, zlib and numpy each have their own for bytes that are no DocBin
        raise RejectedNote(f"{name} is no DocBin ({type(error).__name__}).") from None


def _document(doc: Any) -> Document:
    known = {str(name): value for name, value in doc.user_data.items() if isinstance(name, str)}
    fields = {name.removeprefix("medner_"): value for name, value in known.items()}
    groups = [span for group in doc.spans.values() for span in group]
    seen = {(s.start, s.end, s.label) for s in groups}
    every = [*groups, *(e for e in doc.ents if (e.start, e.end, e.label) not in seen)]
    spans = [
        ExchangeSpan(
            span_of(s.start_char, s.end_char, s.label_),
            id=s.id_ or "",
            concepts=("_".join(s.kb_id_.split()),) if s.kb_id_ else (),
        )
        for s in every
    ]
    return build(doc.text, spans, id=str(fields.get("id") or ""), **given_note_fields(fields))
