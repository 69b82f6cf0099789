"""Gold notes as token windows with tags; in what order, and how many at a time, they go through the model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.spans import without_overlaps
from mednerapp.ner.alignment import OUTSIDE, EncodedNote, WordEncoder, token_tags, word_tags
from mednerapp.ner.windows import Window, WindowPlan, cut
from mednerapp.ner.words import IntArray

IGNORED = -100  # what cross_entropy skips: the special tokens, and what no tag says

# Most tokens that go through the model together. A step of the optimizer takes as many such passes as its windows need
# and adds up their gradients, so this bounds the memory and changes nothing else.
PASS_TOKENS = {"cpu": 2048, "cuda": 16384}


@dataclass(frozen=True, slots=True)
class Example:
    """One window with its special tokens. ids, tags: (tokens,)."""

    ids: IntArray
    tags: IntArray


def gold_tags(note: GoldNote, encoded: EncodedNote, labels: Sequence[str]) -> IntArray:
    """Tags (tokens,) of a note. Of spans that overlap, a flat tagging can hold only some; scoring uses all of them.

    It cannot hold discontinuous spans either. Their pieces are IGNORED where no other span has them: to teach that
    there is nothing would be wrong.
    """
    tags = token_tags(encoded, word_tags(encoded, without_overlaps(list(note.spans)), labels))
    for span in note.spans:
        for start, end in span.fragments:
            first = int(np.searchsorted(encoded.ends, start, side="right"))
            stop = int(np.searchsorted(encoded.starts, end, side="left"))
            inside = (encoded.word_of_token >= first) & (encoded.word_of_token < stop)
            tags[inside & (tags == OUTSIDE)] = IGNORED
    return tags


def examples_of(
    notes: Sequence[GoldNote], words: WordEncoder, labels: Sequence[str], plan: WindowPlan
) -> list[Example]:
    examples: list[Example] = []
    for note, encoded in zip(notes, words.encode([note.text for note in notes]), strict=True):
        tags = gold_tags(note, encoded, labels)
        for window in cut(len(encoded.ids), plan):
            inside = np.concatenate(([IGNORED], tags[window.start : window.stop], [IGNORED]))
            examples.append(Example(window_ids(encoded, window, words), inside))
    return examples


def window_ids(encoded: EncodedNote, window: Window, words: WordEncoder) -> IntArray:
    """Vocabulary ids of a window between its special tokens."""
    return np.concatenate(([words.cls_id], encoded.ids[window.start : window.stop], [words.sep_id]))


def batches_of_epoch(examples: int, batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Indices of every example once, `batch_size` for each step of the optimizer.

    A function of seed and epoch alone, so that a run can be taken up again in the middle of an epoch.
    """
    order = list(range(examples))
    random.Random(f"{seed} {epoch}").shuffle(order)  # noqa: S311  an order, not a secret
    return [order[at : at + batch_size] for at in range(0, examples, batch_size)]


def passes(group: Sequence[int], lengths: Sequence[int], *, most_tokens: int) -> list[list[int]]:
    """The windows of one step, like lengths side by side, in as few passes as the memory allows."""
    found: list[list[int]] = []
    held = 0
    for index in sorted(group, key=lambda i: (lengths[i], i)):
        if found and held + lengths[index] <= most_tokens:
            found[-1].append(index)
            held += lengths[index]
        else:
            found.append([index])
            held = lengths[index]
    return found


def pass_tokens(device: str) -> int:
    return PASS_TOKENS[device.partition(":")[0]]
