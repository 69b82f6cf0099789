"""Experiments: what is computed, what is kept, and what the report says of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from support.laboratory import Finds, Laboratory, found
from support.makers import HYPER, make_user

from mednerapp.domain.accounts import Role
from mednerapp.domain.datasets import Split
from mednerapp.domain.experiments import CellState
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.errors import InvalidValue, NotFound, PermissionDenied
from mednerapp.services import experiment_documents, experiment_reports, experimenting, fine_tuning
from mednerapp.services.experiment_reports import Report
from mednerapp.store import Store


@pytest.fixture
def lab(store: Store) -> Laboratory:
    return Laboratory(store)


@pytest.fixture
def quick(sqlite_store: Store) -> Laboratory:
    """For tests whose point is not the database."""
    return Laboratory(sqlite_store)


def report(lab: Laboratory, experiment_id: int) -> Report:
    return experiment_reports.report(lab.store, user=lab.user, experiment_id=experiment_id)


def open_jobs(lab: Laboratory) -> int:
    with lab.store.read() as tx:
        return len(tx.jobs.open())


def test_an_experiment_is_a_run_for_each_encoder_and_seed_that_differ_in_nothing_else(lab: Laboratory) -> None:
    experiment = lab.start(hyper=replace(HYPER, epochs=3), preset="lora", name=" Spring ")
    assert (experiment.name, experiment.seeds, experiment.encoder_ids) == (
        "Spring", (1, 2), tuple(lab.encoders.values()),
    )  # fmt: skip
    runs = [cell.run for cell in lab.look(experiment).cells]
    assert [run.hyper for run in runs] == [replace(HYPER, epochs=3, seed=seed) for seed in (1, 1, 2, 2)]
    assert [run.encoder_id for run in runs] == [*lab.encoders.values()] * 2, "an early end still compares all encoders"
    assert {run.dataset_id for run in runs} == {lab.dataset.id}
    assert set(lab.states(experiment).values()) == {"waiting"}
    with lab.store.read() as tx:
        event, _ = tx.audit.recent()[0]
    assert (event.action, event.user_id, event.detail["runs"]) == ("experiment started", lab.user.id, 4)


def test_asked_for_again_it_is_the_same_experiment_and_nothing_is_computed_twice(lab: Laboratory) -> None:
    first = lab.start()
    assert lab.start(seeds=[2, 1]).id == first.id
    assert open_jobs(lab) == 4
    lab.finish(first, lambda _encoder, _seed: found(8))
    jobs = open_jobs(lab)
    assert lab.start() == first
    assert open_jobs(lab) == jobs

    wider = lab.start(seeds=[1, 2, 3])
    assert wider.id != first.id
    assert lab.states(wider) == {
        (encoder, seed): "waiting" if seed == 3 else "done" for encoder in lab.encoders for seed in (1, 2, 3)
    }
    other = lab.start(hyper=replace(HYPER, epochs=3))
    assert set(lab.states(other).values()) == {"waiting"}, "other settings are other runs"


def test_a_run_that_somebody_started_by_hand_counts(lab: Laboratory) -> None:
    run = fine_tuning.start(
        lab.store,
        user=lab.user,
        project_id=lab.project.id,
        dataset_id=lab.dataset.id,
        encoder_id=lab.encoders["BERT"],
        hyper=replace(HYPER, seed=1),
    )
    adapter = lab.train(run)
    with lab.store.write() as tx:
        for job in tx.jobs.open([JobKind.EVALUATE]):
            tx.jobs.request_cancel(job.id)  # it was never scored
    plan = {"user": lab.user, "project_id": lab.project.id, "dataset_id": lab.dataset.id}
    planned = experimenting.plan(lab.store, **plan, encoder_ids=list(lab.encoders.values()), seeds=[1, 2], hyper=HYPER)
    assert (planned.runs, planned.finished, planned.under_way) == (4, 1, 0)
    experiment = lab.start()
    assert lab.cell(experiment, "BERT", 1).id == run.id
    assert lab.states(experiment)["BERT", 1] == "scoring"
    lab.score(adapter, found(10))
    assert lab.states(experiment)["BERT", 1] == "done"


def test_what_failed_was_interrupted_or_cancelled_is_queued_again_and_what_is_finished_is_kept(
    lab: Laboratory,
) -> None:
    experiment = lab.start()
    bert1, bio1, bert2, bio2 = (cell.run for cell in lab.look(experiment).cells)
    lab.score(lab.train(bert1), found(9))
    lab.claim(bio1)
    lab.end(bio1, JobState.FAILED, "Out of memory.")
    lab.claim(bert2)
    lab.end(bert2, JobState.INTERRUPTED)  # as an earlier release reported a run whose worker had died
    fine_tuning.cancel(lab.store, user=lab.user, run_id=bio2.id)
    assert list(lab.states(experiment).values()) == ["done", "failed", "interrupted", "cancelled"]
    view = lab.look(experiment)
    assert not view.live
    assert view.cells[1].error == "Out of memory."

    go_on = {"user": lab.user, "experiment_id": experiment.id}
    assert experimenting.resume(lab.store, **go_on, only_interrupted=True) == 1
    assert list(lab.states(experiment).values()) == ["done", "failed", "waiting", "cancelled"]
    assert experimenting.resume(lab.store, **go_on) == 2
    assert experimenting.resume(lab.store, **go_on) == 0
    assert list(lab.states(experiment).values()) == ["done", "waiting", "waiting", "waiting"]
    assert [cell.run.id for cell in lab.look(experiment).cells] == [bert1.id, bio1.id, bert2.id, bio2.id]


def test_an_interrupted_experiment_ends_in_the_same_report_as_one_that_was_not(quick: Laboratory) -> None:
    def finds(encoder: str, seed: int) -> Finds:
        return found({"BERT": 5, "BioBERT": 8}[encoder] - seed)

    experiment = quick.start()
    run = quick.cell(experiment, "BioBERT", 1)
    quick.claim(run)
    quick.end(run, JobState.INTERRUPTED)
    quick.finish(experiment, finds)
    assert quick.states(experiment)["BioBERT", 1] == "interrupted"
    assert not report(quick, experiment.id).view.complete
    experimenting.resume(quick.store, user=quick.user, experiment_id=experiment.id)
    quick.finish(experiment, finds)
    resumed = report(quick, experiment.id)
    assert resumed.view.complete

    straight = quick.start(hyper=replace(HYPER, epochs=9))  # the same predictions, from other runs
    quick.finish(straight, finds)
    other = report(quick, straight.id)
    assert [experiment_documents.table_row(row) for row in resumed.rows] == [
        experiment_documents.table_row(row) for row in other.rows
    ]


def test_an_evaluation_that_failed_is_shown_and_repeated(quick: Laboratory) -> None:
    experiment = quick.start(seeds=[1])
    run = quick.cell(experiment, "BERT", 1)
    quick.train(run)
    assert quick.states(experiment)["BERT", 1] == "scoring"
    with quick.store.write() as tx:
        (job,) = tx.jobs.open([JobKind.EVALUATE])
        assert tx.jobs.claim(job.id, worker="w", attempt=1)
        tx.jobs.finish(job.id, worker="w", attempt=1, state=JobState.FAILED, message="The folder is gone.")
    cell = quick.look(experiment).cells[0]
    assert (cell.state, cell.error) == (CellState.FAILED, "The folder is gone.")
    assert experimenting.resume(quick.store, user=quick.user, experiment_id=experiment.id) == 1
    assert quick.states(experiment)["BERT", 1] == "scoring"


def test_cancelling_ends_what_waits_and_what_runs_and_keeps_the_rest(lab: Laboratory) -> None:
    experiment = lab.start()
    lab.score(lab.train(lab.cell(experiment, "BERT", 1)), found(9))
    running = lab.cell(experiment, "BioBERT", 1)
    lab.claim(running)
    assert experimenting.cancel(lab.store, user=lab.user, experiment_id=experiment.id) == 3
    with lab.store.read() as tx:
        assert tx.jobs.get(running.job_id).cancel_requested, "the worker ends it"
    states = lab.states(experiment)
    assert [states["BERT", 1], states["BERT", 2], states["BioBERT", 2]] == ["done", "cancelled", "cancelled"]


def test_the_time_left_follows_the_encoder_and_what_is_done_of_the_current_run(quick: Laboratory) -> None:
    experiment = quick.start()
    assert quick.look(experiment).seconds_left is None, "nothing is known yet"
    quick.claim(quick.cell(experiment, "BERT", 1), done=25, total=100)
    left = quick.look(experiment).seconds_left
    assert left is not None
    assert left > 0
    cells = quick.look(experiment).cells
    assert (cells[0].share, cells[0].unit) == (0.25, "steps")


def test_the_means_and_both_intervals_are_those_of_the_counts(quick: Laboratory) -> None:
    """Of 10 test notes with 2 spans each, BERT finds 12 and 14 spans of 20 with 8 and 6 false ones."""
    experiment = quick.start()
    quick.finish(experiment, lambda _encoder, seed: found({1: 2, 2: 4}[seed]))
    bert, _ = report(quick, experiment.id).rows
    assert bert.micro is not None
    assert [(seed, c.tp, c.fp, c.fn) for seed, c in bert.scored] == [(1, 12, 8, 8), (2, 14, 6, 6)]
    f1 = bert.micro.over_seeds.f1
    assert f1.mean == pytest.approx(0.65)
    assert f1.half_width == pytest.approx(12.706 * 0.05 / math.sqrt(2) * math.sqrt(2), rel=1e-3)  # s = 0.1 / sqrt 2
    notes = bert.micro.over_notes
    assert notes.f1.value == pytest.approx(0.65)
    assert notes.f1.low is not None
    assert notes.f1.high is not None
    assert 0.4 < notes.f1.low < 0.65 < notes.f1.high < 0.9
    assert (notes.notes, bert.micro.gold) == (10, 20)
    assert bert.per_label["Symptom"].over_seeds.recall.mean == 1.0
    assert bert.per_label["Test"].over_seeds.f1.mean is None, "no gold and no prediction: nothing to score"


def test_every_cell_is_scored_on_the_notes_that_none_of_the_models_has_seen(quick: Laboratory) -> None:
    experiment = quick.start(seeds=[1])
    with quick.store.read() as tx:
        gold = tx.datasets.gold(quick.dataset.id, Split.TEST)
    quick.score(quick.train(quick.cell(experiment, "BERT", 1)), found(2), seen=frozenset({gold[0].note_hash}))
    quick.score(quick.train(quick.cell(experiment, "BioBERT", 1)), found(2))
    both = report(quick, experiment.id)
    assert (both.notes, both.left_out) == (9, 1)
    assert [row.micro.gold for row in both.rows if row.micro] == [18, 18]
    assert "1 of the 10 test notes are left out for all" in experiment_documents.markdown(both)


def test_without_a_common_note_there_is_no_table_and_it_says_so(quick: Laboratory) -> None:
    experiment = quick.start(seeds=[1])
    with quick.store.read() as tx:
        hashes = [note.note_hash for note in tx.datasets.gold(quick.dataset.id, Split.TEST)]
    quick.score(quick.train(quick.cell(experiment, "BERT", 1)), found(2), seen=frozenset(hashes[:5]))
    quick.score(quick.train(quick.cell(experiment, "BioBERT", 1)), found(2), seen=frozenset(hashes[5:]))
    nothing = report(quick, experiment.id)
    assert (nothing.notes, [row.micro for row in nothing.rows]) == (0, [None, None])
    assert "nothing can be compared" in experiment_documents.markdown(nothing)
    assert json.loads(experiment_documents.as_json(nothing))["encoders"][0]["micro"] is None


def test_no_encoder_is_called_better_where_an_interval_overlaps_or_is_missing(quick: Laboratory) -> None:
    one_seed = quick.start(seeds=[1])
    quick.finish(one_seed, lambda encoder, _seed: found(10 if encoder == "BERT" else 0))
    said = " ".join(experiment_reports.standing(report(quick, one_seed.id)))
    assert "not distinguishable from BioBERT" in said
    assert "One seed says nothing about others" in said
    assert "One seed: no interval over seeds" in experiment_documents.markdown(report(quick, one_seed.id))

    same = quick.start(hyper=replace(HYPER, epochs=4))
    quick.finish(same, lambda encoder, seed: found(5 + seed if encoder == "BERT" else 5))
    said = " ".join(experiment_reports.standing(report(quick, same.id)))
    assert said.startswith("BERT has the highest mean F1")
    assert "not distinguishable from BioBERT" in said

    apart = quick.start(hyper=replace(HYPER, epochs=5))
    quick.finish(apart, lambda encoder, _seed: found(10 if encoder == "BERT" else 0))
    said = " ".join(experiment_reports.standing(report(quick, apart.id)))
    assert "Neither the interval over seeds nor that over notes overlaps that of BioBERT" in said
    tied = quick.start(hyper=replace(HYPER, epochs=6))
    quick.finish(tied, lambda _encoder, _seed: found(5))
    assert experiment_reports.standing(report(quick, tied.id))[0].startswith("BERT and BioBERT share")


def test_the_curves_are_means_over_the_seeds_with_the_lowest_and_the_highest(quick: Laboratory) -> None:
    experiment = quick.start(encoder_ids=[quick.encoders["BERT"]])
    for seed, epochs in ((1, 2), (2, 3)):  # seed 2 went on longer
        adapter = quick.train(quick.cell(experiment, "BERT", seed), epochs=epochs, base=float(seed))
        quick.score(adapter, found(1))
    (row,) = report(quick, experiment.id).rows
    assert [(p.epoch, p.seeds) for p in row.curve] == [(1, 2), (2, 2), (3, 1)]
    assert row.curve[0].train == pytest.approx((1.5, 1.0, 2.0))
    assert row.curve[0].dev == pytest.approx((1.8, 1.2, 2.4))


def test_the_documents_hold_the_table_beside_the_published_one_and_every_count(quick: Laboratory) -> None:
    experiment = quick.start(name="Spring | *2026*")
    quick.finish(experiment, lambda _encoder, seed: found(2 * seed))
    whole = report(quick, experiment.id)
    text = experiment_documents.markdown(whole, figure="f.svg")
    assert "# Experiment 1: Spring \\| \\*2026\\*" in text
    assert "| BioBERT | 2 | 65.0 \u00b1 63.5 | 65.0 \u00b1 63.5 | 65.0 \u00b1 63.5 |" in text
    assert "| 89.8 | 87.6 |" in text
    assert "cannot be compared" in text
    assert "![Loss against epoch](f.svg)" in text
    assert "* RoBERTa: `mednerapp models pull RoBERTa`" in text
    assert "Fever since Monday" not in text

    data = json.loads(experiment_documents.as_json(whole))
    assert data["complete"] is True
    assert data["dataset"]["hash"] == quick.dataset.content_hash
    assert data["not_installed"] == ["ClinicalBERT", "SciBERT", "BlueBERT", "RoBERTa"]
    (bert, biobert) = data["encoders"]
    assert bert["seeds"][0] == {"seed": 1, "tp": 12, "fp": 8, "fn": 8}
    assert bert["micro"]["f1"]["over_seeds"]["seeds"] == 2
    assert bert["micro"]["f1"]["over_notes"]["notes"] == 10
    assert biobert["published"] == {"precision": 89.8, "f1": 87.6, "unit": "percent"}
    assert [point["epoch"] for point in bert["loss"]] == [1, 2]
    svg = experiment_documents.figure(whole)
    assert svg.count("<polyline") == 4, "train and dev of two encoders"
    assert ">BioBERT</text>" in svg


def test_a_report_of_an_experiment_that_has_just_begun_can_be_written(quick: Laboratory) -> None:
    early = report(quick, quick.start().id)
    assert "No run is scored yet" in experiment_documents.markdown(early)
    assert experiment_documents.figure(early).startswith("<svg")
    assert experiment_reports.standing(early) == []
    assert json.loads(experiment_documents.as_json(early))["complete"] is False


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"encoder_ids": []}, "at least one encoder"),
        ({"seeds": []}, "at least one encoder and one seed"),
        ({"seeds": [1, 1]}, "each seed once"),
        ({"seeds": [-1]}, "not -1"),
        ({"seeds": range(200)}, "at most 300 runs, not 400"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"hyper": replace(HYPER, epochs=0)}, "epochs has to be between"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_before_anything_is_queued(
    quick: Laboratory, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        quick.start(**changed)
    assert open_jobs(quick) == 0
    assert experimenting.experiments(quick.store, user=quick.user, project_id=quick.project.id) == []


def test_what_does_not_exist_or_cannot_be_scored_is_refused(quick: Laboratory) -> None:
    with pytest.raises(NotFound):
        quick.start(encoder_ids=[99])
    with pytest.raises(NotFound):
        quick.start(project_id=quick.project.id + 1)
    with pytest.raises(NotFound):
        report(quick, 99)
    annotator = make_user(quick.store, Role.ANNOTATOR)
    with pytest.raises(PermissionDenied):
        quick.start(user=annotator)
    assert open_jobs(quick) == 0
