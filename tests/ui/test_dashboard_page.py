"""The dashboard: what it says is what the command line prints, in every part of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.testing.v1 import AppTest
from support.boards import Scored, fill
from typer.testing import CliRunner
from ui.conftest import Open

from mednerapp.bootstrap import App
from mednerapp.cli import report as command
from mednerapp.cli.main import app as cli
from mednerapp.domain.accounts import Role, User
from mednerapp.scoring.summaries import Dimension
from mednerapp.services import accounts, board_words, dashboards, projects


@pytest.fixture(scope="module")
def scored(app: App) -> Scored:
    user = next(user for user in accounts.list_users(app.store, by=None) if user.role is Role.LEAD)
    project = projects.all_projects(app.store)[0]
    with app.store.read() as tx:
        encoder_id = tx.models.adapters(-1)[0].encoder_id
    return fill(app.store, user, project, encoder_id=encoder_id)


def printed(app: App, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    @contextmanager
    def opened() -> Iterator[tuple[App, User]]:
        everybody = accounts.list_users(app.store, by=None)
        yield app, next(user for user in everybody if user.role is Role.LEAD)

    monkeypatch.setattr(command, "open_app", opened)
    result = CliRunner().invoke(cli, ["report", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def rows(shown: AppTest, number: int) -> list[list[str]]:
    return [[str(value) for value in row if value != ""] for row in shown.dataframe[number].value.to_numpy().tolist()]


def said(shown: AppTest) -> str:
    return "\n".join(element.value for element in (*shown.markdown, *shown.info, *shown.caption)).replace("\\", "")


def part(shown: AppTest, name: str) -> AppTest:
    next(group for group in shown.button_group if name in group.options).set_value(name)
    return shown.run()


def test_the_first_screen_says_what_the_command_line_prints(
    scored: Scored, open_page: Open, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = open_page("dashboard", Role.CLINICIAN)
    assert not shown.exception
    text = printed(app, monkeypatch)
    lines = [cells(line) for line in text.splitlines()]
    for row in rows(shown, 0):
        assert row in lines
    value = json.loads(printed(app, monkeypatch, "--json"))
    for sentence in value["sentences"]:
        name = value["model"] + ": "
        assert sentence.removeprefix(name) in said(shown)
        assert sentence in text
    assert not any(b.label == "Compare and promote" for b in shown.button)  # a clinician promotes nothing
    board = dashboards.board(app.store, user=scored.user, dataset_id=scored.dataset.id)
    best = board.models[0].micro
    assert {b.label for b in shown.button} >= {
        f"Found {best.found:.0f}",
        f"Missed {best.gold - best.found:.0f}",
        f"Invented {best.predicted - best.found:.0f}",
    }


def test_where_a_model_fails_is_what_the_command_line_prints(
    scored: Scored, open_page: Open, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = part(open_page("dashboard", Role.LEAD), "Where it fails")
    lines = [cells(line) for line in printed(app, monkeypatch).splitlines()]
    value = json.loads(printed(app, monkeypatch, "--json"))
    for dimension in Dimension:
        group = next(g for g in shown.button_group if dimension.value.capitalize() in g.options)
        group.set_value(dimension)
        shown.run()
        assert not shown.exception
        found = rows(shown, 0)
        assert len(found) == len(value["detail"]["groups"][dimension.value])
        for row in found:
            assert row in lines
    assert f"Expected calibration error: {value['detail']['ece']:.3f}" in said(shown)


def test_a_number_opens_the_spans_behind_it_and_each_leads_to_its_place(scored: Scored, open_page: Open) -> None:
    shown = open_page("dashboard", Role.LEAD)
    button = next(b for b in shown.button if b.label.startswith("Missed "))
    total = int(button.label.split()[1])
    button.click()
    shown.run()
    assert not shown.exception
    assert f"missed: {total} spans" in said(shown)
    next(b for b in shown.button if b.label.startswith("Next ")).click()
    shown.run()
    assert any(b.label == "Previous" for b in shown.button)


def test_more_notes_drift_and_training_are_drawn(scored: Scored, open_page: Open, app: App) -> None:
    shown = part(open_page("dashboard", Role.LEAD), "More notes and drift")
    assert not shown.exception
    board = dashboards.board(app.store, user=scored.user, dataset_id=scored.dataset.id)
    assert len({point.notes for point in board.curves[0].points}) == 3
    assert board_words.more_notes(board.curves) in said(shown)
    shown = part(shown, "Training")
    assert not shown.exception
    assert "Loss against epoch" in said(shown)
