"""What a flat tagging cannot hold is not taught as nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mednerapp.domain.datasets import GoldNote, Split
from mednerapp.domain.spans import Span
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import open_classifier, open_words, window_of
from mednerapp.training.dev import DevNotes
from mednerapp.training.encoding import IGNORED, examples_of, gold_tags
from tests.tiny_models import make_tiny_encoder

LABELS = ("Disease", "Drug")
TEXT = "left and right arm pain after aspirin"
PIECES = Span(0, 23, "Disease", ((0, 4), (15, 23)))  # left ... arm pain
RIGHT = Span(9, 23, "Disease")
ASPIRIN = Span(30, 37, "Drug")


def note(*spans: Span) -> GoldNote:
    return GoldNote(1, "0" * 64, TEXT, spans, Split.TRAIN)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_encoder(tmp_path_factory.mktemp("pieces") / "base", "bert-uncased")


@pytest.fixture(scope="module")
def words(base: Path) -> WordEncoder:
    return open_words(base)


def tags_by_word(words: WordEncoder, *spans: Span) -> dict[str, set[int]]:
    """The tags of the tokens of every word; B- and I- of the same label are odd and even."""
    (encoded,) = words.encode([TEXT])
    tags = gold_tags(note(*spans), encoded, LABELS)
    found: dict[str, set[int]] = {}
    for token, word in enumerate(encoded.word_of_token):
        found.setdefault(TEXT[encoded.starts[word] : encoded.ends[word]], set()).add(int(tags[token]))
    return found


def test_the_pieces_are_left_out_of_what_is_taught_and_the_gap_is_not(words: WordEncoder) -> None:
    tags = tags_by_word(words, PIECES, ASPIRIN)
    assert {tuple(tags[w]) for w in ("left", "arm", "pain")} == {(IGNORED,)}
    assert {tuple(tags[w]) for w in ("and", "right", "after")} == {(0,)}
    assert tags["aspirin"] <= {3, 4}


def test_what_another_span_says_of_a_piece_is_taught(words: WordEncoder) -> None:
    tags = tags_by_word(words, PIECES, RIGHT)
    assert tags["left"] == {IGNORED}
    assert tags["right"] <= {1, 2}
    assert tags["arm"] == tags["pain"] == {2}


def test_the_dev_loss_leaves_them_out_too(base: Path, words: WordEncoder) -> None:
    model = open_classifier(base, LABELS, words=words, keep_head=False).eval()
    plan = window_of(model.config)
    dev = DevNotes([note(PIECES, ASPIRIN)], words, LABELS, plan)
    loss = dev.score(model, "cpu").loss
    (scores,) = dev._log_probabilities(model, "cpu", None)
    (encoded,) = words.encode([TEXT])
    tags = gold_tags(note(PIECES, ASPIRIN), encoded, LABELS)
    counted = tags != IGNORED
    assert 0 < counted.sum() < len(tags)
    assert loss == pytest.approx(-float(np.mean(scores[counted, tags[counted]])), rel=1e-4)


def test_every_window_carries_the_mark(base: Path, words: WordEncoder) -> None:
    model = open_classifier(base, LABELS, words=words, keep_head=False)
    (example,) = examples_of([note(PIECES)], words, LABELS, window_of(model.config))
    (plain,) = examples_of([note()], words, LABELS, window_of(model.config))
    assert (example.tags == IGNORED).sum() > (plain.tags == IGNORED).sum() == 2
