"""The compare page in a real browser: from nothing to a table that grows by itself, and its downloads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running
from support.laboratory import Laboratory, found
from support.makers import ASPIRIN

from mednerapp.domain.accounts import Role
from mednerapp.domain.experiments import CellState
from mednerapp.services import accounts, experimenting, projects, reporting

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


@pytest.fixture(scope="module")
def lab(server: AppServer) -> Laboratory:
    """On the demo's own project; nobody but the test does a worker's part."""
    store = server.app.store
    user = next(user for user in accounts.list_users(store, by=None) if user.role is Role.LEAD)
    project = projects.all_projects(store)[0]
    return Laboratory(store, user=user, dataset=reporting.datasets(store, user=user, project_id=project.id)[0])


def test_an_experiment_is_started_watched_cancelled_continued_and_read(
    page: Page, server: AppServer, lab: Laboratory
) -> None:
    page.goto(f"{server.url}/compare")
    page.get_by_role("button", name="Lead").click()
    expect(page.get_by_text("No experiment yet.")).to_be_visible()
    expect(page.get_by_text("mednerapp models pull ClinicalBERT")).to_be_visible()
    expect(page.get_by_text(re.compile("3 encoders × 3 seeds = 9 runs"))).to_be_visible()
    page.get_by_text("Starter", exact=True).click()
    seeds = page.get_by_role("textbox", name="Seeds")
    seeds.fill("1, x")
    seeds.press("Enter")
    expect(page.get_by_text("Seeds are whole numbers")).to_be_visible()
    expect(page.get_by_role("button", name="Start experiment")).to_be_disabled()
    seeds.fill("1, 2")
    seeds.press("Enter")
    expect(page.get_by_text(re.compile("2 encoders × 2 seeds = 4 runs"))).to_be_visible()
    page.get_by_role("button", name="Start experiment").click()

    expect(page.get_by_text("0 of 4 runs finished")).to_be_visible()
    expect(page.get_by_text("No worker is running")).to_be_visible()
    (experiment,) = experimenting.experiments(lab.store, user=lab.user, project_id=lab.project.id)
    run = lab.cell(experiment, "BERT", 1)
    lab.claim(run, done=30, total=120)
    expect(page.get_by_text("BERT, seed 1: steps 30 of 120")).to_be_visible()
    lab.score(lab.train(run, claimed=True), lambda _place: (ASPIRIN,))
    expect(page.get_by_text("1 of 4 runs finished")).to_be_visible()
    expect(page.get_by_text("Table 1: precision, recall and F1")).to_be_visible()
    expect(page.get_by_text("Figure 2: loss against epoch")).to_be_visible()

    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("3 of 4 runs ended without a result")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    lab.finish(experiment, lambda _encoder, seed: found(seed))
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    assert lab.look(experiment).count(CellState.DONE) == 4

    with page.expect_download() as saved:
        page.get_by_role("link", name="Report (Markdown)").click()
    assert saved.value.suggested_filename == f"medner-experiment-{experiment.id}.md"
    assert "| BioBERT | 2 |" in saved.value.path().read_text(encoding="utf-8")


def test_the_documents_are_for_those_who_may_see_results(server: AppServer, lab: Laboratory) -> None:
    experiment = lab.start(seeds=[9])
    path = f"/api/experiments/{experiment.id}/report"
    with server.signed_in(Role.ANNOTATOR) as annotator:
        assert annotator.get(f"{path}.md").json()["error"] == "forbidden"
    with server.signed_in(Role.CLINICIAN) as clinician:
        answer = clinician.get(f"{path}.md")
        assert answer.headers["content-type"].startswith("text/markdown")
        assert f'filename="medner-experiment-{experiment.id}.md"' in answer.headers["content-disposition"]
        assert f"(medner-experiment-{experiment.id}.svg)" not in answer.text, "without a curve there is no figure"
        assert json.loads(clinician.get(f"{path}.json").text)["experiment"]["id"] == experiment.id
        assert clinician.get(f"{path}.svg").text.startswith("<svg")
        for wrong in (f"{path}.exe", "/api/experiments/999/report.md", f"/api/experiments/{10**25}/report.md"):
            assert clinician.get(wrong).status_code == 404
