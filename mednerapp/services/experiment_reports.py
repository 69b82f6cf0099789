"""What an experiment found: the paper's Table 1 and Figure 2, with what is known of their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.experiments import CellState
from mednerapp.domain.models import PUBLISHED_RESULTS, Encoder, EpochReport, Evaluation, PublishedResult
from mednerapp.ner.encoders import ENCODERS, spec_of
from mednerapp.scoring.intervals import MeanScore, bootstrap_mean
from mednerapp.scoring.seeds import SeedEstimate, over_seeds
from mednerapp.scoring.strict import Counts
from mednerapp.services import experimenting
from mednerapp.services.experimenting import CellView, ExperimentView
from mednerapp.store import Store


@dataclass(frozen=True, slots=True)
class SeedScore:
    """Precision, recall and F1 as means over seeds, with t-intervals over the seeds."""

    precision: SeedEstimate
    recall: SeedEstimate
    f1: SeedEstimate


@dataclass(frozen=True, slots=True)
class LabelResult:
    """One label, or all of them (micro). `gold`: spans of the common notes. Both scores are means over the seeds."""

    over_seeds: SeedScore
    over_notes: MeanScore
    gold: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Means over the seeds that reached the epoch, with the lowest and the highest of them. Dev: None without notes."""

    epoch: int
    seeds: int
    train: tuple[float, float, float]  # mean, lowest, highest
    dev: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class EncoderResult:
    """A row of the table.

    scored: (seed, micro counts on the common notes) of the cells that are done, by seed.
    micro, per_label: None and empty while no cell is done.
    published: the paper's figures for the encoder, from other data; None for one that the paper does not have.
    """

    encoder: Encoder
    seeds: int
    scored: tuple[tuple[int, Counts], ...]
    micro: LabelResult | None
    per_label: Mapping[str, LabelResult]
    published: PublishedResult | None
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment's results so far, its encoders in the order in which they were named.

    notes: the test notes on which every finished cell was scored; only these count. left_out: the other test notes of
    the dataset: at least one of the models, or the encoder under it, saw them in training.
    not_installed: encoders of the paper's table that could not take part.
    """

    view: ExperimentView
    labels: tuple[str, ...]
    rows: tuple[EncoderResult, ...]
    notes: int
    left_out: int
    not_installed: tuple[str, ...]


def report(store: Store, *, user: User, experiment_id: int) -> Report:
    """All finished cells, scored on the test notes that they have in common."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        view = experimenting.view(tx, tx.experiments.get(experiment_id))
        labels = tx.projects.schema(view.dataset.schema_id).names
        curves = tx.experiments.epochs(experiment_id)
        done = [cell for cell in view.cells if cell.state is CellState.DONE]
        adapters = [cell.run.adapter_id for cell in done if cell.run.adapter_id is not None]
        found = tx.evaluations.of_dataset(view.dataset.id, Split.TEST, adapters=adapters)
        evaluations = {evaluation.adapter_id: evaluation for evaluation in found}
        installed = tx.models.encoders()
    notes = _common_notes(evaluations.values())
    rows: list[EncoderResult] = []
    for encoder_id in view.experiment.encoder_ids:
        cells = sorted((c for c in view.cells if c.encoder.id == encoder_id), key=lambda c: c.run.hyper.seed)
        rows.append(_row(cells, labels, evaluations, curves, sorted(notes)))
    return Report(
        view=view,
        labels=labels,
        rows=tuple(rows),
        notes=len(notes),
        left_out=view.dataset.notes[Split.TEST] - len(notes) if evaluations else 0,
        not_installed=missing_encoders(installed),
    )


def missing_encoders(installed: Iterable[Encoder]) -> tuple[str, ...]:
    """Names of the paper's encoders that are not among these."""
    there = {spec.name for encoder in installed if (spec := spec_of(encoder.source) or spec_of(encoder.name))}
    return tuple(name for name in ENCODERS if name not in there)


def published_for(encoder: Encoder) -> PublishedResult | None:
    """The paper's row for an installed encoder."""
    spec = spec_of(encoder.source) or spec_of(encoder.name)
    return next((row for row in PUBLISHED_RESULTS if spec and row.encoder == spec.name), None)


