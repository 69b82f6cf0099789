"""How far people who annotated the same notes, blind to each other, agree.

Spans: F1 of one against the other, strict and relaxed (a shared character and the same label); without chance
correction, as there is no count of spans that both left out (Hripcsak & Rothschild, JAMIA 12 (2005)). Tokens: Cohen's
kappa for a pair (Educational and Psychological Measurement 20 (1960)) and Krippendorff's nominal alpha for all of them
together, whoever is missing on a note (Content Analysis, 4th ed. 2018, chapter 12). Intervals are over notes
(`resampling`): each of these is a function of sums over notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mednerapp.domain.spans import Span
from mednerapp.scoring.intervals import parts
from mednerapp.scoring.matching import align
from mednerapp.scoring.resampling import Array, Estimate, Statistic, estimate, ratio


@dataclass(frozen=True, slots=True)
class AnnotatedNote:
    """A note with the spans of each of its annotators. tokens: half-open, in text order, without overlaps."""

    note_id: int
    tokens: Sequence[tuple[int, int]]
    spans: Mapping[str, Sequence[Span]]


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators on the notes that both have done. F1 and kappa: undefined where neither has marked anything."""

    first: str
    second: str
    label: str | None
    strict: Estimate
    relaxed: Estimate
    kappa: Estimate
    notes: int


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """Krippendorff's alpha over all annotators, on notes with at least two. label None: over all labels."""

    label: str | None
    alpha: Estimate
    notes: int


@dataclass(frozen=True, slots=True)
class NoteAgreement:
    """How a note came out. differences: spans that are not matched strictly, of both sides, summed over pairs; f1:
    strict, over pairs.
    """

    note_id: int
    differences: int
    f1: float


def pairs(notes: Sequence[AnnotatedNote], labels: Sequence[str] = ()) -> list[PairAgreement]:
    """Each pair of annotators with common notes, over all labels (label None) and for each of `labels`."""
    names = sorted({name for note in notes for name in note.spans})
    found: list[PairAgreement] = []
    for first, second in combinations(names, 2):
        common = [note for note in notes if first in note.spans and second in note.spans]
        if common:
            found += [_pair(common, first, second, label) for label in (None, *labels)]
    return found


def group(notes: Sequence[AnnotatedNote], labels: Sequence[str] = ()) -> list[GroupAgreement]:
    """Alpha over all labels (label None) and for each of `labels`."""
    usable = [note for note in notes if len(note.spans) >= 2]
    return [_group(usable, label) for label in (None, *labels)]


