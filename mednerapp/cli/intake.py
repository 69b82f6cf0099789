"""Notes in from the command line: files as hospitals have them, and exchange formats with their spans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mednerapp.bootstrap import App
from mednerapp.cli import output
from mednerapp.cli.context import AsJson, ProjectName, console, find_project, open_app
from mednerapp.domain.accounts import User
from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.table import format_named
from mednerapp.services import intake, merging, projects

Paths = Annotated[list[Path], typer.Argument(help="Files, or folders of them.", exists=True)]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help=f"ROLE=COLUMN of a table; roles: {', '.join(intake.ROLES)}.")
]
Encoding = Annotated[str, typer.Option(help=f"Of files that are not UTF-8: {', '.join(intake.ENCODINGS)}.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only notes of this type; repeat for several.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; store nothing.")]


def import_notes(
    paths: Paths,
    project: ProjectName,
    format_key: Annotated[
        str, typer.Option("--format", "-f", help="An exchange format with spans; see `mednerapp formats`.")
    ] = "",
    gold: Annotated[bool, typer.Option(help="The spans were made or confirmed by people.")] = False,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="THEIRS=OURS, once for each label to keep.")
    ] = None,
    column: Columns = None,
    note_type: Types = None,
    encoding: Encoding = "",
    create: Annotated[bool, typer.Option(help="Create the project when it is not there.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import notes; what was left out is counted and said. Safe to repeat: a note that is there stays as it is.

    Reads what the upload page reads. JSON lines with spans (.jsonl, .jsonl.gz) and --format read exchange formats.
    """
    options = options_of(column, note_type, encoding)
    label_map = _label_map(label)
    with open_app() as (opened, user):
        if create and project not in {p.name for p in projects.all_projects(opened.store)}:
            projects.create(opened.store, by=user, name=project)
        target = find_project(opened, project)
        with output.counter(console, "notes") as advance:
            done = 0

            def progress(number: int) -> None:
                nonlocal done
                advance(number - done)
                done = number

            report = merging.import_documents(
                opened.store,
                user=user,
                project_id=target.id,
                documents=documents_of(paths, format_key, options),
                annotated=gold,
                label_map=label_map,
                dry_run=dry_run,
                on_progress=progress,
            )
    output.merge_report(report, as_json=as_json, dry_run=dry_run)


def watch(
    folder: Annotated[Path, typer.Argument(help="Folder in which files appear.", exists=True, file_okay=False)],
    project: ProjectName,
    column: Columns = None,
    note_type: Types = None,
    encoding: Encoding = "",
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> None:
    """Import what appears in a folder; a file that is still growing waits. The files stay as they are."""
    options = options_of(column, note_type, encoding)
    done: dict[Path, tuple[int, float]] = {}
    before: dict[Path, tuple[int, float]] = {}
    with open_app() as (opened, user):
        target = find_project(opened, project)
        while True:
            now_there = _there(folder)
            settled = [p for p, mark in now_there.items() if done.get(p) != mark and (once or before.get(p) == mark)]
            for path in settled:
                _one(opened, user, target, path, options)
                done[path] = now_there[path]
            if once:
                return
            before = now_there
            time.sleep(every)


def _there(folder: Path) -> dict[Path, tuple[int, float]]:
    found: dict[Path, tuple[int, float]] = {}
    for path in _files([folder]):
        try:
            status = path.stat()
        except OSError:  # it went away since
            continue
        found[path] = (status.st_size, status.st_mtime)
    return found


def _one(opened: App, user: User, target: Project, path: Path, options: intake.Options) -> None:
    documents = intake.read_files([path], options=options)
    report = merging.import_documents(
        opened.store, user=user, project_id=target.id, documents=documents, annotated=False
    )
    told = ", ".join(f"{number} {outcome.value}" for outcome, number in report.outcomes.items())
    print(f"{path.name}: {told or 'nothing'}", flush=True)
    for item in report.rejected:
        print(f"  {item.place}: {item.reason}", flush=True)


def documents_of(paths: list[Path], format_key: str, options: intake.Options) -> Iterator[Document | Unreadable]:
    if format_key:
        row = format_named(format_key)
        for path in paths:
            yield from _guarded(path, row.read(path))
        return
    ours = (".jsonl", ".jsonl.gz") if not options.columns else ()
    found = list(_files(paths))
    for path in (p for p in found if p.name.endswith(ours)):
        yield from _guarded(path, format_named("jsonl").read(path))
    yield from intake.read_files([p for p in found if not p.name.endswith(ours)], options=options)


def _guarded(path: Path, found: Iterator[Document | Unreadable]) -> Iterator[Document | Unreadable]:
    """A damaged file is a line of the report, and the others are read."""
    try:
        yield from found
    except RejectedNote as error:
        yield Unreadable(path.name, str(error))


def _files(paths: list[Path]) -> Iterator[Path]:
    """Files as they are; of folders those below them whose kind is read, in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and p.suffix[1:].casefold() in intake.ENDINGS)
        else:
            yield path


def options_of(column: list[str] | None, note_type: list[str] | None, encoding: str) -> intake.Options:
    columns = _pairs(column, "--column", "ROLE=COLUMN")
    if wrong := next((role for role in columns if role not in intake.ROLES), None):
        raise InvalidValue(f"There is no role {wrong!r}. Roles: {', '.join(intake.ROLES)}.")
    if encoding and encoding not in intake.ENCODINGS:
        raise InvalidValue(f"There is no encoding {encoding!r} here. There are: {', '.join(intake.ENCODINGS)}.")
    return intake.Options(encoding=encoding, columns=columns, note_types=tuple(note_type) if note_type else None)


def _label_map(given: list[str] | None) -> dict[str, str] | None:
    """THEIRS=OURS pairs, None when labels keep their names."""
    return _pairs(given, "--label", "THEIRS=OURS") if given else None


def _pairs(given: list[str] | None, option: str, shape: str) -> dict[str, str]:
    wrong = [item for item in given or () if not all(item.partition("="))]
    if wrong:
        raise InvalidValue(f"{option} takes {shape}, not {wrong[0]!r}.")
    return dict(item.split("=", 1) for item in given or ())
