"""Exchange formats on the command line: what there is, what each would lose, out, and in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mednerapp.cli import output
from mednerapp.cli.context import AsJson, ProjectName, console, find_project, open_app
from mednerapp.domain.exchange import LossReport
from mednerapp.services import exporting

FormatKey = Annotated[str, typer.Option("--format", "-f", help="See `mednerapp formats`.")]


def formats(as_json: AsJson = False) -> None:
    """The formats that notes and spans can be exported to and imported from."""
    rows = exporting.formats()
    if as_json:
        print(
            json.dumps([{"key": r.key, "name": r.name, "ending": r.ending, "offsets": r.unit} for r in rows], indent=2)
        )
        return
    print(output.table(("format", "name", "file", "offsets"), [(r.key, r.name, f".{r.ending}", r.unit) for r in rows]))


def export(
    project: ProjectName,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; must not exist.")] = None,
    format_key: FormatKey = "jsonl",
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Rejected and suggested spans, ids and history, too, as far as the format has them."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the submitted notes with their confirmed spans; first say what the format cannot hold.

    Without --out only that is said.
    """
    with open_app() as (opened, user):
        target = find_project(opened, project)
        report = exporting.losses(
            opened.store, user=user, project_id=target.id, format_key=format_key, only_confirmed=not everything
        )
        if not as_json:
            _say(report, format_key)
        if out is not None:
            with out.open("xb") as file, output.counter(console, "bytes") as advance:
                made = exporting.export(
                    opened.store, user=user, project_id=target.id, format_key=format_key, only_confirmed=not everything
                )
                for piece in made.content:
                    file.write(piece)
                    advance(len(piece))
    if as_json:
        lost = {"lost": dict(report.lost), "spans_left_out": report.spans_left_out} if report.lost else {}
        print(json.dumps({"notes": report.notes, **lost}))
    elif out is not None:
        print(f"{report.notes} notes written to {out}")


def _say(report: LossReport, format_key: str) -> None:
    print(f"{report.notes} notes with {report.spans} spans.", end=" ")
    if not report.lost:
        print(f"{format_key} holds all of it.")
        return
    print(f"What {format_key} cannot hold ({report.spans_left_out} spans are left out):")
    for what, number in report.lost.most_common():
        print(f"  {number:>8,}  {what}")
