"""A note with identifiers through the whole product in a real browser, and where its text must not be afterwards."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running
from support.canaries import CANARIES, in_no_file, in_no_other_table, nowhere

from mednerapp.domain.accounts import Role
from mednerapp.domain.identifiers import Verdict
from mednerapp.services import identifiers, projects

pytestmark = pytest.mark.browser

NOTE = f"Xanthippe Quarrington (MRN 4711-0815) was seen on March 3rd, 2022.\nFever. {' '.join(CANARIES)}."
WORDS = (*CANARIES, "Quarrington", "4711-0815")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "server.txt"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[AppServer]:
    with log.open("wb") as stderr, running(prepare_demo(tmp_path_factory.mktemp("demo")), stderr=stderr) as found:
        yield found


def sign_in(page: Page, server: AppServer, role: Role, path: str) -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_role("button", name=role.value.capitalize()).click()
    page.wait_for_url(re.compile(re.escape(path)))


def test_a_note_is_held_reviewed_and_exported_and_leaves_no_trace_elsewhere(
    page: Page, server: AppServer, log: Path, screenshots: Path | None
) -> None:
    began = time.time()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, server, Role.LEAD, "/identifiers")
    page.get_by_text("Review: a note waits here").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. It holds for notes that come in from now on.")).to_be_visible()

    page.get_by_role("link", name="Upload").click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "Quarrington.txt", "mimeType": "text/plain", "buffer": NOTE.encode()}
    )
    page.get_by_role("button", name="Import 1 note").click()
    expect(page.get_by_text("1 held for review")).to_be_visible(timeout=60_000)  # Presidio is loaded now
    store, project = server.app.store, projects.all_projects(server.app.store)[0]
    with store.read() as tx:
        lead = next(user for user in tx.users.all() if user.role is Role.LEAD)
        admin = next(user for user in tx.users.all() if user.role is Role.ADMIN)
    assert not projects.notes(store, user=lead, project_id=project.id, search=CANARIES[0])

    page.get_by_role("link", name="Identifiers").click()
    page.get_by_role("button", name="Review", exact=True).click()
    expect(page.get_by_text("what is marked will be replaced")).to_be_visible()
    expect(page.get_by_text("4711-0815").first).to_be_visible()
    _shot(page, screenshots, "identifiers-review")
    page.get_by_role("button", name=re.compile("^Submit")).first.click()
    expect(page.get_by_text("No note waits.")).to_be_visible(timeout=15_000)
    _shot(page, screenshots, "identifiers")

    (mine,) = projects.notes(store, user=lead, project_id=project.id, search=CANARIES[0])
    with store.read() as tx:
        text = tx.notes.get(mine.id).text
        assert tx.privacy.verdict(mine.id) is Verdict.CLEARED
    assert not re.search("Xanthippe|Quarrington|4711|March 3rd", text)
    assert CANARIES[-1] in text
    assert identifiers.restore_note(store, user=admin, note_id=mine.id) == NOTE

    page.goto(f"{server.url}/notes")
    expect(page.get_by_role("heading", name="Notes", exact=True)).to_be_visible()
    page.goto(f"{server.url}/annotate?note={mine.id}")
    expect(page.get_by_text(CANARIES[0]).first).to_be_visible()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    with server.signed_in(Role.LEAD) as client:  # other notes of the demo have never been looked at
        assert client.get(f"/api/projects/{project.id}/export.jsonl").status_code in (200, 409)
    nowhere("a URL", "\n".join(asked), WORDS)
    nowhere("the browser's storage", kept, WORDS)
    nowhere("the log", log.read_text(errors="replace"), WORDS)
    in_no_file(server.app.settings.data_dir, began, WORDS)
    in_no_other_table(server.app.settings.data_dir, WORDS)


@pytest.fixture
def screenshots() -> Path | None:
    """Where pictures go when somebody wants to look at them."""
    folder = os.environ.get("MEDNER_SCREENSHOTS")
    return Path(folder) if folder else None


def _shot(page: Page, folder: Path | None, name: str) -> None:
    if folder:
        page.screenshot(path=folder / f"{name}.png", full_page=True)
