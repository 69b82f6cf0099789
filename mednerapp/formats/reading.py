"""What all readers share: raw text and spans made a document, failures made reasons, files and archives opened."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import accumulate
from operator import index
from pathlib import Path
from typing import IO, Any

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan, Unreadable
from mednerapp.domain.notes import normalise_text
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import InvalidValue, MedNerError, RejectedNote

Read = Document | Unreadable
MOST_UNPACKED = 4 * 2**30  # bytes of one member of an archive
# What zipfile raises for an archive that is damaged or of a kind that it does not know. A wrong offset: OSError in a
# file, a ValueError in memory.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)
NOTE_FIELDS = ("title", "source", "patient_key", "note_type", "written_on", "annotator", "submitted")
Pieces = Iterable[tuple[int, int]]


def span_of(start: int, end: int, label: object, pieces: Pieces = ()) -> Span:
    """A span whose pieces may come in any order, touch or overlap; those that do are one.

    Raises:
        InvalidValue: if it is none, or its label is no text.
    """
    if not isinstance(label, str) or not label.strip():
        raise InvalidValue("A span needs a label.")
    joined: list[tuple[int, int]] = []
    for first, last in sorted((index(a), index(b)) for a, b in pieces):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    if joined:
        start, end = joined[0][0], joined[-1][1]
    return Span(index(start), index(end), label, tuple(joined) if len(joined) > 1 else ())


def build(raw: object, spans: Iterable[ExchangeSpan] = (), **fields: Any) -> Document:
    """A document from text as it stands in the file; line ends become LF and the offsets move along.

    Raises:
        RejectedNote, InvalidValue: the text cannot be a note, or a span does not fit it.
    """
    if not isinstance(raw, str):
        raise RejectedNote("The text is not a string.")
    text, items = normalise_text(raw), tuple(spans)
    if text != raw:
        items = tuple(_moved(raw, items))
    return Document(text, tuple(sorted(items, key=_order)), **fields)


def _order(item: ExchangeSpan) -> tuple[Any, ...]:
    return (item.span, item.id, item.state, item.origin, item.score or 0.0, item.comment)


def _moved(raw: str, items: tuple[ExchangeSpan, ...]) -> Iterator[ExchangeSpan]:
    body = raw.lstrip("\ufeff")
    lead = len(raw) - len(body)
    kept = [1 - (c == "\r" and body[i + 1 : i + 2] == "\n") for i, c in enumerate(body)]
    place = list(accumulate(kept, initial=0))
    for item in items:
        check_within(item.span, len(raw))
        pieces = [(place[max(0, a - lead)], place[max(0, b - lead)]) for a, b in item.span.pieces]
        yield replace(item, span=span_of(0, 0, item.span.label, pieces))


def guarded(place: str, make: Callable[[], Document]) -> Read:
    """The document, or why it is none. The reason holds no text of the file."""
    try:
        return make()
    except MedNerError as error:
        return Unreadable(place, str(error))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        return Unreadable(place, f"Not a record of this format ({type(error).__name__}).")


def note_fields(document: Document) -> dict[str, str]:
    """What is known of the note, as texts; what is not known is left out."""
    return {
        name: value
        for name, value in (
            ("title", document.title),
            ("source", document.source),
            ("patient_key", document.patient_key),
            ("note_type", document.note_type),
            ("written_on", document.written_on.isoformat() if document.written_on else ""),
            ("annotator", document.annotator),
            ("submitted", "" if document.submitted else "no"),
        )
        if value
    }


def given_note_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Document` from `note_fields`, of a mapping that may hold more.

    Raises:
        ValueError: for a date that is none.
    """
    found: dict[str, Any] = {name: str(values[name]) for name in NOTE_FIELDS if values.get(name) not in (None, "")}
    if "written_on" in found:
        found["written_on"] = date.fromisoformat(found["written_on"][:10])
    if "submitted" in found:
        found["submitted"] = found["submitted"] not in ("no", "False", "false", "0")
    return found


def span_fields(item: ExchangeSpan) -> dict[str, str]:
    """What is known of a span beside its place and label, as texts; what is usual is left out."""
    return {
        name: value
        for name, value in (
            ("state", "" if item.state is SpanState.CONFIRMED else item.state.value),
            ("origin", "" if item.origin is Origin.PERSON else item.origin.value),
            ("score", "" if item.score is None else repr(item.score)),
            ("model", item.model),
            ("assertion", item.assertion.value if item.assertion else ""),
            ("assertion_by", item.assertion_by.value if item.assertion_by else ""),
            ("comment", item.comment),
            ("unsure", "yes" if item.unsure else ""),
            ("concepts", " ".join(item.concepts)),
        )
        if value
    }


def span_from(span: Span, values: Mapping[str, Any], *, id: str = "") -> ExchangeSpan:  # noqa: A002 - as in the value
    """The span with what `span_fields` says of it, of a mapping that may hold more.

    Raises:
        ValueError: for a value that is not one of those.
    """

    def given(name: str) -> str:
        return str(values[name]) if values.get(name) not in (None, "") else ""

    assertion = Assertion(given("assertion")) if given("assertion") else None
    return ExchangeSpan(
        span,
        id=id,
        state=SpanState(given("state") or SpanState.CONFIRMED),
        origin=Origin(given("origin") or Origin.PERSON),
        score=float(given("score")) if given("score") else None,
        model=given("model"),
        assertion=assertion,
        assertion_by=Origin(given("assertion_by") or Origin.PERSON) if assertion else None,
        comment=given("comment"),
        unsure=given("unsure") in ("yes", "True", "true", "1"),
        concepts=tuple(given("concepts").split()),
    )


@contextmanager
def opened(path: Path) -> Generator[IO[bytes]]:
    """The bytes of a file, unpacked when its name ends in .gz.

    Raises:
        RejectedNote: the file is damaged.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield file  # type: ignore[misc]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RejectedNote(f"The file {path.name!r} is damaged: {type(error).__name__}.") from None


@contextmanager
def archive(path: Path) -> Generator[zipfile.ZipFile]:
    """Raises RejectedNote when the file is no zip archive or is damaged."""
    try:
        with zipfile.ZipFile(path) as found:
            yield found
    except DAMAGED as error:
        raise RejectedNote(f"The file {path.name!r} is no archive that can be read ({type(error).__name__}).") from None


def member(found: zipfile.ZipFile, name: str) -> bytes:
    """A whole member of an archive.

    Raises:
        RejectedNote: it says that it is larger than any document.
    """
    if found.getinfo(name).file_size > 2**28:
        raise RejectedNote("A document of over 256 MB is not read.")
    return found.read(name)


@contextmanager
def text_member(found: zipfile.ZipFile, name: str) -> Generator[IO[str]]:
    with found.open(name) as file:
        yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def safe_name(text: str) -> str:
    """The text if it can be the name of a file in any archive, else ''."""
    return text if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", text) else ""
