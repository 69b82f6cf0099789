"""From a number on the dashboard to the sentence in the note: two clicks, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support.app_server import AppServer, prepare_demo, running
from support.axe import severe
from support.boards import Scored, fill

from mednerapp.bench.real_data.agreement import overview
from mednerapp.bench.real_data.command import compared
from mednerapp.bench.real_data.page import opened, seen, settle
from mednerapp.bench.real_data.steps import Commands
from mednerapp.domain.accounts import Role
from mednerapp.services import accounts, dashboards, digging, projects
from mednerapp.services.digging import Behind

pytestmark = pytest.mark.browser
PATIENCE = 30_000  # milliseconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


@pytest.fixture(scope="module")
def scored(server: AppServer) -> Scored:
    store = server.app.store
    user = next(user for user in accounts.list_users(store, by=None) if user.role is Role.LEAD)
    with store.read() as tx:
        encoder_id = tx.models.adapters(-1)[0].encoder_id
    return fill(store, user, projects.all_projects(store)[0], encoder_id=encoder_id, sizes=(3, 6, 9), test=8)


def test_two_clicks_lead_from_a_bar_to_the_place_in_the_note(page: Page, server: AppServer, scored: Scored) -> None:
    page.goto(f"{server.url}/dashboard")
    page.get_by_role("button", name="Lead").click()
    expect(page.get_by_text("has the highest F1")).to_be_visible(timeout=PATIENCE)
    store = server.app.store
    board = dashboards.board(store, user=scored.user, dataset_id=scored.dataset.id)
    best = board.models[0]
    missed = digging.behind(store, user=scored.user, asked=Behind(best.evaluation_id, "", kinds=("missed",)))
    first = missed.found[0]

    bars = page.locator(".js-plotly-plot").nth(1).locator(".bars .point path")
    expect(bars).to_have_count(5, timeout=PATIENCE)
    page.wait_for_timeout(500)  # until the page has found its size
    assert severe(page) == []
    bars.nth(3).scroll_into_view_if_needed()
    box = bars.nth(3).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # the first: the bar of what is missed
    shown = page.get_by_text(f"missed: {missed.total} span")
    expect(shown).to_be_visible(timeout=PATIENCE)
    row = page.locator(".st-key-kinds-row-0")
    expect(row).to_contain_text(first.mention)
    row.get_by_role("link").click()  # the second
    expect(page).to_have_url(
        re.compile(rf"/annotate\?note={first.outcome.note_id}&span={first.place}$"), timeout=PATIENCE
    )
    block = page.locator(".text .block").filter(has_text=first.before.splitlines()[-1].lstrip("…") + first.mention)
    expect(block.first).to_be_visible(timeout=PATIENCE)
    with store.read() as tx:
        title = tx.notes.get(first.outcome.note_id).title
    expect(page.get_by_text(title).first).to_be_visible(timeout=PATIENCE)


@pytest.mark.usefixtures("warm")
def test_every_number_is_one_that_the_command_line_prints(browser: Browser, server: AppServer, scored: Scored) -> None:
    settings = server.app.settings
    project = projects.all_projects(server.app.store)[0]
    commands = Commands(settings, threads=1)
    places = compared(commands, settings, browser, server.url, project.name)
    assert {place.name: place.different for place in places if place.different} == {}
    nothing = {place.name for place in places if not place.numbers}
    assert nothing <= {"Label mix (figure)"}  # the demo's notes came on one day
    assert sum(place.numbers for place in places) > 200


@pytest.mark.usefixtures("warm")
def test_a_number_that_is_not_printed_is_found(browser: Browser, server: AppServer, scored: Scored) -> None:
    project = projects.all_projects(server.app.store)[0]
    report = Commands(server.app.settings, threads=1).json("report", "-p", project.name)
    report["models"][1]["micro"]["f1"]["value"] += 0.001
    report["detail"]["kinds"]["missed"] += 1
    with opened(browser, server.url, project.name) as page:
        settle(page)
        places = overview(seen(page), report, [])
    different = [place.name for place in places if place.different]
    assert different[:2] == ["F1 of the models (figure)", "Errors of the best (figure)"]


def test_the_reports_are_for_those_who_are_signed_in(server: AppServer, scored: Scored) -> None:
    address = f"/api/datasets/{scored.dataset.id}/report"
    with server.client() as stranger:
        assert stranger.get(f"{address}.html").status_code == 401
    with server.signed_in(Role.ANNOTATOR) as annotator:
        assert annotator.get(f"{address}.csv").status_code == 403
    with server.signed_in(Role.LEAD) as lead:
        for ending, kind in (("html", "text/html"), ("md", "text/markdown"), ("csv", "text/csv"), ("svg", "image/svg")):
            answer = lead.get(f"{address}.{ending}")
            assert (answer.status_code, answer.headers["content-type"].startswith(kind)) == (200, True)
            assert f'filename="medner-models-{scored.dataset.id}.{ending}"' in answer.headers["content-disposition"]
            assert "Run on 9" in answer.text
        assert lead.get(f"{address}.exe").status_code == 404
        assert lead.get(f"/api/datasets/{10**6}/report.html").status_code == 404
