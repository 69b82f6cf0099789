"""Pairs gold spans with predicted ones: which was found, with which fault, which was missed, which was invented.

One explicit assignment is made for each note; every schema of SemEval-2013 task 9.1 is counted on it, so that the
counts, the confusion and the list of errors never contradict one another. The rule, which knows no order:

1. Equal spans (same place, same label) are paired, as often as they are on both sides.
2. Of what is left, spans at the same place with different labels are paired, in the order of their labels.
3. Of what is left, spans that share a character are paired so that, in this order, as many pairs as possible have the
   same label, as many pairs as possible are made, and the sum of the overlaps (shared characters over characters of
   either, in steps of 1/65536) is greatest: a maximum-weight bipartite matching for each connected group (Kuhn 1955, in
   the form of Crouse, IEEE TAES 52 (2016)). What is still equal is settled by position, with the side whose spans sort
   first as the rows, so that gold and predicted changed about give the same pairs the other way round.

A place is start, end and fragments. A gap between fragments belongs to nobody. Touching spans share no character.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mednerapp.domain.spans import Span

_STEPS = 65536  # of overlap: weights stay whole numbers, which a float64 holds exactly for groups of 2,000 spans

Place = tuple[int, int, tuple[tuple[int, int], ...]]


class ErrorKind(StrEnum):
    """What is wrong with a span: its edges, its label, both; it is not there, or it should not be."""

    BOUNDARY = "boundary"
    TYPE = "type"
    BOTH = "both"
    MISSED = "missed"
    INVENTED = "invented"


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A gold span and the predicted one that answers it."""

    gold: Span
    predicted: Span

    @property
    def same_place(self) -> bool:
        return place(self.gold) == place(self.predicted)

    @property
    def same_label(self) -> bool:
        return self.gold.label == self.predicted.label

    @property
    def error(self) -> ErrorKind | None:
        """None where nothing is wrong."""
        if self.same_place:
            return None if self.same_label else ErrorKind.TYPE
        return ErrorKind.BOUNDARY if self.same_label else ErrorKind.BOTH


@dataclass(frozen=True, slots=True)
class SpanError:
    """One error. `gold` is None for an invented span, `predicted` for a missed one."""

    kind: ErrorKind
    gold: Span | None
    predicted: Span | None


@dataclass(frozen=True, slots=True)
class Alignment:
    """The spans of one note, each exactly once, in text order."""

    pairs: tuple[Pair, ...]
    missed: tuple[Span, ...]
    invented: tuple[Span, ...]

    def errors(self) -> tuple[SpanError, ...]:
        """Everything that is not right, in text order."""
        found = [SpanError(p.error, p.gold, p.predicted) for p in self.pairs if p.error]
        found += [SpanError(ErrorKind.MISSED, span, None) for span in self.missed]
        found += [SpanError(ErrorKind.INVENTED, None, span) for span in self.invented]
        return tuple(sorted(found, key=lambda e: (e.gold or e.predicted, e.kind)))


def place(span: Span) -> Place:
    """Where a span is, without its label."""
    return span.start, span.end, span.fragments


def align(gold: Iterable[Span], predicted: Iterable[Span]) -> Alignment:
    """The assignment of the module's rule. Near-linear in the spans, but for groups that all overlap."""
    wanted, found = Counter(gold), Counter(predicted)
    equal = wanted & found
    pairs = [Pair(span, span) for span in equal.elements()]
    left, right = sorted((wanted - equal).elements()), sorted((found - equal).elements())
    swapped = right < left
    rows, columns = (right, left) if swapped else (left, right)
    made = _at_one_place(rows, columns)
    rows, columns = _without(rows, [row for row, _ in made]), _without(columns, [column for _, column in made])
    overlapping = _overlapping(rows, columns)
    made += overlapping
    pairs += [Pair(column, row) if swapped else Pair(row, column) for row, column in made]
    rows = _without(rows, [row for row, _ in overlapping])
    columns = _without(columns, [column for _, column in overlapping])
    missed, invented = (columns, rows) if swapped else (rows, columns)
    return Alignment(tuple(sorted(pairs)), tuple(missed), tuple(invented))


