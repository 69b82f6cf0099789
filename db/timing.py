"""How long the statements of a database take, as the driver sees them, rows included."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from db.engine import Database


@contextmanager
def statements(database: Database) -> Generator[list[tuple[str, float]]]:
    """(statement, seconds until its first rows are there) of what is read meanwhile, in order."""
    found: list[tuple[str, float]] = []
    begun: list[float] = []

    def before(*_: Any) -> None:
        begun.append(time.perf_counter())

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append((" ".join(statement.split()), time.perf_counter() - begun.pop()))

    event.listen(database.reader, "before_cursor_execute", before)
    event.listen(database.reader, "after_cursor_execute", after)
    try:
        yield found
    finally:
        event.remove(database.reader, "before_cursor_execute", before)
        event.remove(database.reader, "after_cursor_execute", after)
