"""Offsets and characters that trip editors up: emoji, accents, right to left, what nobody can see."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

import pytest
from playwright.sync_api import expect
from support.editor import Editor, shown_text, units

pytestmark = pytest.mark.browser
PIECES = [
    *(
        "a",
        "Z",
        "9",
        "_",
        " ",
        "\n",
        "\t",
        ",",
        "é",
        "e\u0301",
        "o\u0302\u0323",
        "ß",
        "中",
        "\U0001f469\u200d\u2695\ufe0f",
    ),
    *(
        "\U0001fa7a",
        "\U0001f1e9\U0001f1ea",
        "שלום",
        "مرحبا",
        "\u202e",
        "\u2066",
        "\u2069",
        "\u200b",
        "\u200f",
        "\u00ad",
    ),
]
MODULE = "/_stcore/bidi-components/mednerapp.span_editor/"
BOTH_WAYS = """async ([url, texts]) => {
  const { OffsetMap } = await import(url);
  return texts.map((text) => {
    const map = new OffsetMap(text);
    let unit = 0;
    return [...text, ''].map((character) => {
      const point = map.toCodePoint(unit);
      const back = map.toUnit(point);
      const pair = [unit, point, back];
      unit += character.length;
      return pair;
    });
  });
}"""
STOPS = """async ([url, text]) => {
  const { characterEdge, nextWord, wordEdge, wholeWords } = await import(url);
  const walk = (start, move) => {
    const stops = [];
    for (let at = start, next = move(at); next !== null && next !== at; at = next, next = move(at)) stops.push(next);
    return stops;
  };
  const words = (step) => {
    const found = [];
    let word = nextWord(text, step > 0 ? 0 : text.length, step);
    while (word) {
      found.push([word.start, word.end]);
      word = nextWord(text, step > 0 ? word.end : word.start, step);
    }
    return found;
  };
  return {
    forward: words(1), backward: words(-1).reverse(),
    characters: walk(0, (at) => characterEdge(text, at, 1)),
    charactersBack: walk(text.length, (at) => characterEdge(text, at, -1)),
    ends: walk(0, (at) => wordEdge(text, at, 1, 'end')),
    starts: walk(text.length, (at) => wordEdge(text, at, -1, 'start')),
    endsBack: walk(text.length, (at) => wordEdge(text, at, -1, 'end')),
  };
}"""


def random_text(dice: random.Random, size: int) -> str:
    return "".join(dice.choice(PIECES) for _ in range(size))


def test_code_points_and_utf_16_units_become_each_other_on_every_text(editor: Editor) -> None:
    dice = random.Random(4)
    texts = ["", "one\r\ntwo 🩺", *(random_text(dice, dice.randint(1, 60)) for _ in range(150))]
    editor.open([])
    for text, found in zip(texts, editor.page.evaluate(BOTH_WAYS, [MODULE + "offsets.js", texts]), strict=True):
        expected = [units(0, point, text)[1] for point in range(len(text) + 1)]
        assert found == [[unit, point, unit] for point, unit in enumerate(expected)]


def test_stops_of_cursor_and_edges_never_cut_a_pair_or_a_mark_and_are_the_same_both_ways(editor: Editor) -> None:
    dice = random.Random(5)
    editor.open([])
    for _ in range(60):
        text = random_text(dice, dice.randint(1, 40))
        found: dict[str, Any] = editor.page.evaluate(STOPS, [MODULE + "offsets.js", text])
        point = {units(0, i, text)[1]: i for i in range(len(text) + 1)}
        assert found["forward"] == found["backward"]
        for start, end in found["forward"]:
            assert start < end
            assert not text[point[start] : point[end]].isspace()
        stops = [*found["characters"], *found["charactersBack"], *found["ends"], *found["starts"], *found["endsBack"]]
        stops += [unit for word in found["forward"] for unit in word]
        for unit in stops:
            assert unit in point, "inside a surrogate pair"
            after = text[point[unit] : point[unit] + 1]
            mark = bool(after) and unicodedata.category(after).startswith("M")
            assert not mark or point[unit] == 0, "before a combining mark"


def test_hidden_and_reordering_characters_are_seen_and_change_no_offset(editor: Editor) -> None:
    text = "Take \u202e05 gm\u202c of zero\u200bwidth \x07 aspirin\u00ad now"
    start = text.index("aspirin")
    spans = [{"id": "s1", "start": start, "end": start + 7, "label": "Drug", "state": "confirmed"}]
    editor.open(spans, text=text)
    marks = editor.page.locator(".hidden-character")
    names = marks.evaluate_all("(all) => all.map((one) => getComputedStyle(one, '::before').content)")
    assert names == ['"RLO"', '"PDF"', '"ZWSP"', '"U+0007"', '"SHY"']
    assert shown_text(editor.page) == text
    # The override acts on nothing outside: what follows still stands to its right, in order.
    left = [editor.place(i, i + 1)["x"] for i in range(text.index("05"), text.index("gm") + 2)]
    assert left == sorted(left)
    zero = editor.place(text.index("zero"), text.index("zero") + 1)
    editor.page.mouse.dblclick(zero["x"] + 2, zero["y"] + zero["height"] / 2)
    selected = editor.snapshot()["selected"]
    assert selected["start"] == text.index("zero")
    editor.press("3", "Escape", "Control+End")
    assert editor.snapshot()["cursor"] == {"start": len(text) - 3, "end": len(text)}
    editor.press("Shift+Home")
    assert editor.page.locator(".lines").text_content() == text


def test_right_to_left_words_are_reached_and_labelled_exactly(editor: Editor) -> None:
    text = "כאב ראש חזק. Arabic صداع شديد here 🩺 end"
    editor.open([], text=text)
    editor.focus()
    editor.press("Control+ArrowRight", "Control+ArrowRight", "2", "Control+ArrowRight", "Control+ArrowRight")
    editor.press("Control+ArrowRight", "3")
    mentions = [text[one["start"] : one["end"]] for one in editor.saved()]
    assert sorted(mentions) == sorted(["ראש", "صداع"])


def test_every_span_is_announced_with_its_place_and_read_as_text(editor: Editor) -> None:
    text = "Fever and cough."
    spans = [
        {"id": "a", "start": 0, "end": 5, "label": "Symptom", "state": "confirmed", "unsure": True, "comment": "check"},
        {"id": "b", "start": 10, "end": 15, "label": "Symptom", "score": 0.5},
    ]
    editor.open(spans, text=text)
    editor.focus()
    editor.press("Tab")
    voice = editor.page.locator(".voice")
    expect(voice).to_have_text("1 of 2 · Symptom · confirmed · unsure · comment: check: Fever")
    editor.press("Tab")
    expect(voice).to_have_text("2 of 2 · Symptom · suggestion · score 0.50: cough")
    expect(editor.page.get_by_role("document", name="Note")).to_contain_text("Fever and cough.")
