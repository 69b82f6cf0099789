"""What the command line prints: tables for people, JSON for programs, progress on the error stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset
from mednerapp.domain.jobs import Job
from mednerapp.domain.models import PUBLISHED_RESULTS
from mednerapp.scoring.intervals import Estimate, Score
from mednerapp.services.fine_tuning import RunView
from mednerapp.services.merging import Merged, MergeReport
from mednerapp.services.reporting import Comparison

Advance = Callable[[int], None]


@contextmanager
def counter(console: Console, unit: str) -> Generator[Advance]:
    """A running count of things whose number is not known beforehand."""
    with Progress(SpinnerColumn(), TextColumn("{task.completed:.0f} " + unit), console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda n: progress.advance(task, n)


@contextmanager
def bars(console: Console) -> Generator[Callable[[list[Job]], None]]:
    """One bar for each job, in the job's own units."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]} · {task.fields[state]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[int, TaskID] = {}

        def show(jobs: list[Job]) -> None:
            for job in jobs:
                if job.id not in tasks:
                    tasks[job.id] = progress.add_task(job.kind.value, total=None, unit="", state="")
                progress.update(
                    tasks[job.id], completed=job.done, total=job.total or None, unit=job.unit, state=job.state.value
                )

        yield show


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns padded with blanks; the first is left-aligned, the others right-aligned."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]

    def padded(line: list[str]) -> str:
        return "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )

    return "\n".join([padded(lines[0]).rstrip(), *(padded(line) for line in lines[1:])])


def merge_report(report: MergeReport, *, as_json: bool, dry_run: bool = False) -> None:
    counts = {outcome.value: report.outcomes[outcome] for outcome in Merged}
    if as_json:
        _json(
            {
                **counts,
                "spans": report.spans,
                "dropped_labels": dict(report.dropped_labels),
                "not_kept": dict(report.not_kept),
                "discontinuous": report.discontinuous,
                "reasons": [[item.place, item.reason] for item in report.rejected],
            }
        )
        return
    print(("Would be: " if dry_run else "") + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if report.spans:
        print(f"Spans stored: {report.spans}")
    if report.dropped_labels:
        dropped = report.dropped_labels.total()
        print(f"Spans left out (their label was not asked for, or --gold was not given): {dropped}")
    if report.discontinuous:
        print(f"Discontinuous spans, which are kept but not trained on: {report.discontinuous}")
    for what, count in report.not_kept.most_common():
        print(f"Not kept, because there is no place for it: {count} {what}")
    for item in report.rejected:
        print(f"  {item.place}: {item.reason}")
    if (more := report.outcomes[Merged.REJECTED] - len(report.rejected)) > 0:
        print(f"  and {more} more")


def dataset(value: Dataset, *, as_json: bool) -> None:
    counts = {split.value: count for split, count in value.notes.items()}
    if as_json:
        _json({"name": value.name, "hash": value.content_hash, "notes": counts, "spans": value.spans})
        return
    print(
        f"Dataset {value.name!r}: {', '.join(f'{n} {split}' for split, n in counts.items())} notes, {value.spans} spans"
    )
    print(f"Hash {value.content_hash}")


def run(view: RunView, *, as_json: bool) -> None:
    if as_json:
        _json(_run_values(view))
        return
    rows = [
        (f"{e.epoch}", f"{e.train_loss:.4f}", _number(e.dev_loss, 4), _number(e.dev_f1, 3), f"{e.seconds:.0f}")
        for e in view.epochs
    ]
    print(table(("epoch", "train loss", "dev loss", "dev F1", "seconds"), rows))
    print(f"Run {view.run.id} ({view.run.name}, seed {view.run.hyper.seed}, {view.run.device}): {view.run.state.value}")
    if view.run.error:
        print(view.run.error)


def runs(views: Sequence[RunView], *, as_json: bool) -> None:
    if as_json:
        _json([_run_values(view) for view in views])
        return
    if not views:
        print("No model has been trained in this project. Run `mednerapp train`.")
    for view in views:
        print(f"{view.run.name}: {view.encoder} on {view.dataset!r}")
        run(view, as_json=False)
        print()


def _run_values(view: RunView) -> dict[str, Any]:
    return {
        "run": view.run.id,
        "name": view.run.name,
        "state": view.run.state.value,
        "error": view.run.error,
        "device": view.run.device,
        "dataset": view.dataset,
        "encoder": view.encoder,
        "hyper": view.run.hyper.as_json(),
        "epochs": [asdict(epoch) for epoch in view.epochs],
        "adapter": view.run.adapter_id,
    }


def comparison(value: Comparison, *, as_json: bool) -> None:
    if as_json:
        _json(
            {
                "dataset": value.dataset.name,
                "hash": value.dataset.content_hash,
                "test_notes": value.notes,
                "left_out": value.left_out,
                "adapters": [
                    {
                        "name": s.adapter.name,
                        "encoder": s.encoder,
                        "seed": s.run.hyper.seed if s.run else None,
                        "micro": asdict(s.micro),
                        "per_label": {label: asdict(score) for label, score in s.per_label.items()},
                    }
                    for s in value.scores
                ],
                "missing": [adapter.name for adapter in value.missing],
            }
        )
        return
    print(f"Dataset {value.dataset.name!r}, {value.notes} test notes, strict spans; [95% interval over notes]")
    if value.left_out:
        print(f"{value.left_out} test notes left out: a model or its base saw them in training")
    if not value.notes and value.left_out:
        print("The models cannot be compared: no test note is unseen by all of them")
    header = ("adapter", "label", "precision", "recall", "F1", "tp", "fp", "fn")
    rows = [
        (s.adapter.name, label, *_scores(score))
        for s in value.scores
        for label, score in (("all (micro)", s.micro), *s.per_label.items())
    ]
    print(table(header, rows))
    for adapter in value.missing:
        print(f"Not scored: {adapter.name}")
    published = ", ".join(f"{p.encoder} {p.precision}/{p.f1}" for p in PUBLISHED_RESULTS if p.f1)
    print(f"For reference, the paper's precision/F1 on MIMIC-III (other notes, not comparable): {published}")


def people(everybody: Sequence[User], *, as_json: bool) -> None:
    if as_json:
        _json([asdict(user) for user in everybody])
        return
    rows = [(u.email, u.name, u.role.value, "disabled" if u.disabled else "") for u in everybody]
    print(table(("e-mail", "name", "role", ""), rows))


def _scores(score: Score) -> tuple[str, ...]:
    c = score.counts
    return (*(_estimate(e) for e in (score.precision, score.recall, score.f1)), f"{c.tp}", f"{c.fp}", f"{c.fn}")


def _estimate(e: Estimate) -> str:
    if e.value is None:
        return "\u2013"
    if e.low is None or e.high is None:
        return f"{e.value:.3f}"
    return f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _json(value: Any) -> None:
    print(json.dumps(value, indent=2, default=str))
