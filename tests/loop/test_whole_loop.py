"""The whole loop as a person goes through it, in a real browser on a real installation; no text stays where it may not.

With MEDNER_SCREENSHOTS=FOLDER the pages are kept as pictures; the ones in docs/images were made so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from loop import trace
from loop.installation import Installation, installed
from loop.steps import EMAIL, LONG, PASSWORD, drag_over, freeze_and_train, picture, saved, sign_in, upload
from playwright.sync_api import Page, expect

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import Annotation, AnnotationState, SpanState
from mednerapp.domain.datasets import Split
from mednerapp.services import accounts

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "everything.txt"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Installation]:
    with log.open("wb") as output, installed(tmp_path_factory.mktemp("loop") / "data", log=output) as running:
        yield running


def annotation_of(app: App, note_id: int) -> Annotation:
    """The lead's annotation as it is stored."""
    user = next(u for u in accounts.list_users(app.store, by=None) if u.email == EMAIL)
    with app.store.read() as tx:
        annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
    assert annotation is not None
    return annotation


def stored(app: App, note_id: int) -> dict[str, tuple[str, SpanState]]:
    """Mention -> (label, state)."""
    return {s.span.mention(trace.TEXT): (s.span.label, s.state) for s in annotation_of(app, note_id).spans}


def correct_by_mouse(page: Page) -> None:
    """Mark what the model missed, accept what it found."""
    drag_over(page, "bookbinder")
    page.keyboard.press("2")
    saved(page)
    page.locator(".text mark").filter(has_text="furosemide").first.click()
    page.get_by_role("button", name="Accept", exact=True).click()
    saved(page)


def correct_by_keyboard(page: Page) -> None:
    """Relabel the new span, delete it and take that back; go to the first suggestions, accept one, reject one."""
    page.locator(".text mark").filter(has_text="bookbinder").first.click()
    for key in ("5", "Delete", "Control+z"):
        page.keyboard.press(key)
    saved(page)
    page.keyboard.press("Escape")
    page.locator(".text").focus()
    page.keyboard.press("Tab")  # the span of "bookbinder": nothing before it is one
    page.keyboard.press("Tab")
    picture(page, "annotate-active")
    page.keyboard.press("a")
    page.keyboard.press("r")
    saved(page)


def test_upload_correct_train_and_compare_and_leave_no_trace(installation: Installation, page: Page, log: Path) -> None:
    began, asked = time.time(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    app = installation.app
    accounts.create_user(app.store, by=None, email=EMAIL, name="Team Lead", role=Role.LEAD, password=PASSWORD)
    sign_in(page, installation.url)
    note_id = upload(page, trace.TEXT.encode())
    correct_by_mouse(page)
    correct_by_keyboard(page)

    before = stored(app, note_id)
    assert before["bookbinder"] == ("Test", SpanState.CONFIRMED)
    assert before["furosemide"][1] is SpanState.CONFIRMED
    assert SpanState.REJECTED in {state for _, state in before.values()}

    page.reload()
    expect(page.locator(".text mark").filter(has_text="bookbinder").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("3 confirmed")).to_be_visible()
    assert stored(app, note_id) == before
    dark(page)
    trace.annotate(page)
    trace.search_and_refuse(page, installation.url)

    # Submit; what nobody looked at is asked about.
    page.goto(f"{installation.url}/annotate?note={note_id}")
    page.get_by_role("button", name="Submit & next").click()
    page.get_by_role("button", name=re.compile("Reject them and submit")).click()
    expect(page).not_to_have_url(re.compile(rf"note={note_id}\b"), timeout=LONG)
    assert annotation_of(app, note_id).state is AnnotationState.SUBMITTED
    assert len(annotation_of(app, note_id).confirmed()) == 4

    freeze_and_train(page)

    # The dashboard has the new row, beside the starter on the same notes.
    page.get_by_role("link", name="Dashboard").click()
    best = page.get_by_role("heading", name=re.compile(r"has the highest F1: .* on 3 test notes"))
    expect(best).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Ward adapter").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Being scored on the test notes")).to_have_count(0, timeout=LONG)
    picture(page, "dashboard")
    with app.store.read() as tx:
        dataset = next(d for d in tx.datasets.all(1) if d.name == "After the referral letter")
        evaluations = tx.evaluations.of_dataset(dataset.id, Split.TEST)
    assert [e.notes for e in evaluations] == [3, 3]

    # All of that, a job that fails and every export have left the text where it belongs.
    trace.look_behind_a_number(page)
    trace.fail_a_job(installation, page, trace.TEXT.encode())
    trace.look_at_every_page(page, installation.url)
    trace.take_away(installation, page)
    trace.nowhere_else(installation, page, log, asked, began)


def dark(page: Page) -> None:
    """The same page in the dark, for the pictures; the editor keeps what it shows."""
    shown = page.locator(".text mark").count()
    page.emulate_media(color_scheme="dark")
    picture(page, "annotate-dark")
    assert page.locator(".text mark").count() == shown
    page.emulate_media(color_scheme="light")
