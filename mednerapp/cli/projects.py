"""Projects: list, make, and their guideline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mednerapp.cli.context import AsJson, ProjectName, find_project, open_app
from mednerapp.cli.output import table
from mednerapp.errors import InvalidValue
from mednerapp.services import projects as service
from mednerapp.services import queueing

projects = typer.Typer(no_args_is_help=True, help="Projects: list, make, and what their annotators go by.")

GuidelineFile = Annotated[
    Path | None, typer.Option("--guideline", help="Markdown file that annotators have beside the text.")
]


@projects.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Every project with its notes, how many are submitted, and its labels."""
    with open_app() as (opened, user):
        rows = [
            (found, *queueing.counts(opened.store, user=user, project_id=found.id))
            for found in service.all_projects(opened.store)
        ]
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "id": found.id,
                        "name": found.name,
                        "notes": notes,
                        "submitted": submitted,
                        "labels": list(found.schema.names),
                        "guideline": bool(found.guideline),
                    }
                    for found, notes, submitted in rows
                ],
                indent=2,
            )
        )
        return
    if not rows:
        print("There are no projects yet. Make one: mednerapp projects create NAME")
        return
    values = [
        [found.name, str(notes), str(submitted), ", ".join(found.schema.names), "yes" if found.guideline else "no"]
        for found, notes, submitted in rows
    ]
    print(table(("project", "notes", "submitted", "labels", "guideline"), values))


@projects.command()
def create(name: str, guideline: GuidelineFile = None) -> None:
    """Make an empty project with the labels of the starter."""
    text = _read(guideline) if guideline else ""
    with open_app() as (opened, user):
        made = service.create(opened.store, by=user, name=name, guideline=text)
    print(f"Made the project {made.name} with the labels {', '.join(made.schema.names)}.")


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
