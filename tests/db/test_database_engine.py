from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db import tables as t
from db.engine import Database, connect
from mednerapp.domain.clock import now


def add_project(database: Database, name: str, guideline: str = "") -> None:
    with database.write() as session:
        session.add(t.Project(name=name, guideline=guideline, created_at=now()))


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(sa.select(t.Project.name).order_by(t.Project.id)))


@pytest.mark.parametrize("kind", ["writer", "reader"])
def test_every_sqlite_connection_is_set_up_for_safety(sqlite_url: str, kind: str) -> None:
    database = connect(sqlite_url)
    with getattr(database, kind).connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}  # 2 is FULL


def test_a_write_is_there_after_its_block_and_for_a_new_process(database: Database, database_url: str) -> None:
    add_project(database, "kept")
    other = connect(database_url)
    assert names(other) == ["kept"]
    other.dispose()


def test_an_error_takes_back_the_whole_transaction(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(t.Project(name="lost", guideline="", created_at=now()))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(database) == []


def test_the_database_refuses_a_write_in_a_read(database: Database) -> None:
    with database.read() as session:
        session.add(t.Project(name="sneaked in", guideline="", created_at=now()))
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            session.flush()
    add_project(database, "in order")  # and the connection is as good as before
    assert names(database) == ["in order"]


def test_a_read_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    add_project(database, "first")
    with database.read() as session:
        count = sa.select(sa.func.count()).select_from(t.Project)
        before = session.scalar(count)
        add_project(database, "second")
        assert session.scalar(count) == before == 1
    assert names(database) == ["first", "second"]


def test_times_come_back_aware_and_equal(database: Database) -> None:
    at = now()
    with database.write() as session:
        session.add(t.Project(name="p", guideline="", created_at=at))
    with database.read() as session:
        found = session.scalars(sa.select(t.Project.created_at)).one()
    assert found == at
    assert found.isoformat() == at.isoformat()  # the hash of an event is made over this text


def test_an_error_of_the_database_does_not_show_what_was_to_be_stored(database: Database) -> None:
    add_project(database, "p")
    with pytest.raises(DBAPIError) as caught:
        add_project(database, "p", guideline="the patient's secret")
    assert "secret" not in str(caught.value)


def test_eight_writers_that_read_first_never_see_a_locked_database(sqlite_url: str) -> None:
    """With a plain BEGIN most of these fail at once: SQLite cannot turn a reader into a writer."""
    database = connect(sqlite_url)
    add_project(database, "counter", "0")
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        for _ in range(25):
            with database.write() as session:
                row = session.scalars(sa.select(t.Project)).one()
                row.guideline = str(int(row.guideline) + 1)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result()
    with database.read() as session:
        assert session.scalars(sa.select(t.Project.guideline)).one() == "200"
    database.dispose()
