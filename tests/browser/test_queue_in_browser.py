"""The queue, the notes page and the bin in a real browser on the real web process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import Edit, EditAction, SpanState
from mednerapp.domain.queue import QueueOrder
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import accounts, annotating, projects, queueing, remarks

pytestmark = pytest.mark.browser

ROW = 35  # pixels, of a table


def click_first_row(page: Page, *, x: int) -> None:
    """Clicks the first row of the only table, once the page has dropped what it showed before: until its script has
    ended, the table of the tab before can stand beside the new one."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    page.get_by_test_id("stDataFrame").click(position={"x": x, "y": ROW + ROW // 2})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


@pytest.fixture
def people(server: AppServer) -> dict[Role, User]:
    return {user.role: user for user in accounts.list_users(server.app.store, by=None)}


def sign_in(page: Page, server: AppServer, role: Role, path: str) -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_role("button", name=role.value.capitalize()).click()
    page.wait_for_url(re.compile(re.escape(path.split("?", maxsplit=1)[0])))


def title_of(server: AppServer, note_id: int) -> str:
    with server.app.store.read() as tx:
        return tx.notes.get(note_id).title


def shown_note(page: Page) -> int:
    page.wait_for_url(re.compile(r"note=\d+"))
    found = re.search(r"note=(\d+)", page.url)
    assert found
    return int(found[1])


def test_a_link_to_a_span_survives_the_sign_in_and_stays_until_the_note_is_left(
    page: Page, server: AppServer, people: dict[Role, User]
) -> None:
    store = server.app.store
    adapter_id = projects.all_projects(store)[0].active_adapter_id
    assert adapter_id is not None
    with store.write() as tx:
        spans = [ScoredSpan(Span(0, 4, "Disease"), 0.9), ScoredSpan(Span(6, 9, "Drug"), 0.8)]
        tx.predictions.put(note_id=30, adapter_id=adapter_id, spans=spans)
    opened = annotating.open_note(store, user=people[Role.ANNOTATOR], note_id=30).annotation
    link = f"/annotate?note=30&span={opened.spans[1].id}"
    sign_in(page, server, Role.ANNOTATOR, link)
    expect(page.get_by_role("heading", name=title_of(server, 30))).to_be_visible()
    expect(page.get_by_role("button", name="Submit & next")).to_be_visible()
    assert page.url.endswith(link)
    page.get_by_role("button", name="Skip", exact=True).click()
    page.wait_for_url(re.compile(r"note=(?!30\b)\d+"))
    assert "span=" not in page.url


def test_two_people_get_different_notes_and_a_link_to_a_held_one_says_whose_it_is(
    new_page: Callable[[], Page], server: AppServer
) -> None:
    first, second = new_page(), new_page()
    sign_in(first, server, Role.CLINICIAN, "/annotate")
    held = shown_note(first)
    sign_in(second, server, Role.ADMIN, "/annotate")
    expect(second.get_by_role("button", name="Submit & next")).to_be_visible()
    assert shown_note(second) != held
    second.goto(f"{server.url}/annotate?note={held}")
    expect(second.get_by_text("Demo clinician is working on this note.")).to_be_visible()
    expect(second.get_by_role("button", name="Submit & next")).to_be_visible()


def test_a_skipped_note_does_not_come_straight_back(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.LEAD, "/annotate")
    seen = [shown_note(page)]
    for _ in range(2):
        expect(page.get_by_role("heading", name=title_of(server, seen[-1]))).to_be_visible()
        page.get_by_role("button", name="Skip", exact=True).click()
        page.wait_for_url(re.compile(rf"note=(?!{seen[-1]}\b)\d+"))
        seen.append(shown_note(page))
    assert len(set(seen)) == 3


def test_a_blind_note_says_that_it_is_one(page: Page, server: AppServer, people: dict[Role, User]) -> None:
    project = projects.all_projects(server.app.store)[0]

    def choose(blind_percent: int) -> None:
        queueing.change(
            server.app.store,
            user=people[Role.LEAD],
            project_id=project.id,
            order=QueueOrder.IMPORT,
            blind_percent=blind_percent,
        )

    choose(100)
    try:
        sign_in(page, server, Role.ANNOTATOR, "/annotate?note=38")
        expect(page.get_by_text("no suggestions, mark what you find").first).to_be_visible()
        expect(page.get_by_text("Highlights are waiting")).to_be_hidden()
    finally:
        choose(0)


