"""Steering the queue: cancel, retry, resume, whose turn it is, and sharing a project among workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.makers import add_note, make_adapter, make_dataset, make_project, make_user, promote

from mednerapp.domain.accounts import User
from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.domain.models import HyperParameters, RunState
from mednerapp.errors import InvalidValue
from mednerapp.services import fine_tuning, jobs, predicting
from mednerapp.services.fine_tuning import checkpoint_folder
from mednerapp.services.jobs import Turn
from mednerapp.store import Store


@pytest.fixture
def lead(store: Store) -> User:
    return make_user(store)


def failed(store: Store, job_id: int) -> None:
    with store.write() as tx:
        attempt = tx.jobs.get(job_id).attempt + 1
        assert tx.jobs.claim(job_id, worker="w", attempt=attempt)
        assert tx.jobs.finish(job_id, worker="w", attempt=attempt, state=JobState.FAILED, message="The disk is full.")


def job(store: Store, job_id: int) -> Job:
    with store.read() as tx:
        return tx.jobs.get(job_id)


def test_a_run_is_resumed_from_its_checkpoint_or_begins_afresh(store: Store, lead: User, tmp_path: Path) -> None:
    project = make_project(store)
    dataset = make_dataset(store, lead, project)
    encoder_id = make_adapter(store).encoder_id
    run = fine_tuning.start(
        store, user=lead, project_id=project.id, dataset_id=dataset.id, encoder_id=encoder_id,
        hyper=HyperParameters(epochs=3),
    )  # fmt: skip
    saved = checkpoint_folder(tmp_path, run.id) / "job-1-1" / "step-00000004"
    saved.mkdir(parents=True)
    with pytest.raises(InvalidValue, match="is queued"):
        jobs.retry(store, user=lead, job_id=run.job_id, model_dir=tmp_path)
    failed(store, run.job_id)
    [view] = jobs.look(store, user=lead, model_dir=tmp_path).ended
    assert (view.about, view.project_id, view.checkpoint, view.epochs) == (run.name, project.id, True, (0, 3))

    jobs.retry(store, user=lead, job_id=run.job_id, model_dir=tmp_path)
    assert saved.is_dir()
    assert (job(store, run.job_id).state, job(store, run.job_id).message) == (JobState.QUEUED, "")
    with store.read() as tx:
        assert (tx.runs.get(run.id).state, tx.runs.get(run.id).error) == (RunState.QUEUED, "")
    failed(store, run.job_id)
    jobs.retry(store, user=lead, job_id=run.job_id, model_dir=tmp_path, afresh=True)
    assert not saved.exists()
    assert job(store, run.job_id).attempt == 2

    failed(store, run.job_id)
    fine_tuning.start_again(store, user=lead, run_id=run.id)
    with pytest.raises(InvalidValue, match="started again as another job"):
        jobs.retry(store, user=lead, job_id=run.job_id, model_dir=tmp_path)


def test_a_waiting_job_is_moved_and_cancelled_and_the_page_sees_it(store: Store, lead: User, tmp_path: Path) -> None:
    with store.write() as tx:
        first, second = (tx.jobs.add(kind=JobKind.EVALUATE, args={}, user_id=lead.id) for _ in range(2))
    jobs.prioritise(store, user=lead, job_id=second.id, turn=Turn.FIRST)
    jobs.prioritise(store, user=lead, job_id=first.id, turn=Turn.LAST)
    found = jobs.look(store, user=lead, model_dir=tmp_path, waiting=1)
    assert [view.job.id for view in found.waiting] == [second.id]
    assert (found.waiting_in_all, jobs.state(store, user=lead)[:2]) == (2, (0, 2))
    assert [jobs.turn_of(job(store, i.id)) for i in (first, second)] == [Turn.LAST, Turn.FIRST]
    jobs.cancel(store, user=lead, job_id=first.id)
    jobs.cancel(store, user=lead, job_id=first.id)
    assert job(store, first.id).state is JobState.CANCELLED
    with pytest.raises(InvalidValue, match="is cancelled; only one that waits"):
        jobs.prioritise(store, user=lead, job_id=first.id, turn=Turn.NORMAL)
    with store.read() as tx:
        assert [event.action for event, _ in tx.audit.recent(3)] == ["job cancelled", "job moved", "job moved"]


def test_many_notes_are_shared_among_the_workers_and_each_note_is_done_by_one(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    promote(store, project, adapter)
    for number in range(70):
        add_note(store, project, f"Note {number}.")

    def queued() -> list[dict[str, int | str]]:
        with store.write() as tx:
            predicting.queue_predictions(tx, project_id=project.id, user_id=None)
            return [job.args for job in tx.jobs.open([JobKind.PREDICT])]

    with store.write() as tx:
        for name in ("a", "b", "c"):
            tx.workers.register(name, device="cpu")
    ids = {"project_id": project.id, "adapter_id": adapter.id}
    assert queued() == [{**ids, "part": 0, "parts": 2}, {**ids, "part": 1, "parts": 2}]  # fewer are not worth it
    assert len(queued()) == 2
    seen: list[str] = []
    for part in range(2):
        count = predicting.predict_missing(
            store, project_id=project.id, adapter_id=adapter.id, part=part, parts=2,
            predictor=lambda texts: [seen.append(text) or () for text in texts],
            on_progress=lambda *_: None, fence=lambda _: None,
        )  # fmt: skip
        assert count == 35
    assert len(seen) == len(set(seen)) == 70
    with store.read() as tx:
        assert predicting.under_way(tx, tx.projects.get(project.id))
