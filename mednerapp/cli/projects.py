"""Projects: list, make, and their guideline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mednerapp.cli.context import AsJson, ProjectName, find_project, open_app
from mednerapp.cli.output import table
from mednerapp.domain.labels import MEDICAL_SCHEMA, written_schema
from mednerapp.errors import InvalidValue
from mednerapp.formats.label_lists import read_labels, write_labels
from mednerapp.services import projects as service
from mednerapp.services import queueing

projects = typer.Typer(no_args_is_help=True, help="Projects: list, make, and what their annotators go by.")

GuidelineFile = Annotated[
    Path | None, typer.Option("--guideline", help="Markdown file that annotators have beside the text.")
]

LabelsFile = Annotated[
    Path | None, typer.Option("--labels", help="CSV with the columns name, color, description; the first is enough.")
]


@projects.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Every project with its notes, how many are submitted, and its labels."""
    with open_app() as (opened, user):
        rows = queueing.overview(opened.store, user=user)
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "id": row.project.id,
                        "name": row.project.name,
                        "notes": row.notes,
                        "submitted": row.submitted,
                        "labels": list(row.project.schema.names),
                        "guideline": bool(row.project.guideline),
                    }
                    for row in rows
                ],
                indent=2,
            )
        )
        return
    if not rows:
        print("There are no projects yet. Make one: mednerapp projects create NAME")
        return
    values = [
        [
            row.project.name,
            str(row.notes),
            str(row.submitted),
            ", ".join(row.project.schema.names),
            "yes" if row.project.guideline else "no",
        ]
        for row in rows
    ]
    print(table(("project", "notes", "submitted", "labels", "guideline"), values))


@projects.command()
def create(name: str, guideline: GuidelineFile = None, labels: LabelsFile = None) -> None:
    """Make an empty project, with the labels of the starter or those of a file."""
    text = _read(guideline) if guideline else ""
    schema = written_schema(read_labels(_read(labels))) if labels else MEDICAL_SCHEMA
    with open_app() as (opened, user):
        made = service.create(opened.store, by=user, name=name, schema=schema, guideline=text)
    print(f"Made the project {made.name} with the labels {', '.join(made.schema.names)}.")


@projects.command()
def labels(
    project: ProjectName,
    file: Annotated[Path | None, typer.Argument(help="CSV; left out: print the labels as they are.")] = None,
) -> None:
    """Print the labels of a project as CSV, or add those of a file that it does not have yet."""
    rows = read_labels(_read(file)) if file else None
    with open_app() as (opened, user):
        found = find_project(opened, project)
        if rows is None:
            print(write_labels(found.schema.labels), end="")
            return
        new = [row for row in rows if not found.schema.has(row[0])]
        if not new:
            print(f"{found.name} has all labels of {file}.")
            return
        changed = service.add_labels(opened.store, user=user, project_id=found.id, rows=new)
        notes, submitted = queueing.counts(opened.store, user=user, project_id=found.id)
    print(f"{changed.name} has the labels {', '.join(changed.schema.names)}.")
    if submitted:
        print(
            f"{submitted} of its {notes} notes are submitted and were annotated without the new ones: models learn and "
            "are scored as if those were not there. Ask their annotators to reopen what has them."
        )


@projects.command()
def guideline(
    project: ProjectName,
    file: Annotated[Path | None, typer.Argument(help="Markdown; left out: print the guideline as it is.")] = None,
) -> None:
    """Print the guideline of a project, or take it from a file."""
    text = _read(file) if file else None
    with open_app() as (opened, user):
        found = find_project(opened, project)
        if text is None:
            print(found.guideline)
            return
        service.change_guideline(opened.store, user=user, project_id=found.id, text=text, was=found.guideline)
    print(f"{found.name} has the guideline of {file}.")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidValue(f"{file} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise InvalidValue(f"{file} is not a text file in UTF-8.") from None
