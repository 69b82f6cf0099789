"""A report as documents: Markdown for people, JSON for programs. Both hold numbers and names, never note text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mednerapp import __version__
from mednerapp.domain.clock import now
from mednerapp.domain.experiments import CellState, Experiment
from mednerapp.domain.presets import preset_of
from mednerapp.formats.loss_figure import Curve, draw
from mednerapp.scoring.intervals import Estimate
from mednerapp.scoring.seeds import SeedEstimate
from mednerapp.services.experiment_reports import EncoderResult, LabelResult, Report, standing

PAPER = "Accurate Medical Named Entity Recognition Through Specialized NLP Models"
ELSEWHERE = (
    f'The paper\'s figures ("{PAPER}", Table 1) were measured on MIMIC-III notes that are not in this dataset, '
    "with other labels: they stand here for orientation and cannot be compared with the figures beside them."
)
INTERVALS = (
    "Two kinds of uncertainty. The number after \u00b1 is half of the 95% t-interval over seeds: how far the mean "
    "would move if the same training were repeated with other seeds. The range in brackets is the 95% bootstrap "
    "interval over notes of the mean over seeds: how far it would move on other notes of the same kind."
)
_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")
_EPOCHS_SHOWN = 12


def markdown(found: Report, *, figure: str = "") -> str:
    """The whole report. `figure`: the path of Figure 2 as seen from the document; empty: no picture, only its table."""
    view = found.view
    parts = [
        f"# Experiment {view.experiment.id}: {_plain(view.experiment.name)}",
        _setting(found),
        "## Table 1: precision, recall and F1",
        basis(found),
        _table_of(
            (
                "Encoder", "Seeds", "Precision %", "Recall %", "F1 %", "F1 % over notes",
                "Paper: precision %", "Paper: F1 %",
            ),
            [(_plain(name), *rest) for name, *rest in map(table_row, found.rows)],
        ),
        " ".join(standing(found)),
        INTERVALS,
        ELSEWHERE,
    ]  # fmt: skip
    if any(row.per_label for row in found.rows):
        parts += ["### F1 by label", _labels(found)]
    if any(row.curve for row in found.rows):
        parts += [
            "## Figure 2: loss against epoch",
            f"![Loss against epoch]({figure})" if figure else "",
            _losses(found),
        ]
    parts += ["## Runs", _runs(found), *_missing(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def figure(found: Report) -> str:
    """Figure 2 as an SVG document: loss against epoch, one colour for each encoder."""
    curves = [
        Curve(
            row.encoder.name,
            [(p.epoch, *p.train) for p in row.curve],
            [(p.epoch, *p.dev) for p in row.curve if p.dev],
        )
        for row in found.rows
        if row.curve
    ]
    return draw(curves)


def as_json(found: Report) -> str:
    """Everything that the report rests on, down to the counts of each seed. Scores are in [0, 1]."""
    view, experiment = found.view, found.view.experiment
    value: dict[str, Any] = {
        "format": "mednerapp experiment 1",
        "mednerapp": __version__,
        "written_at": now().isoformat(),
        "experiment": {"id": experiment.id, "name": experiment.name, "started_at": experiment.created_at.isoformat()},
        "dataset": {
            "name": view.dataset.name,
            "hash": view.dataset.content_hash,
            "notes": {split.value: count for split, count in view.dataset.notes.items()},
        },
        "preset": experiment.preset or None,
        "hyper": {key: setting for key, setting in experiment.hyper.as_json().items() if key != "seed"},
        "seeds": list(experiment.seeds),
        "labels": list(found.labels),
        "test_notes": found.notes,
        "left_out": found.left_out,
        "complete": view.complete,
        "standing": standing(found),
        "encoders": [_encoder_json(row) for row in found.rows],
        "not_installed": list(found.not_installed),
        "runs": [
            {
                "run": cell.run.id,
                "encoder": cell.encoder.name,
                "seed": cell.run.hyper.seed,
                "state": cell.state.value,
                "device": cell.run.device,
                "error": cell.error,
            }
            for cell in view.cells
        ],
        "published_source": f"{PAPER}, Table 1; MIMIC-III, not comparable",
    }
    return json.dumps(value, indent=2) + "\n"


def setting(found: Report) -> str:
    """The settings of the runs in one line."""
    experiment = found.view.experiment
    hyper = experiment.hyper
    facts = [
        _preset(experiment),
        f"{hyper.epochs} epochs at most" if hyper.epochs != 1 else "1 epoch",
        f"learning rate {hyper.learning_rate:g}",
        f"batch size {hyper.batch_size}",
        f"seeds {', '.join(map(str, experiment.seeds))}",
    ]
    return ", ".join(facts)


def _preset(experiment: Experiment) -> str:
    same = preset_of(experiment.hyper)
    if same:
        return f"preset {same.name}"
    return f"preset {experiment.preset} with changes" if experiment.preset else "own settings"


def over_seeds(value: SeedEstimate) -> str:
    """`81.3 ± 2.4`, in percent; without the interval where there is none, a dash where the score is undefined."""
    if value.mean is None:
        return "\u2013"
    if value.half_width is None:
        return f"{100 * value.mean:.1f}"
    return f"{100 * value.mean:.1f} \u00b1 {100 * value.half_width:.1f}"


def over_notes(value: Estimate) -> str:
    """`[74.0, 87.2]`, in percent; a dash where there is no interval."""
    if value.low is None or value.high is None:
        return "\u2013"
    return f"[{100 * value.low:.1f}, {100 * value.high:.1f}]"


def seeds_of(row: EncoderResult) -> str:
    """`3`, or `2 of 3` while some are missing."""
    return str(row.seeds) if len(row.scored) == row.seeds else f"{len(row.scored)} of {row.seeds}"


def basis(found: Report) -> str:
    """On what the scores rest, in sentences."""
    if not found.notes:
        return (
            "There is no test note that none of the models saw in training, so nothing can be compared."
            if found.left_out
            else "No run is scored yet."
        )
    gold = next(row.micro.gold for row in found.rows if row.micro)
    text = (
        f"Strict spans (place and label exactly those of the gold), micro-averaged, on the same {found.notes} test "
        f"notes with {gold} gold spans for every encoder and seed."
    )
    if found.left_out:
        total = found.notes + found.left_out
        text += (
            f" {found.left_out} of the {total} test notes are left out for all, because at least one of the models, or "
            "the encoder under it, saw them in training."
        )
    if any(len(row.scored) == 1 for row in found.rows):
        text += " One seed: no interval over seeds."
    return text


def table_row(row: EncoderResult) -> tuple[str, ...]:
    """Encoder, seeds, precision, recall and F1 over seeds, F1 over notes, the paper's precision and F1; in percent."""
    published = row.published
    theirs = [_figure(published.precision if published else None), _figure(published.f1 if published else None)]
    if row.micro is None:
        return (row.encoder.name, seeds_of(row), *["\u2013"] * 4, *theirs)
    scores = row.micro.over_seeds
    ours = [over_seeds(score) for score in (scores.precision, scores.recall, scores.f1)]
    return (row.encoder.name, seeds_of(row), *ours, over_notes(row.micro.over_notes.f1), *theirs)


