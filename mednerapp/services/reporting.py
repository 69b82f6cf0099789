"""What the dashboard and the command line show: the same numbers for both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.models import Adapter, EpochReport, Evaluation, Run
from mednerapp.scoring.intervals import Score, bootstrap
from mednerapp.scoring.strict import Counts
from mednerapp.store import Store


@dataclass(frozen=True, slots=True)
class AdapterScore:
    """An adapter on the common test notes. `run` is None for the starter."""

    adapter: Adapter
    encoder: str
    run: Run | None
    micro: Score
    per_label: dict[str, Score]
    active: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Adapters on the same test notes of one dataset, best F1 first.

    notes: how many test notes every adapter was scored on; without one there are no scores. left_out: test notes that
    do not count because at least one of the adapters (or its base) saw them in training. missing: adapters that have
    not been scored yet.
    """

    dataset: Dataset
    labels: tuple[str, ...]
    scores: tuple[AdapterScore, ...]
    notes: int
    left_out: int
    missing: tuple[Adapter, ...]
    curves: tuple[tuple[Run, tuple[EpochReport, ...]], ...]


def datasets(store: Store, *, user: User, project_id: int) -> list[Dataset]:
    """Newest first."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.datasets.all(project_id)


def compare(store: Store, *, user: User, dataset_id: int) -> Comparison:
    """Every adapter of the project on the test split of the dataset."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        dataset = tx.datasets.get(dataset_id)
        labels = tx.projects.schema(dataset.schema_id).names
        active = tx.projects.get(dataset.project_id).active_adapter_id
        adapters = tx.models.adapters(dataset.project_id)
        encoders = {encoder.id: encoder.name for encoder in tx.models.encoders()}
        evaluations = {e.adapter_id: e for e in tx.evaluations.of_dataset(dataset_id, Split.TEST)}
        by_id = {a.run_id: tx.runs.get(a.run_id) for a in adapters if a.run_id}  # of other datasets, too
        runs = [run for run in tx.runs.all(dataset.project_id) if run.dataset_id == dataset_id]
        curves = tuple((run, tuple(tx.runs.epochs(run.id))) for run in runs)
    common = _common_notes(list(evaluations.values()))
    scores = [
        AdapterScore(
            adapter,
            encoders[adapter.encoder_id],
            by_id.get(adapter.run_id) if adapter.run_id else None,
            *_scores(evaluations[adapter.id], labels, common),
            active=adapter.id == active,
        )
        for adapter in adapters
        if adapter.id in evaluations and common  # without a common note there is nothing to compare on
    ]
    scores.sort(key=lambda s: -1.0 if s.micro.f1.value is None else s.micro.f1.value, reverse=True)
    return Comparison(
        dataset=dataset,
        labels=labels,
        scores=tuple(scores),
        notes=len(common),
        left_out=dataset.notes[Split.TEST] - len(common) if evaluations else 0,
        missing=tuple(adapter for adapter in adapters if adapter.id not in evaluations),
        curves=curves,
    )


def _common_notes(evaluations: list[Evaluation]) -> frozenset[int]:
    sets = [frozenset(count.note_id for count in evaluation.counts) for evaluation in evaluations]
    return frozenset.intersection(*sets) if sets else frozenset()


def _scores(evaluation: Evaluation, labels: tuple[str, ...], notes: frozenset[int]) -> tuple[Score, dict[str, Score]]:
    per_label: dict[str, dict[int, Counts]] = {label: dict.fromkeys(notes, Counts()) for label in labels}
    total: dict[int, Counts] = defaultdict(Counts)
    for c in evaluation.counts:
        if c.note_id in notes and c.label in per_label:
            counts = Counts(c.tp, c.fp, c.fn)
            per_label[c.label][c.note_id] = counts
            total[c.note_id] += counts
    micro = bootstrap([total[note] for note in sorted(notes)])
    return micro, {label: bootstrap([by_note[n] for n in sorted(notes)]) for label, by_note in per_label.items()}
