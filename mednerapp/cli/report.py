"""`mednerapp report` and `mednerapp runs`: the dashboard's numbers, printed or written as a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mednerapp.cli import output
from mednerapp.cli.context import AsJson, DatasetName, ProjectName, find_dataset, find_project, open_app
from mednerapp.cli.output import table
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.services import board_documents as documents
from mednerapp.services import dashboards, fine_tuning, projects
from mednerapp.services.dashboards import Board, Model


def report(
    project: Annotated[str, typer.Option("--project", "-p", help="Name of the project; default: the only one.")] = "",
    dataset: DatasetName = "",
    model: Annotated[str, typer.Option("--model", help="Name of the model to look into; default: the best.")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write .md, .html, .csv, .svg or .json.")] = None,
    as_json: AsJson = False,
) -> None:
    """What the dashboard shows: the models on the same test notes, where one fails, what more notes would bring.

    --out writes over an earlier file.
    """
    ending = out.suffix.removeprefix(".") if out else ""
    if out and ending not in documents.DOCUMENTS:
        raise InvalidValue(
            f"A report ends in {', '.join('.' + name for name in documents.DOCUMENTS)}, not {out.name!r}."
        )
    with open_app() as (opened, user):
        names = [p.name for p in projects.all_projects(opened.store)]
        if not project and len(names) != 1:
            raise InvalidValue(f"Name the project (--project). There are: {', '.join(names) or 'none'}.")
        target = find_project(opened, project or names[0])
        chosen = find_dataset(opened, user, target, dataset)
        board = dashboards.board(opened.store, user=user, dataset_id=chosen.id, limit=None)
        one = _chosen(board, model)
        summary = dashboards.summary(opened.store, user=user, evaluation_id=one.evaluation_id) if one else None
    content = documents.Content(board, one, summary)
    if out:
        out.write_text(documents.DOCUMENTS[ending].write(content), encoding="utf-8")
        print(f"Written: {out}")
        return
    print(json.dumps(documents.values(content), indent=2) if as_json else _text(content))


def runs(project: ProjectName, as_json: AsJson = False) -> None:
    """Every training run of a project, newest first: state, settings, loss and dev F1 of each epoch."""
    with open_app() as (opened, user):
        target = find_project(opened, project)
        views = fine_tuning.runs(opened.store, user=user, project_id=target.id)
    output.runs(views, as_json=as_json)


def _chosen(board: Board, name: str) -> Model | None:
    if not name:
        return next(iter(board.models), None)
    for model in board.models:
        if model.name == name:
            return model
    raise NotFound(
        f"There is no scored model {name!r}. There are: {', '.join(m.name for m in board.models) or 'none'}."
    )


def _text(content: documents.Content) -> str:
    board = content.board
    if not board.models:
        return f"No model has been scored on {board.dataset!r}. Run `mednerapp evaluate`."
    parts = [f"Dataset {board.dataset!r}, {board.notes} test notes, strict spans, 95% intervals over notes"]
    parts += ["\n".join(content.sentences)]
    parts += [table(documents.MODEL_HEADER, documents.model_rows(board))]
    for title, rows in documents.tables(content):
        parts.append(f"{title}\n{table(rows[0], rows[1:])}")
    return "\n\n".join(parts)
