"""The first frame: of a key, which shows what it did by highlights and changes no element, and of the page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from support.editor import METFORMIN, PAIN, TEXT, Editor, span

# What the frame of the next key has: the words under each highlight that shows something ahead, and what it changed.
WATCH = """() => {
  const { shadowRoot } = [...document.querySelectorAll('*')].find((node) => node.shadowRoot?.querySelector('.lines'));
  const lines = shadowRoot.querySelector('.lines');
  const textOf = ({ startContainer, startOffset, endContainer, endOffset }) => {
    const range = new Range();
    range.setStart(startContainer, startOffset);
    range.setEnd(endContainer, endOffset);
    return range.toString();
  };
  const { setTimeout: later } = window; // on a busy machine the editor does not wait for the frame for more than 50 ms
  window.setTimeout = (run, delay, ...rest) => later.call(window, run, delay === 50 ? 10_000 : delay, ...rest);
  let changed = 0;
  const changes = new MutationObserver((records) => { changed += records.length; });
  changes.observe(lines, { subtree: true, childList: true, attributes: true });
  window.__frame = new Promise((done) => addEventListener('keydown', () => {
    requestAnimationFrame(() => {
      const shown = {};
      for (const [name, layer] of CSS.highlights) {
        if (name.startsWith('medner-ahead-') && layer.size) shown[name.slice(13)] = [...layer].map(textOf).sort();
      }
      done({ shown, changed: changed + changes.takeRecords().length });
      changes.disconnect();
    });
  }, { once: true, capture: true }));
}"""
SETTLED = """() => new Promise((done) => setTimeout(() =>
  done([...CSS.highlights].filter(([name, layer]) => name.startsWith('medner-ahead-') && layer.size).length), 100))"""
WHOLE = span(5, "type 2 diabetes mellitus", "Disease")
INNER = span(6, "diabetes", "Symptom")

pytestmark = pytest.mark.browser


def first_frame(editor: Editor, key: str) -> dict[str, list[str]]:
    """The words under each highlight in the frame of a key that changes no element then."""
    editor.page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    editor.page.evaluate(WATCH)
    editor.press(key)
    frame: dict[str, Any] = editor.page.evaluate("() => window.__frame")
    assert frame["changed"] == 0
    assert editor.page.evaluate(SETTLED) == 0
    return frame["shown"]


def label(editor: Editor, name: str) -> str:
    """What the highlight in the colour of a label is called."""
    names = editor.page.locator(".legend button").all_inner_texts()
    return f"label-{next(i for i, words in enumerate(names) if words.endswith(name))}"


def test_the_active_span_moves(editor: Editor) -> None:
    editor.open([PAIN, METFORMIN])
    editor.focus()
    editor.press("Tab")
    assert first_frame(editor, "ArrowRight") == {"active": ["metformin"]}
    assert editor.page.locator("mark.active").all_inner_texts() == ["metformin"]


def test_a_label_is_given_or_a_suggestion_confirmed(editor: Editor) -> None:
    editor.open([PAIN, METFORMIN])
    editor.focus()
    editor.press("Tab")
    assert first_frame(editor, "4") == {label(editor, "Procedure"): ["chest pain"]}
    editor.press("Control+z")
    assert first_frame(editor, "a") == {label(editor, "Symptom"): ["chest pain"], "active": ["metformin"]}


def test_a_span_is_new_or_longer_or_shorter(editor: Editor) -> None:
    editor.open([METFORMIN])
    start = TEXT.index("chest pain")
    editor.drag(start, start + 10)
    assert first_frame(editor, "2")[label(editor, "Symptom")] == ["chest pain"]
    shorter = first_frame(editor, "j")
    assert (shorter["left"], shorter[label(editor, "Symptom")]) == ([" pain"], ["chest"])
    assert first_frame(editor, "k")[label(editor, "Symptom")] == ["chest pain"]


def test_a_deleted_span_around_another_one_leaves_that(editor: Editor) -> None:
    editor.open([WHOLE, INNER])
    editor.focus()
    editor.press("Tab")
    shown = first_frame(editor, "Delete")
    assert (shown["left"], shown[label(editor, "Symptom")]) == ([" mellitus", "type 2 "], ["diabetes"])


def test_a_deleted_span_inside_another_one_leaves_that(editor: Editor) -> None:
    editor.open([WHOLE, INNER])
    editor.focus()
    editor.press("Tab", "Tab")
    shown = first_frame(editor, "Delete")
    assert "left" not in shown
    assert shown[label(editor, "Disease")] == ["diabetes"]


def test_a_deleted_span_alone_leaves_plain_text(editor: Editor) -> None:
    editor.open([PAIN, METFORMIN])
    editor.focus()
    editor.press("Tab")
    assert first_frame(editor, "Delete") == {"left": ["chest pain"], "active": ["metformin"]}
    assert editor.page.locator("mark").all_inner_texts() == ["metformin"]


# As if the page's first frame had not been drawn yet, and would not be for a while.
NO_FRAMES = """() => {
  window.requestAnimationFrame = () => 0;
  const { setTimeout: later } = window;
  window.setTimeout = (run, delay, ...rest) => (delay === 50 ? 0 : later.call(window, run, delay, ...rest));
}"""


@pytest.mark.parametrize("opener", ["key", "button"])
def test_a_panel_can_be_asked_for_before_the_frame_after_which_it_would_be_made(editor: Editor, opener: str) -> None:
    editor.page.add_init_script(f"({NO_FRAMES})()")
    editor.open([PAIN, METFORMIN])
    if opener == "key":
        editor.focus()
        editor.press("s")
    else:
        editor.page.get_by_role("button", name="Spans").click()
    expect(editor.page.locator(".side .span-list li")).to_have_count(2)
