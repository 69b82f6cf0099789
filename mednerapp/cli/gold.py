"""Datasets in and out, their data sheet, and agreement: the numbers that the pages show."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from mednerapp.cli.context import AsJson, DatasetName, ProjectName, find_dataset, find_project, open_app
from mednerapp.cli.output import table
from mednerapp.domain.datasets import Split
from mednerapp.scoring.resampling import Estimate
from mednerapp.services import agreeing, carrying, data_sheets
from mednerapp.services.data_sheets import Checked, Sheet

datasets = typer.Typer(no_args_is_help=True, help="Frozen datasets: what is in them, and bringing them elsewhere.")


@datasets.command()
def sheet(project: ProjectName, dataset: DatasetName = "", as_json: AsJson = False) -> None:
    """Notes, words and spans for each side and label, drift between the sides, and what stands on two of them."""
    with open_app() as (opened, user):
        chosen = find_dataset(opened, user, find_project(opened, project), dataset)
        found = data_sheets.sheet(opened.store, user=user, dataset_id=chosen.id)
        checked = data_sheets.check(opened.store, user=user, dataset_id=chosen.id)
    print(json.dumps(_as_json(found, checked)) if as_json else _in_words(found, checked))


@datasets.command()
def export(project: ProjectName, file: Path, dataset: DatasetName = "") -> None:
    """Write a dataset to a file. It holds patient text and patient keys."""
    with open_app() as (opened, user):
        chosen = find_dataset(opened, user, find_project(opened, project), dataset)
        with file.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(carrying.export(opened.store, user=user, dataset_id=chosen.id))
    print(f"{chosen.name}, hash {chosen.content_hash}, is in {file}.")


@datasets.command(name="import")
def import_(project: ProjectName, file: Path) -> None:
    """Bring a dataset in that was exported before: the same notes, spans, sides and hash."""
    with open_app() as (opened, user), file.open("rb") as lines:
        found = find_project(opened, project)
        made = carrying.import_dataset(opened.store, user=user, project_id=found.id, lines=lines)
    print(f"{made.name}, hash {made.content_hash}, is in {project}.")


def agreement(project: ProjectName, as_json: AsJson = False) -> None:
    """How far annotators who were blind to each other agree, for each pair and label, with 95% intervals."""
    with open_app() as (opened, user):
        found = agreeing.report(opened.store, user=user, project_id=find_project(opened, project).id)
    rows = [
        [
            f"{found.people[pair.first]}, {found.people[pair.second]}",
            pair.label or "all labels",
            str(pair.notes),
            *(_said(value) for value in (pair.strict, pair.relaxed, pair.kappa)),
        ]
        for pair in found.pairs
    ]
    alphas = {one.label or "all labels": _said(one.alpha) for one in found.group}
    if as_json:
        print(json.dumps({"notes": found.notes, "left_out": found.left_out, "pairs": rows, "alpha": alphas}))
        return
    print(table(("annotators", "label", "notes", "strict F1", "relaxed F1", "kappa"), rows))
    print(table(("label", "Krippendorff's alpha"), [list(row) for row in alphas.items()]))
    print(f"{found.notes} notes with two annotators; {found.left_out} left out, {found.waiting} waiting.")


def _said(value: Estimate) -> str:
    if value.value is None:
        return "-"
    between = "" if value.low is None or value.high is None else f" ({value.low:.3f} to {value.high:.3f})"
    return f"{value.value:.3f}{between}"


def _in_words(found: Sheet, checked: Checked) -> str:
    counts = {"notes": found.notes, "words": found.tokens, "patients": found.patients, "spans": found.spans}
    rows = [[name, *(str(by[split]) for split in Split)] for name, by in (counts | found.per_label).items()]
    lines = [
        f"{found.dataset.name}, hash {found.dataset.content_hash}",
        table(("", *(split.value for split in Split)), rows),
    ]
    lines += [
        f"Labels, train against {split.value}: {drift.divergence:.4f} bits, p = {drift.p:.4f}"
        for split, drift in found.drift.items()
        if drift.divergence is not None and drift.p is not None
    ]
    leaks = checked.leakage
    lines.append(
        f"On two sides: {len(leaks.patients)} patients, {len(leaks.texts)} pairs of nearly the same text; "
        f"{checked.unknown} notes without a patient key."
    )
    return "\n".join(lines)


def _as_json(found: Sheet, checked: Checked) -> dict[str, object]:
    return {
        "dataset": found.dataset.name,
        "hash": found.dataset.content_hash,
        "notes": found.notes,
        "words": found.tokens,
        "patients": found.patients,
        "spans": found.spans,
        "labels": found.per_label,
        "drift": {s: {"bits": d.divergence, "p": d.p} for s, d in found.drift.items()},
        "leaks": {"patients": len(checked.leakage.patients), "texts": len(checked.leakage.texts)},
        "without_patient": checked.unknown,
    }
