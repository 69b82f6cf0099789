"""`mednerapp deid`: what the recognisers find, measured; policies, the way back, a patient's text erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mednerapp.cli import output
from mednerapp.cli.context import AsJson, ProjectName, console, find_project, open_app
from mednerapp.deid import stock
from mednerapp.deid.beside import Beside
from mednerapp.deid.detector import Detector, with_model
from mednerapp.deid.measuring import Marked, Measured, is_for_tuning, measure, read_corpus, read_notes, wilson
from mednerapp.deid.planting import planted, sources
from mednerapp.domain.identifiers import IdentifierPolicy
from mednerapp.errors import InvalidValue
from mednerapp.scoring.intervals import Estimate
from mednerapp.services import erasing, identifiers
from mednerapp.settings import Settings

deid = typer.Typer(no_args_is_help=True, help="Identifiers in notes: find, measure, restore, erase.")

Half = Annotated[
    bool, typer.Option("--tuning-half", help="Measure on the half that may be looked at while rules are written.")
]


@deid.command()
def evaluate(
    corpus: Annotated[Path, typer.Argument(help="Folder or .jsonl(.gz) with `text` and `spans`.", exists=True)],
    plant_into: Annotated[
        list[Path] | None, typer.Option(help="Folders of notes (.jsonl(.gz), .txt) to plant identifiers into.")
    ] = None,
    values: Annotated[Path | None, typer.Option(help="Corpus whose names and addresses are planted.")] = None,
    each: Annotated[int, typer.Option(help="Planted identifiers of each type.", min=1)] = 2000,
    tuning_half: Half = False,
    alone: Annotated[bool, typer.Option("--alone", help="Without Presidio as it is beside it: quicker.")] = False,
    model: Annotated[
        str, typer.Option(help="One more column with a model beside the rules: adapter, or a model folder.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Recall and precision by type and the share of clean texts that were touched, beside Presidio as it is.

    Half of the texts, chosen by a hash, is for writing rules; figures come from the other half only.
    """
    systems = {"MedNER": with_model()}
    settings = Settings(deid_model=model or "off")
    beside = Beside(settings.deid_folder, settings.starter_dir) if settings.deid_folder else None
    if beside:
        systems[f"MedNER + {'adapter' if model == 'adapter' else 'model'}"] = with_model(beside)
    if not alone:
        systems["Presidio"] = Detector((stock.find_all,), min_score=0.0, spreads=False)
    everything = read_corpus(corpus)
    texts = [marked for marked in everything if is_for_tuning(marked.text) == tuning_half]
    figures: dict[str, Any] = {"corpus": _measured(texts, systems, "texts")}
    if plant_into:
        if values is None:
            raise InvalidValue("Planting needs --values: a corpus whose names are not those of the recognisers' lists.")
        given = sources(read_notes(plant_into), read_corpus(values), tuning=tuning_half)
        figures["planted"] = _measured(list(planted(given, each=each)), systems, "planted notes")
    if as_json:
        print(json.dumps({part: _as_json(found) for part, found in figures.items()}, indent=2))
        return
    half = "tuning" if tuning_half else "reported"
    print(f"{corpus.name}: {len(texts)} of {len(everything)} texts (the {half} half); [95% interval]")
    _show(figures["corpus"], with_precision=True)
    if "planted" in figures:
        print(f"\nPlanted: {each} identifiers of each type into notes of the {half} half; [95% interval]")
        _show(figures["planted"], with_precision=False)


@deid.command()
def check(project: ProjectName) -> None:
    """Look for identifiers in the project's notes that nothing has looked at yet."""
    with open_app() as (opened, user), output.counter(console, "notes") as advance:
        target = find_project(opened, project)
        found = identifiers.check(opened.store, user=user, project_id=target.id, on_progress=lambda _: advance(1))
    print(", ".join(f"{count} {verdict.value}" for verdict, count in found.items()))


@deid.command()
def policy(project: ProjectName, choose: Annotated[IdentifierPolicy, typer.Argument()]) -> None:
    """Say what happens with identifiers in notes that come into the project from now on."""
    with open_app() as (opened, user):
        target = find_project(opened, project)
        identifiers.choose_policy(opened.store, user=user, project_id=target.id, policy=choose)
    print(f"{target.name}: {choose.value}")


