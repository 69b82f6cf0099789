"""Champion and challenger: which adapter highlights the notes, who decided so, and on which numbers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.models import Adapter, Evaluation, Promotion, PromotionKind
from mednerapp.domain.projects import Project
from mednerapp.errors import ChangedSince, InvalidValue, NotFound
from mednerapp.scoring.comparing import Difference, compare
from mednerapp.scoring.intervals import Score, bootstrap
from mednerapp.scoring.strict import Counts
from mednerapp.services.evaluating import queue_newest
from mednerapp.services.predicting import queue_predictions
from mednerapp.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class LabelChange:
    """F1 of one label, strict, in [0, 1]; None where it is undefined."""

    label: str
    champion: float | None
    challenger: float | None

    @property
    def change(self) -> float | None:
        """Challenger minus champion; one of two that is undefined counts as 0."""
        if self.champion is None and self.challenger is None:
            return None
        return (self.challenger or 0.0) - (self.champion or 0.0)


@dataclass(frozen=True, slots=True)
class Duel:
    """Two adapters on the test notes that both were scored on and neither has seen. difference: challenger minus
    champion.
    """

    dataset: Dataset
    champion: Adapter
    challenger: Adapter
    notes: int
    scores: tuple[Score, Score]
    difference: Difference
    labels: tuple[LabelChange, ...]

    def as_evidence(self) -> dict[str, Any]:
        """The numbers as they are kept with a promotion: ids, counts and scores."""
        of = self.difference.estimate
        return {
            "dataset_id": self.dataset.id,
            "dataset": self.dataset.name,
            "champion_id": self.champion.id,
            "challenger_id": self.challenger.id,
            "notes": self.notes,
            "f1": [asdict(score.f1) for score in self.scores],
            "difference": asdict(of),
            "p": self.difference.p,
            "labels": [asdict(label) for label in self.labels],
        }


@dataclass(frozen=True, slots=True)
class Board:
    """champion: the adapter in force, None before the first. challengers: all others. previous: the one to go back to.
    datasets: on which at least two adapters were scored, newest first.
    """

    champion: Adapter | None
    challengers: tuple[Adapter, ...]
    previous: Adapter | None
    datasets: tuple[Dataset, ...]
    history: tuple[Promotion, ...]
    names: dict[int, str]


def board(store: Store, *, user: User, project_id: int) -> Board:
    user.require(Permission.TRAIN)
    with store.read() as tx:
        adapters = {adapter.id: adapter for adapter in tx.models.adapters(project_id)}
        history = tx.projects.promotions(project_id)
        champion = adapters.get(history[0].adapter_id) if history else None
        previous = history[0].previous_id if history else None
        datasets = [d for d in tx.datasets.all(project_id) if len(tx.evaluations.scored(d.id, Split.TEST)) > 1]
    return Board(
        champion,
        tuple(adapter for adapter in reversed(adapters.values()) if adapter != champion),
        adapters.get(previous) if previous else None,
        tuple(datasets),
        tuple(history),
        {adapter.id: adapter.name for adapter in adapters.values()},
    )


def duel(
    store: Store, *, user: User, project_id: int, challenger_id: int, dataset_id: int | None = None
) -> Duel | None:
    """The challenger against the adapter in force, on a dataset or on the newest on which both were scored; None where
    there is no common test note.
    """
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return _duel(tx, tx.projects.get(project_id), challenger_id, dataset_id)


def _duel(tx: Transaction, project: Project, challenger_id: int, dataset_id: int | None) -> Duel | None:
    champion_id = project.active_adapter_id
    if champion_id is None or champion_id == challenger_id:
        return None
    datasets = [d for d in tx.datasets.all(project.id) if dataset_id in (None, d.id)]
    for dataset in datasets:
        both = {champion_id, challenger_id}
        if both <= tx.evaluations.scored(dataset.id, Split.TEST):
            found = {e.adapter_id: e for e in tx.evaluations.of_dataset(dataset.id, Split.TEST, adapters=both)}
            return _compared(tx, dataset, found[champion_id], found[challenger_id])
    return None


def _compared(tx: Transaction, dataset: Dataset, champion: Evaluation, challenger: Evaluation) -> Duel | None:
    labels = tx.projects.schema(dataset.schema_id).names
    tables = [_per_note(evaluation, labels) for evaluation in (champion, challenger)]
    notes = sorted(tables[0].keys() & tables[1].keys())
    if not notes:
        return None
    total = [[_sum(table[note]) for note in notes] for table in tables]
    changes = [
        LabelChange(label, *(_f1(sum((table[note][label] for note in notes), Counts())) for table in tables))
        for label in labels
    ]
    return Duel(
        dataset,
        tx.models.adapter(champion.adapter_id),
        tx.models.adapter(challenger.adapter_id),
        len(notes),
        (bootstrap(total[0]), bootstrap(total[1])),
        compare(total[1], total[0]),
        tuple(changes),
    )


def _per_note(evaluation: Evaluation, labels: tuple[str, ...]) -> dict[int, dict[str, Counts]]:
    found: dict[int, dict[str, Counts]] = defaultdict(lambda: dict.fromkeys(labels, Counts()))
    for c in evaluation.counts:
        if c.label in labels:
            found[c.note_id][c.label] = Counts(c.tp, c.fp, c.fn)
    return dict(found)


def _sum(per_label: dict[str, Counts]) -> Counts:
    return sum(per_label.values(), Counts())


def _f1(counts: Counts) -> float | None:
    whole = 2 * counts.tp + counts.fp + counts.fn
    return 2 * counts.tp / whole if whole else None


def obstacles(project: Project, found: Duel | None) -> list[str]:
    """What the project's rule has against the challenger, in sentences; empty: nothing, or there is no rule."""
    level, drop = project.promotion_level, project.promotion_drop
    if level is None or drop is None:
        return []
    if found is None:
        return ["The rule wants a comparison, and these two were not scored on a common test note. Score them first."]
    said: list[str] = []
    value, p = found.difference.estimate.value, found.difference.p
    if value is None or p is None:
        said.append("On these notes the two cannot be told apart at all.")
    elif value <= 0:
        said.append(f"It is not better: {100 * value:+.1f} points of F1.")
    elif p > level:
        said.append(f"It is not certain that it is better: p = {p:.3f}, the rule wants at most {level:g}.")
    return said + [
        f"{one.label} falls by {-100 * one.change:.1f} points; the rule allows {100 * drop:g}."
        for one in found.labels
        if one.change is not None and one.change < -drop - 1e-12
    ]


