from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import spans, texts

from mednerapp.domain.datasets import GoldNote, Split, dataset_hash, share_of, split_of
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span

EXPECTED_BY_PATIENT = [
    "train",
    "dev",
    "train",
    "train",
    "train",
    "train",
    "train",
    "train",
    "test",
    "dev",
    "train",
    "train",
]
EXPECTED_BY_TEXT = [
    "train",
    "train",
    "dev",
    "train",
    "train",
    "test",
    "train",
    "test",
    "train",
    "train",
    "train",
    "train",
]


@given(texts(min_size=1), st.text(min_size=1))
def test_a_patient_is_on_one_side_whatever_the_notes_say(text: str, patient: str) -> None:
    sides = {split_of(patient_key=patient, content_hash=content_hash(t)) for t in (text, text + "!", "other")}
    assert len(sides) == 1


@pytest.mark.parametrize("by", ["patient", "text"])
def test_about_70_15_15_of_the_notes_fall_on_each_side(by: str) -> None:
    n = 20_000
    keys = [(f"P{i}", "") if by == "patient" else (None, content_hash(f"note {i}")) for i in range(n)]
    sides = Counter(split_of(patient_key=patient, content_hash=text) for patient, text in keys)
    # Five standard deviations of a binomial: the counts are those of these keys for ever, this only says that they fit.
    for side, share in ((Split.TRAIN, 0.70), (Split.DEV, 0.15), (Split.TEST, 0.15)):
        assert abs(sides[side] / n - share) < 5 * (share * (1 - share) / n) ** 0.5


def test_the_sides_are_those_of_every_earlier_version() -> None:
    """Written down: a change here would move test notes of existing projects into training."""
    found = [split_of(patient_key=f"P{i}", content_hash="x").value for i in range(12)]
    assert found == EXPECTED_BY_PATIENT
    found = [split_of(patient_key=None, content_hash=content_hash(f"note {i}")).value for i in range(12)]
    assert found == EXPECTED_BY_TEXT


def test_a_patient_key_cannot_be_mistaken_for_a_text() -> None:
    digest = content_hash("a note")
    by_text = [split_of(patient_key=None, content_hash=content_hash(f"{digest}{i}")) for i in range(50)]
    by_patient = [split_of(patient_key=content_hash(f"{digest}{i}"), content_hash="") for i in range(50)]
    assert by_text != by_patient


def notes_from(values: list[tuple[str, list[Span], Split]]) -> list[GoldNote]:
    return [GoldNote(i, content_hash(t), t, tuple(s), side) for i, (t, s, side) in enumerate(values)]


gold_notes = st.lists(
    st.tuples(texts(min_size=1), st.lists(spans(), max_size=4, unique=True), st.sampled_from(Split)),
    max_size=5,
    unique_by=lambda v: content_hash(v[0]),  # as in a project
).map(notes_from)


@given(gold_notes, st.randoms(use_true_random=False))
def test_equal_gold_has_an_equal_hash_in_any_order(notes: list[GoldNote], random: Random) -> None:
    shuffled = [replace(n, note_id=n.note_id + 100, spans=tuple(random.sample(n.spans, len(n.spans)))) for n in notes]
    random.shuffle(shuffled)
    assert dataset_hash(shuffled) == dataset_hash(notes)


@given(gold_notes.filter(bool), spans())
def test_any_other_gold_has_another_hash(notes: list[GoldNote], span: Span) -> None:
    first, rest = notes[0], notes[1:]
    side = next(s for s in Split if s is not first.split)
    changed = [rest, [replace(first, split=side), *rest], [replace(first, note_hash="0" * 64), *rest]]
    if span not in first.spans:
        changed.append([replace(first, spans=(*first.spans, span)), *rest])
    assert dataset_hash(notes) not in [dataset_hash(other) for other in changed]


def test_a_smaller_share_of_the_notes_is_part_of_a_larger_one() -> None:
    notes = [GoldNote(i, f"{i * 7919 % 101:03d}", "x", (), Split.TRAIN) for i in range(11)]
    shares = [share_of(notes, share) for share in (0.01, 0.3, 0.5, 1.0)]
    assert [len(share) for share in shares] == [1, 4, 6, 11]
    for smaller, larger in itertools.pairwise(shares):
        assert {n.note_id for n in smaller} <= {n.note_id for n in larger}
    assert shares[-1] == notes
