from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import LABELS, spans, texts

from mednerapp.domain.notes import NewNote
from mednerapp.domain.spans import Span
from mednerapp.errors import RejectedNote
from mednerapp.formats.jsonl import NoteWithSpans, ReadReport, read, write_line


def read_all(
    path: Path, lines: list[Any], *, label_map: dict[str, str] | None = None
) -> tuple[list[NoteWithSpans], ReadReport]:
    """Each line: bytes as they are, anything else as JSON."""
    raw = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    report = ReadReport()
    return list(read(path, label_map=label_map, labels=LABELS, report=report)), report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.jsonl"


def span(start: int, end: int, label: str = "Drug", **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label, **more}


@pytest.mark.parametrize("name", ["notes.jsonl", "notes.jsonl.gz"])
def test_notes_come_in_with_their_spans(tmp_path: Path, name: str) -> None:
    record = {"id": "n1", "text": "On aspirin.", "spans": [span(3, 10)], "patient_key": "P1", "note_type": "Letter"}
    notes, report = read_all(tmp_path / name, [record])
    expected = NewNote("On aspirin.", "n1", source=name, patient_key="P1", note_type="Letter")
    assert notes == [NoteWithSpans(expected, (Span(3, 10, "Drug"),))]
    assert report == ReadReport()


@pytest.mark.parametrize(
    "text", ["😀 aspirin", "naïve aspirin", "e\u0301 aspirin", "👩\u200d⚕️ aspirin", "\u2028 aspirin"]
)
def test_offsets_count_code_points_whatever_stands_before(path: Path, text: str) -> None:
    start = text.index("aspirin")
    notes, _ = read_all(path, [{"text": text, "spans": [span(start, start + 7)]}])
    assert notes[0].spans[0].mention(notes[0].note.text) == "aspirin"


@given(texts(min_size=1, exclude="\r\ufeff"), st.data())
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    if not text.strip():
        return
    found = data.draw(st.lists(spans(length=len(text)), max_size=5, unique=True))
    line = write_line(
        title="a/b",
        text=text,
        spans=[span(s.start, s.end, s.label) for s in found],
        patient_key=None,
        note_type="",
        state="submitted",
    )
    assert line.count("\n") == 1
    notes, report = read_all(tmp_path_factory.mktemp("jsonl") / "n.jsonl", [line.removesuffix("\n").encode()])
    assert report.rejected == []
    assert (notes[0].note.text, notes[0].note.title, notes[0].spans) == (text, "a/b", tuple(sorted(found)))


