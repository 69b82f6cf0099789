"""Adjudicating in a real browser with nothing but the keyboard."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running
from support.axe import severe
from support.makers import ASPIRIN, CHEST_PAIN, FEVER, WARFARIN, add_note, create, make_user

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.gold import GoldOrigin
from mednerapp.domain.spans import Span
from mednerapp.services import annotating, gold, projects

pytestmark = pytest.mark.browser
PAIN = Span(46, 50, "Symptom")
PICTURES = os.environ.get("MEDNER_TEST_PICTURES")  # a folder; where somebody wants to look at the pages


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


def look(page: Page, name: str) -> None:
    """No severe fault for those who cannot see it, and a picture for somebody who wants to."""
    assert severe(page) == []
    if PICTURES:
        page.wait_for_timeout(400)
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def see(page: Page, text: str | re.Pattern[str]) -> None:
    """A page counts agreement and redraws; on a busy machine that takes a while."""
    expect(page.get_by_text(text).first).to_be_visible(timeout=30_000)


def step(page: Page, key: str) -> str:
    """To another place. A second press before the first is answered would go on to a place that nobody sees coming."""
    place = page.get_by_role("heading", name=re.compile(r"Place \d of 3"))
    before = place.inner_text()
    page.keyboard.press(key)
    expect(place).not_to_have_text(before, timeout=30_000)
    return place.inner_text()


def submit(server: AppServer, user: User, note_id: int, spans: Sequence[Span]) -> None:
    store = server.app.store
    opened = annotating.open_note(store, user=user, note_id=note_id).annotation
    edits = [create(number, f"s{number}", span) for number, span in enumerate(spans, start=1)]
    saved = annotating.save_edits(
        store, user=user, annotation_id=opened.id, client="tab", base_revision=opened.revision, edits=edits
    )
    annotating.submit(store, user=user, annotation_id=opened.id, revision=saved.revision)


def test_a_note_is_adjudicated_with_the_keyboard_alone(page: Page, server: AppServer) -> None:
    store = server.app.store
    project = projects.all_projects(store)[0]
    ann, ben = make_user(store, Role.ANNOTATOR, "Ann"), make_user(store, Role.ANNOTATOR, "Ben")
    note = add_note(store, project, title="Two readings")
    with store.write() as tx:
        tx.doubles.add([note], project_id=project.id, user_id=None)
    submit(server, ann, note, [FEVER, ASPIRIN, CHEST_PAIN])
    submit(server, ben, note, [FEVER, PAIN, WARFARIN])

    page.goto(f"{server.url}/gold?part=agreement")
    page.get_by_role("button", name="Lead").click()
    see(page, "Notes that disagree most")
    look(page, "agreement")
    page.get_by_role("link", name="Adjudicate", exact=True).click()
    see(page, "0 of 3 places decided")
    look(page, "adjudicate-1280")

    page.keyboard.press("1")  # Ann's aspirin
    see(page, "1 of 3 places decided")
    see(page, "Place 2 of 3")
    page.keyboard.press("2")  # Ben's pain
    see(page, "2 of 3 places decided")
    page.keyboard.press("u")
    see(page, "1 of 3 places decided")
    page.reload()  # what was decided is stored
    see(page, "1 of 3 places decided")
    page.keyboard.press("y")
    see(page, "2 of 3 places decided")
    see(page, re.compile("Place [23] of 3"))
    step(page, "k")
    while step(page, "j") != "Place 3 of 3":
        pass
    page.keyboard.press("0")  # nothing: no warfarin was given
    see(page, "3 of 3 places decided")
    look(page, "adjudicated")
    page.keyboard.press("f")
    see(page, "This note is gold.")
    look(page, "provenance")

    with store.read() as tx:
        found, spans = gold.of_note(tx, note)
        assert found is not None
        assert (found.origin, spans) == (GoldOrigin.ADJUDICATED, (FEVER, ASPIRIN, PAIN))
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{server.url}/gold?part=status")
    see(page, re.compile(r"\d notes of gold"))
    look(page, "gold-status-1920")
    page.goto(f"{server.url}/gold?part=settings")
    see(page, "Notes with two annotators")
    look(page, "gold-settings")
