"""JSON lines: one note a line, `{"id", "text", "spans": [{"start", "end", "label"}]}`; offsets are code points.

A discontinuous span has its pieces as `fragments`, `[[start, end], ...]`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import Any

from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.text import clean_title

_LONGEST = {"patient_key": 200, "note_type": 100}  # what the columns hold


@dataclass(frozen=True, slots=True)
class NoteWithSpans:
    note: NewNote
    spans: tuple[Span, ...]


@dataclass(slots=True)
class ReadReport:
    """What a reading left out, for the person to see: labels that are unknown here, bad lines. And how many spans that
    it kept are discontinuous, because a model cannot learn these.
    """

    dropped_labels: Counter[str] = field(default_factory=Counter[str])
    discontinuous: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def read(
    path: Path, *, label_map: Mapping[str, str] | None, labels: tuple[str, ...], report: ReadReport
) -> Iterator[NoteWithSpans]:
    """Notes of a `.jsonl` or `.jsonl.gz` file, one at a time.

    label_map: name in the file → name here; None keeps names. Labels that are not in `labels` afterwards are dropped
        and counted. A discontinuous span (`fragments`) is kept, and counted; fragments that touch are one.
    A line that cannot be read is put on the report and skipped.

    Raises:
        RejectedNote: the file is not the gzip file that its name promises, or ends too early.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:  # bytes: a line that is not UTF-8 must not take the lines after it along
        for number, line in enumerate(_intact(lines, path.name), start=1):
            if not line.strip():
                continue
            try:
                record = _record(json.loads(line.decode("utf-8-sig")), label_map, labels, report, source=path.name)
            except (RejectedNote, InvalidValue) as error:
                report.rejected.append((number, str(error)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                report.rejected.append((number, f"Not a note record ({type(error).__name__})."))
            else:
                yield record


def _intact(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from lines
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RejectedNote(f"The file {name!r} is damaged: {error}.") from error


def _record(
    value: dict[str, Any],
    label_map: Mapping[str, str] | None,
    labels: tuple[str, ...],
    report: ReadReport,
    *,
    source: str,
) -> NoteWithSpans:
    raw = value["text"]
    if not isinstance(raw, str):
        raise RejectedNote("The text is not a string.")
    text = normalise_text(raw)
    spans: set[Span] = set()
    dropped: Counter[str] = Counter()
    discontinuous = 0
    given = value.get("spans") or []
    if given and text != raw:
        raise RejectedNote("The text has carriage returns or a byte-order mark, so that its offsets would not fit.")
    for item in given:
        if item.get("state", "confirmed") != "confirmed":
            continue
        label = label_map.get(item["label"], "") if label_map else item["label"]
        if label not in labels:
            dropped[str(item["label"])] += 1
            continue
        span = Span(index(item["start"]), index(item["end"]), label, _fragments(item.get("fragments")))
        check_within(span, len(text))
        discontinuous += bool(span.fragments)
        spans.add(span)
    note = NewNote(
        text=text,
        title=clean_title(str(value.get("title") or value.get("id") or "")),
        source=source,
        patient_key=_short(value, "patient_key") or None,
        note_type=_short(value, "note_type"),
    )
    # Counted last: of a line that was rejected nothing is reported but that.
    report.dropped_labels.update(dropped)
    report.discontinuous += discontinuous
    return NoteWithSpans(note, tuple(sorted(spans)))


def _fragments(given: Iterable[Iterable[Any]] | None) -> tuple[tuple[int, int], ...]:
    """In order, with those that touch or overlap made one; nothing if that leaves a single one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted((index(start), index(end)) for start, end in given or ()):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined) if len(joined) > 1 else ()


def _short(value: Mapping[str, Any], name: str) -> str:
    """A field that is a short text, or a number that stands for one; '' when it is missing.

    Never cut: a patient key that lost its end could be that of another patient.
    """
    text = str(value.get(name) if value.get(name) is not None else "")
    if len(text) > _LONGEST[name] or not text.isprintable():
        raise RejectedNote(f"{name} has to be a text of at most {_LONGEST[name]} printable characters.")
    return text


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
