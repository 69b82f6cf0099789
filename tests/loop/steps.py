"""What a person does on the pages of an installation, step by step."""

from __future__ import annotations

import os
import re
from pathlib import Path

from loop.installation import PATIENCE
from playwright.sync_api import Page, expect

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
    const { x, y, width, height } = range.getBoundingClientRect();
    return { x, y, width, height, middle: innerHeight / 2 };
  }
  return null;
}"""

TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def picture(page: Page, name: str) -> None:
    """Kept only where MEDNER_SCREENSHOTS names a folder."""
    folder = os.environ.get("MEDNER_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(600)  # charts and fonts settle
        page.screenshot(path=Path(folder) / f"{name}.png")


def drag_over(page: Page, mention: str) -> None:
    box = page.evaluate(PLACE, mention)
    assert box, f"{mention!r} is not shown in one piece"
    if abs(box["y"] - box["middle"]) > box["middle"] / 2:  # towards the edge, or out of sight
        page.mouse.move(box["x"], box["middle"])
        page.mouse.wheel(0, box["y"] - box["middle"])
        page.wait_for_timeout(300)  # the wheel turns slowly
        box = page.evaluate(PLACE, mention)
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


def saved(page: Page) -> None:
    """The edit is sent with the frame that shows it; until then the word is still that of the edit before."""
    page.evaluate(TWO_FRAMES)
    expect(page.get_by_text("Saved ✓")).to_be_visible()


def sign_in(page: Page, url: str) -> None:
    """The address that was asked for is kept."""
    page.goto(f"{url}/upload")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    picture(page, "sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/upload"))


def upload(page: Page, letter: bytes) -> int:
    """A real-length note beside a file that is none; the id of the note, with its highlights shown."""
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "referral.txt", "mimeType": "text/plain", "buffer": letter},
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
