"""A project is erased with everything that hangs on it; nothing of it can be read in any table afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from support.makers import (
    ASPIRIN,
    FEVER,
    add_note,
    import_gold,
    make_adapter,
    make_project,
    make_users,
    predict,
    promote,
)

from db import tables as t
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.models import Adapter, HyperParameters
from mednerapp.domain.notes import NewNote
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.services import annotating, binning, erasing, freezing, projects
from mednerapp.settings import Settings
from mednerapp.store import Store

CANARY = "Zebraquartz"
People = dict[Role, User]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def fill(store: Store, people: People, project: Project, settings: Settings) -> Adapter:
    """Something of every kind: gold, dataset, run, adapter, scores, predictions, notes in the bin and waiting."""
    lead = people[Role.LEAD]
    notes = [(f"Fever treated with aspirin. {CANARY} {i}", (FEVER,)) for i in range(12)]
    ids = import_gold(store, lead, project, notes)
    dataset = freezing.freeze(store, user=lead, project_id=project.id)
    adapter = make_adapter(store, f"of {project.name}", project=project)
    folder = settings.model_folder(adapter.folder)
    folder.mkdir(parents=True)
    (folder / "adapter.safetensors").write_bytes(b"x")
    with store.write() as tx:
        job = tx.jobs.add(kind=JobKind.FINE_TUNE, args={}, user_id=lead.id)
        hyper = HyperParameters()
        run = tx.runs.add(
            project_id=project.id,
            dataset_id=dataset.id,
            encoder_id=adapter.encoder_id,
            job_id=job.id,
            name="r",
            hyper=hyper,
            user_id=lead.id,
        )
        tx.jobs.request_cancel(job.id)
        tx.privacy.hold(
            project_id=project.id,
            note=NewNote(text=f"{CANARY} waits", title=CANARY, patient_key="p"),
            spans=[],
            user_id=None,
        )
    with store._database.write() as session:
        session.execute(sa.update(t.Adapter).where(t.Adapter.id == adapter.id).values(run_id=run.id))
        scored = t.Evaluation(
            adapter_id=adapter.id, dataset_id=dataset.id, split="test", notes=1, excluded=0, created_at=now()
        )
        session.add(scored)
        session.flush()
        session.add(t.EvaluationCount(evaluation_id=scored.id, note_id=ids[0], label="Drug", tp=1, fp=0, fn=0))
    for note_id in ids:
        predict(store, note_id, adapter, [(ASPIRIN, 0.9)])
    promote(store, project, adapter)
    open_note = add_note(store, project, f"{CANARY} is open", title=f"{CANARY} title", patient=f"{CANARY} key")
    predict(store, open_note, adapter, [])
    annotating.open_note(store, user=people[Role.ANNOTATOR], note_id=open_note)
    binned = add_note(store, project, f"{CANARY} in the bin")
    binning.delete(store, user=lead, project_id=project.id, note_ids=[binned])
    return adapter


def everything(store: Store) -> str:
    with store._database.read() as session:
        return "\n".join(
            f"{table.name}: {tuple(row)}"
            for table in t.Base.metadata.sorted_tables
            for row in session.execute(table.select())
        )


def test_nothing_of_an_erased_project_is_left_and_other_projects_stay(store: Store, settings: Settings) -> None:
    people = make_users(store)
    gone, stays = make_project(store, "Gone"), make_project(store, "Stays")
    adapter = fill(store, people, gone, settings)
    kept = fill(store, people, stays, settings)
    with store.read() as tx:
        before = tx.erasures.counts(stays.id)

    erased = erasing.erase_project(store, user=people[Role.ADMIN], project_id=gone.id, name="Gone", settings=settings)

    assert (erased.notes, erased.waiting, erased.datasets, erased.adapters) == (14, 1, 1, (adapter.name,))
    assert not settings.model_folder(adapter.folder).exists()
    assert settings.model_folder(kept.folder).exists()
    assert [project.name for project in projects.all_projects(store)] == ["Stays"]
    with store.read() as tx:
        assert tx.erasures.counts(stays.id) == before
        with pytest.raises(NotFound):
            tx.projects.get(gone.id)
        [entry] = [event for event, _ in tx.audit.recent() if event.action == "project erased"]
        assert entry.detail["notes"] == 14
    erasing.erase_project(store, user=people[Role.ADMIN], project_id=stays.id, name=" Stays ", settings=settings)
    assert CANARY not in everything(store)


def test_it_wants_the_name_again_and_no_open_jobs(store: Store, settings: Settings) -> None:
    people = make_users(store)
    project = make_project(store)
    add_note(store, project)
    admin = people[Role.ADMIN]
    with pytest.raises(InvalidValue, match="Ward 3"):
        erasing.erase_project(store, user=admin, project_id=project.id, name="ward", settings=settings)
    with store.write() as tx:
        job = tx.jobs.add(kind=JobKind.PREDICT, args={"project_id": project.id}, user_id=None)
    with pytest.raises(InvalidValue, match=f"cancel them first: {job.id}"):
        erasing.erase_project(store, user=admin, project_id=project.id, name="Ward 3", settings=settings)
    assert projects.all_projects(store)
