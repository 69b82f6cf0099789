"""What every command needs: the open installation, look-ups by name, shared options."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset
from mednerapp.domain.models import Encoder
from mednerapp.domain.projects import Project
from mednerapp.errors import NotFound
from mednerapp.services import accounts, projects, reporting
from mednerapp.settings import Settings

console = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
ProjectName = Annotated[str, typer.Option("--project", "-p", help="Name of the project.")]
DatasetName = Annotated[str, typer.Option("--dataset", "-d", help="Name of the dataset; default: the newest.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...; several to train on at once: cuda:0,cuda:1")]


@contextmanager
def open_app() -> Generator[tuple[App, User]]:
    """The prepared installation, and the administrator in whose name the command line acts."""
    settings = Settings()
    announce(bootstrap.prepare(settings))
    opened = bootstrap.build(settings)
    try:
        yield opened, administrator(opened)
    finally:
        opened.close()


def administrator(opened: App) -> User:
    everybody = accounts.list_users(opened.store, by=None)
    return next(user for user in everybody if user.may(Permission.ADMINISTER))


def find_project(opened: App, name: str) -> Project:
    found = {project.name: project for project in projects.all_projects(opened.store)}
    if name not in found:
        raise NotFound(f"There is no project {name!r}. There are: {', '.join(found) or 'none'}.")
    return found[name]


def find_dataset(opened: App, user: User, project: Project, name: str) -> Dataset:
    found = reporting.datasets(opened.store, user=user, project_id=project.id)
    for dataset in found:
        if name in ("", dataset.name):
            return dataset
    raise NotFound(f"There is no dataset {name!r}. There are: {', '.join(d.name for d in found) or 'none'}.")


def find_encoder(opened: App, user: User, project: Project, name: str) -> Encoder:
    found, _ = projects.models(opened.store, user=user, project_id=project.id)
    for encoder in found:
        if name in ("", encoder.name):
            return encoder
    raise NotFound(f"There is no encoder {name!r}. There are: {', '.join(e.name for e in found)}.")


def announce(prepared: bootstrap.Prepared) -> None:
    if prepared.first_admin:
        email, password = prepared.first_admin
        lines = (
            "",
            "  First administrator (shown only now):",
            f"    e-mail    {email}",
            f"    password  {password}",
            "",
        )
        print("\n".join(lines), file=sys.stderr, flush=True)
