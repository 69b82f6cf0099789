"""`mednerapp backup FOLDER`: a copy that can take the data folder's place."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.cli.context import AsJson, administrator
from mednerapp.errors import MedNerError
from mednerapp.services import backing_up, doctor
from mednerapp.services.doctor import Check
from mednerapp.settings import Settings


def backup(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, best on another disk.")],
    as_json: AsJson = False,
) -> None:
    """Copy the database and the models while people work, and look the copy over.

    It holds everything about patients that the data folder holds. To go back to it, stop MedNER, put it where the data
    folder was (or let MEDNER_DATA_DIR name it), and start again.
    """
    settings = Settings()
    backing_up.refuse_postgresql(settings)
    opened = _opened(settings)
    try:
        user = administrator(opened)
        with backing_up.copied(opened.store, user=user, settings=settings, out=out) as copy:
            checks = _examined(copy)
            broken = [f"{check.name}: {check.detail}" for check in checks if not check.ok]
            if broken:
                raise MedNerError(f"The copy is not whole, and was removed again. {' '.join(broken)}")
    finally:
        opened.close()
    if as_json:
        print(json.dumps({"folder": str(out.absolute()), "checks": [asdict(check) for check in checks]}, indent=2))
        return
    for check in checks:
        print(f"ok    {check.name}: {check.detail}")
    print(f"Backup: {out.absolute()}")


def _opened(settings: Settings) -> App:
    """As it is: what other commands do first (a new folder, a newer schema) is not for one that keeps what there is."""
    file = Path(settings.resolved_database_url.removeprefix("sqlite:///"))
    if not file.is_file():
        raise MedNerError(f"There is no database {file}. Are MEDNER_DATA_DIR and MEDNER_DATABASE_URL right?")
    return bootstrap.build(settings)


def _examined(copy: Settings) -> list[Check]:
    opened = bootstrap.build(copy)
    try:
        return doctor.examine_data(opened.store, settings=copy)
    finally:
        opened.close()
