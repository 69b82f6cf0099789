from __future__ import annotations

import pytest
from hypothesis import given
from support.strategies import texts

from mednerapp.domain.notes import MAX_NOTE_CHARACTERS, NewNote, content_hash, normalise_text
from mednerapp.errors import RejectedNote


@given(texts(max_size=40))
def test_a_text_is_normalised_once_and_then_never_changes(text: str) -> None:
    try:
        normal = normalise_text(text)
    except RejectedNote:
        return
    assert "\r" not in normal
    assert normalise_text(normal) == normal
    assert normal.encode().decode() == normal


def test_line_ends_of_every_system_become_one() -> None:
    assert normalise_text("\ufeff\ufeffa\r\nb\rc\nd\r\r\ne") == "a\nb\nc\nd\n\ne"


def test_the_same_note_from_windows_and_from_linux_is_the_same_note() -> None:
    windows, linux = (NewNote(text=normalise_text(t), title="") for t in ("Fever.\r\nCough.", "Fever.\nCough."))
    assert windows.content_hash == linux.content_hash == content_hash("Fever.\nCough.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t\u00a0", "empty"),
        ("\ufeff", "empty"),
        ("a\x00b", "NUL"),
        ("a\ud800b", "surrogates"),
        ("a" * (MAX_NOTE_CHARACTERS + 1), "1,000,001 characters"),
    ],
)
def test_a_text_that_cannot_be_a_note_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RejectedNote, match=reason):
        normalise_text(text)


def test_a_note_of_the_greatest_length_is_taken() -> None:
    assert len(normalise_text("a" * MAX_NOTE_CHARACTERS)) == MAX_NOTE_CHARACTERS


def test_a_note_with_other_blanks_at_its_ends_is_the_same_note() -> None:
    known = content_hash("Fever.\n\nNo cough.")
    for same in ("Fever.\n\nNo cough.\n", "\n  Fever.  \n\nNo cough.\t\n\n"):
        assert content_hash(same) == known
    for other in ("Fever.\nNo cough.", "Fever.\n\nNo  cough.", "fever.\n\nNo cough."):
        assert content_hash(other) != known
