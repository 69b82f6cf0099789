"""Whether somebody is there to do the work."""

from __future__ import annotations

from datetime import timedelta

from mednerapp.store import Store

ALIVE_WITHIN = timedelta(seconds=10)  # a worker is heard of every two seconds


def alive(store: Store) -> list[tuple[str, str]]:
    """(id, device) of the workers that were heard of lately."""
    with store.read() as tx:
        return tx.workers.alive(within=ALIVE_WITHIN)
