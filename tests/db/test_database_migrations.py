from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from support import postgres

from db import check
from db.engine import connect
from db.migrate import alembic_config, is_current, upgrade
from db.tables import Base


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A database of the test's own, since these tests change its tables."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new folder' / '100%.sqlite'}"
        return
    with postgres.database(request.getfixturevalue("postgres_server"), template="template0") as url:
        yield url


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_an_empty_database_becomes_usable_and_says_so(empty_url: str) -> None:
    assert not is_current(empty_url)
    upgrade(empty_url)
    assert is_current(empty_url)
    assert {"note", "annotation_event", "evaluation_count", "audit_event"} <= tables(empty_url)


def test_migrating_twice_changes_nothing(migrated_url: str) -> None:
    before = tables(migrated_url)
    upgrade(migrated_url)
    assert tables(migrated_url) == before


def test_the_tables_in_the_code_are_those_that_the_migrations_make(migrated_url: str) -> None:
    command.check(alembic_config(migrated_url))


def test_the_check_command_finds_a_drift(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main() == 0
    drifted = sa.MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(drifted)
    sa.Table("forgotten", drifted, sa.Column("id", sa.Integer, primary_key=True))
    monkeypatch.setattr("db.tables.Base.metadata", drifted)
    assert check.main() == 1
    assert "forgotten" in capsys.readouterr().err


def test_down_to_nothing_and_up_again_leaves_a_working_database(migrated_url: str) -> None:
    command.downgrade(alembic_config(migrated_url), "base")
    assert tables(migrated_url) == {"alembic_version"}
    assert not is_current(migrated_url)
    upgrade(migrated_url)
    command.check(alembic_config(migrated_url))
    database = connect(migrated_url)
    with database.write() as session:
        session.execute(sa.text("INSERT INTO project (name, guideline, created_at) VALUES ('a', '', '2026-01-01')"))
    database.dispose()


def test_a_postgresql_address_without_a_driver_works_everywhere(postgres_url: str) -> None:
    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    upgrade(plain)
    assert is_current(plain)


def test_an_unknown_database_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'mysql'\. Valid: sqlite, postgresql"):
        connect("mysql://localhost/x")


def test_a_file_that_is_no_database_is_not_current(tmp_path: Path) -> None:
    path = tmp_path / "medner.sqlite"
    path.write_text("not a database")
    assert not is_current(f"sqlite:///{path}")


def test_a_copied_sqlite_file_is_the_whole_database(sqlite_url: str, tmp_path: Path) -> None:
    """Backups are made with SQLite's own backup call; here: what a commit wrote is there after the last close."""
    database = connect(sqlite_url)
    with database.write() as session:
        session.execute(sa.text("INSERT INTO project (name, guideline, created_at) VALUES ('a', '', '2026-01-01')"))
    database.dispose()
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(sa.make_url(sqlite_url).database or "", copy)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT name FROM project").fetchall() == [("a",)]
    connection.close()
