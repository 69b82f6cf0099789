"""axe-core finds no serious or critical fault on any page, in both themes, with panels and dialogs open.

Under WCAG 2.2 AA. What Streamlit's own markup gets wrong is named one by one in KNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from support.annotate_page import AnnotatePage, person
from support.app_server import AppServer, prepare_demo, running
from support.axe import Known, severe
from support.pages import through_the_menu

from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import EditAction, SpanState
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import annotating, projects
from tests.support.makers import change

pytestmark = pytest.mark.browser

KNOWN: tuple[Known, ...] = ()
NOTE = 21  # of the demo, with suggestions from here
BLIND, SUBMITTED = 22, 23  # to the clinician
FRESH = 24  # with suggestions, too


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        store = found.app.store
        adapter_id = projects.all_projects(store)[0].active_adapter_id
        assert adapter_id is not None
        with store.write() as tx:
            for note_id in (FRESH, NOTE):
                text = tx.notes.get(note_id).text
                words = [match.span() for match in re.finditer(r"[A-Za-z]{6,}", text)][:12]
                labels = ("Disease", "Symptom", "Drug", "Procedure", "Test")
                spans = [ScoredSpan(Span(*word, labels[i % 5]), 0.5 + i / 30) for i, word in enumerate(words)]
                tx.predictions.put(note_id=note_id, adapter_id=adapter_id, spans=spans)
            clinician = person(found, Role.CLINICIAN)
            tx.annotations.lock_or_add(note_id=BLIND, user_id=clinician.id, blind=True)
        opened = annotating.open_note(store, user=clinician, note_id=SUBMITTED).annotation
        create = change(1, EditAction.CREATE, "one", Span(*words[0], "Test"))
        saved = annotating.save_edits(
            store, user=clinician, annotation_id=opened.id, client="test", base_revision=opened.revision, edits=[create]
        )
        annotating.submit(store, user=clinician, annotation_id=opened.id, revision=saved.revision)
        yield found


@pytest.fixture
def still(page: Page) -> Page:
    """A page on which nothing moves."""
    page.emulate_media(reduced_motion="reduce")
    return page


def settle(page: Page) -> None:
    """Until Streamlit has drawn: what is stale is paler than it will be."""
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


BACKGROUND = "() => getComputedStyle(document.querySelector('.stApp') ?? document.body).backgroundColor"
# Colours change in transitions: until the last one is over. What turns for ever, or is paused, is not waited for.
STILL = """() => Promise.race([
  Promise.all(document.getAnimations({ subtree: true })
    .filter((one) => one.effect.getComputedTiming().endTime < Infinity).map((one) => one.finished.catch(() => {}))),
  new Promise((done) => setTimeout(done, 3000)),
]).then(() => {})"""


def switch(page: Page, theme: Literal["light", "dark"]) -> None:
    """As the system's theme changes under an open page."""
    before = page.evaluate(BACKGROUND)
    changes = page.evaluate("(dark) => matchMedia('(prefers-color-scheme: dark)').matches !== dark", theme == "dark")
    page.emulate_media(color_scheme=theme)
    for _ in range(100):
        if not changes or page.evaluate(BACKGROUND) != before:
            break
        page.wait_for_timeout(50)
    else:
        raise AssertionError(f"The page did not take the {theme} theme.")
    settle(page)
    page.evaluate(STILL)


def check(page: Page, what: str) -> None:
    found = faults(page, what)
    assert not found, "\n".join(found)


def faults(page: Page, what: str) -> list[str]:
    """In both themes; the page follows the system's, and is left in the light one."""
    found: list[str] = []
    themes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    for theme in themes:
        switch(page, theme)
        found += [f"{what}, {theme}: {finding}" for finding in severe(page, KNOWN)]
    return found


def sign_in(page: Page, server: AppServer, path: str, role: Role = Role.ADMIN) -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_role("button", name=role.value.capitalize()).click()
    page.wait_for_url(re.compile(re.escape(path)))


def open_note(page: Page, server: AppServer, note_id: int = NOTE) -> None:
    sign_in(page, server, f"/annotate?note={note_id}", Role.LEAD)
    expect(page.locator(".text mark").first).to_be_visible(timeout=30_000)


def test_the_sign_in_page(still: Page, server: AppServer) -> None:
    still.goto(f"{server.url}/sign-in")
    check(still, "sign-in")


def test_every_page_of_the_menu(still: Page, server: AppServer) -> None:
    sign_in(still, server, "/notes")
    found: list[str] = []
    for path, title in through_the_menu(still):
        expect(still.get_by_role("heading", name=title, exact=True)).to_be_visible()
        found += faults(still, path)
    assert not found, "\n".join(found)


def test_every_part_of_the_notes_page(still: Page, server: AppServer) -> None:
    sign_in(still, server, "/notes")
    parts = still.get_by_test_id("stButtonGroup").first
    expect(parts.get_by_text("Guideline")).to_be_visible()
    names = [name for name in parts.inner_text().splitlines() if name]
    assert {"Remarks", "Guideline", "Bin"} <= set(names)
    found: list[str] = []
    for name in names:
        parts.get_by_text(name, exact=True).click()
        settle(still)
        found += faults(still, name)
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
    "the word cursor": press("Control+Home", "Control+ArrowRight"),
    "the list of keys": press("?"),
    "the question before submitting": press("Control+Enter"),
    "a comment": press("n", "m"),
    "judged spans": press("n", "a", "a", "r", "r", "n", "x", "u"),
}
SHOWN = {"the list of keys": ".help", "the question before submitting": ".banner", "a comment": ".floating textarea"}


