"""The transaction: all repositories on one database session."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from db.engine import Database
from mednerapp.errors import InvalidValue
from mednerapp.store.accounts import Audit, Sessions, Users
from mednerapp.store.annotations import Annotations
from mednerapp.store.boards import Boards
from mednerapp.store.bulk import BulkOperations
from mednerapp.store.datasets import Datasets
from mednerapp.store.doubles import Doubles
from mednerapp.store.efforts import Efforts
from mednerapp.store.erasures import Erasures
from mednerapp.store.evaluations import Evaluations
from mednerapp.store.experiments import Experiments
from mednerapp.store.gold import Golds
from mednerapp.store.job_records import JobRecords
from mednerapp.store.jobs import Jobs
from mednerapp.store.leases import Leases
from mednerapp.store.models import Models
from mednerapp.store.notes import Notes
from mednerapp.store.notices import Notices
from mednerapp.store.outcomes import Outcomes
from mednerapp.store.past import Past
from mednerapp.store.predictions import Predictions
from mednerapp.store.privacy import Privacy
from mednerapp.store.projects import Projects
from mednerapp.store.queue import Queue
from mednerapp.store.remarks import Remarks
from mednerapp.store.runs import Runs
from mednerapp.store.search import Search
from mednerapp.store.suspicions import Suspicions
from mednerapp.store.workers import Workers

DISK_FULL = frozenset({"53100", "SQLITE_FULL"})  # PostgreSQL's, and SQLite's name
UNIQUE_VIOLATION = "23505"  # PostgreSQL's; on SQLite writers take turns, so one that looked first cannot run into it


class Trouble(StrEnum):
    """What is wrong with the database itself, as opposed to what was asked of it."""

    AWAY = "away"  # it does not answer, or not in time; later it may
    FULL = "full"  # there is no room on its disk


def trouble_of(error: BaseException) -> Trouble | None:
    """Whether an error came from a database that is away or full."""
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "")
    if state in DISK_FULL:
        return Trouble.FULL
    away = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return Trouble.AWAY if away else None


class Transaction:
    """Repositories that share one database transaction."""

    def __init__(self, session: Session) -> None:
        self.users = Users(session)
        self.sessions = Sessions(session)
        self.audit = Audit(session)
        self.notices = Notices(session)
        self.projects = Projects(session)
        self.notes = Notes(session)
        self.privacy = Privacy(session)
        self.search = Search(session)
        self.queue = Queue(session)
        self.leases = Leases(session)
        self.efforts = Efforts(session)
        self.doubles = Doubles(session)
        self.golds = Golds(session)
        self.suspicions = Suspicions(session)
        self.annotations = Annotations(session)
        self.bulk = BulkOperations(session)
        self.past = Past(session)
        self.remarks = Remarks(session)
        self.predictions = Predictions(session)
        self.models = Models(session)
        self.datasets = Datasets(session)
        self.runs = Runs(session)
        self.evaluations = Evaluations(session)
        self.outcomes = Outcomes(session)
        self.boards = Boards(session)
        self.experiments = Experiments(session)
        self.jobs = Jobs(session)
        self.job_records = JobRecords(session)
        self.workers = Workers(session)
        self.erasures = Erasures(session)


Fence = Callable[[Transaction], None]
"""Called first in a transaction that writes what a job found. Raises when the job is not the caller's (any more)."""


class Store:
    """Opens transactions. `write` commits once, at the end of the block; an error rolls everything back.

    Raises:
        InvalidValue: on PostgreSQL, if somebody else stored the same (a name, say) since the block looked for it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def write(self) -> Generator[Transaction]:
        try:
            with self._database.write() as session:
                yield Transaction(session)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", "") != UNIQUE_VIOLATION:
                raise
            message = "Somebody else stored the same at the same moment; nothing was stored. Look again."
            raise InvalidValue(message) from None  # the database's own text quotes what was to be stored

    @contextmanager
    def read(self) -> Generator[Transaction]:
        with self._database.read() as session:
            yield Transaction(session)

    def shrink(self) -> None:
        """Give back the room of what was deleted; on SQLite its last traces leave the file and the log beside it."""
        self._database.shrink()

    def copy_to(self, path: Path) -> None:
        """The database as it is now, as a new SQLite file; others go on working. Raises ValueError for PostgreSQL."""
        self._database.copy_to(path)

    def ping(self) -> None:
        """Raises the driver's error when the database does not answer."""
        with self._database.read() as session:
            session.execute(select(1))
