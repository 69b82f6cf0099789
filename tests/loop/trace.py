"""Leads a note through all that could leave its text behind, and looks for it where it may not be.

With the letter that is uploaded go 200 words that stand nowhere else.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from loop.installation import Installation, wait_until
from loop.steps import LETTER, LONG, drag_over, saved
from playwright.sync_api import FilePayload, Page, expect
from support.canaries import CANARIES, in_no_file, in_no_other_table, nowhere

from mednerapp.domain.jobs import JobState
from mednerapp.services import exporting, projects

FIRST, LAST, COMMENT, BROKEN = CANARIES[0], CANARIES[-1], CANARIES[1], CANARIES[2]
PAGES = ("jobs", "models", "compare", "gold", "datasets", "identifiers", "promotion", "admin", "notes")
COMMENTS = {"annotation_event", "annotation_span"}  # what people write about a span is kept there, and only there
BELOW = "\n" * 60  # out of the pictures
TEXT = f"{LETTER.read_text(encoding='utf-8')}{BELOW}Also noted: {FIRST}.\n{' '.join(CANARIES[1:])}\n"


def annotate(page: Page) -> None:
    """Mark a canary, comment on it with another one, find a third in the note and in the project."""
    drag_over(page, FIRST)
    page.keyboard.press("2")
    expect(page.locator(".text mark.confirmed", has_text=FIRST)).to_be_visible()
    saved(page)
    page.keyboard.press("m")
    page.keyboard.type(f"Is {COMMENT} a symptom?")
    page.keyboard.press("Enter")
    saved(page)
    page.keyboard.press("Escape")
    page.locator(".text").focus()
    page.keyboard.press("/")
    page.keyboard.type(LAST)
    expect(page.locator(".side .figure")).to_have_text("1 of 1")
    page.locator(".side").get_by_role("radio", name="in all notes").check()
    expect(page.locator(".side").get_by_role("status").last).to_contain_text("1 place in 1 note")


def search_and_refuse(page: Page, url: str) -> None:
    """The search over notes, and files that are refused while they hold text."""
    page.goto(f"{url}/notes")
    search = page.get_by_role("textbox", name="Search in titles and texts")
    search.fill(LAST)
    search.press("Enter")
    expect(page.locator("[data-testid=stDataFrame] canvas td", has_text="referral").first).to_be_attached(timeout=LONG)
    page.goto(f"{url}/upload")
    broken: list[FilePayload] = [
        {"name": "broken.jsonl", "mimeType": "application/json", "buffer": f'{{"text": "{BROKEN}'.encode()},
        {"name": "broken.docx", "mimeType": "application/octet-stream", "buffer": b"PK\x03\x04" + BROKEN.encode()},
        {"name": "broken.xml", "mimeType": "text/xml", "buffer": f"<a>{BROKEN}<b></a>".encode()},
    ]
    page.locator("input[type=file]").first.set_input_files(broken)
    expect(page.get_by_text("3 files cannot be imported")).to_be_visible(timeout=LONG)


def look_behind_a_number(page: Page) -> None:
    """The spans behind one of the dashboard's numbers: there the text is shown."""
    page.get_by_role("button", name=re.compile("^Found")).click()
    expect(page.get_by_text("found:")).to_be_visible(timeout=LONG)


def fail_a_job(installation: Installation, page: Page, letter: bytes) -> None:
    """Predicting without the files of the model: the job says so, and a log holds what led to it."""
    folder = installation.app.settings.data_dir / "models"
    hidden = folder.with_name("models-away")
    folder.rename(hidden)
    installation.kill("worker")  # one that holds no model in memory
    try:
        page.goto(f"{installation.url}/upload")
        page.locator("input[type=file]").first.set_input_files(
            {"name": "second.txt", "mimeType": "text/plain", "buffer": letter + b"Again."}
        )
        page.get_by_role("button", name="Import 1 note").click()
        expect(page.get_by_text("Last import")).to_be_visible(timeout=LONG)
        wait_until(lambda: _failed(installation), "a failed job")
    finally:
        hidden.rename(folder)


def _failed(installation: Installation) -> bool:
    with installation.app.store.read() as tx:
        return any(job.state is JobState.FAILED for job in tx.jobs.recent())


def take_away(installation: Installation, page: Page) -> None:
    """Every export, every report, and requests that are refused with text in them."""
    app = installation.app
    project = projects.all_projects(app.store)[0]
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}  # type: ignore[typeddict-item]
    headers = {"origin": installation.url}
    with httpx.Client(base_url=installation.url, cookies=cookies, headers=headers, timeout=60) as client:
        for row in exporting.formats():
            answer = client.get(f"/api/projects/{project.id}/export/{row.key}?spans=all")
            assert answer.status_code == httpx.codes.OK, row.key
        assert LAST in client.get(f"/api/projects/{project.id}/export/jsonl").text
        with app.store.read() as tx:
            dataset = tx.datasets.all(project.id)[0]
        for ending in ("html", "md", "csv", "svg", "json"):
            nowhere(f"the report as {ending}", client.get(f"/api/datasets/{dataset.id}/report.{ending}").text)
        for path in (f"/api/projects/{project.id}/nothing", "/api/nothing"):
            assert client.post(path, content=f'{{"text": "{BROKEN}'.encode()).status_code >= httpx.codes.BAD_REQUEST


def look_at_every_page(page: Page, url: str) -> None:
    for name in PAGES:
        page.goto(f"{url}/{name}")
        expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=LONG)


def nowhere_else(installation: Installation, page: Page, log: Path, asked: list[str], since: float) -> None:
    """Not in what the browser asked for and keeps, not in the log, in no file and in no table but those of the notes.

    Signed in; asked: the addresses; since: seconds since the epoch when the walk began.
    """
    folder = installation.app.settings.data_dir
    nowhere(
        "the browser's storage",
        page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"),
    )
    nowhere("a URL", "\n".join(asked))
    printed = log.read_text(errors="replace")
    assert "status -9" in printed  # the log was the right one; what led to the failed job is in the job's own log
    nowhere("the log", printed)
    assert in_no_file(folder, since) > 5  # the model, its adapter, what is said of a run
    read = in_no_other_table(folder, [word for word in CANARIES if word != COMMENT])
    assert read["medner.sqlite:job_log"]
    assert any(name.startswith("medner-jobs") and rows for name, rows in read.items())
    in_no_other_table(folder, [COMMENT], but=COMMENTS)
    with pytest.raises(AssertionError, match="annotation_event"):  # where it was written to
        in_no_other_table(folder, [COMMENT])