def test_a_lead_finds_a_note_by_its_text_deletes_it_takes_it_back_and_restores_it_from_the_bin(
    page: Page, server: AppServer, people: dict[Role, User]
) -> None:
    store, lead = server.app.store, people[Role.LEAD]
    project = projects.all_projects(store)[0]
    (note,) = projects.notes(store, user=lead, project_id=project.id, search="Hyacinth Vellacott")

    def there() -> bool:
        return bool(projects.notes(store, user=lead, project_id=project.id, search="Hyacinth Vellacott"))

    def delete() -> None:
        click_first_row(page, x=16)
        page.get_by_role("button", name="Delete 1 note").click()
        expect(page.get_by_text(f"Deleted {note.title}.")).to_be_visible()
        assert not there()

    sign_in(page, server, Role.LEAD, "/notes")
    page.get_by_role("textbox", name="Search in titles and texts").fill("hyacinth vellac")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stDataFrame")).to_have_css("height", re.compile(r"^7[0-9]"))  # one row
    delete()
    expect(page.get_by_text("No note holds")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(f"Deleted {note.title}.")).to_be_hidden()
    assert there()
    delete()
    page.get_by_text("Bin", exact=True).click()
    expect(page.get_by_text("Tick notes to restore them.")).to_be_visible()
    click_first_row(page, x=16)
    page.get_by_role("button", name="Restore 1 note").click()
    expect(page.get_by_text("The bin is empty.")).to_be_visible()
    assert there()


def test_what_an_annotator_is_unsure_of_reaches_the_lead_who_opens_it_beside_their_own(
    page: Page, server: AppServer, people: dict[Role, User]
) -> None:
    store, ann = server.app.store, people[Role.ANNOTATOR]
    project = projects.all_projects(store)[0]
    sign_in(page, server, Role.LEAD, "/notes")
    page.get_by_text("Remarks", exact=True).click()
    expect(page.get_by_text("Nobody is unsure of a span")).to_be_visible()

    opened = annotating.open_note(store, user=ann, note_id=25)
    edit = Edit(
        1, EditAction.CREATE, "s", Span(0, 4, "Disease"), SpanState.CONFIRMED, comment="or a test?", unsure=True
    )
    revision = opened.annotation.revision
    annotating.save_edits(
        store, user=ann, annotation_id=opened.annotation.id, client="tab", base_revision=revision, edits=[edit]
    )
    assert [r.who for r in remarks.remarks(store, user=people[Role.LEAD], project_id=project.id)] == [ann.name]
    page.reload()
    page.get_by_text("Remarks", exact=True).click()
    expect(page.get_by_text("1 remark. Click one")).to_be_visible()
    click_first_row(page, x=60)
    page.wait_for_url(re.compile(rf"/annotate\?note=25&span=0-4&compare=person(:|%3A){ann.id}$"))
    expect(page.locator(".side .difference")).to_contain_text("Theirs: unsure, “or a test?”")
    expect(page.locator(".side .difference")).to_contain_text("only theirs")


def test_a_lead_writes_the_guideline_and_what_is_not_saved_is_kept(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.LEAD, "/notes")
    page.get_by_text("Guideline", exact=True).click()
    field = page.get_by_role("textbox", name="Guideline, in Markdown")
    expect(field).to_have_value(re.compile(r"^#"))
    before = field.input_value()
    field.fill("## Drugs\n\nWithout the **dose**.")
    page.get_by_text("List", exact=True).click()
    expect(field).to_be_hidden()
    page.get_by_text("Guideline", exact=True).click()
    expect(field).to_have_value("## Drugs\n\nWithout the **dose**.")
    expect(page.get_by_text("Not saved yet.")).to_be_visible()
    expect(page.get_by_text("Nothing stands beside Disease, Symptom, Procedure, Test")).to_be_visible()
    assert projects.all_projects(server.app.store)[0].guideline == before
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Not saved yet.")).to_be_hidden()
    assert projects.all_projects(server.app.store)[0].guideline == "## Drugs\n\nWithout the **dose**."
    field.fill("Dropped.")
    field.blur()
    page.get_by_role("button", name="Drop the changes").click()
    expect(field).to_have_value("## Drugs\n\nWithout the **dose**.")


def test_a_guideline_that_somebody_else_saves_meanwhile_is_shown_and_never_written_over(
    page: Page, server: AppServer, people: dict[Role, User]
) -> None:
    store, project = server.app.store, projects.all_projects(server.app.store)[0]

    def saved() -> str:
        return projects.all_projects(store)[0].guideline

    def theirs(text: str) -> None:
        projects.change_guideline(store, user=people[Role.ADMIN], project_id=project.id, text=text, was=saved())

    sign_in(page, server, Role.LEAD, "/notes")
    field = page.get_by_role("textbox", name="Guideline, in Markdown")
    page.get_by_text("Guideline", exact=True).click()
    expect(field).to_have_value(saved())
    theirs("Theirs.")
    page.get_by_text("List", exact=True).click()
    page.get_by_text("Guideline", exact=True).click()
    expect(field).to_have_value("Theirs.")  # nothing was written here
    field.fill("Mine.")
    field.blur()
    expect(page.get_by_text("Not saved yet.")).to_be_visible()
    theirs("Theirs again.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody else has changed the guideline")).to_be_visible()
    expect(field).to_have_value("Mine.")
    assert saved() == "Theirs again."
    page.get_by_role("button", name="Drop the changes").click()
    expect(field).to_have_value("Theirs again.")


def test_a_lead_chooses_the_order_and_the_share_of_blind_notes(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.LEAD, "/notes")
    page.get_by_text("Queue", exact=True).click()
    page.get_by_text("Least certain first").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It counts from the next note on.")).to_be_visible()
    assert projects.all_projects(server.app.store)[0].queue_order is QueueOrder.UNCERTAIN
