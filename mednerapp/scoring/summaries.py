"""One model on one set of notes, summed up: what a dashboard shows of it, with intervals, from counts and outcomes.

Every score is resampled over the same draws of whole notes, so it is the one that `intervals.bootstrap` gives. In a
group (a section, a length) the counts are those of the mentions in it: a gold span that is not found exactly is missed
in its own group, and a predicted span that is not right is invented in the group of the gold span that it answers, or
in its own where it answers none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from mednerapp.scoring.calibration import Bin, ece, reliability
from mednerapp.scoring.intervals import NAMES, parts
from mednerapp.scoring.matching import ErrorKind
from mednerapp.scoring.outcomes import Outcome
from mednerapp.scoring.resampling import Array, Estimate, Statistic, draw_sums, estimate, ratio
from mednerapp.scoring.semeval import Schema
from mednerapp.scoring.strict import Counts

MOST_GROUPS = 12  # of sections, note types and months: the largest; the rest goes together
FEWEST_NOTES = 3  # with a section of this name: a rarer header may be a name, and would identify somebody
REST = "Everything else"
NOTE_LENGTHS = ((1_000, "to 1,000 characters"), (3_000, "to 3,000"), (10_000, "to 10,000"))
LONGER = "longer"
WORDS = {1: "1 word", 2: "2 words", 3: "3 words"}
MORE_WORDS = "4 words or more"
SEEN, UNSEEN = "seen in training", "not seen in training"


class Dimension(StrEnum):
    """By what mentions and notes are put into groups."""

    LABEL = "label"
    NOTE_TYPE = "note type"
    SECTION = "section"
    WORDS = "mention length"
    NOTE_LENGTH = "note length"
    SEEN = "seen or not"
    ASSERTION = "assertion"
    MONTH = "month of import"


@dataclass(frozen=True, slots=True)
class NoteFacts:
    """length: in code points. month: of the import, `2026-11`."""

    note_id: int
    note_type: str
    length: int
    month: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: scores with the counts behind them. found: gold spans that count as found (halves: partial).

    notes: those that have something to count.
    """

    name: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    found: float
    predicted: int
    gold: int
    notes: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """detailed: whether outcomes were stored; without them there are only labels, note types, lengths and months.

    confusion: (gold label, predicted label, spans); None for nothing on that side. ece: None without scores.
    """

    micro: Line
    macro: Line
    schemas: tuple[Line, ...]
    groups: Mapping[Dimension, tuple[Line, ...]]
    confusion: tuple[tuple[str | None, str | None, int], ...]
    kinds: Mapping[str, int]
    bins: tuple[Bin, ...]
    ece: float | None
    detailed: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        return {
            "micro": line_json(self.micro),
            "macro": line_json(self.macro),
            "schemas": [line_json(line) for line in self.schemas],
            "groups": {name.value: [line_json(line) for line in lines] for name, lines in self.groups.items()},
            "confusion": [list(cell) for cell in self.confusion],
            "kinds": dict(self.kinds),
            "bins": [[b.low, b.high, b.spans, b.mean_score, b.share, b.from_share, b.to_share] for b in self.bins],
            "ece": self.ece,
            "detailed": self.detailed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelSummary:
        return cls(
            micro=line_from(value["micro"]),
            macro=line_from(value["macro"]),
            schemas=tuple(map(line_from, value["schemas"])),
            groups={Dimension(name): tuple(map(line_from, lines)) for name, lines in value["groups"].items()},
            confusion=tuple((gold, predicted, spans) for gold, predicted, spans in value["confusion"]),
            kinds=value["kinds"],
            bins=tuple(Bin(*b) for b in value["bins"]),
            ece=value["ece"],
            detailed=value["detailed"],
        )


def line_json(line: Line) -> list[Any]:
    scores = [[e.value, e.low, e.high] for e in (line.precision, line.recall, line.f1)]
    return [line.name, *scores, line.found, line.predicted, line.gold, line.notes]


def line_from(value: Sequence[Any]) -> Line:
    name, precision, recall, f1, *counts = value
    return Line(name, Estimate(*precision), Estimate(*recall), Estimate(*f1), *counts)


def group_of(dimension: Dimension, outcome: Outcome) -> str:
    """The group of a mention, for the dimensions that belong to mentions."""
    traits = outcome.traits
    if dimension is Dimension.SECTION:
        return traits.section
    if dimension is Dimension.WORDS:
        return WORDS.get(traits.words, MORE_WORDS)
    if dimension is Dimension.SEEN:
        return SEEN if traits.seen else UNSEEN
    if dimension is Dimension.ASSERTION:
        return traits.assertion
    raise ValueError(f"A mention has no {dimension.value}.")


def group_of_note(dimension: Dimension, note: NoteFacts) -> str:
    """The group of a note, for the dimensions that belong to notes."""
    if dimension is Dimension.NOTE_TYPE:
        return note.note_type or "no type"
    if dimension is Dimension.NOTE_LENGTH:
        return next((name for limit, name in NOTE_LENGTHS if note.length <= limit), LONGER)
    if dimension is Dimension.MONTH:
        return note.month
    raise ValueError(f"A note has no {dimension.value}.")


OF_NOTES = (Dimension.NOTE_TYPE, Dimension.NOTE_LENGTH, Dimension.MONTH)
OF_MENTIONS = (Dimension.SECTION, Dimension.WORDS, Dimension.SEEN, Dimension.ASSERTION)
_FIXED = {  # groups in their own order; the others go by their number of gold spans
    Dimension.NOTE_LENGTH: (*(name for _, name in NOTE_LENGTHS), LONGER),
    Dimension.WORDS: (*WORDS.values(), MORE_WORDS),
    Dimension.SEEN: (SEEN, UNSEEN),
}


def summarise(
    notes: Sequence[NoteFacts],
    labels: Sequence[str],
    counts: Mapping[tuple[int, str], Counts],
    found: Iterable[Outcome] | None,
) -> ModelSummary:
    """notes: those that count, zeros included. counts: strict, by note and label. found: None where not stored."""
    row = {note.note_id: i for i, note in enumerate(notes)}
    per_label = {label: np.zeros((len(notes), 3)) for label in labels}
    for (note_id, label), c in counts.items():
        if note_id in row and label in per_label:
            per_label[label][row[note_id]] += (c.tp, c.fp, c.fn)
    total = sum(per_label.values(), np.zeros((len(notes), 3)))
    groups: dict[Dimension, dict[str, Array]] = {Dimension.LABEL: per_label}
    for dimension in OF_NOTES:
        groups[dimension] = _by_note(dimension, notes, total)
    own = None if found is None else [o for o in found if o.note_id in row]
    if own is not None:
        for dimension in OF_MENTIONS:
            groups[dimension] = _by_mention(dimension, own, row)
    schemas = {} if own is None else _schemas(own, row)
    tables = {("micro", ""): total, **{("schema", name): table for name, table in schemas.items()}}
    for dimension, by_name in groups.items():
        tables |= {(dimension.value, name): table for name, table in by_name.items()}
    lines = _lines(tables, len(notes))
    scored = [o for o in own or [] if o.score is not None]
    scores, right = [o.score or 0.0 for o in scored], [o.kind is None for o in scored]
    return ModelSummary(
        micro=lines["micro", ""],
        macro=_macro(per_label, len(notes)),
        schemas=tuple(lines["schema", name] for name in schemas),
        groups={d: tuple(lines[d.value, name] for name in by_name) for d, by_name in groups.items()},
        confusion=_confusion(own or []),
        kinds={} if own is None else {kind.value: sum(o.kind is kind for o in own) for kind in ErrorKind},
        bins=tuple(reliability(scores, right)),
        ece=ece(scores, right) if scored else None,
        detailed=own is not None,
    )


def _by_note(dimension: Dimension, notes: Sequence[NoteFacts], total: Array) -> dict[str, Array]:
    names = [group_of_note(dimension, note) for note in notes]
    tables: dict[str, Array] = {}
    for name in dict.fromkeys(names):
        tables[name] = total * np.array([own == name for own in names], dtype=np.float64)[:, None]
    if dimension is Dimension.MONTH:
        months = sorted(tables)
        earlier = [tables[month] for month in months[:-MOST_GROUPS]]
        newest = {month: tables[month] for month in months[-MOST_GROUPS:]}
        return {REST: np.sum(earlier, axis=0), **newest} if earlier else newest
    return _ordered(dimension, tables)


def _by_mention(dimension: Dimension, found: Sequence[Outcome], row: Mapping[int, int]) -> dict[str, Array]:
    tables: dict[str, Array] = defaultdict(lambda: np.zeros((len(row), 3)))
    for o in found:
        table, at = tables[group_of(dimension, o)], row[o.note_id]
        if o.kind is None:
            table[at, 0] += 1
        else:
            table[at, 1] += o.predicted is not None
            table[at, 2] += o.gold is not None
    return _ordered(dimension, tables)


def _ordered(dimension: Dimension, tables: Mapping[str, Array]) -> dict[str, Array]:
    """In their own order, or the largest first by gold spans; those beyond MOST_GROUPS together."""
    fixed = _FIXED.get(dimension)
    if fixed:
        return {name: tables[name] for name in fixed if name in tables}
    names = sorted(tables, key=lambda name: (-tables[name][:, [0, 2]].sum(), name))
    fewest = FEWEST_NOTES if dimension is Dimension.SECTION else 0
    shown = [name for name in names if (tables[name].sum(axis=1) > 0).sum() >= fewest][:MOST_GROUPS]
    kept = {name: tables[name] for name in shown}
    rest = [name for name in names if name not in kept]
    return kept | {REST: np.sum([tables[name] for name in rest], axis=0)} if rest else kept


_WORTH: dict[Schema, dict[ErrorKind | None, float]] = {  # schema → kind → what a pair counts
    Schema.STRICT: {None: 1.0},
    Schema.EXACT: {None: 1.0, ErrorKind.TYPE: 1.0},
    Schema.PARTIAL: {None: 1.0, ErrorKind.TYPE: 1.0, ErrorKind.BOUNDARY: 0.5, ErrorKind.BOTH: 0.5},
    Schema.TYPE: {None: 1.0, ErrorKind.BOUNDARY: 1.0},
}


def _schemas(found: Sequence[Outcome], row: Mapping[int, int]) -> dict[str, Array]:
    """Per schema (notes, 3): what counts as found, predicted without that, gold without that."""
    tables = {schema.value: np.zeros((len(row), 3)) for schema in Schema}
    for o in found:
        for schema, worth in _WORTH.items():
            found_here = worth.get(o.kind, 0.0)
            tables[schema.value][row[o.note_id]] += (
                found_here,
                (o.predicted is not None) - found_here,
                (o.gold is not None) - found_here,
            )
    return tables


def _lines(tables: Mapping[tuple[str, str], Array], notes: int) -> dict[tuple[str, str], Line]:
    if not notes:
        nothing = Estimate(None, None, None)
        return {key: Line(key[1] or key[0], nothing, nothing, nothing, 0, 0, 0, 0) for key in tables}
    drawn = draw_sums(np.concatenate(list(tables.values()), axis=1))
    found: dict[tuple[str, str], Line] = {}
    for i, (key, table) in enumerate(tables.items()):
        own = drawn[:, 3 * i : 3 * i + 3]
        precision, recall, f1 = (
            estimate(table, _score(name), parts(table, name)[1], drawn=own, proportion=True) for name in NAMES
        )
        tp, fp, fn = (float(n) for n in table.sum(axis=0))
        busy = int((table.sum(axis=1) > 0).sum())
        found[key] = Line(key[1] or key[0], precision, recall, f1, tp, round(tp + fp), round(tp + fn), busy)
    return found


def _score(name: str) -> Statistic:
    def score(sums: Array) -> Array:
        return ratio(*parts(sums, name))

    return score


def _macro(per_label: Mapping[str, Array], notes: int) -> Line:
    """The mean over the labels that have gold (Sebastiani 2002, 7.1); an undefined precision counts as 0."""
    tables = [table for table in per_label.values() if table[:, [0, 2]].sum()]
    if not tables or not notes:
        nothing = Estimate(None, None, None)
        return Line("macro", nothing, nothing, nothing, 0, 0, 0, 0)
    table = np.concatenate(tables, axis=1)
    drawn = draw_sums(table)

    def mean(name: str) -> Statistic:
        def score(sums: Array) -> Array:
            by_label = sums.reshape(*sums.shape[:-1], -1, 3)
            return np.nan_to_num(ratio(*parts(by_label, name))).mean(axis=-1)

        return score

    by_label = table.reshape(notes, -1, 3)
    precision, recall, f1 = (
        estimate(table, mean(name), parts(by_label, name)[1].sum(axis=1), drawn=drawn, proportion=True)
        for name in NAMES
    )
    tp, fp, fn = (float(n) for n in by_label.sum(axis=(0, 1)))
    busy = int((table.sum(axis=1) > 0).sum())
    return Line("macro", precision, recall, f1, tp, round(tp + fp), round(tp + fn), busy)


def _confusion(found: Sequence[Outcome]) -> tuple[tuple[str | None, str | None, int], ...]:
    cells = Counter((o.gold.label if o.gold else None, o.predicted.label if o.predicted else None) for o in found)
    ordered = sorted(cells.items(), key=lambda c: (c[0][0] is None, c[0][0] or "", c[0][1] is None, c[0][1] or ""))
    return tuple((gold, predicted, n) for (gold, predicted), n in ordered)