def promote(
    store: Store,
    *,
    user: User,
    project_id: int,
    adapter_id: int,
    dataset_id: int | None = None,
    champion_id: int | None = None,
) -> Promotion:
    """From now on this adapter highlights the project's notes. The comparison with the one before is kept with it.

    Suggestions of the adapter before that nobody touched are replaced when their note is opened (`refreshing`).

    dataset_id: on whose test notes the two are compared; None: on the newest. champion_id: the adapter in force when
        the person decided.

    Raises:
        ChangedSince: another one is in force by now.
        InvalidValue: the project's rule has something against it.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        tx.projects.lock(project_id)
        project = tx.projects.get(project_id)
        if champion_id is not None and champion_id != project.active_adapter_id:
            raise ChangedSince("Another model was promoted meanwhile. Look at the comparison again.")
        if adapter_id == project.active_adapter_id:
            return tx.projects.promotions(project_id, limit=1)[0]
        found = _duel(tx, project, adapter_id, dataset_id)
        against = obstacles(project, found) if project.active_adapter_id else []
        if against:
            raise InvalidValue(" ".join(against))
        return _put_in_force(tx, user, project, adapter_id, PromotionKind.PROMOTE, found)


def roll_back(store: Store, *, user: User, project_id: int, champion_id: int) -> Promotion:
    """Go back to the adapter before; no rule is asked.

    Raises:
        ChangedSince: `champion_id` is not in force any more.
        NotFound: there was none before.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        tx.projects.lock(project_id)
        project = tx.projects.get(project_id)
        if champion_id != project.active_adapter_id:
            raise ChangedSince("Another model was promoted meanwhile. Look again.")
        previous = tx.projects.promotions(project_id, limit=1)[0].previous_id
        if previous is None:
            raise NotFound("No model was in use before this one.")
        found = _duel(tx, project, previous, None)
        return _put_in_force(tx, user, project, previous, PromotionKind.ROLL_BACK, found)


def _put_in_force(
    tx: Transaction, user: User, project: Project, adapter_id: int, kind: PromotionKind, found: Duel | None
) -> Promotion:
    adapter = tx.models.adapter(adapter_id)
    if adapter.project_id not in (None, project.id):
        raise NotFound(f"There is no adapter {adapter_id} in project {project.id}.")
    evidence = found.as_evidence() if found else None
    tx.projects.promote(project_id=project.id, adapter_id=adapter_id, user_id=user.id, kind=kind, evidence=evidence)
    queue_predictions(tx, project_id=project.id, user_id=user.id)
    queue_newest(tx, project_id=project.id, user_id=user.id)
    tx.audit.add(
        user=user,
        action="adapter promoted" if kind is PromotionKind.PROMOTE else "adapter rolled back",
        target=f"adapter:{adapter_id}",
        project_id=project.id,
        instead_of=project.active_adapter_id,
    )
    return tx.projects.promotions(project.id, limit=1)[0]


def change_rule(store: Store, *, user: User, project_id: int, level: float | None, drop: float | None) -> None:
    """What a challenger has to pass: be better at this level (0.05: 5%) of the paired test, and no label may fall by
    more than `drop` (0.02: two points of F1). None and None: no rule.

    Raises:
        InvalidValue: for a level outside 0 to 1, a negative fall, or one of two.
    """
    user.require(Permission.TRAIN)
    if (level is None) != (drop is None):
        raise InvalidValue("The rule has a level and a fall, or there is none.")
    if level is not None and drop is not None and not (0 < level < 1 and 0 <= drop <= 1):
        raise InvalidValue(f"The level lies between 0 and 1 and the fall too, not {level:g} and {drop:g}.")
    with store.write() as tx:
        tx.projects.change_promotion_rule(project_id, level=level, drop=drop)
        tx.audit.add(user=user, action="promotion rule changed", target=f"project:{project_id}", level=level, drop=drop)