def standing(found: Report) -> list[str]:
    """What may be said of who is ahead, in sentences. Encoders differ only where neither kind of interval overlaps."""
    ranked = sorted(
        ((row, row.micro) for row in found.rows if row.micro and row.micro.over_seeds.f1.mean is not None),
        key=lambda item: -(item[1].over_seeds.f1.mean or 0.0),
    )
    if not ranked:
        return []
    if len(ranked) == 1:
        return ["Only one encoder is scored so far, so there is nothing to compare."]
    best = ranked[0][1]
    top = best.over_seeds.f1.mean or 0.0
    if not top:
        return ["No encoder found a gold span of the test notes: there is nothing to compare."]
    first = [row.encoder.name for row, result in ranked if result.over_seeds.f1.mean == top]
    others = ranked[len(first) :]
    have, of_it = ("has", "it is") if len(first) == 1 else ("share", "they are")
    said = [f"{_listed(first)} {have} the highest mean F1 ({100 * top:.1f}%)."]
    same = [row.encoder.name for row, result in others if not _apart(best, result)]
    apart = [row.encoder.name for row, result in others if _apart(best, result)]
    if same:
        said.append(f"By these intervals {of_it} not distinguishable from {_listed(same)}.")
    if apart:
        said.append(f"Neither the interval over seeds nor that over notes overlaps that of {_listed(apart)}.")
    if any(row.micro and row.micro.over_seeds.f1.seeds < 2 for row in found.rows):
        said.append(
            "One seed says nothing about others: without an interval over seeds no encoder is told from another."
        )
    return said


def _apart(a: LabelResult, b: LabelResult) -> bool:
    """Neither the intervals over seeds nor those over notes overlap; where one is missing, nothing is told apart."""
    pairs = [
        (a.over_seeds.f1.low, a.over_seeds.f1.high, b.over_seeds.f1.low, b.over_seeds.f1.high),
        (a.over_notes.f1.low, a.over_notes.f1.high, b.over_notes.f1.low, b.over_notes.f1.high),
    ]
    for a_low, a_high, b_low, b_high in pairs:
        if a_low is None or a_high is None or b_low is None or b_high is None or (a_low <= b_high and b_low <= a_high):
            return False
    return True


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _common_notes(evaluations: Iterable[Evaluation]) -> frozenset[int]:
    sets = [frozenset(count.note_id for count in evaluation.counts) for evaluation in evaluations]
    return frozenset.intersection(*sets) if sets else frozenset()


def _row(
    cells: Sequence[CellView],
    labels: tuple[str, ...],
    evaluations: Mapping[int, Evaluation],
    curves: Mapping[int, Sequence[EpochReport]],
    notes: Sequence[int],
) -> EncoderResult:
    scored = [
        (cell.run.hyper.seed, evaluations[cell.run.adapter_id])
        for cell in cells
        if cell.run.adapter_id is not None and cell.run.adapter_id in evaluations
    ]
    per_label: dict[str, LabelResult] = {}
    micro: LabelResult | None = None
    totals: list[tuple[int, Counts]] = []
    if scored and notes:  # without a common note there is nothing to compare on
        tables = [_table(evaluation, labels) for _, evaluation in scored]
        per_label = {label: _result([t[label] for t in tables], notes) for label in labels}
        sums = [{note: sum((t[label][note] for label in labels), Counts()) for note in notes} for t in tables]
        micro = _result(sums, notes)
        totals = [(seed, sum(one.values(), Counts())) for (seed, _), one in zip(scored, sums, strict=True)]
    return EncoderResult(
        encoder=cells[0].encoder,
        seeds=len(cells),
        scored=tuple(totals),
        micro=micro,
        per_label=per_label,
        published=published_for(cells[0].encoder),
        curve=_curve([curves[c.run.id] for c in cells if c.run.id in curves]),
    )


def _table(evaluation: Evaluation, labels: tuple[str, ...]) -> dict[str, dict[int, Counts]]:
    """Counts by label and note; every evaluation has a row for every note that was scored."""
    table: dict[str, dict[int, Counts]] = {label: {} for label in labels}
    for c in evaluation.counts:
        if c.label in table:
            table[c.label][c.note_id] = Counts(c.tp, c.fp, c.fn)
    return table


def _result(scorings: Sequence[Mapping[int, Counts]], notes: Sequence[int]) -> LabelResult:
    """scorings: for each seed the counts by note."""
    per_note = [[scoring[note] for note in notes] for scoring in scorings]
    totals = [sum(counts, Counts()) for counts in per_note]
    return LabelResult(
        SeedScore(
            over_seeds([_ratio(c.tp, c.predicted) for c in totals]),
            over_seeds([_ratio(c.tp, c.gold) for c in totals]),
            over_seeds([_ratio(2 * c.tp, c.predicted + c.gold) for c in totals]),
        ),
        bootstrap_mean(per_note),
        totals[0].gold,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _curve(runs: Sequence[Sequence[EpochReport]]) -> tuple[CurvePoint, ...]:
    by_epoch: dict[int, list[EpochReport]] = {}
    for epochs in runs:
        for epoch in epochs:
            by_epoch.setdefault(epoch.epoch, []).append(epoch)
    points: list[CurvePoint] = []
    for number, found in sorted(by_epoch.items()):
        dev = [epoch.dev_loss for epoch in found if epoch.dev_loss is not None]
        points.append(
            CurvePoint(number, len(found), _spread([e.train_loss for e in found]), _spread(dev) if dev else None)
        )
    return tuple(points)


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return math.fsum(values) / len(values), min(values), max(values)
