"""What the dashboard, the command line and the reports show of a dataset's models: the same values for all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.models import Cost, EpochReport
from mednerapp.errors import NotFound
from mednerapp.scoring import comparing
from mednerapp.scoring.comparing import Difference
from mednerapp.scoring.summaries import Line, ModelSummary, line_from
from mednerapp.services import boards, evaluating, freezing
from mednerapp.services.board_curves import CurveOf, DriftOf, curves_from, drift_from
from mednerapp.store import Store, Transaction
from mednerapp.store.boards import BoardRow, Entry, SummaryRow, Unscored

SHOWN = 12  # models at once; the best ones and the one in use


@dataclass(frozen=True, slots=True)
class Model:
    """A model on the common test notes. rank: 1 is the best; None of one that stands apart. versus: best minus this."""

    evaluation_id: int
    rank: int | None
    entry: Entry
    micro: Line
    macro: Line
    ece: float | None
    detailed: bool
    versus: Difference | None
    in_use: bool

    @property
    def name(self) -> str:
        return self.entry.adapter

    @property
    def cost(self) -> Cost:
        return self.entry.head.cost


@dataclass(frozen=True, slots=True)
class Stale:
    """A model whose newest score is on an older gold, or that has none (`dataset` is None). f1: that old score."""

    adapter_id: int
    name: str
    dataset: str | None
    scored_at: datetime | None
    old: Line | None


@dataclass(frozen=True, slots=True)
class Board:
    """The models of a dataset. models: at most SHOWN of `total`, best first. notes: every model was scored on them;
    left_out: the other test notes. changed: test notes whose gold was changed since. made_at: None without a score.
    """

    dataset_id: int
    dataset: str
    project_id: int
    content_hash: str
    labels: tuple[str, ...]
    models: tuple[Model, ...]
    total: int
    notes: int
    left_out: int
    changed: int
    stale: tuple[Stale, ...]
    curves: tuple[CurveOf, ...]
    drift: DriftOf | None
    made_at: datetime | None

    @property
    def best(self) -> Model | None:
        """The model with the highest F1, where one has any."""
        first = next(iter(self.models), None)
        return first if first and first.micro.f1.value is not None else None

    @property
    def second(self) -> Model | None:
        return next((m for m in self.models if m.rank == 2), None)


def datasets(store: Store, *, user: User, project_id: int) -> list[tuple[int, str]]:
    """(id, name), newest first."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.boards.names(project_id)


