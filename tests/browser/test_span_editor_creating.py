"""Creating and changing spans, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.editor import ALL, MENIERE, METFORMIN, TEXT, Editor, contents, units

pytestmark = pytest.mark.browser


def test_dragging_snaps_to_words_and_the_number_key_creates_a_confirmed_span(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index("dyspnoea")
    editor.drag(start + 3, start + 6)
    assert editor.snapshot()["selected"] == {"start": start, "end": start + len("dyspnoea")}
    editor.press("2")
    assert editor.labels() == {"dyspnoea": ("Symptom", "confirmed")}
    assert editor.saved()[0]["origin"] == "person"


def test_snapping_keeps_accents_and_skips_the_space_around(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index(MENIERE)
    editor.drag(start - 1, start + 4)
    editor.press("1")
    assert editor.labels() == {MENIERE: ("Disease", "confirmed")}


def test_alt_selects_exact_characters(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index("follow-up") + 2
    editor.drag(start, start + 4, alt=True)
    editor.press("4")
    assert editor.labels() == {"llow": ("Procedure", "confirmed")}


def test_double_click_selects_a_word_and_the_bar_beside_it_labels_it(editor: Editor) -> None:
    editor.open([])
    place = editor.place(*units(TEXT.index("ramipril"), TEXT.index("ramipril") + 8))
    editor.page.mouse.dblclick(place["x"] + 20, place["y"] + place["height"] / 2)
    editor.page.locator(".floating button", has_text="Drug").click()
    assert editor.labels() == {"ramipril": ("Drug", "confirmed")}
    expect(editor.page.locator(".floating")).to_be_hidden()


def test_a_click_in_the_legend_labels_the_selected_text(editor: Editor) -> None:
    editor.open([])
    start = TEXT.index("normal")
    editor.drag(start, start + 6)
    editor.page.locator(".legend button", has_text="Test").click()
    assert editor.labels() == {"normal": ("Test", "confirmed")}


def test_creating_the_same_span_twice_confirms_the_suggestion_instead(editor: Editor) -> None:
    editor.open([METFORMIN])
    editor.drag(METFORMIN["start"], METFORMIN["end"])
    editor.press("3")
    assert contents(editor.saved()) == contents([{**METFORMIN, "state": "confirmed"}])


def test_a_number_key_relabels_the_active_span_and_confirms_it(editor: Editor) -> None:
    editor.open(ALL)
    editor.choose("metformin")
    editor.press("4")
    assert editor.labels()["metformin"] == ("Procedure", "confirmed")
    edit = editor.stored()["stored"][-1]
    assert (edit["action"], edit["before"]["state"]) == ("relabel", "suggested")


def test_relabelling_to_a_label_that_the_words_have_joins_the_two_spans_in_one_step(editor: Editor) -> None:
    rejected = {**METFORMIN, "id": "s9", "label": "Procedure", "state": "rejected", "comment": "a drug"}
    remark = {**METFORMIN, "assertion": "possible", "assertion_by": "person", "comment": "dose?", "unsure": True}
    editor.open([remark, rejected])
    before = contents(editor.saved())
    editor.focus()
    editor.press("Tab", "4")
    joined = {**remark, "id": "s9", "label": "Procedure", "state": "confirmed"}
    (one,) = editor.saved()
    assert contents([one]) == contents([joined])
    assert (one["comment"], one["assertion"], one["unsure"]) == ("a drug\ndose?", "possible", True)
    assert editor.snapshot()["active"] == "s9"
    expect(editor.page.locator(".status")).to_contain_text("the two spans are one now")
    editor.press("Control+z")
    assert contents(editor.saved()) == before
    editor.press("Control+Shift+z")
    assert contents(editor.saved()) == contents([joined])


def test_a_comment_that_is_being_written_comes_along_when_two_spans_are_joined(editor: Editor) -> None:
    editor.open([METFORMIN, {**METFORMIN, "id": "s9", "label": "Procedure", "state": "rejected"}])
    editor.focus()
    editor.press("Tab", "m")
    editor.page.keyboard.type("dose?")
    editor.page.locator(".legend button", has_text="Procedure").click()
    (one,) = editor.saved()
    assert (one["id"], one["comment"]) == ("s9", "dose?")


def test_joining_into_a_span_that_says_it_all_already_is_a_delete_and_no_judgement(editor: Editor) -> None:
    text = "metformin, metformin, metformin"
    drugs = [{**METFORMIN, "id": f"s{i}", "start": 11 * i, "end": 11 * i + 9, "state": "confirmed"} for i in range(3)]
    editor.open([*drugs, {**drugs[0], "id": "s9", "label": "Procedure"}], text=text)
    before = contents(editor.saved())
    editor.focus()
    editor.press("Tab", "4")
    assert [one["id"] for one in editor.saved()] == ["s1", "s2", "s9"]
    assert [edit["action"] for edit in editor.stored()["stored"]] == ["delete"]
    editor.page.wait_for_timeout(600)  # what is offered for other places is looked for when there is time
    expect(editor.page.locator(".offer")).to_be_hidden()  # to delete the drug there, too
    editor.press("Control+z")
    assert contents(editor.saved()) == before


def test_spans_whose_comments_are_too_long_for_one_are_kept_apart(editor: Editor) -> None:
    editor.open(
        [
            {**METFORMIN, "comment": "a" * 1200},
            {**METFORMIN, "id": "s9", "label": "Procedure", "comment": "b" * 1200},
        ]
    )
    editor.focus()
    editor.press("Tab", "4")
    assert [(one["id"], one["label"], one["comment"][0]) for one in editor.saved()] == [
        (METFORMIN["id"], "Procedure", "a"),
        ("s9", "Procedure", "b"),
    ]


def test_keys_accept_reject_and_delete_and_go_on_to_the_next_suggestion(editor: Editor) -> None:
    editor.open(ALL)
    editor.focus()
    editor.press("n", "a", "r", "Enter")
    assert editor.labels() == {
        "chest pain": ("Symptom", "confirmed"),
        "metformin": ("Drug", "rejected"),
        "type 2 diabetes mellitus": ("Disease", "confirmed"),
        "ECG": ("Test", "confirmed"),
    }
    editor.press("Backspace")
    assert "ECG" not in editor.labels()
    assert [edit["action"] for edit in editor.stored()["stored"]] == ["accept", "reject", "accept", "delete"]


def test_the_bar_beside_a_span_accepts_rejects_relabels_and_deletes(editor: Editor) -> None:
    editor.open(ALL)
    bar = editor.page.locator(".floating")
    editor.choose("chest pain")
    expect(bar).to_contain_text("Symptom · suggestion · score 0.80")
    bar.get_by_role("button", name="Accept").click()
    editor.choose("metformin")
    bar.get_by_role("button", name="Reject").click()
    editor.choose("type 2")
    bar.get_by_role("button", name="Delete").click()
    editor.choose("ECG")
    bar.get_by_role("button", name="Procedure").click()
    assert editor.labels() == {
        "chest pain": ("Symptom", "confirmed"),
        "metformin": ("Drug", "rejected"),
        "ECG": ("Procedure", "confirmed"),
    }


def test_the_bar_stays_beside_its_span_when_a_panel_narrows_the_text_and_a_comment_makes_it_taller(
    editor: Editor,
) -> None:
    text = "nothing " * 40 + "ECG"
    found = {"id": "e", "start": len(text) - 3, "end": len(text), "label": "Test", "state": "suggested", "score": 0.5}
    editor.open([found], text=text)
    bar = editor.page.locator(".floating")
    editor.choose("ECG")

    def beside() -> bool:
        mark, box = editor.mark("ECG").bounding_box(), bar.bounding_box()
        assert mark
        assert box
        below, above = box["y"] - mark["y"] - mark["height"], mark["y"] - box["y"] - box["height"]
        return 0 <= max(below, above) < 20

    def stays() -> None:
        editor.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert beside()

    stays()
    before = editor.mark("ECG").bounding_box()
    editor.page.get_by_role("button", name="Outline").click()
    expect(editor.page.locator(".side")).to_be_visible()
    assert editor.mark("ECG").bounding_box() != before
    stays()
    bar.get_by_role("button", name="Comment").click()
    expect(bar.locator("textarea")).to_be_focused()
    stays()


def test_a_rejected_span_stays_reachable_and_can_be_accepted(editor: Editor) -> None:
    editor.open([{**METFORMIN, "state": "rejected"}])
    expect(editor.page.locator(".counts")).to_have_text("0 confirmed · 0 suggestions · 1 rejected")
    editor.focus()
    editor.press("Tab", "a")
    assert editor.labels() == {"metformin": ("Drug", "confirmed")}


def test_undo_and_redo_are_stored_like_any_other_edit(editor: Editor) -> None:
    editor.open(ALL)
    editor.choose("chest pain")
    editor.press("5", "Delete")
    editor.drag(TEXT.index("ramipril"), TEXT.index("ramipril") + 8)
    editor.press("3")
    changed = editor.labels()
    editor.press("Control+z", "Control+z", "Control+z")
    assert contents(editor.saved()) == contents(ALL)
    editor.press("Control+y", "Control+Shift+z", "Control+y")
    assert editor.labels() == changed
    actions = [edit["action"] for edit in editor.stored()["stored"]]
    assert actions == [
        *("relabel", "delete", "create"),
        *("delete", "restore", "restore"),
        *("restore", "delete", "restore"),
    ]


def test_undo_works_by_its_button_and_is_off_when_there_is_nothing_to_undo(editor: Editor) -> None:
    editor.open(ALL)
    undo = editor.page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    editor.choose("chest pain")
    editor.press("a")
    undo.click()
    assert contents(editor.saved()) == contents(ALL)
    expect(undo).to_be_disabled()
