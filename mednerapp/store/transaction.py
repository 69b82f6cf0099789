"""The transaction: all repositories on one database session."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import Database
from mednerapp.store.accounts import Audit, Sessions, Users
from mednerapp.store.annotations import Annotations
from mednerapp.store.datasets import Datasets
from mednerapp.store.evaluations import Evaluations
from mednerapp.store.jobs import Jobs, Workers
from mednerapp.store.models import Models
from mednerapp.store.notes import Notes
from mednerapp.store.predictions import Predictions
from mednerapp.store.projects import Projects
from mednerapp.store.runs import Runs


class Transaction:
    """Repositories that share one database transaction."""

    def __init__(self, session: Session) -> None:
        self.users = Users(session)
        self.sessions = Sessions(session)
        self.audit = Audit(session)
        self.projects = Projects(session)
        self.notes = Notes(session)
        self.annotations = Annotations(session)
        self.predictions = Predictions(session)
        self.models = Models(session)
        self.datasets = Datasets(session)
        self.runs = Runs(session)
        self.evaluations = Evaluations(session)
        self.jobs = Jobs(session)
        self.workers = Workers(session)


class Store:
    """Opens transactions. `write` commits once, at the end of the block; an error rolls everything back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def write(self) -> Generator[Transaction]:
        with self._database.write() as session:
            yield Transaction(session)

    @contextmanager
    def read(self) -> Generator[Transaction]:
        with self._database.read() as session:
            yield Transaction(session)

    def ping(self) -> None:
        """Raises the driver's error when the database does not answer."""
        with self._database.read() as session:
            session.execute(select(1))
