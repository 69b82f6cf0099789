"""What a database that was made before encoders could be installed goes through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from support import postgres

from db import tables as t
from db.engine import Database, connect
from db.migrate import alembic_config, upgrade
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import AdapterKind

HASH = "0" * 64
# Table: the values that are not the same everywhere.
ROWS: dict[str, dict[str, object]] = {
    "project": {"name": "p", "guideline": ""},
    "note": {"project_id": 1, "text": "fever", "title": "", "source": "", "note_type": "", "split": "train"},
    "label_schema": {"project_id": 1, "version": 1},
    "dataset": {"project_id": 1, "name": "d", "schema_id": 1},
    "audit_event": {"action": "a", "target": "b", "detail": "{}"},
    "encoder": {"name": "e", "source": "", "revision": "", "folder": "f"},
    "job": {
        "kind": "fine_tune", "args": "{}", "state": "succeeded", "priority": 1, "done": 0, "total": 0, "unit": "",
        "message": "", "worker": "", "attempt": 0, "cancel_requested": False,
    },
    "run": {
        "project_id": 1, "dataset_id": 1, "encoder_id": 1, "job_id": 1, "name": "r", "hyper": "{}",
        "state": "succeeded", "device": "cpu", "error": "",
    },
    "adapter": {
        "name": "a", "kind": "lora", "encoder_id": 1, "project_id": 1, "run_id": 1, "folder": "f", "labels": "[]",
    },
    "prediction": {"note_id": 1, "adapter_id": 1},
}  # fmt: skip
SHARED = {"id": 1, "created_at": datetime(2026, 1, 1, tzinfo=UTC), "at": datetime(2026, 1, 1, tzinfo=UTC)}
JSON = {"args", "hyper", "labels", "detail"}
SHARED |= {"content_hash": HASH, "weights_hash": HASH}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of 0001 with a row of everything that 0002 rebuilds and of what points at it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('old') / 'old.sqlite'}"
        fill(url)
        yield url
        return
    with postgres.database(request.getfixturevalue("postgres_server"), template="template0") as url:
        fill(url)
        yield url


def fill(url: str) -> None:
    command.upgrade(alembic_config(url), "0001")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for name, values in ROWS.items():
            insert(connection, name, values)
    engine.dispose()


def insert(connection: sa.Connection, name: str, values: dict[str, object]) -> None:
    """By the columns that the table has in the database, whatever the code thinks of it."""
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    columns = {column.name: SHARED.get(column.name) for column in table.columns} | values
    typed = {key: json.loads(str(v)) if key in JSON and v else v for key, v in columns.items() if v is not None}
    connection.execute(table.insert().values(typed))


@pytest.fixture(scope="module")
def upgraded(old_url: str) -> Iterator[Database]:
    """One for all tests of a kind: they are refused, or leave it as it was."""
    upgrade(old_url)
    database = connect(old_url)
    yield database
    database.dispose()


def run(database: Database, statement: str) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE note SET text = 'no fever'",
        "UPDATE audit_event SET action = 'x'",
        "UPDATE dataset SET name = 'x'",
    ],
)
def test_what_was_imported_logged_and_frozen_stays_unchangeable(upgraded: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="immutable"):
        run(upgraded, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM job",
        "DELETE FROM adapter",
        "DELETE FROM encoder",
        "UPDATE adapter SET run_id = 9",
        "UPDATE run SET job_id = 9",
    ],
)
def test_rows_still_cannot_point_at_nothing(upgraded: Database, statement: str) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        run(upgraded, statement)


def test_the_new_kinds_are_accepted_and_others_still_refused(upgraded: Database) -> None:
    with upgraded.write() as session:
        for kind in JobKind:
            session.execute(sa.update(t.Job).values(kind=kind.value))
        for kind in AdapterKind:
            session.execute(sa.update(t.Adapter).values(kind=kind.value))
        session.execute(sa.update(t.Job).values(kind=ROWS["job"]["kind"]))
        session.execute(sa.update(t.Adapter).values(kind=ROWS["adapter"]["kind"]))
    for statement in (
        "UPDATE job SET kind = 'mine_coins'",
        "UPDATE job SET state = 'stuck'",
        "UPDATE adapter SET kind = 'x'",
    ):
        with pytest.raises(IntegrityError, match="_known"):
            run(upgraded, statement)


def test_rows_and_unique_names_survive(upgraded: Database) -> None:
    with upgraded.read() as session:
        adapter = session.execute(sa.text("SELECT id, name, kind, run_id, folder FROM adapter")).one()
        assert tuple(adapter) == (1, "a", "lora", 1, "f")
        assert session.execute(sa.text("SELECT size_bytes, cased, problem FROM encoder")).one() == (0, None, "")
    with pytest.raises(IntegrityError, match=r"(?i)unique"), upgraded.writer.begin() as connection:
        insert(connection, "adapter", ROWS["adapter"] | {"id": 2, "run_id": None})


def test_a_migration_that_breaks_off_loses_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    """SQLite, where it is not the database that takes back a half-done migration by itself."""
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    fill(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE encoder ADD COLUMN problem TEXT")  # makes a late step fail
    with pytest.raises(OperationalError, match="duplicate column"):
        upgrade(url)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "0001"
        assert connection.exec_driver_sql("SELECT count(*) FROM adapter").scalar() == 1
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS _alembic_tmp_job (left_over INTEGER)")
        connection.exec_driver_sql("ALTER TABLE encoder DROP COLUMN problem")
    engine.dispose()
    upgrade(url)
    command.check(alembic_config(url))
