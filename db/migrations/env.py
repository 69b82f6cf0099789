"""Alembic's entry point: runs the migrations on the URL of the configuration (or MEDNER_DATABASE_URL)."""

from __future__ import annotations

import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import create_engine, pool

from db.tables import Base, UtcDateTime


def _render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Migrations name plain types only, so that a later change of our own classes cannot change what they did."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def _is_compared(_item: Any, name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001 - Alembic's signature
    """Whether a table or an index is one that `db.tables` speaks of; the full text search is made by SQL alone."""
    return not (name or "").startswith("note_search")


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["MEDNER_DATABASE_URL"]
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        # render_as_batch: SQLite cannot alter a table in place.
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=_render_item,
            include_object=_is_compared,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
