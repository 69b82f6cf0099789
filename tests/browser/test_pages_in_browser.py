"""The pages in a real browser on the real web process: who comes where, uploads, leaving, what the process loads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running
from support.pages import through_the_menu

from mednerapp.domain.accounts import Role
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import accounts, projects
from mednerapp.ui.menu import MENU

pytestmark = pytest.mark.browser

HEAVY = ("torch", "transformers", "peft", "dbos", "tokenizers", "safetensors", "accelerate")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


def sign_in(page: Page, server: AppServer, role: Role, path: str = "/annotate") -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_role("button", name=role.value.capitalize()).click()
    page.wait_for_url(re.compile(re.escape(path)))


def test_a_deep_link_survives_the_sign_in_and_opens_that_note(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.ANNOTATOR, "/annotate?note=5")
    with server.app.store.read() as tx:
        title = tx.notes.get(5).title
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert page.url.endswith("/annotate?note=5")


def test_the_start_leads_to_the_next_note(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.ANNOTATOR)
    page.goto(server.url)
    page.wait_for_url(re.compile(r"/annotate\?note=\d+"))


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.CLINICIAN, Role.LEAD, Role.ADMIN])
def test_the_menu_shows_what_the_role_may_and_a_direct_link_to_more_says_no(
    page: Page, server: AppServer, role: Role
) -> None:
    """One link for each role: `tests/ui/test_pages.py` opens every page as every role."""
    lead = [
        "Annotate",
        "Notes",
        "Upload",
        "Identifiers",
        "Gold",
        "Datasets",
        "Train",
        "Models",
        "Compare",
        "Dashboard",
        "Model in use",
        "Jobs",
    ]
    allowed = {
        Role.ANNOTATOR: ["Annotate", "Notes"],
        Role.CLINICIAN: ["Annotate", "Notes", "Upload", "Dashboard"],
        Role.LEAD: lead,
        Role.ADMIN: [*lead, "Administration"],
    }[role]
    sign_in(page, server, role)
    links = page.get_by_test_id("stSidebarNavLink")
    expect(links).to_have_text(allowed)
    for path in [path for path, (title, _) in MENU.items() if title not in allowed][:1]:
        page.goto(f"{server.url}/{path}")
        expect(page.get_by_role("heading", name="Not for your role", exact=True)).to_be_visible()


def test_files_are_judged_one_by_one_before_and_after_the_import(page: Page, server: AppServer, tmp_path: Path) -> None:
    files = {
        "good.txt": b"Fever and cough since Monday.",
        "script.txt": b"<script>document.title='owned'</script> <img src=x onerror=\"document.title='owned'\"> asthma",
        "empty.txt": b"  \n",
        "latin.txt": "Fièvre".encode("latin-1"),
        "nul.txt": b"fever\x00cough",
        "program.txt": b"MZ\x90\x00",
        "<img src=x onerror=alert(1)>.txt": b"Chest pain.",
    }
    payload = [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in files.items()]
    payload.append({"name": "../../../etc/passwd.txt", "mimeType": "text/plain", "buffer": b"Up and away with angina."})
    sign_in(page, server, Role.CLINICIAN, "/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(payload)  # type: ignore[arg-type]
    page.get_by_role("button", name="Import 4 notes").click()
    expect(page.get_by_text("8 notes: 4 imported, 4 rejected.")).to_be_visible()
    store = server.app.store
    clinician = next(u for u in accounts.list_users(store, by=None) if u.role is Role.CLINICIAN)
    project = projects.all_projects(store)[0]
    titles = {note.title for note in projects.notes(store, user=clinician, project_id=project.id)}
    assert {"good", "script", "passwd", "<img src=x onerror=alert(1)>"} <= titles
    assert not any("/" in title or ".." in title for title in titles)

    script = next(n for n in projects.notes(store, user=clinician, project_id=project.id) if n.title == "script")
    page.goto(f"{server.url}/annotate?note={script.id}")
    expect(page.get_by_text("<script>document.title='owned'</script>")).to_be_visible()
    assert "owned" not in page.title()


def test_the_patient_that_was_typed_last_counts_though_nobody_left_the_field(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.CLINICIAN, "/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        [
            {"name": f"wheezed {n}.txt", "mimeType": "text/plain", "buffer": f"Wheeze, visit {n}.".encode()}
            for n in (1, 2)
        ]
    )
    press = page.get_by_role("button", name="Import 2 notes")
    expect(press).to_be_enabled()
    page.get_by_role("textbox", name="Patient (optional)").fill("P-17")
    press.click()
    expect(page.get_by_text("2 notes: 2 imported.")).to_be_visible()
    with server.app.store.read() as tx:
        clinician = next(u for u in tx.users.all() if u.role is Role.CLINICIAN)
        found = projects.notes(server.app.store, user=clinician, project_id=1, search="wheezed", limit=9)
        mine = [note for note in found if note.title.startswith("wheezed")]
        assert [tx.notes.get(note.id).patient_key for note in mine] == ["P-17", "P-17"]
    expect(page.get_by_role("textbox", name="Patient (optional)")).to_have_value("")


def test_a_file_over_the_limit_is_refused_by_the_server_too(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.CLINICIAN, "/upload")
    big = b"fever " * 2**20  # 6 MiB; the limit is 5
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "big.txt", "mimeType": "text/plain", "buffer": big}
    )
    expect(page.get_by_text(re.compile("5.*MB or smaller|must be 5"))).to_be_visible()
    with server.signed_in(Role.CLINICIAN) as client:
        answer = client.put("/_stcore/upload_file/nobody/1", files={"file": ("big.txt", big)})
    assert answer.status_code in (400, 403, 413)


def test_signing_out_returns_to_the_sign_in_and_the_back_button_shows_nothing(page: Page, server: AppServer) -> None:
    sign_in(page, server, Role.ANNOTATOR)
    expect(page.get_by_test_id("stSidebarNavLink").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="MedNER")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_tab_that_is_left_alone_goes_to_the_sign_in_and_comes_back_to_its_note(page: Page, tmp_path: Path) -> None:
    settings = prepare_demo(tmp_path / "data").model_copy(update={"idle_minutes": 0.2})  # looks every 3 seconds
    with running(settings) as server:
        sign_in(page, server, Role.ANNOTATOR, "/annotate?note=21")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        expect(page.get_by_label("Password")).to_be_visible(timeout=40_000)
        page.get_by_role("button", name="Annotator").click()
        page.wait_for_url(re.compile(r"/annotate\?note=21"))


def test_highlights_that_arrive_while_one_waits_appear_by_themselves(page: Page, server: AppServer) -> None:
    store = server.app.store
    project = projects.all_projects(store)[0]
    with store.read() as tx:
        note = tx.notes.get(23)
    sign_in(page, server, Role.ANNOTATOR, "/annotate?note=23")
    expect(page.get_by_text("Highlights are waiting")).to_be_visible()
    with store.write() as tx:
        assert project.active_adapter_id is not None
        spans = [ScoredSpan(Span(0, 5, "Disease"), 0.9)]
        tx.predictions.put(note_id=note.id, adapter_id=project.active_adapter_id, spans=spans)
    expect(page.get_by_text("0 confirmed · 1 suggestion · 0 rejected")).to_be_visible()
    expect(page.get_by_text("Highlights are waiting")).to_be_hidden()


def test_who_began_by_hand_gets_the_highlights_as_well(page: Page, server: AppServer) -> None:
    store = server.app.store
    adapter_id = projects.all_projects(store)[0].active_adapter_id
    assert adapter_id is not None
    sign_in(page, server, Role.ANNOTATOR, "/annotate?note=25")
    expect(page.get_by_text("Highlights are waiting")).to_be_visible()
    page.locator(".text .block").first.dblclick(position={"x": 12, "y": 10})  # a word
    page.keyboard.press("1")
    expect(page.get_by_text("1 confirmed · 0 suggestions · 0 rejected")).to_be_visible()
    with store.write() as tx:
        end = tx.notes.get(25).length
        tx.predictions.put(
            note_id=25, adapter_id=adapter_id, spans=[ScoredSpan(Span(end - 9, end - 4, "Disease"), 0.9)]
        )
    expect(page.get_by_text("1 confirmed · 1 suggestion · 0 rejected")).to_be_visible()
    expect(page.get_by_text("Highlights are waiting")).to_be_hidden()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_submitting_opens_the_next_note_and_a_submitted_one_can_be_reopened(page: Page, server: AppServer) -> None:
    adapter_id = projects.all_projects(server.app.store)[0].active_adapter_id
    assert adapter_id is not None
    with server.app.store.write() as tx:
        tx.predictions.put(note_id=24, adapter_id=adapter_id, spans=[])
        title = tx.notes.get(24).title
    sign_in(page, server, Role.CLINICIAN, "/annotate?note=24")
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.get_by_role("button", name="Submit & next").click()
    page.wait_for_url(re.compile(r"/annotate\?note=(?!24)\d+"))
    page.goto(f"{server.url}/annotate?note=24")
    expect(page.get_by_role("button", name="Submit & next")).to_be_hidden()
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("button", name="Submit & next")).to_be_visible()


def test_the_web_process_never_loads_what_only_the_worker_needs(new_page: Callable[[], Page], tmp_path: Path) -> None:
    """Python itself reports every import of the process, early or late."""
    log = tmp_path / "imports.txt"
    with (
        log.open("wb") as stderr,
        running(prepare_demo(tmp_path / "data"), python=["-X", "importtime"], stderr=stderr) as server,
    ):
        page = new_page()
        sign_in(page, server, Role.ADMIN)
        for _, title in through_the_menu(page):
            expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    lines = log.read_text(encoding="utf-8").splitlines()
    imported = {line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")}
    assert "streamlit" in imported
    assert "mednerapp.services.fine_tuning" in imported
    assert [name for name in imported if name.split(".")[0] in HEAVY] == []
