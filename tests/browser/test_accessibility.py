"""axe-core finds no serious or critical fault on any page, in both themes, with panels and dialogs open.

Under WCAG 2.2 AA. What Streamlit's own markup gets wrong is named one by one in KNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running
from support.axe import Known, severe

from mednerapp.domain.accounts import Role
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import projects

pytestmark = pytest.mark.browser

THEMES = ("light", "dark")
KNOWN: tuple[Known, ...] = ()
TITLES = {
    "notes": "Notes",
    "upload": "Upload notes",
    "train": "Train",
    "models": "Models",
    "compare": "Compare",
    "dashboard": "Dashboard",
    "jobs": "Jobs",
    "admin": "Administration",
}
NOTE = 21  # of the demo, with suggestions from here


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        store = found.app.store
        adapter_id = projects.all_projects(store)[0].active_adapter_id
        assert adapter_id is not None
        with store.write() as tx:
            text = tx.notes.get(NOTE).text
            words = [match.span() for match in re.finditer(r"[A-Za-z]{6,}", text)][:12]
            labels = ("Disease", "Symptom", "Drug", "Procedure", "Test")
            spans = [ScoredSpan(Span(*word, labels[i % 5]), 0.5 + i / 30) for i, word in enumerate(words)]
            tx.predictions.put(note_id=NOTE, adapter_id=adapter_id, spans=spans)
        yield found


@pytest.fixture(params=THEMES)
def themed(request: pytest.FixtureRequest, page: Page) -> Page:
    page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    return page


def settle(page: Page) -> None:
    """Until Streamlit has drawn: what is stale is paler than it will be."""
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def check(page: Page, what: str) -> None:
    found = faults(page, what)
    assert not found, "\n".join(found)


def faults(page: Page, what: str) -> list[str]:
    settle(page)
    return [f"{what}: {finding}" for finding in severe(page, KNOWN)]


def sign_in(page: Page, server: AppServer, path: str, role: Role = Role.ADMIN) -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_role("button", name=role.value.capitalize()).click()
    page.wait_for_url(re.compile(re.escape(path)))


def open_note(page: Page, server: AppServer) -> None:
    sign_in(page, server, f"/annotate?note={NOTE}", Role.LEAD)
    expect(page.locator(".text mark").first).to_be_visible()


def test_the_sign_in_page(themed: Page, server: AppServer) -> None:
    themed.goto(f"{server.url}/sign-in")
    assert severe(themed) == []


def test_every_page_of_the_menu(themed: Page, server: AppServer) -> None:
    sign_in(themed, server, "/notes")
    found: list[str] = []
    for path, title in TITLES.items():
        themed.goto(f"{server.url}/{path}")
        expect(themed.get_by_role("heading", name=title, exact=True)).to_be_visible()
        found += faults(themed, path)
    assert not found, "\n".join(found)


def press(*keys: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator(".text").focus()
        for key in keys:
            page.keyboard.press(key)

    return act


STATES: dict[str, Callable[[Page], None]] = {
    "a fresh note": press(),
    "an active span": press("n"),
    "judged spans": press("n", "a", "a", "r", "r", "n", "x", "u"),
    "the word cursor": press("Control+Home", "Control+ArrowRight"),
    "the list of keys": press("?"),
    "the question before submitting": press("Control+Enter"),
    "a comment": press("n", "m"),
}


@pytest.mark.parametrize("what", STATES)
def test_the_annotate_page(themed: Page, server: AppServer, what: str) -> None:
    open_note(themed, server)
    STATES[what](themed)
    check(themed, what)


def test_the_bar_beside_a_span_and_every_panel_beside_the_text(themed: Page, server: AppServer) -> None:
    open_note(themed, server)
    themed.locator(".text mark").first.click()
    expect(themed.locator(".floating")).to_be_visible()
    found = faults(themed, "the bar")
    openers = themed.locator(".openers button")
    names = openers.all_text_contents()
    assert len(names) > 4
    for number, name in enumerate(names):
        themed.locator(".text").focus()
        press("Escape", "n")(themed)
        openers.nth(number).click()
        expect(themed.locator(".side")).to_be_visible()
        found += faults(themed, f"panel {name}")
    assert not found, "\n".join(found)


def test_identical_mentions_in_the_whole_project(themed: Page, server: AppServer) -> None:
    open_note(themed, server)
    press("n", "b")(themed)
    themed.get_by_role("radio", name="all my open notes").check()
    expect(themed.locator(".place-group").first).to_be_visible()
    check(themed, "the preview")


def test_the_parts_of_the_notes_page(themed: Page, server: AppServer) -> None:
    sign_in(themed, server, "/notes", Role.LEAD)
    expect(themed.get_by_role("heading", name="Notes", exact=True)).to_be_visible()
    parts = themed.get_by_test_id("stButtonGroup").first.get_by_role("radio")
    expect(parts.first).to_be_visible()
    found: list[str] = []
    for number in range(parts.count()):
        parts.nth(number).click()
        found += faults(themed, f"part {parts.nth(number).text_content()}")
    assert parts.count() > 1
    assert not found, "\n".join(found)


def test_the_annotate_page_without_a_note(themed: Page, server: AppServer) -> None:
    with server.app.store.write() as tx:
        empty = tx.projects.by_name("Nothing here") or tx.projects.add(
            name="Nothing here", schema=projects.all_projects(server.app.store)[0].schema
        )
    assert empty.id > 1
    sign_in(themed, server, "/annotate")
    themed.get_by_role("combobox", name="Project").first.click()
    themed.get_by_role("option", name="Nothing here").click()
    expect(themed.get_by_role("heading", name="No notes yet")).to_be_visible()
    check(themed, "the empty queue")
