"""Everything at once, in a real Chromium."""

from __future__ import annotations

import random
import re

import pytest
from playwright.sync_api import expect
from support.editor import ALL, TEXT, Editor, shown_text

pytestmark = pytest.mark.browser


def test_after_150_random_actions_the_browser_the_server_and_python_slices_agree(editor: Editor) -> None:
    dice = random.Random(20)
    editor.open(ALL)
    editor.focus()
    keys = ["ArrowRight", "ArrowLeft", "n", "a", "r", "Delete", *"12345", "Control+z", "Control+y", "Escape"]
    weights = [6, 4, 3, 3, 2, 2, 1, 1, 1, 1, 1, 5, 3, 1]
    for _ in range(150):
        if dice.random() < 0.2:
            start = dice.randrange(len(TEXT) - 1)
            end = min(len(TEXT), start + dice.randint(1, 30))
            if not TEXT[start].isspace() and not TEXT[end - 1].isspace():
                editor.drag(start, end, alt=dice.random() < 0.3)
                editor.press(dice.choice("12345"))
        else:
            editor.press(dice.choices(keys, weights)[0])
    stored = editor.saved()
    assert shown_text(editor.page) == TEXT
    assert len(editor.stored()["stored"]) > 40
    mentions = {one["id"]: TEXT[one["start"] : one["end"]] for one in stored}
    editor.press("Escape")
    for _ in stored:
        editor.press("ArrowRight")
        mention = mentions.pop(editor.snapshot()["active"])
        expect(editor.page.locator(".voice")).to_have_text(re.compile(f": {re.escape(mention)}$", re.DOTALL))
    assert mentions == {}
