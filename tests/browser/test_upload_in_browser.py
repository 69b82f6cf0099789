"""Uploading a table and a file in an old encoding, and exporting with the losses shown first.

With MEDNER_SCREENSHOTS=FOLDER what the pages look like is kept.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running

from mednerapp.bench.uploads import samples
from mednerapp.domain.accounts import Role

pytestmark = pytest.mark.browser
SLOW = 60_000  # ms: another process reads the files


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


def sign_in(page: Page, server: AppServer, path: str) -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_role("button", name=Role.LEAD.value.capitalize()).click()
    page.wait_for_url(re.compile(re.escape(path)))


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("MEDNER_SCREENSHOTS"):
        expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
        for width in (1280, 1920):
            page.set_viewport_size({"width": width, "height": 1100})
            page.wait_for_timeout(300)
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", animations="disabled")


def test_a_table_and_a_note_in_an_old_encoding_come_in_after_a_look(page: Page, server: AppServer) -> None:
    sign_in(page, server, "/upload")
    files = {
        "NOTEEVENTS.csv": samples.noteevents(3),
        "letter.docx": samples.docx(),
        "scan.pdf": samples.pdf(None),
        "old.txt": "Fièvre à 39 °C".encode("cp1252"),
    }
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files.items()]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(payload)  # type: ignore[arg-type]
    expect(page.get_by_text("Columns of NOTEEVENTS.csv")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("2 notes cannot be imported")).to_be_visible(timeout=SLOW)
    picture(page, "upload")
    page.get_by_text("Western European (Windows): “Fièvre à 39 °C”").click()
    page.get_by_role("button", name="Import 5 notes").click(timeout=SLOW)
    expect(page.get_by_text("6 notes: 5 imported, 1 rejected.")).to_be_visible(timeout=SLOW)


def test_an_export_shows_first_what_the_format_cannot_hold(page: Page, server: AppServer, tmp_path: Path) -> None:
    sign_in(page, server, "/notes")
    page.get_by_role("radio", name="Export").or_(page.get_by_role("button", name="Export", exact=True)).first.click()
    expect(page.get_by_text("MedNER JSON lines (complete) holds all of it.")).to_be_visible(timeout=SLOW)
    page.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="CoNLL, BIO tags").click()
    expect(page.get_by_text("CoNLL, BIO tags cannot hold everything.")).to_be_visible(timeout=SLOW)
    picture(page, "export")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(r"Export \d+ notes?")).click()
    path = tmp_path / "out.zip"
    download.value.save_as(path)
    assert set(zipfile.ZipFile(path).namelist()) == {"notes.conll", "notes.offsets.jsonl"}