def test_the_annotate_page(still: Page, server: AppServer) -> None:
    open_note(still, server)
    found: list[str] = []
    for what, reach in STATES.items():
        reach(still)
        if what in SHOWN:
            expect(still.locator(SHOWN[what]).first).to_be_visible()
        found += faults(still, what)
        still.keyboard.press("Escape")  # from a field or a question to the text
        for place in SHOWN.values():
            expect(still.locator(place).first).to_be_hidden()
        still.keyboard.press("Escape")  # and from the span
    assert not found, "\n".join(found)


def test_the_bar_beside_a_span_and_every_panel_beside_the_text(still: Page, server: AppServer) -> None:
    open_note(still, server)
    still.locator(".text mark").first.click()
    expect(still.locator(".floating")).to_be_visible()
    found = faults(still, "the bar")
    openers = still.locator(".openers button")
    names = openers.all_text_contents()
    assert len(names) > 4
    for number, name in enumerate(names):
        still.locator(".text").focus()
        press("Escape", "n")(still)
        openers.nth(number).click()
        expect(still.locator(".side")).to_be_visible()
        found += faults(still, f"panel {name}")
    assert not found, "\n".join(found)


def test_identical_mentions_in_the_whole_project(still: Page, server: AppServer) -> None:
    open_note(still, server)
    press("n", "b")(still)
    still.get_by_role("radio", name="all my open notes").check()
    expect(still.locator(".place-group").first).to_be_visible()
    check(still, "the preview")


def test_the_projects_of_an_administrator(still: Page, server: AppServer) -> None:
    sign_in(still, server, "/admin")
    still.get_by_role("tab", name="Projects").click()
    expect(still.get_by_role("heading", name="New project")).to_be_visible()
    check(still, "projects")


def test_the_parts_of_the_notes_page(still: Page, server: AppServer) -> None:
    sign_in(still, server, "/notes", Role.LEAD)
    expect(still.get_by_role("heading", name="Notes", exact=True)).to_be_visible()
    parts = still.get_by_test_id("stButtonGroup").first.get_by_role("radio")
    expect(parts.first).to_be_visible()
    found: list[str] = []
    for number in range(parts.count()):
        parts.nth(number).click()
        found += faults(still, f"part {parts.nth(number).text_content()}")
    assert parts.count() > 1
    assert not found, "\n".join(found)


def test_the_annotate_page_without_a_note(still: Page, server: AppServer) -> None:
    with server.app.store.write() as tx:
        empty = tx.projects.by_name("Nothing here") or tx.projects.add(
            name="Nothing here", schema=projects.all_projects(server.app.store)[0].schema
        )
    assert empty.id > 1
    sign_in(still, server, "/annotate")
    still.get_by_role("combobox", name="Project").first.click()
    still.get_by_role("option", name="Nothing here").click()
    expect(still.get_by_role("heading", name="No notes yet")).to_be_visible()
    check(still, "the empty queue")


def test_a_conflict_with_another_window(still: Page, server: AppServer) -> None:
    open_note(still, server, FRESH)
    press("n", "a", "r")(still)
    AnnotatePage(still, server).saved()
    store, user = server.app.store, person(server, Role.LEAD)
    annotation = annotating.open_note(store, user=user, note_id=FRESH).annotation
    span = next(span for span in annotation.spans if span.state is SpanState.SUGGESTED)
    edit = change(1, EditAction.REJECT, span.id, span.span, SpanState.REJECTED)
    annotating.save_edits(
        store,
        user=user,
        annotation_id=annotation.id,
        client=f"another window {annotation.revision}",
        base_revision=annotation.revision,
        edits=[edit],
    )
    press("n", "2")(still)
    expect(still.locator(".conflict-list li").first).to_be_visible()
    check(still, "a conflict")
    still.get_by_role("button", name="Load the saved version").click()


def test_a_blind_note_and_one_that_can_only_be_read(still: Page, server: AppServer) -> None:
    sign_in(still, server, f"/annotate?note={BLIND}", Role.CLINICIAN)
    expect(still.get_by_text("Blind note")).to_be_visible()
    found = faults(still, "a blind note")
    still.goto(f"{server.url}/annotate?note={SUBMITTED}")
    expect(still.get_by_text("Read only")).to_be_visible()
    press("Tab")(still)
    found += faults(still, "a submitted note")
    assert not found, "\n".join(found)


def test_states_are_told_apart_in_forced_colours(page: Page, server: AppServer) -> None:
    """Where the system's own colours replace ours, lines remain: dashed, solid, struck out."""
    page.emulate_media(forced_colors="active")
    open_note(page, server, FRESH)
    press("n", "a", "r")(page)
    looks: dict[str, str] = page.locator(".text mark").evaluate_all(
        "(marks) => Object.fromEntries(marks.map((mark) => [/suggested|confirmed|rejected/.exec(mark.className)[0],"
        " ['Line', 'Style'].map((part) => getComputedStyle(mark)[`textDecoration${part}`]).join(' ')]))"
    )
    assert looks.keys() == {"suggested", "confirmed", "rejected"}
    assert len(set(looks.values())) == 3, looks
    outlined = "(mark) => getComputedStyle(mark).outlineStyle"
    assert page.locator(".text mark.active").first.evaluate(outlined) == "solid"
