from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mednerapp.ner.loading import Tagger, load_tagger
from mednerapp.ner.prediction import predict, token_log_probabilities
from tests.tiny_models import toy_notes


@pytest.fixture(scope="module")
def tagger(tiny_starter: Path) -> Tagger:
    return load_tagger(tiny_starter, base_folder=None, device="cpu")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    short = [note.text for note in toy_notes()]
    return ["", "\u200b\n", "x" * 600, *short, "\n".join(short), "\n".join(short * 5), "🙂 aspirin"]


def test_spans_do_not_depend_on_what_else_is_in_the_batch(tagger: Tagger, texts: list[str]) -> None:
    together = predict(tagger, texts)
    alone = [predict(tagger, [text], batch_tokens=1)[0] for text in texts]
    backwards = predict(tagger, texts[::-1], batch_tokens=500)[::-1]

    for a, b, c in zip(together, alone, backwards, strict=True):
        assert [s.span for s in a] == [s.span for s in b] == [s.span for s in c]
        assert [s.score for s in a] == pytest.approx([s.score for s in b], abs=1e-5)
    assert together == predict(tagger, texts)


def test_a_long_note_has_a_probability_for_every_token(tagger: Tagger, texts: list[str]) -> None:
    notes = tagger.words.encode(texts)
    assert max(len(note.ids) for note in notes) > 5 * tagger.window.size
    for note, scores in zip(notes, token_log_probabilities(tagger, notes), strict=True):
        assert scores.shape == (len(note.ids), 11)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-4)


def test_mentions_are_found_all_along_a_note_of_many_windows(tagger: Tagger) -> None:
    sentence = "No pneumonia was found.\nShe was given aspirin in 2019.\n"
    text = sentence * 60
    [found] = predict(tagger, [text])

    expected = {(i * len(sentence) + 3, i * len(sentence) + 12) for i in range(60)}
    assert {(s.span.start, s.span.end) for s in found if s.span.label == "Disease"} == expected


def test_progress_counts_finished_texts_up_to_all_of_them(tagger: Tagger, texts: list[str]) -> None:
    seen: list[int] = []
    predict(tagger, texts, batch_tokens=600, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == len(texts)
    assert len(seen) > 3


def test_no_texts_give_no_predictions(tagger: Tagger) -> None:
    assert predict(tagger, []) == []
