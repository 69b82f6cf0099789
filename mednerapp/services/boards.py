"""Making the board of a dataset: every model summed up over the same test notes, and what follows from them together.

The worker makes it after each evaluation, so that the dashboard reads a few small rows. What did not change is kept: a
summary as long as it is over the same notes, a comparison as long as it is with the same best model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from mednerapp.domain.datasets import Split
from mednerapp.domain.models import EvaluationHead
from mednerapp.scoring import comparing
from mednerapp.scoring.comparing import Difference
from mednerapp.scoring.resampling import Estimate
from mednerapp.scoring.strict import Counts
from mednerapp.scoring.summaries import NoteFacts, summarise
from mednerapp.services import board_curves
from mednerapp.store import Store, Transaction
from mednerapp.store.evaluations import basis_of

Progress = Callable[[int, int], None]


def refresh(store: Store, *, dataset_id: int, on_progress: Progress | None = None) -> None:
    """Make the board of the dataset's test notes, if evaluations have come or gone since it was made.

    on_progress: (models done, models in all).
    """
    with store.read() as tx:
        state, there = tx.evaluations.state(dataset_id, Split.TEST), tx.boards.get(dataset_id)
        if there and there.state == state:
            return
        heads = tx.evaluations.heads(dataset_id, Split.TEST)
        labels = tx.projects.schema(tx.datasets.get(dataset_id).schema_id).names
        facts = tx.boards.facts(dataset_id, Split.TEST)
        common = _common(tx, heads)
        notes = [note for note in facts if note.note_id in common]
        basis = basis_of(common)
        known = tx.boards.summed_up(dataset_id, basis)
        rank = {row.evaluation_id: row for row in tx.boards.ranked(dataset_id) if row.evaluation_id in known}
    say = on_progress or _silent
    for done, head in enumerate(heads):
        say(done, len(heads))
        if head.id not in known and notes:
            _sum_up(store, head, labels, notes, basis)
    with store.write() as tx:
        tx.boards.drop_others(dataset_id, basis)
    versus = _versus(store, dataset_id, [note.note_id for note in notes], {i: row.versus for i, row in rank.items()})
    with store.read() as tx:
        detail = board_curves.together(tx, dataset_id)
    with store.write() as tx:
        first: dict[int, dict[str, Any]] = {row.evaluation_id: {} for row in tx.boards.ranked(dataset_id, limit=1)}
        others = {number: difference_json(best, found) for number, (best, found) in versus.items()}
        tx.boards.set_versus({**others, **first})
        tx.boards.put(
            dataset_id,
            state=state,
            basis=basis,
            models=len(heads),
            notes=len(notes),
            left_out=len(facts) - len(notes),
            detail=detail,
        )
    say(len(heads), len(heads))


def _silent(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def micro_counts(tx: Transaction, evaluation_id: int, note_ids: Sequence[int]) -> list[Counts]:
    """Strict counts over all labels, one for each of the notes, in their order."""
    total = dict.fromkeys(note_ids, Counts())
    for (note, _), counts in tx.evaluations.counts_of(evaluation_id).items():
        if note in total:
            total[note] += Counts(*counts)
    return list(total.values())


def difference_json(best: int, found: Difference) -> dict[str, Any]:
    value = asdict(found)
    value["estimate"] = [found.estimate.value, found.estimate.low, found.estimate.high]
    return {"best": best, "difference": value}


def difference_from(value: Mapping[str, Any]) -> Difference | None:
    """The best model minus this one; None of the best itself."""
    if not value:
        return None
    fields: dict[str, Any] = dict(value["difference"])
    fields["estimate"] = Estimate(*fields["estimate"])
    return Difference(**fields)


def _common(tx: Transaction, heads: Sequence[EvaluationHead]) -> frozenset[int]:
    """The notes that every model was scored on; those of one are read where the hashes say that all have the same."""
    distinct = {head.basis or str(head.id): head.id for head in heads}  # '': stored before there was a hash
    sets = [tx.evaluations.notes_of(number) for number in distinct.values()]
    return frozenset.intersection(*sets) if sets else frozenset()


def _sum_up(store: Store, head: EvaluationHead, labels: Sequence[str], notes: Sequence[NoteFacts], basis: str) -> None:
    with store.read() as tx:
        counts = {key: Counts(*value) for key, value in tx.evaluations.counts_of(head.id).items()}
        became = tx.outcomes.all(head.id) if head.detailed else None
    summary = summarise(notes, labels, counts, became)
    value = summary.as_json()
    short = {key: value[key] for key in ("micro", "macro", "kinds", "ece", "detailed")}
    with store.write() as tx:
        tx.boards.put_summary(
            head.id,
            dataset_id=head.dataset_id,
            basis=basis,
            f1=summary.micro.f1.value,
            head=short,
            detail=value,
        )


def _versus(
    store: Store, dataset_id: int, note_ids: Sequence[int], before: Mapping[int, Mapping[str, Any]]
) -> dict[int, tuple[int, Difference]]:
    """Evaluation → (the best one's id, the best minus this), corrected for their number (Holm)."""
    with store.read() as tx:
        order = [row.evaluation_id for row in tx.boards.ranked(dataset_id)]
        if len(order) < 2:
            return {}
        best, *others = order
        first = micro_counts(tx, best, note_ids)
    found: list[Difference] = []
    for other in others:
        kept = before.get(other, {})
        known = difference_from(kept) if kept.get("best") == best else None
        if known is None:
            with store.read() as tx:
                second = micro_counts(tx, other, note_ids)
            known = comparing.compare(first, second)
        found.append(replace(known, corrected=None, comparisons=1))
    return {other: (best, difference) for other, difference in zip(others, comparing.corrected(found), strict=True)}
