"""Removing for good what has been in the bin for longer than the retention."""

from __future__ import annotations

import json

from mednerapp import bootstrap
from mednerapp.cli.context import AsJson, announce
from mednerapp.services import binning
from mednerapp.services.binning import Purged
from mednerapp.settings import Settings


def purge(as_json: AsJson = False) -> None:
    """Remove deleted notes whose time in the bin is over (MEDNER_RETENTION_DAYS), with all that was done to them.

    On SQLite the file is written anew afterwards, so that nothing of them is left in it. `mednerapp serve` does
    the same when it starts; where it runs for months, call this every night.
    """
    settings = Settings()
    announce(bootstrap.prepare(settings))
    found = purge_overdue(settings)
    if as_json:
        kept = [{"note_id": note_id, "datasets": list(names)} for note_id, names in found.kept]
        print(json.dumps({"notes": found.notes, "kept": kept}))
        return
    print(f"{found.notes} {'note' if found.notes == 1 else 'notes'} removed for good.")
    for note_id, names in found.kept:
        print(f"Note {note_id} stays: needed by the frozen dataset {', '.join(names)}.")


def purge_overdue(settings: Settings) -> Purged:
    """On a prepared data folder."""
    opened = bootstrap.build(settings)
    try:
        return binning.purge(opened.store, settings=settings)
    finally:
        opened.close()
