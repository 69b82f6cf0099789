"""The whole loop as a person goes through it, in a real browser on a real installation.

With MEDNER_SCREENSHOTS=FOLDER the pages are kept as pictures; the ones in docs/images were made so.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from loop.installation import PATIENCE, Installation
from playwright.sync_api import Page, expect

from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import AnnotationState, SpanState
from mednerapp.services import accounts

pytestmark = pytest.mark.browser

LETTER = Path(__file__).parent / "referral.txt"
EMAIL, PASSWORD = "lead@example.org", "a long enough passphrase"
LONG = PATIENCE * 1000  # milliseconds
PLACE = """([mention, nth]) => {
  const host = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].find((n) => n.__mednerSpanEditor);
  const walker = document.createTreeWalker(host.shadowRoot.querySelector('.text'), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(mention);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + mention.length);
    range.startContainer.parentElement.scrollIntoView({ block: 'center' });
    const { x, y, width, height } = range.getBoundingClientRect();
    return { x, y, width, height };
  }
  return null;
}"""


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("MEDNER_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(600)  # charts and fonts settle
        page.screenshot(path=Path(folder) / f"{name}.png")


def drag_over(page: Page, mention: str) -> None:
    box = page.evaluate(PLACE, [mention, 0])
    assert box, f"{mention!r} is not shown in one piece"
    box = page.evaluate(PLACE, [mention, 0])  # once more, after it scrolled into view
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


def saved(page: Page) -> None:
    expect(page.get_by_text("Saved ✓")).to_be_visible()


def test_upload_correct_train_and_compare(installation: Installation, page: Page) -> None:
    app = installation.app
    accounts.create_user(app.store, by=None, email=EMAIL, name="Team Lead", role=Role.LEAD, password=PASSWORD)
    text = LETTER.read_text(encoding="utf-8")

    # Sign in; the address that was asked for is kept.
    page.goto(f"{installation.url}/upload")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    picture(page, "sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/upload"))

    # Upload a real-length note beside a file that is none.
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "referral.txt", "mimeType": "text/plain", "buffer": text.encode()},
            {"name": "setup.txt", "mimeType": "text/plain", "buffer": b"MZ\x90\x00\x03\x00\x00\x00"},
        ]
    )
    expect(page.get_by_text("1 file cannot be imported")).to_be_visible()
    picture(page, "upload")
    page.get_by_role("button", name="Import 1 note").click()
    expect(page.get_by_text("Last import")).to_be_visible()
    page.get_by_role("button", name="Check the highlights").click()

    # See highlights.
    marks = page.locator(".text mark")
    expect(marks.first).to_be_visible(timeout=LONG)
    note_id = int(re.search(r"note=(\d+)", page.url)[1])  # pyright: ignore[reportOptionalSubscript]
    suggestions = marks.count()
    assert suggestions > 10
    picture(page, "annotate")

    # Correct by mouse: mark what the model missed (or mark it otherwise), accept, reject.
    drag_over(page, "bookbinder")
    page.keyboard.press("2")
    saved(page)
    marks.filter(has_text="furosemide").first.click()
    page.get_by_role("button", name=re.compile("^Accept")).first.click()
    saved(page)

    # Correct by keyboard: the created span away and back, then relabel and reject with keys alone.
    marks.filter(has_text="bookbinder").first.click()
    page.keyboard.press("5")
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    saved(page)
    page.keyboard.press("Escape")
    page.locator(".text").focus()
    page.keyboard.press("Tab")
    picture(page, "annotate-active")
    page.keyboard.press("a")
    page.keyboard.press("r")
    saved(page)

    user = next(u for u in accounts.list_users(app.store, by=None) if u.email == EMAIL)

    def stored() -> dict[str, tuple[str, SpanState]]:
        with app.store.read() as tx:
            annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
        assert annotation is not None
        return {s.span.mention(text): (s.span.label, s.state) for s in annotation.spans}

    before = stored()
    assert before["bookbinder"] == ("Test", SpanState.CONFIRMED)
    assert before["furosemide"][1] is SpanState.CONFIRMED
    assert SpanState.REJECTED in {state for _, state in before.values()}

    # Reload: the corrections are there.
    page.reload()
    expect(marks.filter(has_text="bookbinder").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile(r"3 confirmed"))).to_be_visible()
    assert stored() == before

    # Submit; what nobody looked at is asked about.
    page.get_by_role("button", name="Submit & next").click()
    page.get_by_role("button", name=re.compile("Reject them and submit")).click()
    expect(page).not_to_have_url(re.compile(rf"note={note_id}\b"), timeout=LONG)
    with app.store.read() as tx:
        annotation = tx.annotations.of(note_id=note_id, user_id=user.id)
    assert annotation is not None
    assert annotation.state is AnnotationState.SUBMITTED
    assert len(annotation.confirmed()) == 3

    # Freeze, start a LoRA run, watch its loss.
    page.get_by_role("link", name="Train").click()
    page.get_by_label("Name").first.fill("After the referral letter")
    page.get_by_role("button", name="Freeze dataset").click()
    expect(page.get_by_text("Frozen: After the referral letter")).to_be_visible()
    page.get_by_label("Epochs").fill("2")
    page.get_by_label("Name").last.fill("Ward adapter")
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_text(re.compile(r"Epoch 2 of 2"))).to_be_visible(timeout=LONG)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=LONG)
    picture(page, "train")
    expect(page.get_by_text("finished")).to_be_visible(timeout=LONG)
    picture(page, "train-finished")

    # The dashboard has the new row, beside the starter on the same notes.
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_text(re.compile("On the same 3 test notes"))).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("is best: F1"))).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("Ward adapter")).first).to_be_visible(timeout=LONG)
    picture(page, "dashboard")
    with app.store.read() as tx:
        dataset = tx.datasets.by_name(project_id=1, name="After the referral letter")
        assert dataset is not None
        from mednerapp.domain.datasets import Split

        evaluations = tx.evaluations.of_dataset(dataset.id, Split.TEST)
    assert len(evaluations) == 2
    assert {e.notes for e in evaluations} == {3}
