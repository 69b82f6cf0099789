"""A copy of everything that people have made, while they go on working."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

from mednerapp.domain.accounts import Permission, User
from mednerapp.errors import InvalidValue, MedNerError
from mednerapp.settings import Settings
from mednerapp.store import Store

DATABASE = "medner.sqlite"


@contextmanager
def copied(store: Store, *, user: User, settings: Settings, out: Path) -> Generator[Settings]:
    """The settings of a copy that is not yet in its place: who looks it over in the block may raise, and it is gone.

    It becomes the folder `out`, which is a data folder like that of `settings`, for its owner only. The database comes
    first, so that the weights it names are there when they are copied; nothing else of the models is. The job engine's
    own tables are left out: it makes them anew from ours.

    Raises:
        InvalidValue: `out` is there already, inside the data folder, or where no folder is.
        MedNerError: something could not be copied, or the database is PostgreSQL, which has its own tools for this.
        PermissionDenied: for anybody but an administrator.
    """
    user.require(Permission.ADMINISTER)
    refuse_postgresql(settings)
    out = out.resolve()
    draft = out.with_name(f".{out.name}.partial")
    _check_place(out, draft, settings)
    with store.write() as tx:
        tx.audit.add(user=user, action="backup begun", target="installation")
    try:
        draft.mkdir(mode=0o700)
        store.copy_to(draft / DATABASE)
        copy = settings.model_copy(update={"data_dir": draft, "database_url": ""})
        for folder in _named(store):
            shutil.copytree(settings.model_folder(folder), copy.model_folder(folder))
        yield copy
        os.sync()  # before it has a name that says it is whole
        draft.rename(out)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError | sqlite3.Error):
            raise MedNerError(f"The backup was given up, and nothing of it is left: {_reason(error)}.") from None
        raise


def refuse_postgresql(settings: Settings) -> None:
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        raise MedNerError(
            "The database is PostgreSQL: back it up with pg_dump, and after it "
            f"the folder {settings.model_dir.absolute()} with what copies files."
        )


def _check_place(out: Path, draft: Path, settings: Settings) -> None:
    if out.is_relative_to(settings.data_dir.resolve()):
        raise InvalidValue(f"{out} is inside the data folder; choose another, best on another disk.")
    if not out.parent.is_dir():
        raise InvalidValue(f"There is no folder {out.parent}. Is its disk mounted?")
    for folder in (out, draft):
        if folder.exists():
            raise InvalidValue(f"{folder} is there already. Remove it, or choose another name.")


def _named(store: Store) -> Collection[str]:
    """The folders of all weights that the database names, below the folder of the models."""
    with store.read() as tx:
        return sorted({one.folder for one in (*tx.models.encoders(), *tx.models.all_adapters())})


def _reason(error: OSError | sqlite3.Error) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
