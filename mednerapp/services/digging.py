"""From a number on the dashboard to the spans behind it, with the words around each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Split
from mednerapp.errors import NotFound
from mednerapp.scoring.matching import ErrorKind
from mednerapp.scoring.outcomes import MOST_WORDS, Outcome
from mednerapp.scoring.summaries import (
    OF_NOTES,
    REST,
    SEEN,
    WORDS,
    Dimension,
    ModelSummary,
    group_of_note,
)
from mednerapp.services.dashboards import common_notes
from mednerapp.store import Store, Transaction
from mednerapp.store.outcomes import RIGHT, OutcomeFilter

PAGE = 10
FOUND = (RIGHT,)
INVENTED = tuple(kind.value for kind in ErrorKind if kind is not ErrorKind.MISSED)  # predicted, and not right
MISSED = tuple(kind.value for kind in ErrorKind if kind is not ErrorKind.INVENTED)  # gold, and not found
AROUND = 70  # characters on either side of a mention


@dataclass(frozen=True, slots=True)
class Behind:
    """Which number is asked about: of one evaluation, the errors of these kinds (none: all errors); RIGHT is one, too.

    gold, predicted: a cell of the confusion, "" for nothing on that side. dimension, group: a line of a table. scores:
    a bar of the reliability diagram, from and below.
    """

    evaluation_id: int
    title: str
    kinds: tuple[str, ...] = ()
    gold: str | None = None
    predicted: str | None = None
    dimension: Dimension | None = None
    group: str = ""
    scores: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An outcome with its note and the words around the mention."""

    outcome: Outcome
    note: str
    before: str
    mention: str
    after: str

    @property
    def place(self) -> str:
        """As the annotate page takes it: `start-end`."""
        span = self.outcome.mention
        return f"{span.start}-{span.end}"


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Those from `offset` on, of `total`."""

    total: int
    offset: int
    found: tuple[Found, ...]


def behind(store: Store, *, user: User, asked: Behind, offset: int = 0, limit: int = PAGE) -> FoundPage:
    """The spans behind a number, in order of notes and places, over the notes that count on the board.

    Raises:
        NotFound: if the model was scored again since.
    """
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        wanted = _filter(tx, asked)
        total, outcomes = tx.outcomes.find(asked.evaluation_id, wanted, offset=offset, limit=limit)
        ids = sorted({outcome.note_id for outcome in outcomes})
        texts, titles = dict(tx.notes.texts(ids)), tx.boards.titles(ids)
    return FoundPage(total, offset, tuple(_found(outcome, texts, titles) for outcome in outcomes))


def _filter(tx: Transaction, asked: Behind) -> OutcomeFilter:
    head, detail = tx.evaluations.head(asked.evaluation_id), tx.boards.detail(asked.evaluation_id)
    row = tx.boards.get(head.dataset_id) if head else None
    if head is None or row is None or detail is None:
        raise NotFound("This model was scored again. Choose the number again.")
    summary = ModelSummary.from_json(detail)
    notes = None if head.basis == row.basis else common_notes(tx, row)
    dimension = asked.dimension
    if dimension is not None and dimension in OF_NOTES:
        kept = {line.name for line in summary.groups[dimension]}
        named = ((f.note_id, group_of_note(dimension, f)) for f in tx.boards.facts(head.dataset_id, Split.TEST))
        inside = {note for note, name in named if (name if name in kept else REST) == asked.group}
        notes = frozenset(inside if notes is None else inside & notes)
    return OutcomeFilter(
        kinds=asked.kinds,
        gold=asked.gold,
        predicted=asked.predicted,
        scores=asked.scores,
        notes=notes,
        **_of_group(asked.dimension, asked.group, summary),
    )


def _of_group(dimension: Dimension | None, group: str, summary: ModelSummary) -> Mapping[str, Any]:
    if dimension is Dimension.SECTION and group == REST:
        return {"sections_not": tuple(line.name for line in summary.groups[dimension] if line.name != REST)}
    exact = next((number for number, name in WORDS.items() if name == group), None)
    found: dict[Dimension, dict[str, Any]] = {
        Dimension.LABEL: {"label": group},
        Dimension.SECTION: {"section": group},
        Dimension.ASSERTION: {"assertion": group},
        Dimension.SEEN: {"seen": group == SEEN},
        Dimension.WORDS: {"words": (exact, exact) if exact else (len(WORDS) + 1, MOST_WORDS)},
    }
    return found.get(dimension, {}) if dimension else {}


def _found(outcome: Outcome, texts: Mapping[int, str], titles: Mapping[int, str]) -> Found:
    text, span = texts.get(outcome.note_id, ""), outcome.mention
    first, last = max(0, span.start - AROUND), span.end + AROUND
    before = ("\u2026" if first else "") + text[first : span.start]
    after = text[span.end : last] + ("\u2026" if last < len(text) else "")
    return Found(outcome, titles.get(outcome.note_id, ""), before, text[span.start : span.end], after)
