"""`mednerapp simulate`: how often the statistics of the dashboard are right, on data whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mednerapp.bench.simulate import planted, populations, uncertainty
from mednerapp.cli import output
from mednerapp.cli.context import AsJson, console

simulate = typer.Typer(no_args_is_help=True, help="How often the statistics are right where the truth is known.")

Seed = Annotated[int, typer.Option(help="The same seed gives the same figures.")]
Spread = Annotated[
    float, typer.Option(min=0, max=2, help="How uneven notes are: standard deviation of the logarithm of their length.")
]


@simulate.command()
def coverage(
    sets: Annotated[int, typer.Option(min=1, help="Test sets for each number of notes.")] = 1000,
    notes: Annotated[list[int] | None, typer.Option(min=2, help="Repeat it; default: 20, 40 and 100.")] = None,
    spread: Spread = populations.SPREAD,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """How many of the 95% intervals hold the true score; it should be 93 to 97%."""
    with _bar("test sets") as progress:
        found = uncertainty.coverage(
            sets=sets, notes=notes or (20, 40, 100), spread=spread, seed=seed, on_progress=progress
        )
    header = ("score", "notes", "test sets", "covered", "plain percentile", "mean width", "no interval")
    rows = [
        (
            f.measure,
            f"{f.notes}",
            f"{f.sets}",
            _percent(f.covered),
            _percent(f.percentile),
            f"{f.width:.3f}",
            f"{f.without}",
        )
        for f in found
    ]
    _show(found, header, rows, as_json=as_json)


@simulate.command()
def null(
    sets: Annotated[int, typer.Option(min=1, help="Pairs of models for each number of notes.")] = 2000,
    notes: Annotated[list[int] | None, typer.Option(min=2, help="Repeat it; default: 20, 43 and 100.")] = None,
    spread: Spread = populations.SPREAD,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """How often two equally good models are told apart; it should be 4 to 6%."""
    with _bar("pairs") as progress:
        found = uncertainty.null(
            sets=sets, notes=notes or (20, 43, 100), spread=spread, seed=seed, on_progress=progress
        )
    rows = [(f"{f.notes}", f"{f.sets}", _percent(f.rejected), _percent(f.without_zero)) for f in found]
    _show(found, ("notes", "pairs", "test rejects", "interval leaves out 0"), rows, as_json=as_json)


@simulate.command()
def power(
    pilots: Annotated[int, typer.Option(min=1, help="Test sets that say how many notes it takes.")] = 300,
    tests: Annotated[int, typer.Option(min=1, help="New test sets of that size for each.")] = 4,
    notes: Annotated[int, typer.Option(min=6, help="Notes of a first test set.")] = 43,
    points: Annotated[float, typer.Option(min=0.1, max=50, help="The true difference, in points of F1.")] = 2.0,
    spread: Spread = populations.SPREAD,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Whether "about N more test notes would show it" is so; it should show in about 80%."""
    with _bar("test sets") as progress:
        f = uncertainty.power(
            pilots=pilots,
            tests=tests,
            notes=notes,
            difference=points / 100,
            spread=spread,
            seed=seed,
            on_progress=progress,
        )
    header = (
        "difference",
        "first notes",
        "notes announced",
        "quartiles",
        "tests",
        "shown",
        "known spread",
        "shown",
        "announced",
    )
    row = (
        f"{points:g} points",
        f"{f.notes}",
        f"{f.median}",
        f"{f.low} to {f.high}",
        f"{f.tests}",
        _percent(f.shown),
        f"{f.known}",
        _percent(f.shown_known),
        _percent(f.announced),
    )
    _show([f], header, [row], as_json=as_json)


@simulate.command()
def leakage(
    notes: Annotated[int, typer.Option(min=150, help="Synthetic notes.")] = 3000,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Whether planted patients and near-duplicates on two sides of a split are found."""
    with _bar("notes") as progress:
        f = planted.leaks(notes=notes, seed=seed, on_progress=progress)
    rows = [
        ("patients on two sides", f"{f.patients_planted}", f"{f.patients_found}"),
        ("near-duplicates on two sides", f"{f.texts_planted}", f"{f.texts_found}"),
        ("anything else", "0", f"{f.other}"),
        ("short notes alike before planting", "", f"{f.alike_before}"),
    ]
    _show([f], (f"in {f.notes} notes", "planted", "found"), rows, as_json=as_json)


@simulate.command()
def labels(
    notes: Annotated[int, typer.Option(min=20, help="Notes with gold.")] = 1000,
    share: Annotated[float, typer.Option(min=0.001, max=0.5, help="Share of gold that is made wrong.")] = 0.05,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Whether planted label errors come first; of the first 5% at least five times as many as by chance."""
    with _bar("notes") as progress:
        f = planted.labels(notes=notes, share=share, seed=seed, on_progress=progress)
    header = ("gold spans", "planted", "looked at", "found", "by chance", "recall", "times chance")
    row = (
        f"{f.spans}",
        f"{f.planted}",
        f"{f.looked_at}",
        f"{f.found}",
        f"{f.by_chance:.1f}",
        _percent(f.recall),
        f"{f.times_chance:.1f}",
    )
    _show([f], header, [row], as_json=as_json)


def _show(found: Sequence[Any], header: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool) -> None:
    print(json.dumps([asdict(value) for value in found], indent=2) if as_json else output.table(header, rows))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


@contextmanager
def _bar(unit: str) -> Generator[uncertainty.Progress]:
    """How far it is, on the error stream."""
    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