def label_score(result: LabelResult) -> str:
    """F1 of a label: `81.3 ± 2.4 [74.0, 87.2]`, over seeds and over notes."""
    return f"{over_seeds(result.over_seeds.f1)} {over_notes(result.over_notes.f1)}"


def _setting(found: Report) -> str:
    view = found.view
    notes = ", ".join(f"{count} {split.value}" for split, count in view.dataset.notes.items())
    done = view.count(CellState.DONE)
    lines = [
        f"* Dataset: {_plain(view.dataset.name)} ({notes} notes; hash `{view.dataset.content_hash[:16]}`)",
        f"* Settings: {_plain(setting(found))}",
        f"* Runs: {done} of {len(view.cells)} finished and scored",
        f"* Written {now():%Y-%m-%d %H:%M} UTC by MedNER {__version__}",
    ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.1f}"


def _labels(found: Report) -> str:
    gold = next(row.per_label for row in found.rows if row.per_label)
    header = ["Encoder", *(f"{_plain(label)} ({gold[label].gold} gold)" for label in found.labels)]
    rows = [
        [_plain(row.encoder.name), *(label_score(row.per_label[label]) for label in found.labels)]
        for row in found.rows
        if row.per_label
    ]
    return _table_of(header, rows)


def _losses(found: Report) -> str:
    """Some epochs, evenly chosen, with the first and the last: mean over the seeds, train / dev."""
    rows = [row for row in found.rows if row.curve]
    last = max(row.curve[-1].epoch for row in rows)
    step = max(1, -(-last // _EPOCHS_SHOWN))
    shown = sorted({1, *range(step, last + 1, step), last})
    by_epoch = [{point.epoch: point for point in row.curve} for row in rows]
    lines: list[list[str]] = []
    for epoch in shown:
        cells = [str(epoch)]
        for points in by_epoch:
            point = points.get(epoch)
            dev = f" / {point.dev[0]:.3f}" if point and point.dev else ""
            cells.append(f"{point.train[0]:.3f}{dev}" if point else "\u2013")
        lines.append(cells)
    header = ["Epoch", *(_plain(row.encoder.name) for row in rows)]
    return "Mean token loss, train / dev, mean over the seeds that reached the epoch.\n\n" + _table_of(header, lines)


def _runs(found: Report) -> str:
    counts = {row.encoder.id: dict(row.scored) for row in found.rows}
    lines: list[list[str]] = []
    for cell in found.view.cells:
        c = counts[cell.encoder.id].get(cell.run.hyper.seed)
        result = (f"{c.tp}", f"{c.fp}", f"{c.fn}") if c else ("\u2013",) * 3
        lines.append([f"{cell.run.id}", _plain(cell.encoder.name), f"{cell.run.hyper.seed}", cell.state.value, *result])
    table = _table_of(("Run", "Encoder", "Seed", "State", "Found (tp)", "Invented (fp)", "Missed (fn)"), lines)
    errors = [f"* Run {cell.run.id}: {_plain(cell.error)}" for cell in found.view.cells if cell.error]
    return "\n\n".join([table, *(["\n".join(errors)] if errors else [])])


def _missing(found: Report) -> list[str]:
    if not found.not_installed:
        return []
    commands = "\n".join(f"* {name}: `mednerapp models pull {name}`" for name in found.not_installed)
    return [f"Encoders of the paper that are not installed here, with the command that installs each:\n\n{commands}"]


def _encoder_json(row: EncoderResult) -> dict[str, Any]:
    return {
        "name": row.encoder.name,
        "source": row.encoder.source,
        "revision": row.encoder.revision,
        "weights_hash": row.encoder.weights_hash,
        "micro": _result_json(row.micro) if row.micro else None,
        "per_label": {label: _result_json(result) for label, result in row.per_label.items()},
        "seeds": [{"seed": seed, **asdict(counts)} for seed, counts in row.scored],
        "published": (
            {"precision": row.published.precision, "f1": row.published.f1, "unit": "percent"} if row.published else None
        ),
        "loss": [{"epoch": p.epoch, "seeds": p.seeds, "train": _band(p.train), "dev": _band(p.dev)} for p in row.curve],
    }


def _result_json(result: LabelResult) -> dict[str, Any]:
    scores = {}
    for metric in ("precision", "recall", "f1"):
        seeds: SeedEstimate = getattr(result.over_seeds, metric)
        notes: Estimate = getattr(result.over_notes, metric)
        scores[metric] = {
            "mean": seeds.mean,
            "over_seeds": {**asdict(seeds), "low": seeds.low, "high": seeds.high},
            "over_notes": {"low": notes.low, "high": notes.high, "notes": result.over_notes.notes},
        }
    return {**scores, "gold": result.gold}


def _band(values: tuple[float, float, float] | None) -> dict[str, float] | None:
    return dict(zip(("mean", "low", "high"), values, strict=True)) if values else None


def _table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _plain(text: str) -> str:
    """Text from outside inside Markdown: shown as it is, never as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
