"""Spans of many notes, from files to files: in parts, so that memory is bounded and a run that was killed goes on."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.exchange import Document, ExchangeSpan, Unreadable
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import InvalidValue
from mednerapp.formats.table import Format
from mednerapp.services.predicting import Predictor

PART = 500  # notes of a file, and of what is in memory
_STATE = "progress.json"
_CACHE = 16_384  # KiB of the names that were there before


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """notes: written. rejected: rows that are no note, or repeat the name of one. parts: files that are whole."""

    notes: int = 0
    spans: int = 0
    rejected: int = 0
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of the input that belong together: notes that were not there before, and rows that are none."""

    number: int
    documents: tuple[Document, ...]
    rejected: tuple[Unreadable, ...]


Found = tuple[Part, Sequence[Sequence[ScoredSpan]]]  # a part, and the spans of each of its documents
Work = Callable[[int], Iterable[Found]]  # the parts after the first so many, in order; what finds the spans is its own


def annotate(
    documents: Iterable[Document | Unreadable],
    out: Path,
    *,
    row: Format,
    predictor: Predictor,
    model: str,
    part: int = PART,
    on_progress: Callable[[BulkProgress], None] | None = None,
) -> BulkProgress:
    """Write `part-000001`, ... of `part` notes each into the folder `out`, each once by its id (or its text if it has
    none), and beside them what was rejected and why.

    documents: from the first, in the same order whenever it is run again: what is in whole parts is read over, not
        predicted again. A part appears under its name when it is whole, and counts when `progress.json` says so.
    model: named in the files; a folder goes on with the same model and format only.

    Raises:
        InvalidValue: the folder belongs to a run with another format, model or size of parts.
    """

    def work(done: int) -> Iterator[Found]:
        for item in parts(documents, part):
            if item.number > done:
                yield item, predictor([document.text for document in item.documents])

    return write(work, out, row=row, model=model, part=part, on_progress=on_progress)


def write(
    work: Work,
    out: Path,
    *,
    row: Format,
    model: str,
    part: int = PART,
    on_progress: Callable[[BulkProgress], None] | None = None,
) -> BulkProgress:
    """As `annotate`, with the spans found wherever `work` finds them: a folder that one begins, another can finish."""
    out.mkdir(parents=True, exist_ok=True)
    order = {"format": row.key, "model": model, "part": part}
    state = _resumed(out, order)
    _save(out, order, state)  # before the first part: a folder with parts and without this is not gone on with
    held = _holds_suggestions(row)
    for item, found in work(state.parts):
        done = [_with(note, spans, model, held=held) for note, spans in zip(item.documents, found, strict=True)]
        if done:
            _write(out / f"part-{item.number:06d}.{row.ending}", row.export(lambda done=done: done))
        lines = ((json.dumps({"place": r.place, "reason": r.reason}) + "\n").encode() for r in item.rejected)
        if item.rejected:
            _write(out / f"rejected-{item.number:06d}.jsonl", lines)
        state = BulkProgress(
            state.notes + len(done),
            state.spans + sum(len(d.spans) for d in done),
            state.rejected + len(item.rejected),
            item.number,
        )
        _save(out, order, state)
        if on_progress:
            on_progress(state)
    return state


def parts(documents: Iterable[Document | Unreadable], size: int) -> Iterator[Part]:
    """`size` rows of the input at a time, whatever they are, so that the parts are the same in every run."""
    seen = _Seen()
    rest = iter(documents)
    row = number = 0
    while given := list(islice(rest, size)):
        number += 1
        good: list[Document] = []
        bad: list[Unreadable] = []
        for item in given:
            row += 1
            if isinstance(item, Unreadable):
                bad.append(item)
            elif seen.add(item.id or content_hash(item.text)):
                good.append(item)
            else:
                bad.append(Unreadable(f"note {row}", "A note of this name was there before."))
        yield Part(number, tuple(good), tuple(bad))


class _Seen:
    """Names of notes, as digests in a file of the system's own that goes with us: memory does not grow with them."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("")  # '' is a file that SQLite makes when there is much, and removes
        self._rows.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._rows.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, name: str) -> bool:
        """Whether it is new."""
        key = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 1


def _with(document: Document, spans: Sequence[ScoredSpan], model: str, *, held: bool) -> Document:
    state = SpanState.SUGGESTED if held else SpanState.CONFIRMED
    found = tuple(
        ExchangeSpan(scored.span, state=state, origin=Origin.MODEL, score=scored.score, model=model) for scored in spans
    )
    return replace(document, spans=found)


def _holds_suggestions(row: Format) -> bool:
    """Whether the format can say that nobody has looked at a span; in one that cannot they are spans like any other."""
    probe = Document("a", (ExchangeSpan(Span(0, 1, "x"), state=SpanState.SUGGESTED, origin=Origin.MODEL),))
    return row.losses([probe]).spans_left_out == 0


def _resumed(out: Path, order: Mapping[str, object]) -> BulkProgress:
    path = out / _STATE
    if not path.exists():
        if any(out.glob("part-*")):
            raise InvalidValue(f"{out} holds parts but no {_STATE}; choose an empty folder.")
        return BulkProgress()
    state = json.loads(path.read_text(encoding="utf-8"))
    if different := [name for name, value in order.items() if state.get(name) != value]:
        raise InvalidValue(f"{out} belongs to a run with another {' and '.join(different)}; choose another folder.")
    return BulkProgress(state["notes"], state["spans"], state["rejected"], state["parts"])


def _save(out: Path, order: Mapping[str, object], state: BulkProgress) -> None:
    _write(out / _STATE, [json.dumps({**order, **asdict(state)}).encode()])


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Whole or not at all."""
    half = path.with_name(f".{path.name}.half")
    with half.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
