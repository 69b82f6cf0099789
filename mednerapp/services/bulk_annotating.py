"""Spans of many notes, from files to files: in parts, so that memory is bounded and a run that was killed goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """notes: written. rejected: rows that are no note, or repeat the name of one. parts: files that are whole."""

    notes: int = 0
    spans: int = 0
    rejected: int = 0
    parts: int = 0


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
    out.mkdir(parents=True, exist_ok=True)
    order = {"format": row.key, "model": model, "part": part}
    state = _resumed(out, order)
    held = _holds_suggestions(row)
    for number, (items, rejected) in enumerate(_parts(documents, part), start=1):
        if number <= state.parts:
            continue
        found = predictor([item.text for item in items])
        done = [_with(item, spans, model, held=held) for item, spans in zip(items, found, strict=True)]
        if done:
            _write(out / f"part-{number:06d}.{row.ending}", row.export(lambda done=done: done))
        lines = ((json.dumps({"place": r.place, "reason": r.reason}) + "\n").encode() for r in rejected)
        if rejected:
            _write(out / f"rejected-{number:06d}.jsonl", lines)
        state = BulkProgress(
            state.notes + len(done),
            state.spans + sum(len(d.spans) for d in done),
            state.rejected + len(rejected),
            number,
        )
        values = {**order, "notes": state.notes, "spans": state.spans, "rejected": state.rejected, "parts": number}
        _write(out / _STATE, [json.dumps(values).encode()])
        if on_progress:
            on_progress(state)
    return state


def _parts(documents: Iterable[Document | Unreadable], size: int) -> Iterator[tuple[list[Document], list[Unreadable]]]:
    """`size` rows of the input at a time, whatever they are, so that the parts are the same in every run."""
    seen: set[str] = set()
    rest = iter(documents)
    row = 0
    while given := list(islice(rest, size)):
        good: list[Document] = []
        bad: list[Unreadable] = []
        for item in given:
            row += 1
            if isinstance(item, Unreadable):
                bad.append(item)
                continue
            key = item.id or content_hash(item.text)
            if key in seen:
                bad.append(Unreadable(f"note {row}", "A note of this name was there before."))
                continue
            seen.add(key)
            good.append(item)
        yield good, bad


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


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Whole or not at all."""
    half = path.with_name(f".{path.name}.half")
    with half.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