@deid.command()
def restore(
    note_id: int, out: Annotated[Path, typer.Option("--out", "-o", help="File to write; must not exist.")]
) -> None:
    """Write a note as it was before its identifiers were replaced; the audit log says so."""
    with open_app() as (opened, user), out.open("x", encoding="utf-8", newline="\n") as file:
        file.write(identifiers.restore_note(opened.store, user=user, note_id=note_id))
    print(f"Written to {out}")


@deid.command()
def erase(
    project: ProjectName, patient: Annotated[str, typer.Option(prompt=True, help="Key of the patient; asked for.")]
) -> None:
    """Remove a patient's notes for good, with all that hangs on them, and say what remains."""
    with open_app() as (opened, user):
        target = find_project(opened, project)
        erased = erasing.erase_patient(opened.store, user=user, project_id=target.id, patient_key=patient)
    print(f"Removed for good: {erased.notes} notes of the project, {erased.waiting} waiting for a person.")
    for note, dataset in erased.kept:
        print(f"Note {note} stays: needed by the frozen dataset {dataset}.")
    for adapter in erased.adapters:
        print(f"The adapter {adapter} has learned from these notes; it remains.")
    print("Backups and files that were exported before are not reached.")


@deid.command()
def erase_project(
    project: ProjectName,
    name: Annotated[
        str, typer.Option("--confirm", prompt="Type the project's name once more", help="Its name again; asked for.")
    ],
) -> None:
    """Remove a project for good: notes, annotations, datasets, scores, runs, and the adapters that learned in it."""
    with open_app() as (opened, user):
        target = find_project(opened, project)
        erased = erasing.erase_project(
            opened.store, user=user, project_id=target.id, name=name, settings=opened.settings
        )
    print(
        f"Removed for good: {erased.notes} notes, {erased.waiting} waiting for a person, "
        f"{erased.annotations} annotations, {erased.datasets} datasets, "
        f"{len(erased.adapters)} adapters with their files."
    )
    print("Ids and counts stay in the audit log. Backups and files that were exported before are not reached.")


def _measured(texts: list[Marked], systems: dict[str, Detector], unit: str) -> dict[str, Measured]:
    for system in systems.values():
        system.find("Fever.")  # what they load is not part of what a text takes
    with _bar(unit, len(texts) * len(systems)) as advance:
        return {name: measure(texts, system, on_progress=lambda _: advance()) for name, system in systems.items()}


@contextmanager
def _bar(unit: str, total: int) -> Generator[Callable[[], None]]:
    with Progress(TextColumn(unit), BarColumn(), MofNCompleteColumn(), console=console) as progress:
        task = progress.add_task(unit, total=total)
        yield lambda: progress.advance(task)


def _show(found: dict[str, Measured], *, with_precision: bool) -> None:
    types = sorted(next(iter(found.values())).gold.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        (kind.lower().replace("_", " "), f"{count}", *(_shown(wilson(m.found[kind], count)) for m in found.values()))
        for kind, count in types
    ]
    rows.append(("all", f"{sum(c for _, c in types)}", *(_shown(m.recall) for m in found.values())))
    print(output.table(("recall", "identifiers", *found), rows))
    if with_precision:
        rest = [
            ("precision", "", *(_shown(m.precision) for m in found.values())),
            (
                "clean texts touched",
                f"{next(iter(found.values())).clean}",
                *(_shown(m.touched_share) for m in found.values()),
            ),
        ]
        print(output.table(("", "of", *found), rest))
    else:  # the notes hold identifiers of their own, so only the difference between columns says what one more costs
        rates = [f"{m.elsewhere:.2f}" for m in found.values() if m.elsewhere is not None]
        print(output.table(("", *found), [("findings elsewhere in 1,000 words", *rates)]))
    times = [f"{100_000 * m.seconds / m.words:.0f}" for m in found.values() if m.words]
    print(output.table(("", *found), [("milliseconds for 100 words", *times)]))


def _shown(value: Estimate) -> str:
    if value.value is None:
        return "\u2013"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _as_json(found: dict[str, Measured]) -> dict[str, Any]:
    return {
        name: {
            "found": dict(m.found),
            "gold": dict(m.gold),
            "right": m.right,
            "findings": m.findings,
            "words": m.words,
            "clean": m.clean,
            "touched": m.touched,
        }
        for name, m in found.items()
    }