def board(store: Store, *, user: User, dataset_id: int, limit: int | None = SHOWN) -> Board:
    """The board as it is stored; it is made first where it is out of date. limit: None for every model."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        current = _current(tx, dataset_id)
    if not current:
        boards.refresh(store, dataset_id=dataset_id)
    with store.read() as tx:
        row = tx.boards.get(dataset_id)
        head = tx.boards.dataset(dataset_id)
        project = tx.projects.get(head.project_id)
        labels = tx.projects.schema(head.schema_id).names
        also = [] if project.active_adapter_id is None else [project.active_adapter_id]
        ranked = tx.boards.ranked(dataset_id, limit=limit, also=also) if row else []
        entries = tx.boards.entries([one.evaluation_id for one in ranked])
        unscored = tx.boards.unscored(project_id=head.project_id, dataset_id=dataset_id, split=Split.TEST)
        changed = tx.boards.changed_gold(dataset_id, Split.TEST)
    models = _models(ranked, entries, limit, project.active_adapter_id)
    return Board(
        dataset_id=dataset_id,
        dataset=head.name,
        project_id=head.project_id,
        content_hash=head.content_hash,
        labels=labels,
        models=models,
        total=row.models if row else 0,
        notes=row.notes if row else 0,
        left_out=row.left_out if row else 0,
        changed=changed,
        stale=tuple(_stale(one) for one in unscored if set(one.labels) & set(labels)),
        curves=curves_from(row.detail) if row else (),
        drift=drift_from(row.detail) if row else None,
        made_at=row.made_at if row else None,
    )


def summary(store: Store, *, user: User, evaluation_id: int) -> ModelSummary:
    """One model in every respect, over the notes of its board.

    Raises:
        NotFound: if the model is not on a board (any more).
    """
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        found = tx.boards.detail(evaluation_id)
    if found is None:
        raise NotFound("This model was scored again. Choose it again.")
    return ModelSummary.from_json(found)


def pair(store: Store, *, user: User, dataset_id: int, first: int, second: int, measure: str = "f1") -> Difference:
    """Any two evaluations on the board's notes: the first minus the second.

    Whoever may choose the pair looks at all pairs, so p is corrected for all of them (Bonferroni).
    """
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        row = tx.boards.get(dataset_id)
        if row is None or tx.boards.detail(first) is None or tx.boards.detail(second) is None:
            raise NotFound("These models are not on the board (any more). Choose them again.")
        notes = sorted(common_notes(tx, row))
        a, b = (boards.micro_counts(tx, number, notes) for number in (first, second))
    found = comparing.compare(a, b, measure=measure)
    pairs = max(1, row.models * (row.models - 1) // 2)
    return replace(found, corrected=None if found.p is None else min(1.0, found.p * pairs), comparisons=pairs)


def common_notes(tx: Transaction, row: BoardRow) -> frozenset[int]:
    """The notes that count on the board."""
    heads = tx.evaluations.heads(row.dataset_id, Split.TEST)
    whole = next((head for head in heads if head.basis == row.basis), None)
    if whole:
        return tx.evaluations.notes_of(whole.id)
    sets = [tx.evaluations.notes_of(head.id) for head in heads]
    return frozenset.intersection(*sets) if sets else frozenset()


def score_missing(store: Store, *, user: User, dataset_id: int) -> int:
    """Ask for the scores that are missing; how many were queued."""
    return evaluating.request(store, user=user, dataset_id=dataset_id)


def score_on_new_gold(store: Store, *, user: User, project_id: int) -> Dataset:
    """Freeze the gold as it is now and ask for the scores of every model on it."""
    dataset = freezing.freeze(store, user=user, project_id=project_id)
    evaluating.request(store, user=user, dataset_id=dataset.id)
    return dataset


def _current(tx: Transaction, dataset_id: int) -> bool:
    row, state = tx.boards.get(dataset_id), tx.evaluations.state(dataset_id, Split.TEST)
    return state.startswith("0 ") if row is None else row.state == state


def _models(
    ranked: Collection[SummaryRow], entries: dict[int, Entry], limit: int | None, active: int | None
) -> tuple[Model, ...]:
    found: list[Model] = []
    for place, row in enumerate(ranked, start=1):
        entry = entries[row.evaluation_id]
        found.append(
            Model(
                evaluation_id=row.evaluation_id,
                rank=place if limit is None or place <= limit else None,
                entry=entry,
                micro=line_from(row.head["micro"]),
                macro=line_from(row.head["macro"]),
                ece=row.head["ece"],
                detailed=row.head["detailed"],
                versus=boards.difference_from(row.versus),
                in_use=entry.adapter_id == active,
            )
        )
    return tuple(found)


def _stale(one: Unscored) -> Stale:
    old = line_from(one.head["micro"]) if one.head else None
    return Stale(one.adapter_id, one.adapter, one.dataset, one.scored_at, old)


@dataclass(frozen=True, slots=True)
class Loss:
    """A run with its curves."""

    run_id: int
    name: str
    epochs: tuple[EpochReport, ...]


def runs(store: Store, *, user: User, dataset_id: int) -> list[tuple[int, str]]:
    """(id, name) of the runs on the dataset that have a curve, newest first."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.boards.runs(dataset_id)


def losses(store: Store, *, user: User, runs: Collection[tuple[int, str]]) -> list[Loss]:
    """The curves of these runs."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return [Loss(number, name, tuple(tx.runs.epochs(number))) for number, name in runs]


def dev_notes(store: Store, *, user: User, dataset_id: int) -> int:
    """How many notes chose the epoch of the dataset's runs."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.boards.notes_on(Split.DEV, [dataset_id]).get(dataset_id, 0)
