"""JSON lines: one note a line, `{"id", "text", "spans": [{"start", "end", "label"}]}`; offsets are code points."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import InvalidValue, RejectedNote


@dataclass(frozen=True, slots=True)
class NoteWithSpans:
    note: NewNote
    spans: tuple[Span, ...]


@dataclass(slots=True)
class ReadReport:
    """What a reading left out, for the person to see: labels without a place here, discontinuous spans, rejected lines."""

    dropped_labels: Counter[str] = field(default_factory=lambda: Counter[str]())
    discontinuous: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=lambda: list[tuple[int, str]]())


def read(
    path: Path, *, label_map: Mapping[str, str] | None, labels: tuple[str, ...], report: ReadReport
) -> Iterator[NoteWithSpans]:
    """Notes of a `.jsonl` or `.jsonl.gz` file, one at a time.

    label_map: name in the file → name here; None keeps names. Labels that are not in `labels` afterwards are dropped and
        counted. A discontinuous span (`fragments`) is read as the range that covers its fragments, and counted.
    A line that cannot be read is put on the report and skipped.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _record(json.loads(line), label_map, labels, report, source=path.name)
            except (RejectedNote, InvalidValue) as error:
                report.rejected.append((number, str(error)))
            except (ValueError, KeyError, TypeError) as error:
                report.rejected.append((number, f"Not a note record ({type(error).__name__})."))


def _record(
    value: dict[str, Any],
    label_map: Mapping[str, str] | None,
    labels: tuple[str, ...],
    report: ReadReport,
    *,
    source: str,
) -> NoteWithSpans:
    raw = str(value["text"])
    text = normalise_text(raw)
    spans: set[Span] = set()
    given = value.get("spans", [])
    if given and text != raw:
        raise RejectedNote("The text has carriage returns or a byte-order mark, so that its offsets would not fit.")
    for item in given:
        if item.get("state", "confirmed") != "confirmed":
            continue
        label = label_map.get(item["label"], "") if label_map else item["label"]
        if label not in labels:
            report.dropped_labels[str(item["label"])] += 1
            continue
        span = Span(int(item["start"]), int(item["end"]), label)
        check_within(span, len(text))
        report.discontinuous += "fragments" in item
        spans.add(span)
    note = NewNote(
        text=text,
        title=str(value.get("title") or value.get("id") or "Untitled note")[:200],
        source=source,
        patient_key=value.get("patient_key"),
        note_type=str(value.get("note_type", "")),
    )
    return NoteWithSpans(note, tuple(sorted(spans)))


def write_line(
    *, title: str, text: str, spans: list[dict[str, Any]], patient_key: str | None, note_type: str, state: str
) -> str:
    """One line, with its newline."""
    record = {
        "id": title,
        "text": text,
        "spans": spans,
        "patient_key": patient_key,
        "note_type": note_type,
        "state": state,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
