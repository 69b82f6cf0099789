"""The demo project: synthetic notes, half of them with gold, so that every page has something true to show."""

from __future__ import annotations

import json
from pathlib import Path

from mednerapp.domain.accounts import Role
from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.domain.projects import Project
from mednerapp.formats.inline import parse
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services import accounts, freezing, importing, projects
from mednerapp.services.evaluating import queue_evaluations
from mednerapp.services.importing import Upload
from mednerapp.services.predicting import queue_predictions
from mednerapp.store import Store

PROJECT = "Demo: synthetic notes"
DATASET = "Demo gold"


def read_notes(folder: Path) -> list[tuple[NoteWithSpans, bool]]:
    """(note, whether its spans are gold) in the order of the index."""
    found: list[tuple[NoteWithSpans, bool]] = []
    for row in json.loads((folder / "notes.json").read_text(encoding="utf-8")):
        text, spans = parse((folder / row["file"]).read_text(encoding="utf-8"))
        note = NewNote(
            text=normalise_text(text),
            title=row["title"],
            source="demo",
            patient_key=row["patient_key"],
            note_type=row["note_type"],
        )
        found.append((NoteWithSpans(note, spans), bool(spans)))
    return found


def ensure_demo(store: Store, *, folder: Path) -> Project:
    """Create the demo people, project, notes, gold and dataset, once; a start that was cut off is completed here."""
    users = accounts.ensure_demo_users(store)
    lead = users[Role.LEAD]
    with store.read() as tx:
        project = tx.projects.by_name(PROJECT)
        if project and tx.datasets.by_name(project_id=project.id, name=DATASET):
            return project
    if project is None:
        guideline = (folder / "GUIDELINE.md").read_text(encoding="utf-8")
        project = projects.create(store, by=users[Role.ADMIN], name=PROJECT, guideline=guideline)
    notes = read_notes(folder)
    importing.import_gold(store, user=lead, project_id=project.id, records=[note for note, gold in notes if gold])
    uploads = [Upload(value.note.title, value.note) for value, gold in notes if not gold]
    importing.import_uploads(store, user=lead, project_id=project.id, uploads=uploads)
    with store.write() as tx:
        queue_predictions(tx, project_id=project.id, user_id=None)
    dataset = freezing.freeze(store, user=lead, project_id=project.id, name=DATASET)
    with store.write() as tx:
        queue_evaluations(tx, dataset_id=dataset.id, user_id=None)
    return project
