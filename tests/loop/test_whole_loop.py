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

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import Annotation, AnnotationState, SpanState
from mednerapp.domain.datasets import Split
from mednerapp.services import accounts

pytestmark = pytest.mark.browser

LETTER = Path(__file__).parent / "referral.txt"
EMAIL, PASSWORD = "lead@example.org", "a long enough passphrase"
LONG = PATIENCE * 1000  # milliseconds
PLACE = """(mention) => {
  const hosts = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')];
  const host = hosts.find((node) => node.__mednerSpanEditor);
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

TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("MEDNER_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(600)  # charts and fonts settle
        page.screenshot(path=Path(folder) / f"{name}.png")


def drag_over(page: Page, mention: str) -> None:
    box = page.evaluate(PLACE, mention)
    assert box, f"{mention!r} is not shown in one piece"
    box = page.evaluate(PLACE, mention)  # once more, after it scrolled into view
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


def saved(page: Page) -> None:
    """The edit is sent with the frame that shows it; until then the word is still that of the edit before."""
    page.evaluate(TWO_FRAMES)
    expect(page.get_by_text("Saved ✓")).to_be_visible()


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


def sign_in(page: Page, url: str) -> None:
    """The address that was asked for is kept."""
    page.goto(f"{url}/upload")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    picture(page, "sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/upload"))


def upload(page: Page) -> int:
    """A real-length note beside a file that is none; the id of the note, with its highlights shown."""
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "referral.txt", "mimeType": "text/plain", "buffer": LETTER.read_bytes()},
            {"name": "setup.txt", "mimeType": "text/plain", "buffer": b"MZ\x90\x00\x03\x00\x00\x00"},
        ]
    )
    expect(page.get_by_text("1 file cannot be imported")).to_be_visible()
    picture(page, "upload")
    page.get_by_role("button", name="Import 1 note").click()
    expect(page.get_by_text("Last import")).to_be_visible()
    page.get_by_role("button", name="Check the highlights").click()
    marks = page.locator(".text mark")
    expect(marks.first).to_be_visible(timeout=LONG)
    assert marks.count() > 10
    picture(page, "annotate")
    found = re.search(r"note=(\d+)", page.url)
    assert found
    return int(found[1])


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


def freeze_and_train(page: Page) -> None:
    """A dataset with the new note in it, a LoRA run on it, and its loss while it goes."""
    page.get_by_role("link", name="Train").click()
    page.get_by_label("Name").first.fill("After the referral letter")
    page.get_by_role("button", name="Freeze dataset").click()
    expect(page.get_by_text("Frozen: After the referral letter")).to_be_visible()
    page.get_by_label("Epochs").fill("1")
    page.get_by_label("Name").last.fill("Ward adapter")
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_text("Epoch 1 of 1")).to_be_visible(timeout=LONG)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=LONG)
    picture(page, "train")
    expect(page.get_by_text("finished")).to_be_visible(timeout=LONG)


def test_upload_correct_train_and_compare(installation: Installation, page: Page) -> None:
    app = installation.app
    accounts.create_user(app.store, by=None, email=EMAIL, name="Team Lead", role=Role.LEAD, password=PASSWORD)
    sign_in(page, installation.url)
    note_id = upload(page)
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
