"""Two engines on one database: short write transactions and plain reads.

SQLite allows one writer at a time. A transaction that begins as a reader and then writes fails at once with "database
is locked" when somebody wrote in between, whatever the busy timeout says; so write transactions begin with BEGIN
IMMEDIATE and wait their turn. WAL lets readers go on meanwhile; synchronous=FULL makes a commit survive a power cut.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

BUSY_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Database:
    """The two engines. `write()` commits at the end of the block or rolls back on an error.

    `read()` sees one state of the database from its first to its last query, and the database refuses a write in it.
    """

    writer: Engine
    reader: Engine

    @contextmanager
    def write(self) -> Generator[Session]:
        with Session(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Generator[Session]:
        with Session(self.reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def shrink(self) -> None:
        """Give back the room of deleted rows. SQLite: the file is written anew without them, and the log beside it is
        emptied, so that neither holds what was in them.
        """
        if self.writer.dialect.name == "sqlite":
            # By the driver alone: these have to run outside a transaction.
            connection = self.writer.raw_connection()
            try:
                for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                    connection.cursor().execute(statement).fetchall()  # pyright: ignore[reportUnknownMemberType]
            finally:
                connection.close()
            return
        with self.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")

    def copy_to(self, path: Path) -> None:
        """One state of a SQLite database as a new file, without free room; people go on working meanwhile.

        Raises:
            ValueError: it is none of SQLite.
        """
        if self.writer.dialect.name != "sqlite":
            raise ValueError("Only a SQLite database is a file.")
        connection = self.writer.raw_connection()  # by the driver alone, as in `shrink`
        try:
            connection.cursor().execute("VACUUM INTO ?", (str(path),))
        finally:
            connection.close()
        with path.open("rb") as file:
            os.fsync(file.fileno())

    def dispose(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


def connect(url: str) -> Database:
    """Open the database at `url` (`sqlite:///file` or `postgresql://...`); creates the folder of a SQLite file.

    The engines hide parameters: the text of a failed statement ends up in a log, and must not take a note along.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        return Database(
            writer=_sqlite_engine(url, begin="BEGIN IMMEDIATE"),
            reader=_sqlite_engine(url, begin="BEGIN", read_only=True),
        )
    if parsed.get_backend_name() != "postgresql":
        raise ValueError(f"Unsupported database {parsed.get_backend_name()!r}. Valid: sqlite, postgresql.")
    engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)  # the same pool
    return Database(writer=engine, reader=reader)


def _sqlite_engine(url: str, *, begin: str, read_only: bool = False) -> Engine:
    # isolation_level=None: the driver begins nothing by itself, so that `start` below decides how a transaction begins.
    # (Its newer `autocommit` argument is unknown to Python 3.11 and would make commit() do nothing.)
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None},
        pool_size=10,
        hide_parameters=True,
    )

    def set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
    return engine
