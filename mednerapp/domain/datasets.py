"""Frozen lists of gold notes, and on which side of the split a note falls."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mednerapp.domain.spans import Span


class Split(StrEnum):
    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


# The paper's 70 / 15 / 15, as upper bounds on the hash bucket.
SPLIT_PERCENT = {Split.TRAIN: 70, Split.DEV: 15, Split.TEST: 15}


def split_of(*, patient_key: str | None, content_hash: str) -> Split:
    """The side of a note, for ever: a function of the patient where one is known, else of the text alone.

    All notes of one patient fall on one side, in every project and on every machine; a note added later moves no other.
    """
    key = f"patient:{patient_key}" if patient_key else f"record:{content_hash}"
    bucket = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % 100
    if bucket < SPLIT_PERCENT[Split.TRAIN]:
        return Split.TRAIN
    return Split.DEV if bucket < SPLIT_PERCENT[Split.TRAIN] + SPLIT_PERCENT[Split.DEV] else Split.TEST


@dataclass(frozen=True, slots=True)
class GoldNote:
    """A note with the spans that a person confirmed. `note_hash` is the content hash of `text`."""

    note_id: int
    note_hash: str
    text: str
    spans: tuple[Span, ...]
    split: Split


@dataclass(frozen=True, slots=True)
class FrozenNote:
    """A gold note as a dataset takes it: an annotation behind it at its revision, and the decision, if there is one."""

    gold: GoldNote
    annotation_id: int
    annotation_revision: int
    gold_id: int | None = None
    gold_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A note of a dataset, without its text. annotators: ids of the people behind its gold. decided: by somebody."""

    note_id: int
    split: Split
    title: str
    source: str
    note_type: str
    patient_key: str | None
    annotators: frozenset[int]
    decided: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """An immutable, hashed list of gold notes. The counts are notes per split."""

    id: int
    project_id: int
    name: str
    schema_id: int
    content_hash: str
    notes: dict[Split, int]
    spans: int
    created_at: datetime


def share_of(notes: list[GoldNote], share: float) -> list[GoldNote]:
    """That share of the notes (rounded up), in their order: those whose hashes come first, whatever notes are added
    later in between. A smaller share of the same notes is part of a larger one.
    """
    kept = {note.note_hash for note in sorted(notes, key=lambda n: n.note_hash)[: math.ceil(share * len(notes))]}
    return [note for note in notes if note.note_hash in kept]


def dataset_hash(notes: list[GoldNote]) -> str:
    """Hex SHA-256 over note hashes, splits and spans, in the order of the note hashes: equal content, equal hash.

    The pieces of a discontinuous span count as well.
    """
    digest = hashlib.sha256()
    for note in sorted(notes, key=lambda n: n.note_hash):
        digest.update(f"{note.note_hash}\t{note.split}\n".encode())
        for span in sorted(note.spans):
            pieces = "".join(f"\t{start}-{end}" for start, end in span.fragments)
            digest.update(f"{span.start}\t{span.end}\t{span.label}{pieces}\n".encode())
    return digest.hexdigest()
