from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mednerapp.domain.spans import Span
from mednerapp.ner.alignment import WordEncoder, decode
from mednerapp.ner.decoding import _viterbi, best_tags
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.words import hard_breaks, split_words
from mednerapp.scoring.calibration import Calibration

LABELS = ("Disease", "Symptom")
TAGS = bio_tags(LABELS)


def _obeys(tags: tuple[int, ...], breaks: np.ndarray) -> bool:
    return all(
        tag == 0 or tag % 2 == 1 or (i > 0 and not breaks[i] and (tags[i - 1] + 1) // 2 == tag // 2)
        for i, tag in enumerate(tags)
    )


@settings(deadline=None, max_examples=60)
@given(words=st.integers(0, 5), seed=st.integers(0, 2**32))
def test_viterbi_finds_the_likeliest_of_all_sequences_that_obey_bio(words: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = np.log(draw.dirichlet(np.full(5, 0.5), size=words) + 1e-6).astype(np.float32).reshape(words, 5)
    breaks = draw.random(words) < 0.3
    breaks[:1] = False

    found = best_tags(scores, breaks, "viterbi")

    def total(tags: tuple[int, ...]) -> float:
        return float(sum(scores[i, tag] for i, tag in enumerate(tags)))

    best = max(total(tags) for tags in product(range(5), repeat=words) if _obeys(tags, breaks))
    assert _obeys(tuple(found), breaks)
    assert total(tuple(found)) == pytest.approx(best, abs=1e-4)


def test_many_pieces_of_different_length_are_searched_together() -> None:
    draw = np.random.default_rng(1)
    scores = np.log(draw.dirichlet(np.full(5, 0.4), size=400) + 1e-6).astype(np.float32)
    breaks = draw.random(400) < 0.1
    breaks[0] = False
    edges = [0, *np.flatnonzero(breaks), 400]

    whole = best_tags(scores, breaks, "viterbi")
    parts = [best_tags(scores[a:b], np.zeros(b - a, bool), "viterbi") for a, b in pairwise(edges)]

    assert whole.tolist() == np.concatenate(parts).tolist()
    assert (whole != best_tags(scores, breaks, "argmax")).any()


@settings(deadline=None, max_examples=100)
@given(words=st.integers(1, 120), outside=st.floats(0.2, 6), seed=st.integers(0, 2**32))
def test_searching_piece_by_piece_finds_as_much_as_searching_the_whole(words: int, outside: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = np.log(draw.dirichlet([outside, *[0.5] * 6], size=words) + 1e-6).astype(np.float32)
    breaks = draw.random(words) < 0.05

    found = best_tags(scores, breaks, "viterbi")

    assert _obeys(tuple(found), breaks | (np.arange(words) == 0))
    edges = [0, *(np.flatnonzero(breaks[1:]) + 1), words]
    whole = [_viterbi(scores[None, a:b], open_start=np.zeros(1, dtype=bool))[0] for a, b in pairwise(edges)]
    rows = np.arange(words)
    best = float(scores[rows, np.concatenate(whole)].sum())
    assert float(scores[rows, found].sum()) == pytest.approx(best, abs=1e-3)


def test_another_decoding_method_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'beam'\. Valid methods: argmax, viterbi"):
        best_tags(np.zeros((1, 3), np.float32), np.zeros(1, bool), "beam")  # type: ignore[arg-type]


LONG = "a line that is as long as those that a page of some width wraps"


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("fever\n\ncough", ["cough"]),
        ("fever\n \t\ncough", ["cough"]),
        ("fever\r\n\r\ncough", ["cough"]),
        (f"{LONG} chest\npain and {LONG}\ncough", []),
        ("no cough\nfever", ["fever"]),
        (f"{LONG}\n- cough\n  * rash\n• pain", ["-", "cough", "*", "rash", "•", "pain"]),
        (f"{LONG}\n1. cough\n2) rash\n(3) itch\na) pus", ["1", "cough", "2", "rash", "(", "itch", "a", "pus"]),
        (f"{LONG} given 2\n5 mg daily, {LONG}\n0.5 mg", []),
        ("- fever", ["fever"]),
        ("aspirin\t75 mg   daily  with food", ["75", "daily"]),
        (f"{LONG} is\n    wrapped", []),
        ("fever\nPast medical history: asthma\nPMH:\ncough", ["Past", "PMH", "cough"]),
        (f"{LONG} seen by\nDr. Smith for {LONG} ratio\n1:2 dilution", []),
        ("page one\fpage", ["page"]),
        ("\n\nfever", []),
    ],
)
def test_a_paragraph_a_list_item_and_a_header_begin_something_new_and_a_wrapped_line_does_not(
    text: str, begins: list[str]
) -> None:
    words = split_words(text)
    at = np.flatnonzero(hard_breaks(text, words[:, 0]))
    assert [text[s:e] for s, e in words[at]] == begins


def test_a_line_of_a_million_characters_is_read_to_its_end() -> None:
    """Where every character were tried as the beginning of the line, this would not end."""
    text = "fever " * 170_000 + "\nlast"
    at = np.flatnonzero(hard_breaks(text + " cough" * 170_000, np.arange(len(text) - 4, len(text))))
    assert not len(at)
    assert np.flatnonzero(hard_breaks(f"{text}\ncough", np.asarray([0, len(text) - 4, len(text) + 1]))).tolist() == [2]


@pytest.mark.parametrize("method", ["argmax", "viterbi"])
def test_no_span_reaches_across_a_break_but_one_may_cross_a_wrapped_line(
    word_encoders: dict[str, WordEncoder], method: str
) -> None:
    text = f"{LONG} chest\npain\n\nfever\n- cough\nPlan: rash"
    [note] = word_encoders["bert-cased"].encode([text])
    certain = np.log(np.full((len(note.ids), 5), 1e-6, np.float32))
    certain[:, TAGS.index("B-Symptom")] = -5
    certain[:, TAGS.index("I-Symptom")] = -0.1

    found = [s.span for s in decode(note, certain, LABELS, method=method)]  # type: ignore[arg-type]

    assert [span.mention(text) for span in found] == [f"{LONG} chest\npain", "fever", "cough", "Plan: rash"]


def test_each_labels_scores_are_calibrated_by_its_own_figures(word_encoders: dict[str, WordEncoder]) -> None:
    [note] = word_encoders["bert-cased"].encode(["fever asthma"])
    p = np.full((len(note.ids), 5), 1e-6, np.float32)
    p[note.first_token[0], TAGS.index("B-Symptom")] = 0.9
    p[note.first_token[1], TAGS.index("B-Disease")] = 0.8

    found = decode(note, np.log(p), LABELS, calibration={"Disease": Calibration(0.0, 0.0)})

    assert [(s.span, round(s.score, 3)) for s in found] == [(Span(0, 5, "Symptom"), 0.9), (Span(6, 12, "Disease"), 0.5)]
