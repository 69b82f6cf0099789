"""What hospitals have is read, each kind of file as itself; what cannot be read says why."""

from __future__ import annotations

import base64
import json
import random
import tracemalloc
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mednerapp.bench.uploads import samples
from mednerapp.bench.uploads.mutations import malformed
from mednerapp.bench.uploads.samples import FIRST, SAMPLES, SECOND, TEXT
from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.errors import RejectedNote
from mednerapp.formats.uploads import table
from mednerapp.formats.uploads.documents import html_text
from mednerapp.formats.uploads.options import AskEncoding, Columns, Options
from mednerapp.formats.uploads.sandbox import Looked, Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


def look(sandbox: Sandbox, name: str, data: bytes, **options: object) -> Looked:
    return sandbox.look(name=name, data=data, options=Options(**options))  # type: ignore[arg-type]


def notes(name: str, data: bytes, **options: object) -> list[Document]:
    """Read in this process, which is as good for what a reader finds."""
    found = table.read(data, name, Options(**options))  # type: ignore[arg-type]
    return [item for item in found if isinstance(item, Document)]


def reasons(name: str, data: bytes) -> list[str]:
    try:
        return [item.reason for item in table.read(data, name, Options()) if isinstance(item, Unreadable)]
    except RejectedNote as error:
        return [str(error)]


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("txt", [TEXT]),
        ("md", [f"# Note\n\n{TEXT}"]),
        ("html", [f"Note\n\n{FIRST}\n{SECOND}\n\nAspirin\t75 mg"]),
        ("rtf", [TEXT]),
        ("pdf", [f"{FIRST}\n\n{SECOND}"]),
        ("docx", [f"Ward 3\n\n{FIRST}\nAspirin\t75 mg\n{SECOND}"]),
        ("csv", [f"{FIRST}\nRow {n}. {SECOND}" for n in (1, 2)]),
        ("tsv", [FIRST, SECOND]),
        ("xlsx", [FIRST, SECOND]),
        ("parquet", [FIRST, SECOND]),
        ("jsonl", [FIRST, SECOND]),
        ("hl7", [TEXT, TEXT]),
        ("json", [TEXT, SECOND]),
        ("xml", [f"Course\n{FIRST}\nAspirin\t75 mg"]),
        (
            "zip",
            [FIRST, f"Ward 3\n\n{FIRST}\nAspirin\t75 mg\n{SECOND}", *(f"{FIRST}\nRow {n}. {SECOND}" for n in (1, 2))],
        ),
    ],
)  # fmt: skip
def test_each_kind_of_file_gives_its_notes(sandbox: Sandbox, ending: str, expected: list[str]) -> None:
    looked = look(sandbox, f"Note.{ending.upper()}", SAMPLES[ending]())
    assert [document.text for document in looked.documents] == expected
    assert (looked.unreadable, looked.reason) == ([], "")


@pytest.mark.parametrize("ending", sorted(SAMPLES))
def test_a_file_on_this_machine_gives_the_notes_that_an_upload_gives(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"note.{ending}"
    path.write_bytes(SAMPLES[ending]())
    found = list(table.read_file(str(path), path.name, Options()))
    assert found == list(table.read(SAMPLES[ending](), path.name, Options()))
    path.write_bytes(samples.pdf() if ending != "pdf" else samples.rtf())
    with pytest.raises(RejectedNote, match=r"called|damaged"):
        list(table.read_file(str(path), path.name, Options()))


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_table_on_this_machine_is_never_in_memory_as_a_whole(tmp_path: Path, ending: str) -> None:
    texts = [f"{number} " + random.Random(number).randbytes(500).hex() for number in range(30_000)]
    path = tmp_path / f"notes.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in enumerate(texts)))
    else:
        pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path, row_group_size=len(texts))
    assert path.stat().st_size > 15_000_000
    most = number = 0
    tracemalloc.start()
    for item in table.read_file(str(path), path.name, Options()):
        if isinstance(item, Document):
            assert item.text == texts[number]
            number += 1
            most = max(most, pa.total_allocated_bytes())
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == len(texts)
    assert most + python < 8_000_000


def test_patient_type_date_and_name_are_kept() -> None:
    def known(document: Document) -> tuple[object, ...]:
        return document.id, document.patient_key, document.note_type, document.written_on

    assert known(notes("NOTEEVENTS.csv", samples.noteevents())[0]) == ("1", "1", "Nursing", date(2130, 4, 14))
    assert [known(d) for d in notes("a.hl7", samples.hl7())] == [
        ("R5", "P1", "Chest X-ray", date(2030, 1, 1)),
        ("D9", "P2", "Letter", date(2030, 1, 3)),
    ]
    assert known(notes("a.json", samples.fhir())[0]) == ("d1", "P1", "", date(2030, 1, 2))
    assert known(notes("a.xml", samples.cda())[0]) == ("D1", "P1", "Summary", date(2030, 1, 2))
    assert known(notes("a.xlsx", samples.excel())[1]) == ("2", "P2", "", None)


