"""What a user relies on when jobs run, are cancelled, or lose their worker."""

from __future__ import annotations

import signal
import subprocess
import time
from datetime import timedelta

import pytest
from job_bench import Bench, wait_for

from mednerapp.domain.jobs import JobKind, JobState, Outcome, overlapping
from mednerapp.domain.models import RunState
from mednerapp.jobs.engine import workflow_id
from mednerapp.jobs.failures import FULL
from mednerapp.jobs.recovery import MOST_DEATHS

pytestmark = pytest.mark.usefixtures("warm")


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_person_who_waits_goes_before_training_and_every_job_ends_with_its_message(bench: Bench) -> None:
    first = bench.add(gate="a")
    worker = bench.start("w")
    bench.started(first)
    training = bench.add_fine_tuning().job_id
    evaluating = bench.add(JobKind.EVALUATE)
    cancelled = bench.add()
    time.sleep(1)  # the engine has been offered the training and the scoring before the predictions come
    predicting = [bench.add(do="refuse"), bench.add(do="crash"), bench.add(do="full"), bench.add(do="count")]
    bench.cancel(cancelled)
    assert bench.job(cancelled).state is JobState.CANCELLED
    bench.open_gate("a")

    refused, crashed, full, counted = bench.finished(*predicting)
    trained, *_ = bench.finished(training, evaluating, first)
    order = [int(event.split()[1]) for event in bench.events("start")]
    assert order == [first, *predicting, evaluating, training]
    assert (counted.state, counted.message) == (JobState.SUCCEEDED, "All done.")
    assert (counted.done, counted.total, counted.unit, counted.attempt) == (1000, 1000, "notes", 1)
    assert trained.state is JobState.SUCCEEDED
    assert refused.state is JobState.FAILED
    assert refused.message == "The model folder is gone. Install the encoder again."
    assert (full.state, full.message) == (JobState.FAILED, FULL)
    assert crashed.state is JobState.FAILED
    assert crashed.message == "Unexpected error (ValueError); see the worker log."
    assert "fake_worker.py" in bench.log("w")
    assert "Miller" not in bench.log("w")

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    with bench.store.read() as tx:
        assert tx.workers.alive(within=timedelta(minutes=1)) == []


def test_cancelling_ends_a_job_and_its_run_whether_it_waits_or_runs(bench: Bench) -> None:
    waiting, running = bench.add_fine_tuning(), bench.add_fine_tuning(gate="never")
    bench.cancel(waiting.job_id)
    assert bench.run(waiting.id).state is RunState.CANCELLED
    bench.start("w")
    bench.started(running.job_id)
    bench.cancel(running.job_id)
    [job] = bench.finished(running.job_id)
    assert job.state is JobState.CANCELLED
    assert bench.run(running.id).state is RunState.CANCELLED
    assert bench.events(f"start {waiting.job_id} ") == []


def test_after_a_kill_every_job_is_taken_up_again_by_itself_and_ends_once(bench: Bench) -> None:
    predicting = bench.add(gate="a")
    process = bench.start("w")
    bench.started(predicting)
    kill(process)
    assert bench.job(predicting).state is JobState.RUNNING

    process = bench.start("w")
    bench.started(predicting, times=2)
    bench.open_gate("a")
    [job] = bench.finished(predicting)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert len(bench.events(f"done {predicting} ")) == 1

    run = bench.add_fine_tuning(gate="b")
    bench.started(run.job_id)
    kill(process)
    bench.start("w")
    bench.started(run.job_id, times=2)
    assert bench.run(run.id).state is RunState.RUNNING
    bench.open_gate("b")
    [job] = bench.finished(run.job_id)
    assert (job.state, job.attempt, bench.run(run.id).state) == (JobState.SUCCEEDED, 2, RunState.SUCCEEDED)
    with bench.store.read() as tx:
        said = [line.text for line in tx.job_records.lines(run.job_id, limit=9)]
        outcomes = [attempt.outcome for attempt in tx.job_records.attempts([run.job_id])]
    assert said == [
        "Attempt 1: worker w on cpu.",
        "The worker died: the job goes on with another attempt.",
        "Attempt 2: worker w on cpu.",
        "Succeeded. All done.",
    ]
    assert outcomes == [Outcome.LOST, Outcome.SUCCEEDED]


def test_a_job_that_takes_its_worker_down_each_time_is_given_up(bench: Bench) -> None:
    job_id = bench.add(gate="never")
    bench.execute("UPDATE job SET deaths = :n", n=MOST_DEATHS - 1)
    process = bench.start("w")
    bench.started(job_id)
    kill(process)
    after = bench.add()
    bench.start("w")
    given_up, next_one = bench.finished(job_id, after)
    assert given_up.state is JobState.FAILED
    assert given_up.message == (
        "Given up after 8 attempts that kept nothing. The worker died in the last one; see its log."
    )
    assert next_one.state is JobState.SUCCEEDED


