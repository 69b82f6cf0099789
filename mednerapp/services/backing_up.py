"""A copy of everything that people have made, while they go on working."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mednerapp.domain.accounts import Permission, User
from mednerapp.errors import InvalidValue, MedNerError
from mednerapp.settings import Settings
from mednerapp.store import Store

# Checkpoints are of runs that go on here; what begins with a dot is being written.
_LEFT_OUT = shutil.ignore_patterns("checkpoints", ".*")


@contextmanager
def copied(store: Store, *, user: User, settings: Settings, out: Path) -> Generator[Settings]:
    """The settings of a copy that is not yet in its place: who looks it over in the block may raise, and it is gone.

    It becomes the folder `out`, which is a data folder like that of `settings`, for its owner only. The database comes
    first, so that the weights it names are there when they are copied. The job engine's own tables are left out: it
    makes them anew from ours.

    Raises:
        InvalidValue: `out` is there already, or inside what is copied.
        MedNerError: the database is PostgreSQL, which has its own tools for this.
        PermissionDenied: for anybody but an administrator.
    """
    user.require(Permission.ADMINISTER)
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        raise MedNerError(
            "The database is PostgreSQL: back it up with pg_dump, and after it "
            f"the folder {settings.model_dir.absolute()} with what copies files."
        )
    out = out.absolute()
    if out.is_relative_to(settings.model_dir.absolute()):
        raise InvalidValue(f"{out} is inside of what is copied; choose another folder.")
    draft = out.with_name(f".{out.name}.partial")
    for folder in (out, draft):
        if folder.exists():
            raise InvalidValue(f"{folder} is there already. Remove it, or choose another name.")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft.mkdir(mode=0o700)
    try:
        store.copy_to(draft / "medner.sqlite")
        if settings.model_dir.is_dir():
            shutil.copytree(settings.model_dir, draft / "models", ignore=_LEFT_OUT)
        yield settings.model_copy(update={"data_dir": draft, "database_url": ""})
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    with store.write() as tx:
        tx.audit.add(user=user, action="backup made", target="installation")
