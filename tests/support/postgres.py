"""A PostgreSQL server of the test session's own: made from nothing, thrown away at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from db.migrate import upgrade
from db.tables import Base
from support.ports import unused

TEMPLATE = "medner_template"
# Speed, not safety: the data lives as long as the tests. The time zone shows whoever trusts the server's.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "timezone": "Asia/Kolkata",
}


class PostgresMissingError(Exception):
    """There is nothing here to start a server with."""


def _binaries() -> Path:
    found = shutil.which("initdb")
    if found and (Path(found).parent / "pg_ctl").exists():
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]), reverse=True)
    if not versions:
        raise PostgresMissingError("initdb is neither on the PATH nor in /usr/lib/postgresql.")
    return versions[0].parent


def _as_server_user() -> tuple[list[str], pwd.struct_passwd | None]:
    """The words before a command that runs the server (it refuses root), and who it runs as when not as ourselves."""
    if os.getuid() != 0:
        return [], None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresMissingError("PostgreSQL refuses to run as root and there is no user postgres.") from None
    if shutil.which("runuser"):
        return ["runuser", "-u", user.pw_name, "--"], user
    if shutil.which("setpriv"):
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"], user
    raise PostgresMissingError("Neither runuser nor setpriv is here to start PostgreSQL as its own user.")


@contextmanager
def server() -> Generator[sa.URL]:
    """The URL of a running server, whose TEMPLATE database is migrated.

    Raises:
        PostgresMissingError: where no server can be started.
    """
    binaries = _binaries()
    prefix, user = _as_server_user()
    folder = Path(tempfile.mkdtemp(prefix="medner-pg-"))  # not below tmp_path: only our own user may enter that
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def call(program: str, *args: str) -> None:
        done = subprocess.run(
            [*prefix, str(binaries / program), *args],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # never a pipe: the server would inherit it and hold it open
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            log = folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text() if log.exists() else done.returncode}")

    port = unused()
    options = {**SETTINGS, "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder}
    data = str(folder / "data")
    try:
        call("initdb", "-D", data, "-U", "medner", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        flags = " ".join(f"-c {name}={value}" for name, value in options.items())
        call("pg_ctl", "-D", data, "-l", str(folder / "log"), "-w", "-t", "60", "-o", flags, "start")
        url = sa.URL.create("postgresql+psycopg", "medner", host="127.0.0.1", port=port, database="postgres")
        try:
            _administer(url, f"CREATE DATABASE {TEMPLATE}")
            upgrade(text(url.set(database=TEMPLATE)))
            yield url
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server_url: sa.URL, *, template: str = TEMPLATE) -> Generator[str]:
    """The URL of a fresh database, migrated unless another template is asked for; dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield text(server_url.set(database=name))
    finally:
        _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def empty(database_url: str) -> None:
    """Delete every row, which takes a hundredth of the time that a new database takes.

    Ids start anew, those of every table in a range of its own: where a test stands in the order decides about none, an
    id of another table is no row's of this one, and neither is 99.
    """
    statements = [f"DELETE FROM {table.name}" for table in Base.metadata.tables.values()]  # noqa: S608 - our own names
    ranges = "SELECT setval(seqrelid, 100000 * row_number() OVER (ORDER BY seqrelid)) FROM pg_sequence"
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))  # in any order of the tables
        connection.execute(sa.text("; ".join(statements)))
        connection.execute(sa.text(ranges))


def text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


def _administer(url: sa.URL, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
