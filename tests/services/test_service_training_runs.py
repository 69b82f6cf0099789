from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.makers import HYPER, make_adapter, make_dataset, make_project, make_user

from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import Adapter, AdapterKind, EpochReport, HyperParameters, Run, RunState
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.jobs.context import JobCancelled, JobContext
from mednerapp.jobs.recovery import recover_orphans
from mednerapp.services import fine_tuning, promoting
from mednerapp.services.fine_tuning import Trained, TrainingOrder
from mednerapp.settings import Settings
from mednerapp.store import Fence, Store


class Team:
    """A lead with a project, a starter and a dataset."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.user: User = make_user(store)
        self.project: Project = make_project(store)
        self.starter: Adapter = make_adapter(store)
        self.dataset: Dataset = make_dataset(store, self.user, self.project)
        self.encoder_id = self.starter.encoder_id

    def start(self, *, hyper: HyperParameters = HYPER, **changed: Any) -> Run:
        values = {
            "user": self.user,
            "project_id": self.project.id,
            "dataset_id": self.dataset.id,
            "encoder_id": self.encoder_id,
        }
        return fine_tuning.start(self.store, hyper=hyper, **(values | changed))

    def claim(self, run: Run) -> None:
        with self.store.write() as tx:
            job = tx.jobs.get(run.job_id)
            assert tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)

    def finish(self, run: Run, state: JobState, message: str = "") -> None:
        with self.store.write() as tx:
            job = tx.jobs.get(run.job_id)
            assert tx.jobs.finish(job.id, worker="w", attempt=job.attempt, state=state, message=message)

    def carry_out(self, run: Run, trainer: fine_tuning.Trainer, fence: Fence = lambda _: None) -> Adapter:
        return fine_tuning.carry_out(
            self.store, run_id=run.id, trainer=trainer, device="cpu", model_dir=Path("/models"), fence=fence
        )

    def fence(self, run: Run) -> Fence:
        """That of the worker which has claimed the run."""
        with self.store.read() as tx:
            job = tx.jobs.get(run.job_id)
        return JobContext(job, self.store, Settings(), "w", "cpu").fence

    def strike_off(self) -> None:
        """As every worker does with the jobs of one that is not on the list, and "w" is not."""
        with self.store.write() as tx:
            recover_orphans(tx)

    def run(self, run: Run) -> Run:
        with self.store.read() as tx:
            return tx.runs.get(run.id)

    def job(self, run: Run) -> JobState:
        with self.store.read() as tx:
            return tx.jobs.get(run.job_id).state


@pytest.fixture
def team(store: Store) -> Team:
    return Team(store)


class FakeTrainer:
    """Reports two epochs and keeps what it was told."""

    order: TrainingOrder

    def __call__(self, order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        self.order = order
        on_epoch(EpochReport(1, 0.9, 0.8, 0.4, 1.5))
        on_epoch(EpochReport(2, 0.5, None, None, 1.5))
        return Trained("f" * 64, MEDICAL_SCHEMA.names)


def test_a_run_is_visible_at_once_and_queued(team: Team) -> None:
    run = team.start()
    assert (run.state, run.name, run.adapter_id) == (RunState.QUEUED, "Starter + LoRA", None)
    (view,) = fine_tuning.runs(team.store, user=team.user, project_id=team.project.id)
    assert (view.run, view.encoder, view.dataset, view.epochs) == (run, "Starter", team.dataset.name, ())
    with team.store.read() as tx:
        job = tx.jobs.get(run.job_id)
        assert (job.kind, job.args, job.created_by) == (JobKind.FINE_TUNE, {}, team.user.id)


def test_a_trainer_is_told_everything_and_only_training_and_dev_notes(team: Team) -> None:
    run = team.start(hyper=replace(HYPER, epochs=3), name=" April ")
    trainer = FakeTrainer()
    team.carry_out(run, trainer)
    order = trainer.order
    with team.store.read() as tx:
        train, dev, test = (tx.datasets.gold(team.dataset.id, split) for split in Split)
    assert (list(order.train), list(order.dev)) == (train, dev)
    assert not {n.note_hash for n in (*order.train, *order.dev)} & {n.note_hash for n in test}
    assert (order.name, order.encoder_name, order.encoder_folder) == ("April", "Starter", "Starter")
    assert (order.labels, order.hyper.epochs) == (MEDICAL_SCHEMA.names, 3)
    assert order.dataset_hash == team.dataset.content_hash
    assert order.out_dir == Path(f"/models/adapters/run-{run.id}-job-{run.job_id}")


def test_a_finished_training_is_an_adapter_whose_score_and_that_of_every_other_is_asked_for(team: Team) -> None:
    other = make_adapter(team.store, "Earlier", project=team.project)
    make_adapter(team.store, "Elsewhere", project=make_project(team.store, "Ward 4"))
    make_adapter(team.store, "Other labels", project=team.project, labels=("Gene",))
    run = team.start(name="April")
    team.claim(run)
    adapter = team.carry_out(run, FakeTrainer())
    team.finish(run, JobState.SUCCEEDED)
    assert (adapter.name, adapter.kind, adapter.run_id) == (f"April (run {run.id})", AdapterKind.LORA, run.id)
    assert (adapter.project_id, adapter.weights_hash, adapter.labels) == (
        team.project.id,
        "f" * 64,
        MEDICAL_SCHEMA.names,
    )
    ended = team.run(run)
    assert (ended.state, ended.adapter_id, ended.device) == (RunState.SUCCEEDED, adapter.id, "cpu")
    assert ended.finished_at is not None
    with team.store.read() as tx:
        jobs = tx.jobs.open([JobKind.EVALUATE])
        curve = tx.runs.epochs(run.id)
    assert [job.args["adapter_id"] for job in jobs] == [team.starter.id, other.id, adapter.id]
    assert {job.args["dataset_id"] for job in jobs} == {team.dataset.id}
    assert [(e.epoch, e.dev_f1) for e in curve] == [(1, 0.4), (2, None)]


def test_a_job_that_is_repeated_after_its_adapter_was_registered_trains_no_second_time(team: Team) -> None:
    run = team.start()
    adapter = team.carry_out(run, FakeTrainer())

    def must_not_train(_order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        raise AssertionError

    assert team.carry_out(run, must_not_train) == adapter
    with team.store.read() as tx:
        assert len(tx.jobs.open([JobKind.EVALUATE])) == 2


def test_a_training_that_fails_leaves_no_adapter_and_can_be_started_again(team: Team) -> None:
    run = team.start()
    team.claim(run)

    def fail(_order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        for epoch in (1, 2, 3):
            on_epoch(EpochReport(epoch, 0.9, 0.8, 0.4, 1.5))
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        team.carry_out(run, fail)
    team.finish(run, JobState.FAILED, "out of memory")
    failed = team.run(run)
    assert (failed.state, failed.error, failed.adapter_id) == (RunState.FAILED, "out of memory", None)
    again = fine_tuning.start_again(team.store, user=team.user, run_id=run.id)
    assert (again.id, again.state, again.error, again.hyper) == (run.id, RunState.QUEUED, "", run.hyper)
    assert again.job_id != run.job_id
    trainer = FakeTrainer()
    adapter = team.carry_out(again, trainer)
    assert adapter.folder == f"adapters/run-{run.id}-job-{again.job_id}"  # never the folder of the failed attempt
    with team.store.read() as tx:
        assert [e.epoch for e in tx.runs.epochs(run.id)] == [1, 2]  # of this attempt only
        assert tx.runs.of_job(run.job_id) is None


@pytest.mark.parametrize("moment", ["before it starts", "between two epochs", "before it registers the adapter"])
def test_a_worker_that_was_struck_off_writes_nothing_more(team: Team, moment: str) -> None:
    run = team.start()
    team.claim(run)
    if moment == "before it starts":
        team.strike_off()

    def train(_order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        on_epoch(EpochReport(1, 0.9, 0.8, 0.4, 1.5))
        if moment == "between two epochs":
            team.strike_off()
        on_epoch(EpochReport(2, 0.9, 0.8, 0.4, 1.5))
        team.strike_off()
        return Trained("f" * 64, MEDICAL_SCHEMA.names)

    with pytest.raises(JobCancelled):
        team.carry_out(run, train, team.fence(run))
    ended = team.run(run)
    assert (ended.state, ended.adapter_id, team.job(run)) == (RunState.QUEUED, None, JobState.QUEUED)
    with team.store.read() as tx:
        expected = ["before it starts", "between two epochs", "before it registers the adapter"].index(moment)
        assert len(tx.runs.epochs(run.id)) == expected
        assert tx.jobs.open([JobKind.EVALUATE]) == []


def test_a_cancelled_training_registers_no_adapter_even_at_the_last_moment(team: Team) -> None:
    run = team.start()
    team.claim(run)

    def train(order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        trained = FakeTrainer()(order, on_epoch=on_epoch)
        cancel(team, run)
        return trained

    with pytest.raises(JobCancelled):
        team.carry_out(run, train, team.fence(run))
    assert team.run(run).adapter_id is None


def test_who_strikes_a_worker_off_that_is_writing_its_result_waits_and_finds_the_result(team: Team) -> None:
    run = team.start()
    team.claim(run)
    with ThreadPoolExecutor(1) as pool, team.store.write() as tx:
        team.fence(run)(tx)
        striking = pool.submit(team.strike_off)
        wait([striking], timeout=0.5)
        adapter = tx.models.add_adapter(
            name="April",
            kind=AdapterKind.LORA,
            encoder_id=team.encoder_id,
            folder="april",
            weights_hash="f" * 64,
            labels=MEDICAL_SCHEMA.names,
            project_id=team.project.id,
            run_id=run.id,
        )
        assert not striking.done()
    striking.result()
    ended = team.run(run)
    assert (ended.state, ended.adapter_id, team.job(run)) == (RunState.SUCCEEDED, adapter.id, JobState.SUCCEEDED)


@pytest.mark.parametrize("said", [RunState.QUEUED, RunState.RUNNING])
@pytest.mark.parametrize("repair", ["cancel", "start again"])
def test_a_run_that_says_it_lives_though_its_job_has_ended_can_be_cancelled_and_started_again(
    team: Team, said: RunState, repair: str
) -> None:
    run = team.start()
    team.claim(run)
    team.finish(run, JobState.FAILED)
    with team.store.write() as tx:
        tx.runs.set_state(run.id, said)
    if repair == "cancel":
        cancel(team, run)
        assert team.run(run).state is RunState.CANCELLED
    again = fine_tuning.start_again(team.store, user=team.user, run_id=run.id)
    assert again.state is RunState.QUEUED
    assert again.job_id != run.job_id


@pytest.mark.parametrize("state", RunState)
def test_only_a_run_that_ended_without_a_result_can_be_started_again(team: Team, state: RunState) -> None:
    run = team.start()
    with team.store.write() as tx:
        tx.runs.set_state(run.id, state)
    if state in (RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED):
        assert fine_tuning.start_again(team.store, user=team.user, run_id=run.id).state is RunState.QUEUED
    else:
        with pytest.raises(InvalidValue, match=state.value):
            fine_tuning.start_again(team.store, user=team.user, run_id=run.id)


def cancel(team: Team, run: Run) -> None:
    fine_tuning.cancel(team.store, user=team.user, run_id=run.id)


def test_a_queued_run_is_cancelled_at_once(team: Team) -> None:
    run = team.start()
    cancel(team, run)
    assert (team.run(run).state, team.job(run)) == (RunState.CANCELLED, JobState.CANCELLED)


def test_a_running_run_is_asked_to_stop_and_ends_when_its_worker_notices(team: Team) -> None:
    run = team.start()
    team.claim(run)
    with team.store.write() as tx:
        tx.runs.start(run.id, device="cpu")
    cancel(team, run)
    assert (team.run(run).state, team.job(run)) == (RunState.RUNNING, JobState.RUNNING)
    with team.store.write() as tx:
        assert not tx.jobs.progress(run.job_id, worker="w", attempt=1, done=1, total=2, unit="steps")
    team.finish(run, JobState.CANCELLED)
    assert team.run(run).state is RunState.CANCELLED


def test_cancelling_what_has_ended_changes_and_claims_nothing(team: Team) -> None:
    run = team.start()
    team.claim(run)
    team.carry_out(run, FakeTrainer())
    team.finish(run, JobState.SUCCEEDED)
    cancel(team, run)
    assert (team.run(run).state, team.job(run)) == (RunState.SUCCEEDED, JobState.SUCCEEDED)
    with team.store.read() as tx:
        assert "run cancelled" not in [e.action for e, _ in tx.audit.recent()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 501),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("batch_size", 0),
        ("rank", 0),
        ("alpha", 0),
        ("dropout", 1.0),
    ],
)
def test_settings_that_cannot_train_are_refused_with_the_limits(team: Team, name: str, value: float) -> None:
    with pytest.raises(InvalidValue, match=f"{name.replace('_', ' ')} has to be between"):
        team.start(hyper=replace(HYPER, **{name: value}))


def test_a_run_needs_a_dataset_of_its_project_an_encoder_and_a_name_that_fits(team: Team) -> None:
    other = make_project(team.store, "Ward 4")
    with pytest.raises(NotFound):
        team.start(project_id=other.id)
    with pytest.raises(NotFound):
        team.start(dataset_id=99)
    with pytest.raises(NotFound):
        team.start(encoder_id=99)
    with pytest.raises(InvalidValue, match="at most 150"):
        team.start(name="x" * 151)
    assert team.carry_out(team.start(name="x" * 150), FakeTrainer()).name.startswith("xxx")


def test_a_promoted_adapter_highlights_from_now_on(team: Team) -> None:
    adapter = team.carry_out(team.start(), FakeTrainer())
    promoting.promote(team.store, user=team.user, project_id=team.project.id, adapter_id=adapter.id)
    with team.store.read() as tx:
        assert tx.projects.get(team.project.id).active_adapter_id == adapter.id
        (job,) = tx.jobs.open([JobKind.PREDICT])
        assert job.args == {"project_id": team.project.id, "adapter_id": adapter.id}
        (entry,) = [e for e, _ in tx.audit.recent() if e.action == "adapter promoted"]
        assert entry.detail == {"project_id": team.project.id, "instead_of": None}
    promoting.promote(team.store, user=team.user, project_id=team.project.id, adapter_id=team.starter.id)
    with team.store.read() as tx:
        assert tx.projects.get(team.project.id).active_adapter_id == team.starter.id  # the way back


def test_an_adapter_of_another_project_cannot_be_promoted(team: Team) -> None:
    foreign = make_adapter(team.store, "Foreign", project=make_project(team.store, "Ward 4"))
    with pytest.raises(NotFound):
        promoting.promote(team.store, user=team.user, project_id=team.project.id, adapter_id=foreign.id)
