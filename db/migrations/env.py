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


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["MEDNER_DATABASE_URL"]
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        # render_as_batch: SQLite cannot alter a table in place.
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_as_batch=True, render_item=_render_item
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
