"""Choosing the tags of words: the likeliest of each word, or the likeliest sequence that obeys BIO."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mednerapp.ner.words import BoolArray, IntArray

DecodeMethod = Literal["argmax", "viterbi"]

_NEVER = -1e9  # a log-probability below any that a model gives


def best_tags(log_probabilities: NDArray[np.float32], breaks: BoolArray, method: DecodeMethod) -> IntArray:
    """Tags (words,) of words, from log-probabilities (words, tags) and where spans may not reach across (words,).

    "argmax": the likeliest tag of each word by itself; what breaks BIO is left to be read as a new span.
    "viterbi": the likeliest sequence in which every I- continues a span of its label that began after the last break.

    Raises:
        ValueError: for another method.
    """
    if method not in ("argmax", "viterbi"):
        raise ValueError(f"There is no decoding method {method!r}. Valid methods: argmax, viterbi.")
    tags = log_probabilities.argmax(axis=1).astype(np.int64)
    if method == "argmax":
        return tags
    # Where the likeliest tags obey BIO they are the best sequence: only pieces that hold a violation need the search. A
    # piece begins at a break, or at a word that is likeliest outside. The latter is tried as if a span could have begun
    # before it; where the best of that sequence needs one, the piece is joined to the one before and tried again.
    inside = (tags > 0) & (tags % 2 == 0)
    before = np.concatenate(([0], tags[:-1]))
    wrong = inside & (((before + 1) // 2 != tags // 2) | breaks)
    closed = breaks.copy()
    closed[:1] = True
    cut = closed | (tags == 0)
    while wrong.any():
        piece = np.cumsum(cut) - 1
        edges = np.append(np.flatnonzero(cut), len(tags))
        chosen = np.unique(piece[wrong])
        starts, lengths = edges[chosen], edges[chosen + 1] - edges[chosen]
        steps = np.arange(int(lengths.max()))
        there = steps < lengths[:, None]
        rows = np.minimum(starts[:, None] + steps, len(tags) - 1)
        scores = np.where(there[:, :, None], log_probabilities[rows], _outside(log_probabilities.shape[1]))
        found = _viterbi(scores, open_start=~closed[starts])
        tags = tags.copy()
        tags[rows[there]] = found[there]
        first = tags[starts]
        needs_more = starts[(first > 0) & (first % 2 == 0)]
        cut[needs_more] = False
        wrong = np.zeros(len(tags), dtype=np.bool_)
        wrong[needs_more] = True
    return tags


def _outside(tags: int) -> NDArray[np.float32]:
    """What filling behind a piece says: certainly O, which any piece may be followed by and which costs nothing."""
    row = np.full(tags, _NEVER, dtype=np.float32)
    row[0] = 0
    return row


def _viterbi(scores: NDArray[np.float32], *, open_start: BoolArray) -> IntArray:
    """The best tags (pieces, words) under BIO for scores (pieces, words, tags); all pieces step by step together.

    `open_start`: (pieces,) whether the first word may be an I-, as if a span of any label had come before.

    Per word only two things matter of what came before: the best of all sequences, after which O and any B- may follow,
    and for each label the best that ends in a span of it, which its I- may continue.
    """
    pieces, words, _ = scores.shape
    outside, begin, inside = scores[:, :, 0], scores[:, :, 1::2], scores[:, :, 2::2]
    continued = np.zeros(begin.shape, dtype=bool)
    ended_in = np.zeros((pieces, words), dtype=np.int64)  # 0 for O, 1 + k for label k
    best, spans = np.zeros(pieces, dtype=np.float64), np.where(open_start[:, None], 0.0, _NEVER)  # of any label
    for t in range(words):
        new, longer = best[:, None] + begin[:, t], spans + inside[:, t]
        continued[:, t] = longer > new
        spans = np.maximum(new, longer)
        ends = np.concatenate((best[:, None] + outside[:, t, None], spans), axis=1)
        ended_in[:, t] = ends.argmax(axis=1)
        best = ends.max(axis=1)
    tags = np.zeros((pieces, words), dtype=np.int64)
    every = np.arange(pieces)
    now = ended_in[:, -1]
    for t in range(words - 1, -1, -1):
        label = np.maximum(now - 1, 0)
        goes_on = (now > 0) & continued[every, t, label]
        tags[:, t] = np.where(now > 0, 1 + 2 * label + goes_on, 0)
        now = np.where(goes_on, now, ended_in[:, t - 1])
    return tags
