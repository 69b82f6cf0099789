"""Gold notes as token windows with tags, and windows as padded batches."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.spans import without_overlaps
from mednerapp.ner.alignment import EncodedNote, WordEncoder, token_tags, word_tags
from mednerapp.ner.windows import WindowPlan, cut
from mednerapp.ner.words import IntArray

IGNORED = -100  # what cross_entropy skips: special tokens and padding


@dataclass(frozen=True, slots=True)
class Example:
    """One window with its special tokens. ids, tags: (tokens,)."""

    ids: IntArray
    tags: IntArray


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, mask, tags: (windows, tokens), int64."""

    ids: torch.Tensor
    mask: torch.Tensor
    tags: torch.Tensor


def gold_tags(note: GoldNote, encoded: EncodedNote, labels: Sequence[str]) -> IntArray:
    """Tags (tokens,) of a note. Of spans that overlap, a flat tagging can hold only some; scoring uses all of them."""
    return token_tags(encoded, word_tags(encoded, without_overlaps(list(note.spans)), labels))


def examples_of(
    notes: Sequence[GoldNote], words: WordEncoder, labels: Sequence[str], plan: WindowPlan
) -> list[Example]:
    examples: list[Example] = []
    for note, encoded in zip(notes, words.encode([note.text for note in notes]), strict=True):
        tags = gold_tags(note, encoded, labels)
        for window in cut(len(encoded.ids), plan):
            inside = slice(window.start, window.stop)
            ids = np.concatenate(([words.cls_id], encoded.ids[inside], [words.sep_id]))
            examples.append(Example(ids, np.concatenate(([IGNORED], tags[inside], [IGNORED]))))
    return examples


def shuffled_batches(
    examples: Sequence[Example], batch_size: int, *, pad_id: int, shuffle: random.Random
) -> Iterator[Batch]:
    """Every example once, in random order; within a stretch of eight batches those of like length go together."""
    order = list(range(len(examples)))
    shuffle.shuffle(order)
    stretch = 8 * batch_size
    groups: list[list[int]] = []
    for at in range(0, len(order), stretch):
        part = sorted(order[at : at + stretch], key=lambda i: len(examples[i].ids))
        groups += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    shuffle.shuffle(groups)
    for group in groups:
        yield pad([examples[i] for i in group], pad_id)


def pad(examples: Sequence[Example], pad_id: int) -> Batch:
    longest = max(len(example.ids) for example in examples)
    ids = np.full((len(examples), longest), pad_id, dtype=np.int64)
    tags = np.full((len(examples), longest), IGNORED, dtype=np.int64)
    mask = np.zeros((len(examples), longest), dtype=np.int64)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = example.ids
        tags[row, : len(example.tags)] = example.tags
        mask[row, : len(example.ids)] = 1
    return Batch(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(tags))