def test_rows_are_chosen_by_type_and_columns_by_name() -> None:
    rows = (
        b"ROW_ID,CATEGORY,TEXT,ISERROR,Other\n1,Nursing,Fever.,,a\n2,Radiology,Clear lungs.,,b\n3,Nursing,Wrong.,1,c\n"
    )
    assert [d.text for d in notes("a.csv", rows, note_types=("Nursing",))] == ["Fever."]
    assert reasons("a.csv", rows) == ["The note is marked as an error (ISERROR)."]
    assert [d.text for d in notes("a.csv", rows, columns={"text": "Other", "id": ""})] == ["a", "b"]
    columns = next(item for item in table.read(rows, "a.csv", Options()) if isinstance(item, Columns))
    assert (columns.names, columns.first[0]) == (
        ("ROW_ID", "CATEGORY", "TEXT", "ISERROR", "Other"),
        ("1", "Nursing", "Fever.", "", "a"),
    )
    assert reasons("a.csv", b"a,b\n1,2\n") == ["Say which column holds the text of the notes."]
    assert reasons("a.csv", b"id;text\n1;Fever; high\n2;Cough\n") == ["The row that ends in line 2 has 3 cells, not 2."]
    assert reasons("a.csv", b"text,date\nFever.,03/04/2020\n") == [
        "The date is not written YYYY-MM-DD. Write it so, or leave the date's column out."
    ]


def test_an_encoding_is_asked_for_with_a_preview_and_never_guessed(sandbox: Sandbox) -> None:
    data = "Fièvre à 39 °C".encode("cp1252")
    asked = look(sandbox, "a.txt", data)
    assert asked.question
    assert asked.question.previews["cp1252"] == "Fièvre à 39 °C"
    assert asked.question.previews["cp1251"] != "Fièvre à 39 °C"
    assert asked.documents == []
    assert [d.text for d in look(sandbox, "a.txt", data, encoding="cp1252").documents] == ["Fièvre à 39 °C"]
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert [d.text for d in notes("a.txt", "Fièvre".encode(encoding))] == ["Fièvre"]
    (question,) = [i for i in table.read(b"text\nFi\xe8vre\n", "a.csv", Options()) if isinstance(i, AskEncoding)]
    for name in ("a.tsv", "a.jsonl", "a.hl7"):
        assert [type(i) for i in table.read(b"text\nFi\xe8vre\n", name, Options())] == [AskEncoding]
    assert "Fièvre" in question.previews["cp1252"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.exe", b"MZ", "Files of this kind are not read"),
        ("a.txt", b"", "The file is empty"),
        ("a.txt", b" \n", "The note is empty"),
        ("a.txt", samples.pdf(), "called .txt but is a pdf file"),
        ("a.docx", samples.rtf(), "called .docx but is a rtf file"),
        ("a.docx", samples.excel(), "no Word document"),
        ("a.pdf", samples.pdf(FIRST, None), "Page 2 is a scan"),
        ("a.pdf", b"%PDF-1.4\nnothing", "The PDF is damaged"),
        ("a.xml", b"<collection/>", "no CDA document"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no XML that is read here"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "no XML that is read here"),
        ("a.json", b"{}", "no FHIR resource"),
        ("a.json", b"[" * 200_000, "nested too deeply"),
        ("a.hl7", b"MSH|^~\\&|||||||ADT^A01|1\r", "neither ORU nor MDM"),
        ("a.zip", samples.zip_of({"b.zip": samples.zip_of({"a.txt": b"x"})}), "archive inside an archive"),
        ("a.zip", samples.zip_of({"a.txt": b"a" * (9 * 2**20)}), "9 MB of text"),
        ("a.zip", samples.zip_of({"a.txt": b"a" * (201 * 2**20)}), "unpacks to 201 MB"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(name: str, data: bytes, reason: str) -> None:
    assert reason in " ".join(reasons(name, data))


def test_an_address_in_a_file_is_never_followed() -> None:
    """The tests have no network, so following one would fail otherwise."""
    content = [{"attachment": {"url": "http://example.org/note.txt"}}]
    resource = {"resourceType": "DocumentReference", "content": content}
    assert reasons("a.json", json.dumps(resource).encode()) == [
        "The text is behind an address, and addresses are not followed."
    ]
    page = '<img src="http://example.org/x.png"><script src="http://example.org/x.js"></script><p>Fever.</p>'
    assert html_text(page) == "Fever."


def test_attachments_of_fhir_are_read_by_their_kind() -> None:
    for kind, data in (("application/pdf", samples.pdf(FIRST)), ("text/html", b"<p>Fever since Monday.</p>")):
        attachment = {"contentType": kind, "data": base64.b64encode(data).decode()}
        resource = {"resourceType": "DiagnosticReport", "presentedForm": [attachment]}
        assert [d.text for d in notes("a.json", json.dumps(resource).encode())] == [FIRST]


def test_a_reader_that_takes_too_much_is_stopped_and_the_next_file_is_read(sandbox: Sandbox) -> None:
    import mednerapp.formats.uploads.sandbox as limits

    frames = sandbox._frames({"name": "a.txt", "size": 5, "megabytes": 1}, b"Fever", None)
    assert {"memory": True} in list(frames) or sandbox._process.poll() is None
    frames = sandbox._frames(
        {"name": "a.html", "size": 3_000_000, "seconds": 1, "clock": True}, b"<p>" * 1_000_000, None
    )
    (end,) = [frame for frame in frames if frame.get("end")]
    assert limits._why(end) == limits.TOO_SLOW
    assert [d.text for d in look(sandbox, "a.txt", b"Fever.").documents] == ["Fever."]


def test_malformed_files_never_crash_a_reader(sandbox: Sandbox) -> None:
    """A few; `mednerapp bench uploads --count 10000` makes many."""
    chance = random.Random(11)
    valid = {ending: make() for ending, make in SAMPLES.items()}
    for _ in range(60):
        what, name, data = malformed(chance, valid)
        if what.startswith(("bomb", "giant", "deep")):
            continue
        looked = look(sandbox, name, data)
        assert looked.bug == "", what
        assert looked.documents or looked.reason or looked.question or looked.unreadable, what
        assert not (looked.reason and looked.documents), what
