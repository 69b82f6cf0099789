"""What is exported is read again: the same notes and spans, or exactly what the loss report announced."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exchange import documents

from mednerapp.domain.exchange import EVERYTHING, Document, LossReport
from mednerapp.domain.spans import Span
from mednerapp.errors import RejectedNote
from mednerapp.formats.reading import archive, build
from mednerapp.formats.table import FORMATS, Format

# `make check` draws a few; MEDNER_ROUND_TRIPS=2000 is what the figures in docs/formats.md are from.
EXAMPLES = int(os.environ.get("MEDNER_ROUND_TRIPS", "6"))
rows = pytest.mark.parametrize("row", FORMATS.values(), ids=list(FORMATS))


def written(row: Format, given_: list[Document], folder: Path) -> Path:
    path = folder / f"out.{row.ending}"
    path.write_bytes(b"".join(row.export(lambda: given_)))
    return path


def announced(row: Format, given_: list[Document]) -> tuple[list[Document], LossReport]:
    keep, report = row.new_keep(), LossReport()
    return [keep(document, report) for document in given_], report


def canonical(document: Document) -> Document:
    """Spans are a set: each may come back in another place of the list."""
    return replace(document, spans=tuple(sorted(document.spans, key=repr)))


@rows
@settings(max_examples=EXAMPLES)
@given(drawn=st.lists(documents(), max_size=3))
def test_the_file_holds_exactly_what_was_announced(
    tmp_path_factory: pytest.TempPathFactory, row: Format, drawn: list[Document]
) -> None:
    path = written(row, drawn, tmp_path_factory.getbasetemp())
    kept, report = announced(row, drawn)
    assert list(map(canonical, row.read(path))) == list(map(canonical, kept))  # type: ignore[arg-type]
    assert report.notes == len(drawn)
    if not report.lost:  # nothing announced is nothing lost; names that notes or spans had not may be given to them
        assert [bare(d) for d in kept] == [bare(d) for d in drawn]
    assert report == row.losses(drawn)


def bare(document: Document) -> Document:
    spans = tuple(replace(item, id="") for item in document.spans)
    return canonical(replace(document, id="", spans=spans))


@rows
@given(drawn=documents())
@settings(max_examples=2)
def test_the_same_notes_give_the_same_bytes(row: Format, drawn: Document) -> None:
    if row.key != "spacy":  # its strings come in the order of a set
        assert b"".join(row.export(lambda: [drawn])) == b"".join(row.export(lambda: [drawn]))


def test_our_own_format_loses_nothing() -> None:
    for drawn in ("jsonl",):
        keep = FORMATS[drawn].new_keep()
        document = Document("Fever.", history=({"revision": 1},), submitted=False, annotator="Ann")
        assert keep(document, LossReport()) == document
    assert len(EVERYTHING) == 20


def test_what_is_lost_is_counted_by_what_it_is() -> None:
    document = documents_with_everything()
    report = FORMATS["conll-bio"].losses([document])
    assert report.lost == Counter(
        {
            "titles of notes": 1,
            "patient keys": 1,
            "suggested and rejected spans": 1,
            "comments": 1,
            "discontinuous spans": 1,
            "overlapping spans": 1,
        }
    )
    assert (report.spans, report.spans_left_out) == (4, 3)


def documents_with_everything() -> Document:
    line = {
        "id": "n1",
        "title": "Clinic",
        "patient_key": "P1",
        "text": "Left arm and leg pain.",
        "spans": [
            {"start": 0, "end": 21, "label": "Symptom", "fragments": [[0, 8], [17, 21]]},
            {"start": 13, "end": 21, "label": "Symptom", "comment": "which?"},
            {"start": 17, "end": 21, "label": "Symptom"},
            {"start": 5, "end": 8, "label": "Body", "state": "suggested", "origin": "model", "score": 0.5},
        ],
    }
    from mednerapp.formats.complete import document_of

    return document_of(json.loads(json.dumps(line)))


@settings(max_examples=30)
@given(drawn=documents(), unit=st.sampled_from(["\r\n", "\r"]))
def test_offsets_follow_when_line_ends_become_lf(drawn: Document, unit: str) -> None:
    """A file with CRLF whose offsets count both characters: the mentions stay what they were."""
    place, raw = [0], ""
    for c in drawn.text:
        raw += unit if c == "\n" else c
        place.append(len(raw))
    moved = tuple(
        replace(
            item,
            span=Span(
                place[item.span.start],
                place[item.span.end],
                item.span.label,
                tuple((place[a], place[b]) for a, b in item.span.fragments),
            ),
        )
        for item in drawn.spans
    )
    assert canonical(build(raw, moved)) == canonical(Document(drawn.text, drawn.spans))


def test_an_archive_that_is_damaged_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.zip"
    whole = b"".join(FORMATS["brat"].export(lambda: [Document("Fever."), Document("Cough.")]))
    for start in range(0, len(whole), 7):
        path.write_bytes(whole[:start] + whole[start + 5 :])
        with suppress(RejectedNote), archive(path) as found:  # nothing else: the command line says it in a line
            for name in found.namelist():
                found.read(name)
