"""The one place where the pieces are put together. Nothing is made at import."""

from __future__ import annotations

from dataclasses import dataclass

from db.engine import Database, connect
from db.migrate import is_current, upgrade
from mednerapp.deid import beside
from mednerapp.domain.devices import first_of
from mednerapp.errors import MedNerError
from mednerapp.services import accounts, demo, models, projects
from mednerapp.settings import Settings
from mednerapp.store import Store


@dataclass(frozen=True)
class App:
    """What a process needs: settings and the open store."""

    settings: Settings
    store: Store
    database: Database

    def close(self) -> None:
        self.database.dispose()


def build(settings: Settings) -> App:
    """Open the database, which has to be migrated, and say which model looks for identifiers in this process.

    Raises:
        MedNerError: if it is not.
    """
    if not is_current(settings.resolved_database_url):
        raise MedNerError("The database is not at this version's schema. Run `mednerapp migrate` first.")
    database = connect(settings.resolved_database_url)
    folder, device = settings.deid_folder, first_of(settings.device)
    beside.choose(beside.Beside(folder, settings.starter_dir, device) if folder else None)
    return App(settings, Store(database), database)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing found or made.

    first_admin: e-mail and generated password, only on the very first start.
    only_demo: nobody but demo people is there.
    """

    first_admin: tuple[str, str] | None
    only_demo: bool


def prepare(settings: Settings) -> Prepared:
    """Make the data folder usable: migrate, enter the starter, create the first administrator or the demo. Repeatable.

    Raises:
        MedNerError: for a demo on an address that others can reach, or on a data folder that was not made for it.
    """
    if settings.demo and not settings.is_loopback:
        raise MedNerError(
            f"The demo signs people in without a password, so it runs on a loopback address only, "
            f"not on {settings.host}."
        )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.data_dir.chmod(0o700)
    upgrade(settings.resolved_database_url)
    app = build(settings)
    try:
        kinds = {accounts.is_demo(user.email) for user in accounts.list_users(app.store, by=None)}
        if settings.demo and kinds == {False}:
            raise MedNerError(
                f"{settings.data_dir} holds real accounts. The demo signs people in without a password: give it a data "
                "folder of its own with MEDNER_DATA_DIR."
            )
        models.register_starter(app.store, shipped=settings.starter_dir, model_dir=settings.model_dir)
        if settings.demo:
            demo.ensure_demo(app.store, folder=settings.demo_notes_dir)
            return Prepared(None, only_demo=False not in kinds)
        first_admin = accounts.ensure_first_admin(app.store)
        if not projects.all_projects(app.store):
            projects.create(app.store, by=None, name="My project")
        return Prepared(first_admin, only_demo=kinds == {True})
    finally:
        app.close()
