"""Leaks between splits and wrong gold labels: what is there is found, what is not there is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.scoring.leakage import SharedPatient, SharedText, SidedNote, check
from mednerapp.scoring.matching import ErrorKind
from mednerapp.scoring.near_duplicates import NearDuplicate, near_duplicates, shingles, similarity
from mednerapp.scoring.suspicious import OutOfFold, rank

few_words = st.lists(st.sampled_from("abc"), min_size=0, max_size=14).map(" ".join)


@settings(max_examples=150)
@given(st.lists(few_words, max_size=8))
def test_short_texts_are_compared_as_the_definition_says(texts: list[str]) -> None:
    def runs(text: str) -> set[str]:
        words = text.split()
        return {" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()

    expected = []
    for i, a in enumerate(texts):
        for j in range(i + 1, len(texts)):
            own, other = runs(a), runs(texts[j])
            if own and other and len(own & other) >= 0.9 * len(own | other):
                expected.append(NearDuplicate(i, j, len(own & other) / len(own | other)))
    assert near_duplicates(texts, threshold=0.9) == expected


def _text(seed: int, words: int = 200) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(500)}" for _ in range(words))


def test_near_duplicates_are_found_among_many_and_case_and_blanks_do_not_count() -> None:
    texts = [_text(i) for i in range(120)]
    words = texts[3].split()
    words[50] = "other"
    texts += [" ".join(words), texts[5].upper().replace(" ", ",\n"), "", "..."]
    found = near_duplicates(texts)
    assert [(d.first, d.second) for d in found] == [(3, 120), (5, 121)]
    assert found[0].similarity == similarity(shingles(texts[3]), shingles(texts[120])) == pytest.approx(191 / 201)
    assert found[1].similarity == 1


def test_almost_all_pairs_just_above_the_threshold_are_found() -> None:
    """MinHash overlooks one in 4,000 at 0.7; here eighty pairs between 0.7 and 0.76."""
    texts: list[str] = []
    for i in range(80):
        text = _text(i)
        words = text.split()
        for at in (20, 60, 100, 140, 180, 195)[: 5 + (i % 2)]:
            words[at] = "changed"
        texts += [text, " ".join(words)]
    true = [i for i in range(80) if similarity(shingles(texts[2 * i]), shingles(texts[2 * i + 1])) >= 0.7]
    assert len(true) == 80
    assert [d.first // 2 for d in near_duplicates(texts)] == true


def test_a_threshold_that_minhash_cannot_keep_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0.5, 1\], not 0.3"):
        near_duplicates([], threshold=0.3)


def test_a_patient_and_a_text_on_two_sides_are_reported_and_nothing_else() -> None:
    notes = [
        SidedNote(1, "train", "P1", _text(1)),
        SidedNote(2, "test", "P1", _text(2)),
        SidedNote(3, "train", "P2", _text(3)),
        SidedNote(4, "train", "P2", _text(3)),  # alike, but on one side
        SidedNote(5, "dev", None, _text(3) + " end"),
        SidedNote(6, "test", None, _text(6)),
    ]
    seen: list[int] = []
    found = check(notes, on_progress=seen.append)
    assert found.patients == (SharedPatient("P1", {"test": (2,), "train": (1,)}),)
    alike = pytest.approx(196 / 197)
    assert found.texts == (SharedText(3, 5, alike), SharedText(4, 5, alike))
    assert not found.clean
    assert check(notes[2:4]).clean
    assert seen == [1, 2, 3, 4, 5, 6]


def scored(start: int, label: str, score: float, length: int = 5) -> ScoredSpan:
    return ScoredSpan(Span(start, start + length, label), score)


def usual(note: int) -> OutOfFold:
    """A note on which model and gold agree, Drug at 0.9 and Test at 0.6."""
    return OutOfFold(
        note, [Span(0, 5, "Drug"), Span(10, 15, "Test")], [scored(0, "Drug", 0.9), scored(10, "Test", 0.6)]
    )


def test_a_confident_contradiction_comes_first_and_each_label_has_its_own_measure() -> None:
    odd = OutOfFold(
        99,
        [Span(0, 5, "Test"), Span(20, 25, "Drug"), Span(40, 45, "Drug")],
        [scored(0, "Drug", 0.97), scored(20, "Drug", 0.97, length=4), scored(60, "Test", 0.8), scored(70, "Drug", 0.8)],
    )
    found = rank([*map(usual, range(30)), odd])
    assert [(s.kind, (s.gold or s.predicted).start) for s in found] == [
        (ErrorKind.INVENTED, 60),  # 0.8 is far more than a Test usually has
        (ErrorKind.TYPE, 0),
        (ErrorKind.BOUNDARY, 20),
        (ErrorKind.MISSED, 40),  # Drug is nearly always found
        (ErrorKind.INVENTED, 70),  # 0.8 is less than a Drug usually has
    ]
    assert {s.note_id for s in found} == {99}


def test_the_ranking_does_not_depend_on_the_order_of_notes_and_spans() -> None:
    draw = random.Random(1)
    notes = []
    for i in range(30):
        gold = [Span(10 * k, 10 * k + 5, draw.choice("AB")) for k in range(4)]
        notes.append(OutOfFold(i, gold, [scored(10 * k, draw.choice("AB"), draw.random()) for k in range(5)]))
    shuffled = [OutOfFold(n.note_id, n.gold[::-1], n.predicted[::-1]) for n in notes[::-1]]
    assert [(s.note_id, s.gold, s.predicted) for s in rank(shuffled)] == [
        (s.note_id, s.gold, s.predicted) for s in rank(notes)
    ]
    assert rank([]) == []
