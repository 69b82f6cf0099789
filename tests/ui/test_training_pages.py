"""The pages Train and Jobs, and what a page of a note says of its job."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from support.shown import button, texts

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.models import EpochReport, RunState
from mednerapp.errors import InvalidValue
from mednerapp.services import (
    fine_tuning,
    noticing,
    projects,
    reporting,
)
from mednerapp.ui import process
from mednerapp.ui.words import plain

Open = Callable[[str, Role | None], AppTest]


def test_a_lead_starts_a_run_with_what_the_form_says_and_cancels_it(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    project = projects.all_projects(app.store)[0]
    shown = open_page("train", Role.LEAD)
    shown.number_input[0].set_value(3)
    next(t for t in shown.text_input if t.placeholder == "encoder + LoRA").set_value("My *run*")
    button(shown, "Start run").click()
    shown.run()
    (view,) = fine_tuning.runs(app.store, user=people[Role.LEAD], project_id=project.id)
    assert (view.run.name, view.run.hyper.epochs, view.run.state) == ("My *run*", 3, RunState.QUEUED)
    assert "My \\*run\\*" in texts(shown)
    assert "No worker is running" in texts(shown)
    button(shown, "Cancel").click()
    shown.run()
    (view,) = fine_tuning.runs(app.store, user=people[Role.LEAD], project_id=project.id)
    assert view.run.state is RunState.CANCELLED
    button(shown, "Start again").click()
    shown.run()
    (view,) = fine_tuning.runs(app.store, user=people[Role.LEAD], project_id=project.id)
    assert view.run.state is RunState.QUEUED


@pytest.mark.parametrize(("pressed", "verb"), [("Start run", "start"), ("Cancel", "cancel")])
def test_what_a_run_is_refused_for_is_said_and_the_page_stays(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, pressed: str, verb: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InvalidValue("It has ended meanwhile.")

    monkeypatch.setattr(fine_tuning, verb, refuse)
    shown = open_page("train", Role.LEAD)
    button(shown, pressed).click()
    shown.run()
    assert not shown.error
    assert "It has ended meanwhile." in [text.value.replace("\\", "") for text in shown.warning]
    assert "Runs" in [heading.value for heading in shown.subheader]


def test_the_name_of_a_run_stops_where_the_service_would_refuse_it(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    shown = open_page("train", Role.LEAD)
    next(t for t in shown.text_input if t.placeholder == "encoder + LoRA").set_value("x" * 200)
    button(shown, "Start run").click()
    shown.run()
    assert not shown.error
    project = projects.all_projects(app.store)[0]
    newest = fine_tuning.runs(app.store, user=people[Role.LEAD], project_id=project.id)[0]
    assert newest.run.name == "x" * fine_tuning.MAX_NAME
    fine_tuning.cancel(app.store, user=people[Role.LEAD], run_id=newest.run.id)


def test_a_dev_f1_says_on_how_many_notes_and_what_it_is_for(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    project = projects.all_projects(app.store)[0]
    view = fine_tuning.runs(app.store, user=people[Role.LEAD], project_id=project.id)[0]
    (dataset,) = reporting.datasets(app.store, user=people[Role.LEAD], project_id=project.id)
    with app.store.write() as tx:
        tx.runs.add_epoch(view.run.id, EpochReport(1, 0.5, 0.6, 0.489, 1.0))
    shown = open_page("train", Role.LEAD)
    notes = dataset.notes[Split.DEV]
    assert f"learning rate {view.run.hyper.learning_rate:g}" in texts(shown)
    assert f"best dev F1 48.9% on {notes} dev notes" in texts(shown)
    charts = [json.loads(chart.proto.spec) for chart in shown.get("plotly_chart")]
    titles = [chart["layout"]["title"]["text"] for chart in charts if "title" in chart["layout"]]
    assert titles == [f"Dev F1 on {notes} notes, strict (chooses the epoch; not a score)"]


def test_a_lead_sees_every_job_with_its_progress_and_can_cancel_and_retry(open_page: Open, app: App) -> None:
    project = projects.all_projects(app.store)[0]
    with app.store.write() as tx:
        args = {"project_id": project.id, "adapter_id": 0}  # not the one in force: other tests ask for its jobs
        failed, running, waiting = (tx.jobs.add(kind=JobKind.PREDICT, args=args, user_id=None) for _ in range(3))
        for job in (failed, running):
            tx.jobs.claim(job.id, worker=f"w{job.id}", attempt=1, device="cuda:1")
        tx.jobs.progress(
            running.id, worker=f"w{running.id}", attempt=1, done=30, total=90, unit="notes", rate=2.5, memory=3 * 2**20
        )
        tx.job_records.log(failed.id, attempt=1, text="Attempt 1: worker w on cuda:1.")
        tx.jobs.finish(
            failed.id, worker=f"w{failed.id}", attempt=1, state=JobState.FAILED, message="The folder is gone."
        )
    shown = open_page("jobs", Role.LEAD)
    assert "The folder is gone\\." in [error.value for error in shown.error]
    said = texts(shown)
    assert f"**Highlight notes** · {plain(project.name)} :blue-badge[running]" in said
    assert "cuda:1 · 3.0 MB" in said.replace("\\", "")
    shown.toggle(key=f"log-{failed.id}").set_value(True).run()
    assert "worker w on cuda:1" in shown.code[0].value

    shown.button(key=f"cancel-{waiting.id}").click().run()
    shown.button(key=f"retry-{failed.id}").click().run()
    shown.button(key=f"cancel-{running.id}").click().run()
    with app.store.read() as tx:
        assert tx.jobs.get(waiting.id).state is JobState.CANCELLED
        assert tx.jobs.get(running.id).cancel_requested
        assert tx.jobs.get(failed.id).state is JobState.QUEUED
    shown.selectbox(key=f"turn-{failed.id}-normal").set_value("First").run()
    with app.store.write() as tx:
        assert tx.jobs.get(failed.id).priority == 5
        for job in (failed, running):
            tx.jobs.request_cancel(job.id)
        tx.jobs.abandon(running.id, attempt=1, state=JobState.CANCELLED, message="")


def test_whoever_started_a_job_is_told_once_that_it_has_ended_on_whatever_page(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    project = projects.all_projects(app.store)[0]
    args = {"project_id": project.id, "adapter_id": 0}
    with app.store.write() as tx:
        job = tx.jobs.add(kind=JobKind.PREDICT, args=args, user_id=people[Role.LEAD].id)
        tx.jobs.claim(job.id, worker="w", attempt=1)
    of_another = open_page("notes", Role.ADMIN)
    assert not of_another.toast
    shown = open_page("notes", Role.LEAD)
    assert not shown.toast
    with app.store.write() as tx:
        tx.jobs.finish(job.id, worker="w", attempt=1, state=JobState.FAILED, message="Mr Quillfeather coughs.")
    shown.run()
    assert [toast.value.replace("\\", "") for toast in shown.toast] == [
        f"Highlighting notes has failed ({project.name})."
    ]
    assert not shown.run().toast


def test_a_note_that_no_job_will_highlight_says_why_and_those_who_may_try_again(open_page: Open, app: App) -> None:
    with app.store.write() as tx:
        jobs = tx.jobs.open([JobKind.PREDICT])
        for job in jobs:
            tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)
            tx.jobs.finish(
                job.id, worker="w", attempt=job.attempt + 1, state=JobState.FAILED, message="The *model* is gone."
            )
    assert jobs
    shown = open_page("annotate", Role.ANNOTATOR)
    assert "Highlights are missing: The *model* is gone." in texts(shown).replace("\\", "")
    assert not any(b.label == "Try again" for b in shown.button)  # an annotator imports nothing
    assert "no worker is running" not in texts(shown)
    assert set(open_page("notes", Role.LEAD).dataframe[0].value["Highlighted"]) == {"no"}
    shown = open_page("annotate", Role.LEAD)
    button(shown, "Try again").click()
    shown.run()
    assert "Highlights are missing" not in texts(shown)
    assert "no worker is running" in texts(shown)
    assert set(open_page("notes", Role.LEAD).dataframe[0].value["Highlighted"]) == {"waiting"}


def test_a_person_turns_mails_about_ended_jobs_on_and_off(
    app: App, open_page: Open, people: dict[Role, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [toggle for toggle in open_page("jobs", Role.LEAD).toggle if toggle.label.startswith("E-mail")]
    with_mail = replace(app, settings=app.settings.model_copy(update={"smtp_host": "mail.example.org"}))
    monkeypatch.setattr("mednerapp.ui.process.build", lambda _: with_mail)
    process.application.cache_clear()
    for wanted in (True, False):
        (toggle,) = (t for t in open_page("jobs", Role.LEAD).toggle if t.label.startswith("E-mail"))
        assert toggle.value is not wanted
        shown = toggle.set_value(wanted).run()
        assert not shown.exception
        assert noticing.wants_mail(app.store, user=people[Role.LEAD]) is wanted
