from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from support.strategies import texts

from mednerapp.errors import RejectedNote
from mednerapp.formats.text import clean_title, decode, read_note, safe_title

MIB = 2**20


@given(texts(exclude="\ufeff"))
def test_utf8_and_marked_utf16_are_read_as_they_were_written(text: str) -> None:
    try:
        assert decode(text.encode()) == text
    except RejectedNote:
        assert text.startswith(("%PDF-", "PK\x03\x04", "\x7fELF"))
    assert decode(codecs.BOM_UTF8 + text.encode()).removeprefix("\ufeff") == text
    assert decode(codecs.BOM_UTF16_LE + text.encode("utf-16-le")).removeprefix("\ufeff") == text
    assert decode(codecs.BOM_UTF16_BE + text.encode("utf-16-be")).removeprefix("\ufeff") == text


def read(data: bytes, name: str = "note.txt") -> str:
    return read_note(name=name, data=data, max_bytes=5 * MIB).text


@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
def test_a_note_has_no_byte_order_mark_and_one_kind_of_line_end(bom: bytes) -> None:
    assert read(bom + "Fieber\r\nHüfte 😀".encode()) == "Fieber\nHüfte 😀"


def test_a_note_from_windows_notepad_in_utf16_is_read() -> None:
    assert read("Hüfte".encode("utf-16")) == "Hüfte"


def test_a_note_may_begin_with_the_letters_that_begin_a_program() -> None:
    assert read(b"MZ twins, both well.") == "MZ twins, both well."


REJECTED = [
    pytest.param("Hüfte".encode("latin-1"), r"not valid UTF-8 \(first problem at byte 1\)", id="latin-1"),
    pytest.param(b"fever \xff", r"first problem at byte 6", id="bad byte"),
    pytest.param(b"fever\xe2\x82", r"first problem at byte 5", id="cut in the middle of a character"),
    pytest.param("ab".encode("utf-16")[:-1], "not valid UTF-16", id="cut UTF-16"),
    pytest.param(b"fe\x00ver", "NUL", id="NUL"),
    pytest.param(b"MZ\x90\x00\x03\x00\x00\x00\x04", "Windows program", id="exe"),
    pytest.param(b"\x7fELF\x02\x01", "a program", id="ELF"),
    pytest.param(b"%PDF-1.7\nx", "a PDF", id="PDF"),
    pytest.param(b"PK\x03\x04abc", "zip archive", id="zip or docx"),
    pytest.param(b"\x89PNG\r\n\x1a\n", "not valid UTF-8", id="picture"),
    pytest.param(b"", "empty", id="empty"),
    pytest.param(codecs.BOM_UTF8, "empty", id="only a mark"),
    pytest.param(b" \r\n\t ", "empty", id="whitespace only"),
]


@pytest.mark.parametrize(("data", "reason"), REJECTED)
def test_what_is_no_text_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RejectedNote, match=reason):
        read(data)


def test_a_reason_never_shows_the_text() -> None:
    with pytest.raises(RejectedNote) as caught:
        read(b"Mrs Smith has \xff")
    assert "Smith" not in str(caught.value)


def test_a_file_of_20_mb_is_refused_by_its_size() -> None:
    with pytest.raises(RejectedNote, match=r"20\.0 MB; at most 5 MB"):
        read(b"x" * 20 * MIB)


def test_a_file_of_exactly_the_limit_is_refused_for_its_length_only() -> None:
    with pytest.raises(RejectedNote, match="characters"):
        read(b"x" * 5 * MIB)


@pytest.mark.parametrize("name", ["note.pdf", "note.txt.exe", "note", "txt", "note.txt "])
def test_only_txt_files_are_taken(name: str) -> None:
    with pytest.raises(RejectedNote, match=r"Only \.txt"):
        read(b"fever", name)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("note.txt", "note"),
        ("NOTE.TXT", "NOTE"),
        ("../../etc/passwd.txt", "passwd"),
        ("C:\\Users\\a\\visit 3.txt", "visit 3"),
        (".txt", "Untitled note"),
        ("a/.txt", "a"),
        ("<script>alert(1)<b>.txt", "<script>alert(1)<b>"),  # shown as text; pages escape it
        ("evil\u202egnp.txt", "evilgnp"),
        ("a\nb\x00.txt", "ab"),
        ("x" * 300 + ".txt", "x" * 200),
    ],
)
def test_of_a_file_name_only_a_harmless_title_is_kept(name: str, title: str) -> None:
    assert read_note(name=name, data=b"fever", max_bytes=MIB).title == title


@given(texts())
def test_a_title_can_always_be_shown_and_stored(text: str) -> None:
    for title in (clean_title(text), safe_title(text)):
        assert 1 <= len(title) <= 200
        assert title.isprintable()
    assert "/" not in safe_title(text)


def test_a_title_that_a_person_typed_keeps_its_date() -> None:
    assert clean_title(" Review 12/03 ") == "Review 12/03"
