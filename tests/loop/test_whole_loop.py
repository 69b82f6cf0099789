"""The whole loop as a person goes through it, in a real browser on a real installation.

With MEDNER_SCREENSHOTS=FOLDER the pages are kept as pictures; the ones in docs/images were made so.
"""

from __future__ import annotations

import re

import pytest
from loop.installation import Installation
from loop.steps import EMAIL, LETTER, LONG, PASSWORD, drag_over, freeze_and_train, picture, saved, sign_in, upload
from playwright.sync_api import Page, expect

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import Annotation, AnnotationState, SpanState
from mednerapp.domain.datasets import Split
from mednerapp.services import accounts

pytestmark = pytest.mark.browser


def annotation_of(app: App, note_id: int) -> Annotation:
    """The lead's annotation as it is stored."""
    user = next(u for u in accounts.list_users(app.store, by=None) if u.email == EMAIL)
    with app.store.read() as tx:
        annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
    assert annotation is not None
    return annotation


def stored(app: App, note_id: int) -> dict[str, tuple[str, SpanState]]:
    """Mention -> (label, state)."""
    text = LETTER.read_text(encoding="utf-8")
    return {s.span.mention(text): (s.span.label, s.state) for s in annotation_of(app, note_id).spans}


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


def test_upload_correct_train_and_compare(installation: Installation, page: Page) -> None:
    app = installation.app
    accounts.create_user(app.store, by=None, email=EMAIL, name="Team Lead", role=Role.LEAD, password=PASSWORD)
    sign_in(page, installation.url)
    note_id = upload(page, LETTER.read_bytes())
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

    # Submit; what nobody looked at is asked about.
    page.get_by_role("button", name="Submit & next").click()
    page.get_by_role("button", name=re.compile("Reject them and submit")).click()
    expect(page).not_to_have_url(re.compile(rf"note={note_id}\b"), timeout=LONG)
    assert annotation_of(app, note_id).state is AnnotationState.SUBMITTED
    assert len(annotation_of(app, note_id).confirmed()) == 3

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


def dark(page: Page) -> None:
    """The same page in the dark, for the pictures; the editor keeps what it shows."""
    shown = page.locator(".text mark").count()
    page.emulate_media(color_scheme="dark")
    picture(page, "annotate-dark")
    assert page.locator(".text mark").count() == shown
    page.emulate_media(color_scheme="light")