BAD_LINES = [
    pytest.param(b"{not json", "JSONDecodeError", id="no JSON"),
    pytest.param(b'{"text": "caf\xe9"}', "UnicodeDecodeError", id="not UTF-8"),
    pytest.param(b"[" * 100_000, "RecursionError", id="nested too deep"),
    pytest.param(["a", "list"], "TypeError", id="a list"),
    pytest.param({"txt": "a"}, "KeyError", id="no text"),
    pytest.param({"text": None}, "not a string", id="text that is null"),
    pytest.param({"text": 5}, "not a string", id="text that is a number"),
    pytest.param({"text": "  "}, "empty", id="empty text"),
    pytest.param({"text": "a\u0000b"}, "NUL", id="NUL"),
    pytest.param(b'{"text": "a\\ud800"}', "surrogates", id="half a character"),
    pytest.param({"text": "abc", "spans": [[0, 1, "Drug"]]}, "AttributeError", id="spans of another format"),
    pytest.param({"text": "abc", "spans": [span(1, 1)]}, "start=1, end=1", id="empty span"),
    pytest.param({"text": "abc", "spans": [span(0, 4)]}, "ends after the note", id="span after the text"),
    pytest.param({"text": "abc", "spans": [span(-1, 2)]}, "start=-1", id="span before the text"),
    pytest.param({"text": "abc", "spans": [{"start": 0.5, "end": 2, "label": "Drug"}]}, "TypeError", id="half offset"),
    pytest.param({"text": "a\r\nbc", "spans": [span(0, 1)]}, "carriage returns", id="offsets before normalising"),
    pytest.param({"text": "abc", "patient_key": "x" * 201}, "patient_key", id="patient key that is too long"),
    pytest.param({"text": "abc", "note_type": "a\u0000"}, "note_type", id="note type that cannot be stored"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_bad_line_is_reported_with_its_number_and_the_others_are_read(path: Path, line: Any, reason: str) -> None:
    good = {"text": "good", "spans": []}
    notes, report = read_all(path, [good, b"", line, {**good, "text": "good too"}])
    assert [n.note.text for n in notes] == ["good", "good too"]
    assert [number for number, _ in report.rejected] == [3]
    assert reason in report.rejected[0][1]


def test_a_file_that_begins_with_a_mark_is_read_from_its_first_line(path: Path) -> None:
    notes, report = read_all(path, [b"\xef\xbb\xbf" + b'{"text": "a"}'])
    assert (len(notes), report.rejected) == (1, [])


def test_a_damaged_archive_is_refused_after_what_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n' * 1000)[:-9])
    with pytest.raises(RejectedNote, match=r"'notes\.jsonl\.gz' is damaged"):
        list(read(path, label_map=None, labels=LABELS, report=ReadReport()))
    path.write_bytes(b"plain")
    with pytest.raises(RejectedNote, match="is damaged"):
        list(read(path, label_map=None, labels=LABELS, report=ReadReport()))


def test_labels_are_renamed_and_those_without_a_place_here_are_counted(path: Path) -> None:
    record = {"text": "abcdef", "spans": [span(0, 1, "Chemical"), span(1, 2, "Gene"), span(2, 3, "Gene")]}
    notes, report = read_all(path, [record], label_map={"Chemical": "Drug"})
    assert notes[0].spans == (Span(0, 1, "Drug"),)
    assert report.dropped_labels == {"Gene": 2}
    notes, report = read_all(path, [record])
    assert report.dropped_labels == {"Gene": 2, "Chemical": 1}


def test_nothing_is_counted_of_a_line_that_was_rejected(path: Path) -> None:
    _, report = read_all(path, [{"text": "abc", "spans": [span(0, 1, "Gene"), span(0, 9)]}])
    assert report.dropped_labels == {}
    assert len(report.rejected) == 1


def test_a_discontinuous_span_keeps_its_pieces_and_is_counted(path: Path) -> None:
    given_spans = [span(0, 6, fragments=[[4, 6], [0, 2]]), span(0, 2, fragments=[[0, 2]])]
    notes, report = read_all(path, [{"text": "abcdef", "spans": given_spans}])
    assert notes[0].spans == (Span(0, 2, "Drug"), Span(0, 6, "Drug", ((0, 2), (4, 6))))
    assert report.discontinuous == 1


def test_pieces_that_touch_are_one(path: Path) -> None:
    notes, report = read_all(path, [{"text": "abcdef", "spans": [span(0, 6, fragments=[[0, 2], [2, 4], [3, 6]])]}])
    assert (notes[0].spans, report.discontinuous) == ((Span(0, 6, "Drug"),), 0)


@pytest.mark.parametrize("fragments", [[[1, 2], [4, 6]], [[0, 2], [4, 5]], [[0], [4, 6]], [[0, 2], [4, "6"]], 7])
def test_pieces_that_are_not_those_of_the_span_make_a_bad_line(path: Path, fragments: Any) -> None:
    notes, report = read_all(path, [{"text": "abcdef", "spans": [span(0, 6, fragments=fragments)]}])
    assert (notes, [number for number, _ in report.rejected]) == ([], [1])


def test_spans_that_nobody_confirmed_are_left_out(path: Path) -> None:
    given_spans = [span(0, 1, state=s) for s in ("suggested", "rejected")] + [span(1, 2, state="confirmed")]
    notes, _ = read_all(path, [{"text": "abc", "spans": given_spans}])
    assert notes[0].spans == (Span(1, 2, "Drug"),)


def test_a_patient_key_that_is_a_number_is_the_same_patient(path: Path) -> None:
    notes, _ = read_all(path, [{"text": "a", "patient_key": 7}, {"text": "b", "patient_key": "7"}, {"text": "c"}])
    assert [n.note.patient_key for n in notes] == ["7", "7", None]