def test_stopping_a_worker_puts_its_job_back_even_if_the_job_does_not_listen(bench: Bench) -> None:
    predicting = bench.add(gate="a", deaf=1)
    worker = bench.start("one")
    bench.started(predicting)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    job = bench.job(predicting)
    assert (job.state, job.worker) == (JobState.QUEUED, "")

    bench.open_gate("a")
    run = bench.add_fine_tuning(gate="never")
    worker = bench.start("two")
    [job] = bench.finished(predicting)
    assert (job.state, job.worker) == (JobState.SUCCEEDED, "two")
    bench.started(run.job_id)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    job, ended = bench.job(run.job_id), bench.run(run.id)
    assert (job.state, ended.state, job.deaths) == (JobState.QUEUED, RunState.QUEUED, 0)


def test_two_workers_share_the_queue_and_no_job_is_done_twice(bench: Bench) -> None:
    held = [bench.add(gate="a") for _ in range(2)]
    bench.start("one")
    bench.start("two")
    for job_id in held:
        bench.started(job_id)
    assert {bench.job(job_id).worker for job_id in held} == {"one", "two"}
    outage = bench.add(do="outage")
    jobs = [*held, outage, *(bench.add() for _ in range(12))]
    bench.open_gate("a")
    assert {job.state for job in bench.finished(*jobs)} == {JobState.SUCCEEDED}
    again = [outage]  # the database did not answer in its first attempt
    assert sorted(int(event.split()[1]) for event in bench.events("start")) == sorted(jobs + again)
    with bench.store.read() as tx:
        assert not overlapping(tx.job_records.attempts())


def test_a_silent_workers_job_moves_to_another_and_the_old_one_stops_when_it_wakes_up(bench: Bench) -> None:
    job_id = bench.add(gate="a")
    asleep = bench.start("asleep")
    bench.started(job_id)
    asleep.send_signal(signal.SIGSTOP)
    bench.execute("UPDATE worker SET heartbeat_at = '2020-01-01 00:00:00'")
    bench.start("awake")
    job = bench.started(job_id, times=2)
    assert (job.worker, job.attempt) == ("awake", 2)

    bench.open_gate("a")
    asleep.send_signal(signal.SIGCONT)
    assert asleep.wait(timeout=20) == 1
    [job] = bench.finished(job_id)
    assert (job.state, job.worker) == (JobState.SUCCEEDED, "awake")


def test_a_second_worker_of_the_same_name_replaces_the_first(bench: Bench) -> None:
    job_id = bench.add(gate="a", deaf=1)
    first = bench.start("w")
    bench.started(job_id)
    bench.start("w")
    bench.started(job_id, times=2)
    assert first.wait(timeout=20) == 1
    bench.open_gate("a")
    [job] = bench.finished(job_id)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    wait_for(lambda: bench.events("done"), "the second has written it down")
    assert len(bench.events("done")) == 1


def test_a_job_that_does_not_listen_is_cancelled_all_the_same_and_the_device_is_free(bench: Bench) -> None:
    deaf = bench.add(gate="never", deaf=1)
    worker = bench.start("w")
    bench.started(deaf)
    bench.cancel(deaf)
    after = bench.add()
    cancelled, done = bench.finished(deaf, after)
    assert (cancelled.state, done.state) == (JobState.CANCELLED, JobState.SUCCEEDED)
    assert worker.poll() is None  # the same process, started anew
    assert [event.split()[0] for event in bench.events() if f" {deaf} " in event] == ["start"]


def test_a_job_whose_priority_is_raised_overtakes_though_it_was_offered_before(bench: Bench) -> None:
    first = bench.add(gate="a")
    bench.start("w")
    bench.started(first)
    plain, raised = (bench.add(JobKind.EVALUATE) for _ in range(2))
    wait_for(lambda: len(bench.offers()) == 3, "both have been offered to the engine")
    with bench.store.write() as tx:
        assert tx.jobs.set_priority(raised, 5)
        assert not tx.jobs.set_priority(first, 5)
    wait_for(lambda: workflow_id(bench.job(raised)) in bench.offers(), "it is offered at its new priority")
    bench.open_gate("a")
    bench.finished(plain, raised)
    order = [int(event.split()[1]) for event in bench.events("start")]
    assert order.index(raised) < order.index(plain)


def test_a_training_lets_a_prediction_go_first_and_goes_on_afterwards(bench: Bench) -> None:
    run = bench.add_fine_tuning(gate="a", pauses=1)
    bench.start("w")
    bench.started(run.job_id)
    predicting = bench.add()
    [job] = bench.finished(predicting)
    assert job.state is JobState.SUCCEEDED
    bench.started(run.job_id, times=2)
    bench.open_gate("a")
    [job] = bench.finished(run.job_id)
    assert (job.state, job.attempt, job.deaths) == (JobState.SUCCEEDED, 2, 0)
    with bench.store.read() as tx:
        slots = {attempt.slot for attempt in tx.job_records.attempts()}
    assert slots == {"w/cpu"}
