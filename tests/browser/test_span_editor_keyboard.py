"""Creating, resizing and describing spans from the keyboard alone, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from support.editor import ALL, DIABETES, METFORMIN, PAIN, TEXT, Editor, contents, span

pytestmark = pytest.mark.browser


def under(editor: Editor) -> str:
    at = editor.snapshot()["cursor"]
    return TEXT[at["start"] : at["end"]] if at else ""


def chosen(editor: Editor) -> str:
    at = editor.snapshot()["selected"]
    return TEXT[at["start"] : at["end"]] if at else ""


def only(editor: Editor) -> dict[str, Any]:
    (one,) = editor.saved()
    return one


def test_the_word_cursor_goes_by_words_sentences_lines_and_to_the_ends(editor: Editor) -> None:
    editor.open([])
    editor.focus()
    editor.press("Control+ArrowRight")
    assert under(editor) == "Anamnèse"
    editor.press("Control+ArrowRight", "Control+ArrowRight")
    assert under(editor) == "chest"  # over the emoji, which stands alone
    editor.press("Control+ArrowLeft", "Control+ArrowDown")
    assert under(editor) == "Started"
    editor.press("Control+ArrowDown")
    assert under(editor) == "ECG"
    editor.press("Control+ArrowUp")
    assert under(editor) == "Started"
    editor.press("End")
    assert under(editor) == "mellitus"
    editor.press("Home")
    assert under(editor) == "Started"
    editor.press("ArrowUp")
    assert under(editor) == "Anamnèse"
    editor.press("ArrowDown", "ArrowDown")
    assert under(editor) == "ECG"
    editor.press("Control+End")
    assert under(editor) == "weeks"
    editor.press("Control+Home")
    assert under(editor) == "Anamnèse"
    expect(editor.page.locator(".voice")).to_have_text("Anamnèse")


def test_a_span_is_created_by_keys_alone_and_the_cursor_stays_with_it(editor: Editor) -> None:
    editor.open([])
    editor.focus()
    editor.press("Control+ArrowDown", "Control+ArrowRight", "3")
    assert editor.labels() == {"metformin": ("Drug", "confirmed")}
    assert editor.snapshot()["active"] == only(editor)["id"]
    editor.press("Control+ArrowRight")
    assert under(editor) == "500"
    editor.press("Control+Shift+ArrowRight")
    assert chosen(editor) == "500 mg"
    editor.press("Control+Shift+ArrowLeft", "Control+Shift+ArrowLeft")
    assert chosen(editor) == "metformin 500"
    editor.press("Shift+End")
    assert chosen(editor).endswith("mellitus")
    editor.press("Control+ArrowLeft", "Escape")
    assert editor.snapshot()["cursor"] is None


def test_enter_on_the_cursor_makes_the_innermost_span_there_active(editor: Editor) -> None:
    editor.open([DIABETES, span(5, "diabetes", "Test", "confirmed")])
    editor.focus()
    editor.press("Control+ArrowDown", "End", "Control+ArrowLeft")
    assert under(editor) == "diabetes"
    editor.press("Enter")
    assert editor.snapshot()["active"] == "s5"
    assert editor.stored()["stored"] == []


def test_the_edges_of_a_span_move_by_words_and_by_characters(editor: Editor) -> None:
    editor.open([METFORMIN])
    editor.focus()

    def mention() -> str:
        one = only(editor)
        return TEXT[one["start"] : one["end"]]

    editor.press("Tab", "k", "k")
    assert mention() == "metformin 500 mg"
    editor.press("j", "Shift+J")
    assert mention() == "Started metformin 500"
    editor.press("Shift+K", "Alt+j", "Alt+Shift+k")
    assert mention() == "etformin 50"
    editor.press(*["j"] * 5, *["Shift+K"] * 5)
    assert mention() == "etformin"
    assert only(editor)["state"] == "confirmed"
    assert {edit["action"] for edit in editor.stored()["stored"]} == {"resize"}
    for _ in range(len(editor.stored()["stored"])):
        editor.press("Control+z")
    assert contents(editor.saved()) == contents([METFORMIN])


def test_an_edge_that_comes_to_lie_on_another_span_says_so_and_goes_past_it(editor: Editor) -> None:
    ramipril, start = span(9, "ramipril", "Drug", "confirmed"), TEXT.index("and ramipril")
    editor.open([{**ramipril, "id": "s1", "start": start}, ramipril])
    editor.focus()
    editor.press("Tab", "Shift+K")
    said = "Another span marks these words as Drug already."
    expect(editor.page.locator(".status")).to_contain_text(said)
    expect(editor.page.locator(".voice")).to_contain_text(said)
    editor.press("Shift+J", "Shift+J")
    assert sorted(TEXT[s["start"] : s["end"]] for s in editor.saved()) == ["mg and ramipril", "ramipril"]
    editor.press("Shift+K", "Shift+K", "Delete")
    assert [s["id"] for s in editor.saved()] == ["s9"]


def test_an_edge_that_comes_to_lie_on_what_was_rejected_is_nothing_to_speak_of(editor: Editor) -> None:
    ramipril, start = span(9, "ramipril", "Drug", "rejected"), TEXT.index("and ramipril")
    editor.open([{**ramipril, "id": "s1", "start": start}, ramipril])
    editor.focus()
    editor.press("Tab", "Shift+K")
    assert {(s["id"], s["start"]) for s in editor.saved()} == {("s1", ramipril["start"]), ("s9", ramipril["start"])}
    expect(editor.page.locator(".voice")).to_contain_text("ramipril")
    assert "Another span" not in editor.page.locator(".voice").inner_text()


def test_an_edge_that_moves_by_characters_stops_at_no_blank(editor: Editor) -> None:
    editor.open([PAIN], text=f"{TEXT}  ")
    editor.focus()

    def mention() -> str:
        one = only(editor)
        return TEXT[one["start"] : one["end"]]

    assert mention() == "chest pain"
    editor.press("Tab", *["Alt+j"] * 4)
    assert mention() == "chest"
    editor.press("Alt+k")
    assert mention() == "chest p"
    editor.press(*["Alt+Shift+j"] * 2)
    assert not mention()[0].isspace()
    editor.press(*["Alt+Shift+k"] * 7)
    assert mention() == "p"


def test_an_edge_never_parts_a_letter_from_its_accent_or_the_halves_of_an_emoji(editor: Editor) -> None:
    editor.open([span(1, "normal", "Test")])
    editor.focus()
    editor.press("Tab", *["Alt+k"] * 3)  # the comma, the M with the blank before it, the e with its accent
    one = only(editor)
    assert TEXT[one["start"] : one["end"]] == "normal, Me\u0301"
    editor.press(*["Alt+Shift+j"] * 3)
    one = only(editor)
    assert TEXT[one["start"] : one["end"]].endswith("normal, Me\u0301")


def test_assertions_are_set_confirmed_and_taken_away_by_their_keys(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    editor.press("Tab", "x")
    first = editor.saved()[0]
    assert (first["assertion"], first["assertion_by"], first["state"]) == ("absent", "person", "suggested")
    expect(editor.mark("chest pain")).to_have_attribute("data-badge", "Symptom? · absent")
    editor.press("x")
    assert "assertion" not in editor.saved()[0]
    editor.press("h", "u")
    expect(editor.mark("chest pain")).to_have_attribute("data-badge", "Symptom? · historical · ⚑ unsure")
    assert "1 of 4 · Symptom · suggestion · historical · unsure" in (editor.page.locator(".voice").text_content() or "")
    assert editor.saved()[0]["unsure"]
    editor.press("Control+z", "Control+z")
    assert contents(editor.saved()) == contents(ALL)
    assert [edit["action"] for edit in editor.stored()["stored"]][:4] == ["assert", "assert", "assert", "flag"]


def test_what_the_rules_suggest_is_marked_as_a_suggestion_and_one_key_confirms_it(editor: Editor) -> None:
    start = TEXT.index("no dyspnoea")
    scope = {"start": start, "end": start + 11, "assertion": "absent", "trigger": [start, start + 2]}
    editor.open([], more={"scopes": [scope]})
    editor.focus()
    editor.press("End", "Control+ArrowLeft", "End", "2")
    one = only(editor)
    assert (TEXT[one["start"] : one["end"]], one["assertion"], one["assertion_by"]) == ("dyspnoea", "absent", "model")
    expect(editor.mark("dyspnoea")).to_have_attribute("data-badge", "Symptom · absent?")
    assert editor.page.evaluate("() => CSS.highlights.get('medner-trigger').size") == 1
    editor.press("x")
    assert only(editor)["assertion_by"] == "person"


def test_a_span_is_accepted_with_or_without_the_assertion_that_is_suggested(editor: Editor) -> None:
    guessed = {"assertion": "absent", "assertion_by": "model"}
    editor.open([{**PAIN, **guessed}, {**METFORMIN, **guessed}, span(3, "normal", "Test")])
    editor.focus()
    editor.press("n", "Shift+Enter", "a", "Shift+Enter")

    def said() -> list[tuple[str, str]]:
        return [(one["state"], one.get("assertion_by") or "") for one in editor.saved()]

    assert sorted(said()) == [("confirmed", ""), ("confirmed", "model"), ("confirmed", "person")]
    editor.choose("metformin")  # accepted without it
    editor.page.locator(".floating").get_by_role("button", name="Accept, absent").click()
    assert said().count(("confirmed", "person")) == 2
    editor.press(*["Control+z"] * 4)
    assert sorted(said()) == [("suggested", ""), ("suggested", "model"), ("suggested", "model")]
    stored = [edit["action"] for edit in editor.stored()["stored"]]
    assert stored[:4] == ["accept", "accept", "accept", "assert"]


def test_what_the_text_does_not_show_is_said_under_it_for_a_while(editor: Editor) -> None:
    editor.open([{**PAIN, "state": "confirmed"}])
    editor.focus()
    editor.press("n")
    said = editor.page.locator(".status .said")
    expect(said).to_have_text("No suggestions left.")
    expect(editor.page.locator(".voice").first).to_have_text("No suggestions left.")
    editor.press("Tab")
    expect(said).to_have_text("No suggestions left.")  # long enough to be read
    expect(said).to_be_empty(timeout=15_000)


def test_a_key_that_has_nothing_to_act_on_says_so(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    said = editor.page.locator(".status .said")
    editor.press("1")
    expect(said).to_have_text("Nothing is selected. Drag over words, or go to a word with Ctrl and the arrow keys.")
    for key in ("Delete", "k", "p", "u", "m"):
        editor.press(key)
        expect(said).to_have_text("No span is chosen. Tab goes to the next one.")
        editor.press("1")
        expect(said).to_contain_text("Nothing is selected")
    assert not editor.stored()["stored"]


def test_a_comment_is_written_beside_the_span(editor: Editor) -> None:
    editor.open([PAIN])
    editor.focus()
    editor.press("Tab", "m")
    field = editor.page.locator(".floating textarea")
    expect(field).to_be_focused()
    editor.page.keyboard.type("see page 2")
    editor.press("Shift+Enter")
    editor.page.keyboard.type("r and c")
    editor.press("Enter")
    assert only(editor)["comment"] == "see page 2\nr and c"
    expect(editor.text).to_be_focused()
    expect(editor.mark("chest pain")).to_have_attribute("data-badge", "Symptom? · ✎")
    editor.press("m")
    editor.page.keyboard.type("lost")
    editor.press("Escape")
    assert only(editor)["comment"] == "see page 2\nr and c"


def test_a_comment_is_kept_by_whoever_goes_on_elsewhere(editor: Editor) -> None:
    editor.open([PAIN, METFORMIN])
    editor.focus()
    editor.press("Tab", "m")
    editor.page.keyboard.type("ask the ward")
    editor.choose("metformin")
    assert {span["id"]: span.get("comment", "") for span in editor.saved()} == {"s1": "ask the ward", "s2": ""}
    assert editor.snapshot()["active"] == "s2"


def test_undo_leaves_nothing_selected_that_the_next_label_would_mark(editor: Editor) -> None:
    editor.open([PAIN])
    editor.focus()
    editor.press("Tab", "3")
    at = TEXT.index("ramipril")
    editor.drag(at, at + len("ramipril"))
    editor.press("Control+z", "4")
    assert [(span["id"], span["label"]) for span in editor.saved()] == [("s1", "Procedure")]


def test_a_discontinuous_span_is_drawn_joined_and_changed_as_a_whole(editor: Editor) -> None:
    first, last = TEXT.index("metformin"), TEXT.index("ramipril")
    pieces = [[first, first + 9], [last, last + 8]]
    editor.open([{**METFORMIN, "end": last + 8, "fragments": pieces}])
    assert editor.marks.all_text_contents() == ["metformin", " 500 mg and ", "ramipril"]
    expect(editor.marks.nth(1)).to_have_class("segment label-2 gap")
    editor.focus()
    editor.press("Tab")
    expect(editor.page.locator(".voice")).to_contain_text("metformin … ramipril")
    editor.press("a", "4", "x", "Shift+J")
    one = only(editor)
    assert one["fragments"] == [[TEXT.index("Started"), first + 9], pieces[1]]
    assert (one["label"], one["state"], one["assertion"]) == ("Procedure", "confirmed", "absent")
    editor.press("Delete")
    assert editor.saved() == []
    editor.press(*["Control+z"] * 5)
    assert only(editor)["fragments"] == pieces


def test_the_page_sees_neither_half_of_a_bare_key_and_both_of_a_chord_that_is_not_ours(editor: Editor) -> None:
    editor.open([PAIN])
    editor.page.evaluate("""() => {
        window.seen = [];
        for (const type of ['keydown', 'keyup']) {
            document.addEventListener(type, (event) => window.seen.push(`${type} ${event.key}`), true);
        }
    }""")
    editor.focus()
    editor.press("ArrowRight", "2", "F8")
    assert editor.page.evaluate("window.seen") == []  # one that is nobody's stays away from hotkeys, too
    editor.press("Control+c")
    assert editor.page.evaluate("window.seen") == [
        "keydown Control", "keydown c", "keyup c", "keyup Control",
    ]  # fmt: skip


def test_a_key_whose_coming_up_was_never_told_takes_nothing_from_the_page_later(editor: Editor) -> None:
    editor.open([PAIN])
    editor.focus()
    editor.page.keyboard.down("ArrowRight")
    seen = editor.page.evaluate("""() => {
        const seen = [];
        document.addEventListener('keyup', () => seen.push('up'));
        for (const type of ['keydown', 'keyup']) {
            const key = { key: 'ArrowRight', code: 'ArrowRight', bubbles: true };
            document.body.dispatchEvent(new KeyboardEvent(type, key));
        }
        return seen;
    }""")
    assert seen == ["up"]