def most_disagreed(notes: Iterable[AnnotatedNote]) -> list[NoteAgreement]:
    """Notes with at least two annotators that are not of one mind: most differences first, then the lowest F1."""
    found: list[NoteAgreement] = []
    for note in notes:
        sides = [list(spans) for _, spans in sorted(note.spans.items())]
        counts = [_span_counts(a, b)[:3] for a, b in combinations(sides, 2)]
        tp, fp, fn = (int(sum(column)) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
        if fp + fn:
            found.append(NoteAgreement(note.note_id, fp + fn, 2 * tp / (2 * tp + fp + fn)))
    return sorted(found, key=lambda n: (-n.differences, n.f1, n.note_id))


def kappa(sums: Array) -> Array:
    """Cohen's kappa of confusion matrices (..., categories²): (agreed - by chance) / (1 - by chance).

    Nan where all tokens are of one category for both, since then chance alone agrees always.
    """
    k = int(np.sqrt(sums.shape[-1]))
    table = sums.reshape(*sums.shape[:-1], k, k)
    n = table.sum(axis=(-2, -1))
    agreed = ratio(np.trace(table, axis1=-2, axis2=-1), n)
    chance = ratio((table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1), n**2)
    # A whole number where all are of one category; rounding must not make a tiny denominator of it.
    return ratio(agreed - chance, np.where(1 - chance < 1e-12, 0.0, 1 - chance))


def alpha(sums: Array) -> Array:
    """Krippendorff's nominal alpha of coincidence matrices (..., categories²): 1 - (n-1) (n - Σ o_cc) / (n² - Σ n_c²).

    Nan where only one category occurs.
    """
    k = int(np.sqrt(sums.shape[-1]))
    table = sums.reshape(*sums.shape[:-1], k, k)
    totals = table.sum(axis=-1)
    n = totals.sum(axis=-1)
    expected = n**2 - (totals**2).sum(axis=-1)
    observed = n - np.trace(table, axis1=-2, axis2=-1)
    return 1 - ratio((n - 1) * observed, np.where(expected < 1e-9, 0.0, expected))


def coincidences(codes: NDArray[np.int64], categories: int) -> Array:
    """The coincidence matrix of one note. codes: (annotators, tokens), at least two annotators, none missing."""
    m, tokens = codes.shape
    counts = np.zeros((tokens, categories))
    for row in codes:
        counts[np.arange(tokens), row] += 1
    return (counts.T @ counts - np.diag(counts.sum(axis=0))) / (m - 1)


def _of_label(spans: Sequence[Span], label: str | None) -> list[Span]:
    return [span for span in spans if label is None or span.label == label]


def _pair(notes: Sequence[AnnotatedNote], first: str, second: str, label: str | None) -> PairAgreement:
    sides = [[_of_label(note.spans[name], label) for note in notes] for name in (first, second)]
    rows = np.array([_span_counts(a, b) for a, b in zip(*sides, strict=True)], dtype=np.float64)
    coded = [_codes(note.tokens, (a, b)) for note, a, b in zip(notes, *sides, strict=True)]
    k, numbered = _numbered(coded)
    tables = np.stack([_crossed(codes, k) for codes in numbered])
    strict, relaxed = (
        estimate(table, _f1, parts(table, "f1")[1], proportion=True) for table in (rows[:, :3], rows[:, 3:])
    )
    return PairAgreement(first, second, label, strict, relaxed, _on_tokens(tables, kappa), len(notes))


def _group(notes: Sequence[AnnotatedNote], label: str | None) -> GroupAgreement:
    if not notes:
        return GroupAgreement(label, Estimate(None, None, None), 0)
    coded = [_codes(n.tokens, [_of_label(spans, label) for _, spans in sorted(n.spans.items())]) for n in notes]
    k, numbered = _numbered(coded)
    tables = np.stack([coincidences(codes, k).ravel() for codes in numbered])
    return GroupAgreement(label, _on_tokens(tables, alpha), len(notes))


def _on_tokens(tables: Array, statistic: Statistic) -> Estimate:
    return estimate(tables, statistic, tables.sum(axis=1))


def _f1(sums: Array) -> Array:
    return ratio(*parts(sums, "f1"))


def _span_counts(first: Sequence[Span], second: Sequence[Span]) -> tuple[int, int, int, int, int, int]:
    """tp, fp, fn strictly and relaxed, the first taken for gold."""
    made = align(first, second).pairs
    strict, relaxed = sum(p.error is None for p in made), sum(p.same_label for p in made)
    n, m = len(first), len(second)
    return strict, m - strict, n - strict, relaxed, m - relaxed, n - relaxed


def _codes(tokens: Sequence[tuple[int, int]], sides: Sequence[Sequence[Span]]) -> list[list[frozenset[str]]]:
    """For each annotator and token the set of labels whose spans share a character with the token; a set is a
    category of its own, so nested spans agree only where all of them do.
    """
    starts = np.array([start for start, _ in tokens], dtype=np.int64)
    ends = np.array([end for _, end in tokens], dtype=np.int64)
    coded: list[list[frozenset[str]]] = []
    for spans in sides:
        labels: list[set[str]] = [set() for _ in tokens]
        for span in spans:
            for start, end in span.pieces:
                first, last = np.searchsorted(ends, start, "right"), np.searchsorted(starts, end, "left")
                for i in range(int(first), int(last)):
                    labels[i].add(span.label)
        coded.append([frozenset(token) for token in labels])
    return coded


def _numbered(coded: Sequence[Sequence[Sequence[frozenset[str]]]]) -> tuple[int, list[NDArray[np.int64]]]:
    """How many categories occur, and the codes as numbers, (annotators, tokens) for each note."""
    seen = {token for note in coded for side in note for token in side}
    number = {category: i for i, category in enumerate(sorted(seen, key=sorted))}
    arrays = [
        np.array([[number[token] for token in side] for side in note], dtype=np.int64).reshape(len(note), -1)
        for note in coded
    ]
    return max(1, len(number)), arrays


def _crossed(codes: NDArray[np.int64], k: int) -> Array:
    return np.bincount(codes[0] * k + codes[1], minlength=k * k).astype(np.float64)