def confusion(alignments: Iterable[Alignment]) -> dict[tuple[str | None, str | None], int]:
    """(gold label, predicted label) → spans. (label, None): missed; (None, label): invented; (a, a): right or with
    wrong edges.
    """
    cells: Counter[tuple[str | None, str | None]] = Counter()
    for alignment in alignments:
        cells.update((pair.gold.label, pair.predicted.label) for pair in alignment.pairs)
        cells.update((span.label, None) for span in alignment.missed)
        cells.update((None, span.label) for span in alignment.invented)
    return dict(cells)


def error_kinds(alignments: Iterable[Alignment]) -> dict[ErrorKind, int]:
    """How many errors of each kind, zeros included."""
    cells: Mapping[ErrorKind, int] = Counter(error.kind for alignment in alignments for error in alignment.errors())
    return {kind: cells.get(kind, 0) for kind in ErrorKind}


def _without(spans: list[Span], taken: list[Span]) -> list[Span]:
    return sorted((Counter(spans) - Counter(taken)).elements())


def _at_one_place(rows: list[Span], columns: list[Span]) -> list[tuple[Span, Span]]:
    """Pairs with equal places, first with first. No equal spans are left, so their labels differ."""
    there: dict[Place, list[Span]] = defaultdict(list)
    for column in reversed(columns):
        there[place(column)].append(column)
    return [(row, there[place(row)].pop()) for row in rows if there.get(place(row))]


def _overlapping(rows: list[Span], columns: list[Span]) -> list[tuple[Span, Span]]:
    shared = _shared_characters(rows, columns)
    found: list[tuple[Span, Span]] = []
    for group in _groups(shared):
        own_rows, own_columns = sorted({r for r, _ in group}), sorted({c for _, c in group})
        row_at = {r: i for i, r in enumerate(own_rows)}
        column_at = {c: i for i, c in enumerate(own_columns)}
        more = _STEPS * (min(len(own_rows), len(own_columns)) + 1)
        weight = np.zeros((len(own_rows), len(own_columns)))
        for r, c in group:
            row, column = rows[r], columns[c]
            either = _size(row) + _size(column) - shared[r, c]
            same = row.label == column.label
            pair_weight = more + shared[r, c] * _STEPS // either
            weight[row_at[r], column_at[c]] = pair_weight + same * more * (min(weight.shape) + 1)
        from scipy.optimize import linear_sum_assignment  # not at import, as in `comparing`

        chosen = zip(*linear_sum_assignment(weight, maximize=True), strict=True)
        found += [(rows[own_rows[i]], columns[own_columns[j]]) for i, j in chosen if weight[i, j] > 0]
    return found


def _size(span: Span) -> int:
    return sum(end - start for start, end in span.pieces)


def _shared_characters(rows: list[Span], columns: list[Span]) -> dict[tuple[int, int], int]:
    """(row, column) → characters in both; a sweep over the pieces, without the pairs that share none."""
    pieces = [(start, end, 0, i) for i, span in enumerate(rows) for start, end in span.pieces]
    pieces += [(start, end, 1, i) for i, span in enumerate(columns) for start, end in span.pieces]
    open_pieces: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])  # heaps of (end, index) for each side
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for start, end, side, index in sorted(pieces):
        others = open_pieces[1 - side]
        while others and others[0][0] <= start:
            heapq.heappop(others)
        for other_end, other in others:
            pair = (other, index) if side else (index, other)
            shared[pair] += min(end, other_end) - start
        heapq.heappush(open_pieces[side], (end, index))
    return dict(shared)


def _groups(edges: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The edges of a bipartite graph by connected component, in order."""
    parent: dict[tuple[int, int], tuple[int, int]] = {}

    def root(node: tuple[int, int]) -> tuple[int, int]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    ordered = sorted(edges)
    for row, column in ordered:
        parent[root((1, column))] = root((0, row))
    groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for row, column in ordered:
        groups[root((0, row))].append((row, column))
    return list(groups.values())
